// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"encoding/json"
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned/scheme"
)

// BenchmarkCompactPod is what every event of a pod costs before it is in the cache.
func BenchmarkCompactPod(b *testing.B) {
	pod := runningExecutor(7)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := compactPod(pod); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCompactApplication is the same for an application that kubectl has
// applied. What is dropped is put back each time.
func BenchmarkCompactApplication(b *testing.B) {
	running, _ := largeApplication(b)
	owners, annotations := running.ManagedFields, running.Annotations
	for _, app := range []*v1beta2.SparkApplication{running, completed("pi")} {
		b.Run(string(app.Status.AppState.State), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				app.ManagedFields, app.Annotations = owners, maps.Clone(annotations)
				if _, err := compactApplication(app); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkWhole is what a look at an application that has ended costs.
func BenchmarkWhole(b *testing.B) {
	kept := ApplicationOf(completed("pi"))
	if kept.encoded == nil {
		b.Fatal("it is not kept encoded")
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := kept.Whole(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeApplication is what every event of an application costs before.
func BenchmarkDecodeApplication(b *testing.B) {
	want, text := largeApplication(b)
	decoder := scheme.Codecs.UniversalDeserializer()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		decoded, _, err := decoder.Decode(text, nil, &v1beta2.SparkApplication{})
		if app, ok := decoded.(*v1beta2.SparkApplication); err != nil || !ok || app.Name != want.Name {
			b.Fatalf("decoded %v, error %v", decoded, err)
		}
	}
}

// largeApplication is an application that runs, and its text.
func largeApplication(tb testing.TB) (*v1beta2.SparkApplication, []byte) {
	tb.Helper()
	app := &v1beta2.SparkApplication{
		TypeMeta: metav1.TypeMeta{APIVersion: v1beta2.SchemeGroupVersion.String(), Kind: "SparkApplication"},
		ObjectMeta: metav1.ObjectMeta{
			Name: "pi", Namespace: "jobs", UID: "5c9a4ae4-0000-4000-8000-000000000000", ResourceVersion: "123456", Generation: 1,
			Labels: map[string]string{"team": "data"},
		},
		Spec: v1beta2.SparkApplicationSpec{
			Type: v1beta2.SparkApplicationTypeScala, SparkVersion: "4.0.4", Image: ptr.To("apache/spark:4.0.4"),
			MainClass: ptr.To("org.apache.spark.examples.SparkPi"), MainApplicationFile: ptr.To("local:///opt/spark/examples.jar"),
			SparkConf: map[string]string{"spark.sql.shuffle.partitions": "64", "spark.network.timeout": "300s"},
			Driver: v1beta2.DriverSpec{SparkPodSpec: v1beta2.SparkPodSpec{
				Cores: ptr.To[int32](1), Memory: ptr.To("512m"), ServiceAccount: ptr.To("spark"),
				Env: []corev1.EnvVar{{Name: "A", Value: "1"}},
			}},
			Executor: v1beta2.ExecutorSpec{SparkPodSpec: v1beta2.SparkPodSpec{Cores: ptr.To[int32](1), Memory: ptr.To("512m")}, Instances: ptr.To[int32](2)},
		},
		Status: v1beta2.SparkApplicationStatus{
			AppState:     v1beta2.ApplicationState{State: v1beta2.ApplicationStateRunning},
			SubmissionID: "2f2dbb8e-6bf3-5ed1-9a34-18e4e0d1a6b1",
			DriverInfo:   v1beta2.DriverInfo{PodName: "pi-driver"},
			ExecutorState: map[string]v1beta2.ExecutorState{
				"pi-driver-exec-1": v1beta2.ExecutorStateRunning, "pi-driver-exec-2": v1beta2.ExecutorStateRunning,
			},
		},
	}
	applied, err := json.Marshal(app.Spec)
	if err != nil {
		tb.Fatal(err)
	}
	app.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: string(applied)}
	app.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: "kubectl", Operation: metav1.ManagedFieldsOperationApply, APIVersion: app.APIVersion, FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:driver":{"f:cores":{},"f:memory":{}},"f:executor":{"f:cores":{},"f:memory":{}}}}`),
	}}
	text, err := json.Marshal(app)
	if err != nil {
		tb.Fatal(err)
	}
	return app, text
}
