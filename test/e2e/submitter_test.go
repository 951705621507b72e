// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

func bySparkSubmit(app *v1beta2.SparkApplication) *v1beta2.SparkApplication {
	metav1.SetMetaDataAnnotation(&app.ObjectMeta, v1beta2.AnnotationSubmitter, v1beta2.SubmitterSparkSubmit)
	return app
}

// TestRealSparkSubmit has the spark-submit of the image submit the application,
// with each line of Spark.
func TestRealSparkSubmit(t *testing.T) {
	t.Parallel()
	for _, spark := range sparkLines() {
		t.Run(spark.version, func(t *testing.T) {
			t.Parallel()
			app := bySparkSubmit(sparkPi("real-"+spark.name, "2"))
			app.Spec.Image, app.Spec.SparkVersion = ptr.To(spark.image), spark.version
			done := waitForState(t, create(t, app), v1beta2.ApplicationStateCompleted)
			wantPi(t, done)
			drivers, err := pods(t.Context(), done, v1beta2.SparkRoleDriver)
			if err != nil {
				t.Fatal(err)
			}
			if len(drivers) != 1 {
				t.Fatalf("%d driver pods", len(drivers))
			}
			driver := drivers[0]
			if !metav1.IsControlledBy(&driver, done) || driver.Labels[v1beta2.LabelSubmissionID] != done.Status.SubmissionID {
				t.Errorf("driver %+v", driver.ObjectMeta)
			}
			if id := done.Status.SparkApplicationID; id == "" || id != driver.Labels[v1beta2.LabelSparkApplicationSelector] {
				t.Errorf("application id %q, the driver's labels are %v", id, driver.Labels)
			}
			if done.Status.SubmissionAttempts != 1 {
				t.Errorf("%d submissions", done.Status.SubmissionAttempts)
			}
		})
	}
}

// TestRealSparkSubmitFails: the status contains what the client says.
func TestRealSparkSubmitFails(t *testing.T) {
	t.Parallel()
	app := bySparkSubmit(sparkPi("real-fails", "1"))
	app.Spec.SparkConf["spark.kubernetes.driver.pod.featureSteps"] = "org.example.NoSuchStep"
	failed := waitForState(t, create(t, app), v1beta2.ApplicationStateFailed)
	if message := failed.Status.AppState.ErrorMessage; !strings.Contains(message, "org.example.NoSuchStep") {
		t.Errorf("message %q", message)
	}
}
