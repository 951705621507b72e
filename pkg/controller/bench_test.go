// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"encoding/json"
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

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
		AppState:                  v1beta2.ApplicationState{State: lifecycle.StateRunning, LastTransitionTime: &now},
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
