// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

const examplesFolder = "../../examples/"

// servers are the examples of servers, which do not end: what their logs contain once they
// listen. spark-submit refuses to run such a server in a cluster.
var servers = map[string]string{
	"spark-connect-server.yaml": "Spark Connect server started at",
	"spark-thrift-server.yaml":  "HiveThriftServer2 started",
}

// sameElsewhere are examples that another test runs, or whose pods are those of an
// application that another test runs. What distinguishes these happens before or after the
// run.
var sameElsewhere = map[string]string{
	"spark-pi.yaml":           "TestSparkPiCompletes",
	"pyspark-pi.yaml":         "TestPySparkPiCompletes",
	"scheduled-spark-pi.yaml": "TestScheduleRunsThreeTimes",
	"spark-pi-restart.yaml":   "TestLifecycle",
	"spark-connect.yaml":      "TestConnectServer",
	"spark-connect-team.yaml": "TestConnectServer",
	"spark-pi-progress.yaml":  "TestSparkPiCompletes; its progress: TestProgressAndUsage of test/integration",
	"spark-connect-sdk.yaml":  "TestConnectServer; that the SDK creates this object: TestSDKConnects of test/clients",
	"spark-pi-ttl.yaml":       "TestSparkPiCompletes; its deletion: TestLives of test/integration",
}

// TestExamplesRun runs each example that needs nothing but an image of Spark, which are those
// with an empty column Needs in the README, as the README says: only images and versions are
// replaced. It leaves out sameElsewhere.
func TestExamplesRun(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(examplesFolder + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	files := regexp.MustCompile(`(?m)^\| \[.*\]\((.*\.yaml)\) \| .* \| \|$`).FindAllStringSubmatch(string(readme), -1)
	if len(files) < 10 {
		t.Fatalf("%sREADME.md lists %d examples without needs", examplesFolder, len(files))
	}
	for _, match := range files {
		if sameElsewhere[match[1]] != "" {
			continue
		}
		t.Run(strings.TrimSuffix(match[1], ".yaml"), func(t *testing.T) {
			t.Parallel()
			app := createExample(t, match[1])
			listens, isServer := servers[match[1]]
			if !isServer {
				waitForState(t, app, v1beta2.ApplicationStateCompleted)
				return
			}
			running := waitForState(t, app, v1beta2.ApplicationStateRunning)
			err := wait.PollUntilContextTimeout(t.Context(), time.Second, patience, true, func(ctx context.Context) (bool, error) {
				log, err := driverLog(ctx, running.Namespace, running.Status.DriverInfo.PodName)
				return err == nil && strings.Contains(log, listens), nil
			})
			if err != nil {
				t.Fatalf("the server does not listen: %v", err)
			}
			waitForState(t, app, v1beta2.ApplicationStateRunning)
		})
	}
}

// createExample creates the objects of an example until the test ends, and returns its
// application.
func createExample(t *testing.T, file string) *v1beta2.SparkApplication {
	t.Helper()
	var app *v1beta2.SparkApplication
	for document := range strings.SplitSeq(string(readExample(t, file)), "\n---\n") {
		var kind metav1.TypeMeta
		decodeExample(t, document, &kind)
		switch kind.Kind {
		case "Secret":
			secret := &corev1.Secret{}
			decodeExample(t, document, secret)
			createSecret(t, secret)
		case "Service":
			service := &corev1.Service{}
			decodeExample(t, document, service)
			services := cluster.core.CoreV1().Services(jobNamespace)
			if _, err := services.Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := services.Delete(context.Background(), service.Name, metav1.DeleteOptions{}); err != nil {
					t.Error(err)
				}
			})
		case "SparkApplication":
			app = &v1beta2.SparkApplication{}
			decodeExample(t, document, app)
			app.Namespace = jobNamespace
			app = create(t, app)
		default:
			t.Fatalf("%s: this test cannot create the kind %q", file, kind.Kind)
		}
	}
	return app
}

// readExample returns the text of an example with the image of this test run.
func readExample(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examplesFolder, file))
	if err != nil {
		t.Fatal(err)
	}
	for setting, value := range map[string]string{"image": cluster.sparkImage, "sparkVersion": cluster.sparkVersion} {
		text = regexp.MustCompile(`\b`+setting+`: .*`).ReplaceAll(text, []byte(setting+": "+value))
	}
	return text
}

func decodeExample(t *testing.T, document string, object any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(document), object); err != nil {
		t.Fatal(err)
	}
}
