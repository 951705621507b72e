// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/browser"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/gateway"
)

const (
	historyNamespace, historyRelease = "spark-e2e-history", "spark-operator-logs"
	historyHost                      = "history.localhost" // a browser takes it for this machine
	historyScript                    = "history-script"
)

// historyScripts end well, or in the hands of the kernel: direct buffers are memory of the
// process beside its heap, and the container has less than they ask for.
var historyScripts = map[string]string{
	"good.py": `
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.sparkContext.parallelize(range(4), 2).count()
spark.stop()
`,
	"oom.py": `
import time
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.sparkContext.parallelize(range(4), 2).count()
time.sleep(5) # Spark writes events a little later
held = []
while True:
    held.append(spark.sparkContext._jvm.java.nio.ByteBuffer.allocateDirect(64 << 20))
`,
}

// TestHistory: with one value of the chart, a history server shows the stages of an
// application that has ended and of one whose driver was killed because it used too much
// memory, at the addresses in their statuses. An application whose event log cannot be
// written fails, and its status names the directory.
func TestHistory(t *testing.T) {
	t.Parallel()
	createJobNamespace(t, historyNamespace)
	shareFolder(t)
	createConfigMap(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: historyNamespace, Name: historyScript}, Data: historyScripts})
	address := freeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	registry, image, _ := strings.Cut(cluster.sparkImage, "/")
	repository, tag, _ := strings.Cut(image, ":")
	t.Cleanup(func() {
		if err := helm(context.Background(), "uninstall", historyRelease, "--namespace", historyNamespace, "--wait", "--timeout", "2m"); err != nil {
			t.Error(err)
		}
	})
	err := helmInstall(t.Context(), historyRelease, historyNamespace, historyNamespace, "historyServer.enable=true",
		"historyServer.image.registry="+registry, "historyServer.image.repository="+repository, "historyServer.image.tag="+tag, "historyServer.image.pullPolicy=Never",
		"historyServer.url=http://"+historyHost+":"+port, "historyServer.ingress.enable=true", "historyServer.ingress.host="+historyHost,
		"historyServer.claim.storageClassName=", "historyServer.claim.volumeName="+historyNamespace, "historyServer.claim.size=1Gi",
		"historyServer.updateInterval=2s", "historyServer.heap=512m", "historyServer.resources.requests.memory=512Mi", "historyServer.resources.limits.memory=1Gi")
	if err != nil {
		t.Fatal(err)
	}
	ingress, err := cluster.core.NetworkingV1().Ingresses(historyNamespace).Get(t.Context(), historyRelease+"-history", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rule, err := gateway.FromIngress(ingress)
	if err != nil {
		t.Fatal(err)
	}
	good, oom, lost := historyApplication("good"), historyApplication("oom"), historyApplication("lost")
	oom.Spec.Driver.JavaOptions = ptr.To("-XX:MaxDirectMemorySize=8g")
	lost.Spec.History = &v1beta2.History{Dir: ptr.To("file:///no-such-directory")}
	lost.Spec.Arguments = nil
	for _, app := range []**v1beta2.SparkApplication{&good, &oom, &lost} {
		*app = create(t, *app)
	}

	// Until now, no proxy listens: the applications do not need the server.
	gateway.Start(t, address, rule, func(to gateway.Backend) string { return forward(t, historyNamespace, to) })
	openHistory(t, waitForState(t, good, v1beta2.ApplicationStateCompleted), address)
	killed := waitForState(t, oom, v1beta2.ApplicationStateFailed)
	if attempt := killed.Status.Attempts[0]; attempt.Reason != "OOMKilled" || ptr.Deref(attempt.ExitCode, 0) != 137 {
		t.Errorf("the kernel did not kill the driver: %+v", attempt)
	}
	openHistory(t, killed, address)

	failed := waitForState(t, lost, v1beta2.ApplicationStateFailed)
	if attempt := failed.Status.Attempts[0]; !strings.Contains(attempt.Message, "file:///no-such-directory") || attempt.HistoryURL != "" {
		t.Errorf("the status does not say that the event log cannot be written: %+v", attempt)
	}
}

// historyApplication runs one of historyScripts. Lost runs the first.
func historyApplication(name string) *v1beta2.SparkApplication {
	script := name
	if name == "lost" {
		script = "good"
	}
	app := sparkPi(name)
	app.Namespace = historyNamespace
	app.Spec.Type, app.Spec.MainClass = v1beta2.SparkApplicationTypePython, nil
	app.Spec.MainApplicationFile = ptr.To("local:///opt/history/" + script + ".py")
	app.Spec.Driver.ServiceAccount = nil // the default one may run drivers
	app.Spec.Driver.ConfigMaps = []v1beta2.NamePath{{Name: historyScript, Path: "/opt/history"}}
	return app
}

// shareFolder makes a folder of this machine, which is the node, a volume on which all may
// write.
func shareFolder(t *testing.T) {
	t.Helper()
	folder, err := os.MkdirTemp("", "spark-events")
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: the server may write until its pod is gone.
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o777); err != nil { //nolint:gosec // Spark is not root
		t.Fatal(err)
	}
	volumes := cluster.core.CoreV1().PersistentVolumes()
	_, err = volumes.Create(t.Context(), &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: historyNamespace},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:               corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")},
			AccessModes:            []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany},
			PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: folder}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := volumes.Delete(context.Background(), historyNamespace, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// openHistory opens the pages behind the address in the status, once the server has found the
// event log.
func openHistory(t *testing.T, app *v1beta2.SparkApplication, address string) {
	t.Helper()
	attempt := app.Status.Attempts[0]
	_, port, _ := strings.Cut(address, ":")
	path := "/history/" + app.Status.SparkApplicationID
	root := "http://" + historyHost + ":" + port + path
	if attempt.HistoryURL != root+"/jobs/" {
		t.Fatalf("the address of %s is %q, want %s/jobs/", app.Name, attempt.HistoryURL, root)
	}
	err := wait.PollUntilContextTimeout(t.Context(), time.Second, patience, true, func(ctx context.Context) (bool, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path+"/stages/", http.NoBody)
		if err != nil {
			return false, err
		}
		request.Host = historyHost
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, nil //nolint:nilerr // not yet
		}
		return response.StatusCode == http.StatusOK, response.Body.Close()
	})
	if err != nil {
		t.Fatalf("the history server does not show %s: %v", app.Name, err)
	}
	tab := browser.Start(t)
	for _, page := range []struct{ name, address, text string }{
		{"jobs", attempt.HistoryURL, "Completed Jobs (1)"},
		{"stages", root + "/stages/", "Completed Stages (1)"},
		{"stage", root + "/stages/stage/?id=0&attempt=0", "Showing 1 to 2 of 2 entries"},
	} {
		tab.Open(page.address, page.text)
		tab.Screenshot(filepath.Join(sim.Repository, ".out", fmt.Sprintf("history-%s-%s.png", app.Name, page.name)))
	}
	requests, exceptions := tab.Seen()
	for _, request := range requests {
		if !strings.HasPrefix(request.URL, "data:") && (request.Status >= http.StatusBadRequest || request.Failure != "") {
			t.Errorf("%s: %d %s", request.URL, request.Status, request.Failure)
		}
	}
	if len(exceptions) > 0 {
		t.Errorf("exceptions of scripts: %q", exceptions)
	}
}
