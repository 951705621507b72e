// SPDX-License-Identifier: Apache-2.0

// Package webhook drives the webhook of this operator from a real kube-apiserver over
// TLS on the loopback interface.
package webhook

import (
	"context"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim"
)

// What all tests share; set by TestMain before any of them.
var (
	api            *sim.API
	operatorBinary string
)

func TestMain(m *testing.M) {
	sim.Main(m, sim.Setup{
		// With the race detector, so that the tests of the whole program find races, too.
		BuildFlags:   []string{"-race"},
		ControlPlane: sim.ControlPlane(),
		Ready: func(_ context.Context, started *sim.API, binary string) error {
			api, operatorBinary = started, binary
			return nil
		},
	})
}

// installation is a webhook with names of its own.
type installation struct {
	*admission.Installation
	name string // of the namespace, the Secret and the configurations
	port int
	// labels are those of the applications that the webhook reviews; nil for all.
	labels map[string]string
}

// install creates namespace and configurations. The webhook has yet to be started.
func install(t *testing.T, name string, policy admissionregistrationv1.FailurePolicyType) *installation {
	t.Helper()
	if err := sim.CreateNamespace(t.Context(), api.Core, name); err != nil {
		t.Fatal(err)
	}
	in := admission.Install(t, api.Core, name, policy, name)
	return &installation{Installation: in, name: name, port: in.Port}
}

// start runs a replica of the webhook on a port and returns a function that has it end
// with SIGTERM and returns how it ended.
func (in *installation) start(t *testing.T, port int, flags ...string) (stop func() error) {
	t.Helper()
	return in.Start(t, operatorBinary, api.Kubeconfig, port, flags...)
}

// eventually waits until nothing is wrong any more.
func eventually(t *testing.T, within time.Duration, wrong func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := wrong()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %v", within, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
