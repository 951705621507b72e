// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"encoding/json"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// Applications as they are met most often, and the names of their situations.
var commonSituations = []struct{ kind, name string }{
	{"submit", stateName(stateNew) + "/absent/never/plain"},
	{"start", stateName(stateSubmitted) + "/started/once/plain"},
	{"runs", stateName(stateRunning) + "/started/once/plain"},
	{"ends", stateName(stateRunning) + "/succeeded/once/plain"},
	{"retry", stateName(stateFailing) + "/failed/once/plain"},
	{"finished", stateName(stateCompleted) + "/succeeded/once/plain"},
}

// eachCommonSituation runs a benchmark of every common situation.
func eachCommonSituation(b *testing.B, run func(b *testing.B, in *input)) {
	named := map[string]*input{}
	for name, in := range situations {
		named[name] = in
	}
	for _, common := range commonSituations {
		in := named[common.name]
		if in == nil {
			b.Fatalf("there is no situation %s", common.name)
		}
		b.Run(common.kind, func(b *testing.B) {
			b.ReportAllocs()
			run(b, in)
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	eachCommonSituation(b, func(b *testing.B, in *input) {
		for b.Loop() {
			fresh := *in // answers are kept in it
			if decide(&fresh).row == nil {
				b.Fatal("no row")
			}
		}
	})
}

// BenchmarkConclude includes the comparison by which commit finds out whether
// there is anything to write.
func BenchmarkConclude(b *testing.B) {
	eachCommonSituation(b, func(b *testing.B, in *input) {
		plan := decide(in)
		out := outcome{}
		if in.state() == stateNew {
			out.submission = &submission{id: "next", sparkApplicationID: "spark-1", driverPodName: "pi-driver", specHash: in.specHash, time: in.now}
		}
		changed := false
		for b.Loop() {
			changed = !equality.Semantic.DeepEqual(&in.app.Status, conclude(in, plan, out, 0))
		}
		if in.state() == stateNew && !changed {
			b.Fatal("a submission that changes nothing")
		}
	})
}

// BenchmarkEncodeStatus encodes what is sent to write a status.
func BenchmarkEncodeStatus(b *testing.B) {
	for _, executors := range []int{0, 10, 1000} {
		b.Run(fmt.Sprint(executors, " executors"), func(b *testing.B) {
			app := statusOf(executors)
			size := 0
			b.ReportAllocs()
			for b.Loop() {
				body, err := json.Marshal(app)
				if err != nil {
					b.Fatal(err)
				}
				size = len(body)
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}

// statusOf is an application of which so many executors run.
func statusOf(executors int) *v1beta2.SparkApplication {
	now := metav1.NewTime(testStart)
	app := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{Name: "pi", Namespace: "ns", UID: "7d2b4a0e-0000-4000-8000-000000000001", ResourceVersion: "123456"}}
	app.Status = v1beta2.SparkApplicationStatus{
		AppState:                  v1beta2.ApplicationState{State: stateRunning, LastTransitionTime: &now},
		SparkApplicationID:        "spark-0123456789abcdef0123456789abcdef",
		SubmissionID:              "2f2dbb8e-6bf3-5ed1-9a34-18e4e0d1a6b1",
		LastSubmissionAttemptTime: now,
		SubmissionAttempts:        1, ExecutionAttempts: 1,
		ObservedGeneration: 1, ObservedSpecHash: "1-31cdd2a908675c7041635eae8cbee1ff",
		DriverInfo:    v1beta2.DriverInfo{PodName: "pi-driver", WebUIServiceName: "pi-ui-svc", WebUIPort: 4040},
		ExecutorState: map[string]v1beta2.ExecutorState{},
	}
	c := reconcile.Conditions{List: &app.Status.Conditions, Generation: 1, Now: testStart}
	c.SetTrue(v1beta2.ConditionSubmitted, "Submitted", "the driver pod exists")
	c.SetTrue(v1beta2.ConditionExecutorsReady, "Ready", "all executors run")
	for id := range executors {
		app.Status.ExecutorState[fmt.Sprintf("pi-driver-exec-%d", id+1)] = v1beta2.ExecutorStateRunning
	}
	return app
}
