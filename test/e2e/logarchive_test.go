// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"compress/gzip"
	"context"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

const (
	archiveNamespace, archiveRelease = "spark-e2e-archive", "spark-operator-archive"
	archiveScript                    = "archive-script"
	archiveLines                     = 2000
)

// archiveScripts print more than the tail in the status has, and a secret. The executor of
// the second is killed, which fails the driver.
var archiveScripts = map[string]string{
	"good.py": `
from pyspark.sql import SparkSession

print("the first line", flush=True)
spark = SparkSession.builder.getOrCreate()
print("fs.s3a.secret.key=hunter2")
for i in range(` + strconv.Itoa(archiveLines) + `):
    print("line", i)
print("sum", spark.sparkContext.parallelize(range(4), 2).sum())
spark.stop()
print("the last line", flush=True)
`,
	"bad.py": `
from pyspark.sql import SparkSession

def die(_):
    import os, signal, sys, time
    print("the executor has fs.s3a.secret.key=hunter2", file=sys.stderr, flush=True)
    time.sleep(2) # the JVM copies it to the log
    with open("/proc/%d/stat" % os.getppid()) as daemon:
        os.kill(int(daemon.read().rsplit(")", 1)[1].split()[1]), signal.SIGKILL)
    time.sleep(60)

SparkSession.builder.getOrCreate().sparkContext.parallelize([0], 1).foreach(die)
`,
}

// TestLogArchive: with real Spark and the log archiver as the chart installs it, the whole
// log of a driver and that of an executor that was killed are in a folder when their pods are
// gone, without the secrets in them. While the bucket cannot be reached, applications
// complete, the condition names the cause, and their logs arrive later.
func TestLogArchive(t *testing.T) {
	t.Parallel()
	createJobNamespace(t, archiveNamespace)
	createConfigMap(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: archiveNamespace, Name: archiveScript}, Data: archiveScripts})
	folder, err := os.MkdirTemp("", "spark-logs")
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: the log archiver may write until its pod is gone.
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o777); err != nil { //nolint:gosec // the log archiver is not root
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := helm(context.Background(), "uninstall", archiveRelease, "--namespace", archiveNamespace, "--wait", "--timeout", "2m"); err != nil {
			t.Error(err)
		}
	})
	registry, image, _ := strings.Cut(cluster.logArchiverImage, "/")
	repository, tag, _ := strings.Cut(image, ":")
	install := func(bucket string) {
		err := helmInstall(t.Context(), archiveRelease, archiveNamespace, archiveNamespace,
			"logArchive.enable=true", "logArchive.default=true", "logArchive.bucket="+bucket,
			"logArchive.image.registry="+registry, "logArchive.image.repository="+repository, "logArchive.image.tag="+tag,
			"logArchive.volumes[0].name=logs", "logArchive.volumes[0].hostPath.path="+folder,
			"logArchive.volumeMounts[0].name=logs", "logArchive.volumeMounts[0].mountPath=/logs",
			"logArchive.env[0].name=AWS_ACCESS_KEY_ID", "logArchive.env[0].value=none",
			"logArchive.env[1].name=AWS_SECRET_ACCESS_KEY", "logArchive.env[1].value=none")
		if err != nil {
			t.Fatal(err)
		}
	}

	install("s3://logs?region=us-east-1&use_path_style=true&endpoint=" + url.QueryEscape("http://127.0.0.1:1"))
	early := create(t, archiveApplication("early", "good"))
	condition := waitForLogs(t, waitForState(t, early, v1beta2.ApplicationStateCompleted), "ArchiveFailed")
	if !strings.Contains(condition.Message, "early-driver: write object: ") || !strings.Contains(condition.Message, "connection refused") {
		t.Errorf("the condition does not name the cause: %s", condition.Message)
	}
	if driver, err := pods(t.Context(), early, v1beta2.SparkRoleDriver); err != nil || len(driver) != 1 {
		t.Errorf("the pod did not wait for its log: %d pods, %v", len(driver), err)
	}

	install("file:///logs")
	good, bad := create(t, archiveApplication("good", "good")), create(t, archiveApplication("bad", "bad"))
	for _, app := range []*v1beta2.SparkApplication{early, good, bad} {
		waitForLogs(t, app, "Archived")
		wantNoPods(t, app)
	}
	for _, app := range []*v1beta2.SparkApplication{early, good} {
		log := archivedLog(t, folder, waitForState(t, app, v1beta2.ApplicationStateCompleted), "driver")
		first, last := strings.Index(log, "the first line\n"), strings.Index(log, "\nthe last line\n")
		if first < 0 || last < first || strings.Count(log, "\nline ") != archiveLines || !strings.Contains(log, "\nsum 6\n") {
			t.Errorf("the log of %s is not complete: %d bytes, end:\n%s", app.Name, len(log), tail(log, 20))
		}
	}
	failed := waitForState(t, bad, v1beta2.ApplicationStateFailed)
	if log := archivedLog(t, folder, failed, "driver"); !strings.Contains(log, "Job aborted due to stage failure") {
		t.Errorf("the log of the failed driver ends with:\n%s", tail(log, 20))
	}
	if log := archivedLog(t, folder, failed, "executor-1"); !strings.Contains(log, "the executor has fs.s3a.secret.key=[redacted]") {
		t.Errorf("the log of the executor ends with:\n%s", tail(log, 20))
	}
}

// archiveApplication runs one of archiveScripts.
func archiveApplication(name, script string) *v1beta2.SparkApplication {
	app := sparkPi(name)
	app.Namespace = archiveNamespace
	app.Spec.Type, app.Spec.MainClass = v1beta2.SparkApplicationTypePython, nil
	app.Spec.MainApplicationFile = ptr.To("local:///opt/archive/" + script + ".py")
	app.Spec.SparkConf["spark.task.maxFailures"] = "1"
	app.Spec.LogArchive = &v1beta2.LogArchive{FailedExecutors: ptr.To(true)}
	app.Spec.CleanupPolicy = &v1beta2.CleanupPolicy{DriverPod: v1beta2.PodDeletionAlways, ExecutorPods: v1beta2.PodDeletionAlways}
	app.Spec.Driver.ServiceAccount = nil // the default one may run drivers
	app.Spec.Driver.ConfigMaps = []v1beta2.NamePath{{Name: archiveScript, Path: "/opt/archive"}}
	return app
}

// waitForLogs waits until the condition of the archive has a reason.
func waitForLogs(t *testing.T, app *v1beta2.SparkApplication, reason string) *metav1.Condition {
	t.Helper()
	find := func(app *v1beta2.SparkApplication) *metav1.Condition {
		return meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionLogsArchived)
	}
	return find(waitFor(t, app, "LogsArchived: "+reason, func(app *v1beta2.SparkApplication) bool {
		condition := find(app)
		return condition != nil && condition.Reason == reason
	}))
}

// wantNoPods waits until an application has no pods.
func wantNoPods(t *testing.T, app *v1beta2.SparkApplication) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		drivers, err := pods(ctx, app, v1beta2.SparkRoleDriver)
		if err != nil {
			return false, err
		}
		executors, err := pods(ctx, app, v1beta2.SparkRoleExecutor)
		return len(drivers)+len(executors) == 0, err
	})
	if err != nil {
		t.Errorf("pods of %s stay after their logs were archived: %v", app.Name, err)
	}
}

// archivedLog is the log of a pod in the archive. It has no secret.
func archivedLog(t *testing.T, folder string, app *v1beta2.SparkApplication, role string) string {
	t.Helper()
	attempt := app.Status.Attempts[0]
	key := filepath.Join(app.Namespace, app.Name, attempt.SubmissionID, role+".log.gz")
	if role == "driver" && attempt.LogURL != "file:///logs/"+key {
		t.Errorf("URL %q, want that of %s", attempt.LogURL, key)
	}
	file, err := os.Open(filepath.Join(folder, key))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	log, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(log), "hunter2") {
		t.Errorf("%s contains the secret", key)
	}
	return string(log)
}
