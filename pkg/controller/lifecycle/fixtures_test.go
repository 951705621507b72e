// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"bytes"
	"flag"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

var testStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newApplication(name string, edits ...func(*v1beta2.SparkApplication)) *v1beta2.SparkApplication {
	app := &v1beta2.SparkApplication{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns"},
		Spec: v1beta2.SparkApplicationSpec{
			Type:                v1beta2.SparkApplicationTypeScala,
			Mode:                v1beta2.DeployModeCluster,
			SparkVersion:        "4.0.4",
			Image:               ptr.To("apache/spark:4.0.4"),
			MainClass:           ptr.To("org.apache.spark.examples.SparkPi"),
			MainApplicationFile: ptr.To("local:///opt/spark/examples/jars/spark-examples.jar"),
		},
	}
	for _, edit := range edits {
		edit(app)
	}
	return app
}

func waiting(reason, message string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Status.Phase = corev1.PodPending
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name:  v1beta2.DriverContainerName,
			Image: "registry.example.com/spark:nope",
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
		}}
	}
}

// update rewrites printed documents.
var update = flag.Bool("update", false, "rewrite docs/states.md")

// compareDocument compares a printed document with the stored one, or stores it.
func compareDocument(t *testing.T, file string, text []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	stored, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stored, text) {
		t.Errorf("%s differs from the code; run: go test ./pkg/controller/lifecycle -run Documented -update", file)
	}
}

func onFailure(retries, interval int) func(*v1beta2.SparkApplication) {
	return func(app *v1beta2.SparkApplication) {
		app.Spec.RestartPolicy = v1beta2.RestartPolicy{
			Type:                             v1beta2.RestartPolicyOnFailure,
			OnFailureRetries:                 ptr.To(int32(retries)),
			OnFailureRetryInterval:           ptr.To(int64(interval)),
			OnSubmissionFailureRetries:       ptr.To(int32(retries)),
			OnSubmissionFailureRetryInterval: ptr.To(int64(interval)),
		}
	}
}
