// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"os"
	"path/filepath"
	"testing"
)

const (
	createdPod = `{"stage":"ResponseComplete","verb":"create","user":{"username":"spark-operator"},` +
		`"objectRef":{"resource":"pods","namespace":"ns","name":"a-driver","apiVersion":"v1"},"responseStatus":{"code":201},` +
		`"requestReceivedTimestamp":"2026-03-01T12:00:00.000001Z","stageTimestamp":"2026-03-01T12:00:00.004001Z"}`
	updatedStatus = `{"stage":"ResponseComplete","verb":"update","user":{"username":"spark-operator"},` +
		`"objectRef":{"resource":"sparkapplications","subresource":"status","namespace":"ns","name":"a","apiGroup":"sparkoperator.k8s.io"},` +
		`"responseStatus":{"code":409}}`
	startedWatch = `{"stage":"ResponseStarted","verb":"watch","user":{"username":"spark-operator"},"objectRef":{"resource":"pods"},"responseStatus":{"code":200}}`
	endedWatch   = `{"stage":"ResponseComplete","verb":"watch","user":{"username":"spark-operator"},"objectRef":{"resource":"pods"},"responseStatus":{"code":200}}`
)

func TestAudit(t *testing.T) {
	p := &Plane{audit: filepath.Join(t.TempDir(), "audit.log")}
	if offset, err := p.Audit(0, func(*Request) { t.Error("a request without a log") }); err != nil || offset != 0 {
		t.Errorf("offset %d, error %v", offset, err)
	}
	whole := createdPod + "\n" + updatedStatus + "\n" + startedWatch + "\n" + endedWatch + "\n"
	if err := os.WriteFile(p.audit, []byte(whole+createdPod[:40]), 0o600); err != nil {
		t.Fatal(err)
	}
	var seen []Request
	offset, err := p.Audit(0, func(r *Request) { seen = append(seen, *r) })
	if err != nil {
		t.Fatal(err)
	}
	if offset != int64(len(whole)) {
		t.Errorf("stopped at %d, want %d: before the line that is not complete", offset, len(whole))
	}
	if len(seen) != 3 {
		t.Fatalf("%d requests, want 3: a watch counts once", len(seen))
	}
	if r := seen[0]; r.User != Operator || r.Resource != "pods" || r.Name != "a-driver" || !r.Write() || !r.OK() || r.Answered.Sub(r.Received).Milliseconds() != 4 {
		t.Errorf("created pod: %+v", r)
	}
	if r := seen[1]; r.Resource != "sparkapplications/status" || r.Group != "sparkoperator.k8s.io" || !r.Write() || r.OK() {
		t.Errorf("refused status: %+v", r)
	}
	if r := seen[2]; r.Verb != "watch" || r.Write() {
		t.Errorf("watch: %+v", r)
	}
}

func TestCostOfThisProcess(t *testing.T) {
	cost, err := CostOf(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if cost.Resident <= 0 || cost.Peak < cost.Resident || cost.CPU < 0 {
		t.Errorf("%+v", cost)
	}
	if _, err := CostOf(-1); err == nil {
		t.Error("no error for a process that cannot be")
	}
}
