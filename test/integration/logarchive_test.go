// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/rights"
)

const (
	s3Key, s3Secret = "archiver", "correct-horse-battery-staple"
	logNode         = "log-archive"
	driverLog       = "26/11/29 18:00:00 INFO SparkContext: Running Spark\nfs.s3a.secret.key=hunter2\n"
)

// startS3 starts an S3 server that checks signatures, with the bucket logs. It is that of
// `rclone serve s3`.
func startS3(t *testing.T) (address string, objects *s3mem.Backend) {
	t.Helper()
	objects = s3mem.New()
	if err := objects.CreateBucket(t.Context(), "logs"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(objects, gofakes3.WithV4Auth(map[string]string{s3Key: s3Secret})).Server())
	t.Cleanup(server.Close)
	return server.URL, objects
}

// startNode creates a node whose kubelet has the same log for all containers, and serves
// nothing else.
func startNode(t *testing.T, name, log string) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/containerLogs/") {
			http.NotFound(w, r)
			return
		}
		_, _ = io.WriteString(w, log)
	}))
	t.Cleanup(server.Close)
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	nodes := api.Core.CoreV1().Nodes()
	node, err := nodes.Create(t.Context(), &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nodes.Delete(context.Background(), name, metav1.DeleteOptions{}) })
	node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: host}}
	node.Status.DaemonEndpoints.KubeletEndpoint.Port = int32(number)
	if _, err := nodes.UpdateStatus(t.Context(), node, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// archiver builds the log archiver for S3.
func archiver(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "log-archiver")
	build := exec.CommandContext(t.Context(), "go", "-C", filepath.Join(sim.Repository, "cmd", "log-archiver"), "build", "-trimpath", "-tags", "s3only", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// startArchiver runs it with the permissions that the chart grants, and returns what kills it.
func startArchiver(t *testing.T, binary, namespace, bucket, secret string) (kill func()) {
	t.Helper()
	account := rights.Process{Namespace: namespace, Name: "log-archiver"}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := account.ActAs(api.Kubeconfig, kubeconfig); err != nil {
		t.Fatal(err)
	}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "log-archiver"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list", "watch"}},
		{APIGroups: []string{""}, Resources: []string{"pods/log"}, Verbs: []string{"get"}},
		{APIGroups: []string{""}, Resources: []string{"pods/status"}, Verbs: []string{"patch"}},
	}}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "log-archiver"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "log-archiver"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: "log-archiver"}},
	}
	if _, err := api.Core.RbacV1().Roles(namespace).Create(t.Context(), role, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	if _, err := api.Core.RbacV1().RoleBindings(namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	return runArchiver(t, binary, kubeconfig, namespace, bucket, secret)
}

// runArchiver runs it with a kubeconfig, and returns what kills it.
func runArchiver(t *testing.T, binary, kubeconfig, namespace, bucket, secret string, flags ...string) (kill func()) {
	t.Helper()
	var log bytes.Buffer
	command := exec.Command(binary, append([]string{"--kubeconfig", kubeconfig, "--namespaces", namespace, "--bucket", bucket,
		"--health-address", "127.0.0.1:0", "--metrics-address", "0"}, flags...)...)
	command.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+s3Key, "AWS_SECRET_ACCESS_KEY="+secret, "AWS_EC2_METADATA_DISABLED=true", "AWS_MAX_ATTEMPTS=1")
	command.Stdout, command.Stderr = &log, &log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	kill = func() {
		once.Do(func() {
			_ = command.Process.Kill()
			_ = command.Wait()
		})
	}
	t.Cleanup(func() {
		kill()
		if t.Failed() {
			t.Logf("log archiver:\n%s", log.String())
		}
	})
	return kill
}

func s3Bucket(address string) string {
	return "s3://logs?region=us-east-1&use_path_style=true&prefix=prod/&endpoint=" + url.QueryEscape(address)
}

// runDriver lets the driver of an application run and end on a node.
func runDriver(t *testing.T, node, namespace, name string, end corev1.PodPhase) {
	t.Helper()
	app := waitFor(t, namespace, name, "submitted", func(app *v1beta2.SparkApplication) bool {
		return app.Status.AppState.State == v1beta2.ApplicationStateSubmitted && app.Status.DriverInfo.PodName != ""
	})
	pods := api.Core.CoreV1().Pods(namespace)
	var pod *corev1.Pod
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		var err error
		pod, err = pods.Get(ctx, app.Status.DriverInfo.PodName, metav1.GetOptions{})
		return err == nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	err := pods.Bind(t.Context(), &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: pod.Name}, Target: corev1.ObjectReference{Kind: "Node", Name: node}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	container := pod.Spec.Containers[0].Name
	now := time.Now().UTC().Format(time.RFC3339) // deadlines count from the end
	for _, status := range []string{
		fmt.Sprintf(`{"phase":"Running","containerStatuses":[{"name":%q,"image":"x","imageID":"x","state":{"running":{"startedAt":%q}}}]}`, container, now),
		fmt.Sprintf(`{"phase":%q,"containerStatuses":[{"name":%q,"image":"x","imageID":"x","state":{"running":null,"terminated":{"exitCode":0,"startedAt":%q,"finishedAt":%[3]q}}}]}`, end, container, now),
	} {
		patch := []byte(`{"status":` + status + `}`)
		if _, err := pods.Patch(t.Context(), pod.Name, "application/strategic-merge-patch+json", patch, metav1.PatchOptions{}, "status"); err != nil {
			t.Fatal(err)
		}
	}
}

func createArchived(t *testing.T, namespace, name string) {
	t.Helper()
	app := sparkPi(name)
	app.Namespace = namespace
	app.Spec.CleanupPolicy = &v1beta2.CleanupPolicy{DriverPod: v1beta2.PodDeletionAlways}
	if _, err := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Create(t.Context(), app, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestLogArchive: with the real API server and an S3 server, the log of a driver is in the
// bucket, without secrets, before the operator deletes the pod. Wrong credentials and a
// bucket that cannot be reached are shown, delay no state, and are overcome.
func TestLogArchive(t *testing.T) {
	t.Parallel()
	binary := archiver(t)
	startNode(t, logNode, driverLog)
	address, objects := startS3(t)

	t.Run("archived", func(t *testing.T) {
		t.Parallel()
		namespace := newNamespace(t, "log-archive")
		startArchiver(t, binary, namespace, s3Bucket(address), s3Secret)
		sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace, "--enable-log-archive", "--archive-logs")
		createArchived(t, namespace, "pi")
		runDriver(t, logNode, namespace, "pi", corev1.PodSucceeded)
		app := waitFor(t, namespace, "pi", "archived", func(app *v1beta2.SparkApplication) bool {
			return meta.IsStatusConditionTrue(app.Status.Conditions, v1beta2.ConditionLogsArchived)
		})
		attempt := app.Status.Attempts[0]
		key := "prod/" + namespace + "/pi/" + attempt.SubmissionID + "/driver.log.gz"
		if attempt.LogURL != "s3://logs/"+key {
			t.Errorf("URL %q", attempt.LogURL)
		}
		wantObject(t, objects, key, strings.Replace(driverLog, "hunter2", "[redacted]", 1))
		wantPodGone(t, namespace, attempt.DriverPodName)
	})
	for name, test := range map[string]struct{ bucket, secret, cause string }{
		"wrong-credentials": {s3Bucket(address), "wrong", "SignatureDoesNotMatch"},
		"unreachable":       {s3Bucket("http://127.0.0.1:1"), s3Secret, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t, "log-archive-"+name)
			kill := startArchiver(t, binary, namespace, test.bucket, test.secret)
			sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace, "--enable-log-archive", "--archive-logs")
			createArchived(t, namespace, "pi")
			runDriver(t, logNode, namespace, "pi", corev1.PodSucceeded)
			app := waitFor(t, namespace, "pi", "completed with the error", func(app *v1beta2.SparkApplication) bool {
				condition := meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionLogsArchived)
				return app.Status.AppState.State == v1beta2.ApplicationStateCompleted && condition != nil && condition.Reason == "ArchiveFailed"
			})
			condition := meta.FindStatusCondition(app.Status.Conditions, v1beta2.ConditionLogsArchived)
			if strings.Contains(condition.Message, s3Secret) || !strings.Contains(condition.Message, "write object") || !strings.Contains(condition.Message, test.cause) {
				t.Errorf("message %q", condition.Message)
			}
			kill()
			startArchiver(t, binary, namespace, s3Bucket(address), s3Secret)
			app = waitFor(t, namespace, "pi", "archived", func(app *v1beta2.SparkApplication) bool {
				return meta.IsStatusConditionTrue(app.Status.Conditions, v1beta2.ConditionLogsArchived)
			})
			wantPodGone(t, namespace, app.Status.Attempts[0].DriverPodName)
		})
	}
}

func wantObject(t *testing.T, objects *s3mem.Backend, key, want string) {
	t.Helper()
	object, err := objects.GetObject(t.Context(), "logs", key, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer object.Contents.Close()
	reader, err := gzip.NewReader(object.Contents)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(reader); err != nil || string(got) != want {
		t.Errorf("%s: %d bytes instead of %d, %v: %.1000q", key, len(got), len(want), err, got)
	}
}

func wantPodGone(t *testing.T, namespace, name string) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		pod, err := api.Core.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err) || err == nil && pod.DeletionTimestamp != nil, nil
	})
	if err != nil {
		t.Errorf("pod %s stays: %v", name, err)
	}
}
