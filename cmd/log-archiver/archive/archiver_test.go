// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "gocloud.dev/blob/fileblob"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/redact"
)

// cluster is a fake API server whose logs are those of a real HTTP server, so that they
// are streams.
type cluster struct {
	*fake.Clientset
	logs *rest.RESTClient
	mu   sync.Mutex
	// log writes the log of a pod; tail is set for a request of its last lines.
	log func(w http.ResponseWriter, r *http.Request, tail bool)
}

func (c *cluster) CoreV1() corev1client.CoreV1Interface { return core{c.Clientset.CoreV1(), c} }

type core struct {
	corev1client.CoreV1Interface
	c *cluster
}

func (c core) Pods(namespace string) corev1client.PodInterface {
	return pods{c.CoreV1Interface.Pods(namespace), namespace, c.c}
}

type pods struct {
	corev1client.PodInterface
	namespace string
	c         *cluster
}

func (p pods) GetLogs(name string, options *corev1.PodLogOptions) *rest.Request {
	return corev1client.New(p.c.logs).Pods(p.namespace).GetLogs(name, options)
}

var _ kubernetes.Interface = (*cluster)(nil)

func newCluster(t *testing.T, objects ...*corev1.Pod) *cluster {
	t.Helper()
	c := &cluster{Clientset: fake.NewClientset(), log: text("hello\n")}
	for _, pod := range objects {
		c.add(t, pod)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		log := c.log
		c.mu.Unlock()
		log(w, r, r.URL.Query().Get("tailLines") != "")
	}))
	t.Cleanup(server.Close)
	config := &rest.Config{Host: server.URL}
	client, err := corev1client.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	c.logs = client.RESTClient().(*rest.RESTClient)
	return c
}

func text(log string) func(http.ResponseWriter, *http.Request, bool) {
	return func(w http.ResponseWriter, _ *http.Request, _ bool) { _, _ = io.WriteString(w, log) }
}

func (c *cluster) setLog(log func(http.ResponseWriter, *http.Request, bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = log
}

func (c *cluster) add(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	if _, err := c.Clientset.CoreV1().Pods(pod.Namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) annotation(t *testing.T, name, key string) string {
	t.Helper()
	pod, err := c.Clientset.CoreV1().Pods("team").Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		return ""
	}
	return pod.Annotations[key]
}

func (c *cluster) wantAnnotation(t *testing.T, name, key, part string) {
	t.Helper()
	eventually(t, fmt.Sprintf("annotation %s of %s with %q", key, name, part), func() bool {
		value := c.annotation(t, name, key)
		return value != "" && strings.Contains(value, part)
	})
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 2400 { // two minutes: the race detector and other programs slow it down
		if holds() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

// driver is a driver pod in a phase.
func driver(name string, phase corev1.PodPhase) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name, UID: types.UID("uid-" + name), Labels: map[string]string{
			v1beta2.LabelLogArchive: "true", v1beta2.LabelSparkRole: v1beta2.SparkRoleDriver,
			v1beta2.LabelSparkAppName: "pi", v1beta2.LabelSubmissionID: "id-" + name,
		}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: v1beta2.DriverContainerName}}},
	}
	setPhase(pod, phase)
	return pod
}

func setPhase(pod *corev1.Pod, phase corev1.PodPhase) {
	status := corev1.ContainerStatus{Name: pod.Spec.Containers[0].Name}
	switch phase {
	case corev1.PodRunning:
		status.State.Running = &corev1.ContainerStateRunning{}
	case corev1.PodSucceeded, corev1.PodFailed:
		status.State.Terminated = &corev1.ContainerStateTerminated{}
	}
	pod.Status = corev1.PodStatus{Phase: phase, ContainerStatuses: []corev1.ContainerStatus{status}}
}

func executor(id string, phase corev1.PodPhase) *corev1.Pod {
	pod := driver("exec-"+id, phase)
	pod.Labels[v1beta2.LabelSparkRole], pod.Labels[v1beta2.LabelSparkExecutorID] = v1beta2.SparkRoleExecutor, id
	pod.Spec.Containers[0].Name = v1beta2.ExecutorContainerName
	setPhase(pod, phase)
	return pod
}

func (c *cluster) end(t *testing.T, name string) {
	t.Helper()
	pod, err := c.Clientset.CoreV1().Pods("team").Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	setPhase(pod, corev1.PodFailed)
	if _, err := c.Clientset.CoreV1().Pods("team").UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) remove(t *testing.T, name string) {
	t.Helper()
	if err := c.Clientset.CoreV1().Pods("team").Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		t.Error(err) // it may be deleted by an earlier try
	}
}

// start runs an archiver that writes to a folder, until the test ends or stop is called.
func (c *cluster) start(t *testing.T, folder string, edit func(*Config)) (stop func()) {
	t.Helper()
	bucket, err := OpenBucket(t.Context(), "file://"+folder, "")
	if err != nil {
		t.Fatal(err)
	}
	config := Config{Kube: c, Bucket: bucket, Workers: 2, Follow: 2, MaxBytes: 1 << 30, Timeout: time.Minute, Hide: redact.Secrets,
		MinRetry: 20 * time.Millisecond, MaxRetry: 100 * time.Millisecond}
	if edit != nil {
		edit(&config)
	}
	a, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- a.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(stop)
	eventually(t, "the caches", a.Ready)
	return stop
}

// object is the text in an object; empty without.
func object(t *testing.T, folder, key string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, key))
	if err != nil {
		return ""
	}
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	content, err := io.ReadAll(reader)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return string(content)
}

// files are the keys of the objects in a folder.
func files(t *testing.T, folder string) []string {
	t.Helper()
	var found []string
	_ = filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			key, _ := filepath.Rel(folder, path)
			found = append(found, key)
		}
		return nil
	})
	return found
}

// TestLogIsArchived of drivers that have ended and of executors that failed, without
// secrets, and of no other pod.
func TestLogIsArchived(t *testing.T) {
	unlabelled := driver("unlabelled", corev1.PodFailed)
	delete(unlabelled.Labels, v1beta2.LabelLogArchive)
	c := newCluster(t, unlabelled, executor("2", corev1.PodSucceeded), executor("3", corev1.PodRunning),
		driver("done", corev1.PodSucceeded), executor("1", corev1.PodFailed))
	c.setLog(text("first\nfs.s3a.secret.key=abcdef\n\x00\xff binary\nlast"))
	folder := t.TempDir()
	c.start(t, folder, nil)
	c.wantAnnotation(t, "done", v1beta2.AnnotationLogURL, "file://"+folder+"/team/pi/id-done/driver.log.gz")
	c.wantAnnotation(t, "exec-1", v1beta2.AnnotationLogURL, "/team/pi/id-exec-1/executor-1.log.gz")
	if got, want := object(t, folder, "team/pi/id-done/driver.log.gz"), "first\nfs.s3a.secret.key=[redacted]\n\x00\xff binary\nlast"; got != want {
		t.Errorf("%q", got)
	}
	if found := files(t, folder); len(found) != 2 {
		t.Errorf("objects %q", found)
	}
}

// TestRunningDriverIsFollowed from its start: the kubelet keeps only the end of its log.
func TestRunningDriverIsFollowed(t *testing.T) {
	c := newCluster(t, driver("pi", corev1.PodRunning))
	ended := make(chan struct{})
	c.setLog(func(w http.ResponseWriter, r *http.Request, _ bool) {
		if r.URL.Query().Get("follow") != "true" {
			t.Errorf("request %s", r.URL)
		}
		fmt.Fprintln(w, "at the start")
		w.(http.Flusher).Flush()
		<-ended
		fmt.Fprintln(w, "at the end")
	})
	folder := t.TempDir()
	c.start(t, folder, nil)
	if found := files(t, folder); len(found) > 0 && strings.HasSuffix(found[0], ".gz") {
		t.Errorf("visible before the end: %q", found)
	}
	close(ended)
	time.Sleep(20 * time.Millisecond)
	c.end(t, "pi") // the status follows the container
	c.wantAnnotation(t, "pi", v1beta2.AnnotationLogURL, "driver.log.gz")
	if got := object(t, folder, "team/pi/id-pi/driver.log.gz"); got != "at the start\nat the end\n" {
		t.Errorf("%q", got)
	}
}

// TestHugeLogTakesBoundedMemory: a log without end is cut off, its last lines are kept,
// and neither memory nor disk grow with it.
func TestHugeLogTakesBoundedMemory(t *testing.T) {
	c := newCluster(t, driver("pi", corev1.PodFailed))
	line := []byte(strings.Repeat("26/11/29 18:00:00 INFO TaskSetManager: Finished task 3.0 in stage 1.0\n", 1000))
	c.setLog(func(w http.ResponseWriter, r *http.Request, tail bool) {
		if tail {
			fmt.Fprintln(w, "OutOfMemoryError password=hunter2")
			return
		}
		for {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	})
	folder := t.TempDir()
	const limit = 24 << 20
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c.start(t, folder, func(config *Config) { config.MaxBytes = limit })
	c.wantAnnotation(t, "pi", v1beta2.AnnotationLogURL, "driver.log.gz")
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 12<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	got := object(t, folder, "team/pi/id-pi/driver.log.gz")
	if want := "[the log has more than " + strconv.Itoa(limit) + " bytes; its last lines follow]\nOutOfMemoryError password=[redacted]\n"; !strings.HasSuffix(got, want) || len(got) < limit {
		t.Errorf("%d bytes end with %q", len(got), got[max(0, len(got)-200):])
	}
}

// TestFailureIsShownAndRepeated: what keeps a log from the bucket is in an annotation,
// without secrets, which is written once, and the log arrives when the cause is gone.
func TestFailureIsShownAndRepeated(t *testing.T) {
	c := newCluster(t, driver("pi", corev1.PodFailed))
	var mu sync.Mutex
	tries := 0
	folder := t.TempDir()
	c.start(t, folder, func(config *Config) {
		config.Done = func(int64, error) { mu.Lock(); tries++; mu.Unlock() }
		// No folder can be made where a file is.
		if err := os.MkdirAll(filepath.Join(folder, "team"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "team", "pi"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	c.wantAnnotation(t, "pi", v1beta2.AnnotationLogArchiveError, "not a directory")
	eventually(t, "more tries", func() bool { mu.Lock(); defer mu.Unlock(); return tries > 3 })
	patches := 0
	for _, action := range c.Actions() {
		if action.GetVerb() == "patch" {
			patches++
		}
	}
	if patches > 2 { // the second one before the cache has shown the first
		t.Errorf("%d patches", patches)
	}
	if err := os.Remove(filepath.Join(folder, "team", "pi")); err != nil {
		t.Fatal(err)
	}
	c.wantAnnotation(t, "pi", v1beta2.AnnotationLogURL, "driver.log.gz")
	eventually(t, "no error", func() bool { return c.annotation(t, "pi", v1beta2.AnnotationLogArchiveError) == "" })
}

// TestKilledArchiverBeginsAgain: a copy that is cut short leaves no object, and the next
// process makes a whole one. A pod that is marked is not copied again.
func TestKilledArchiverBeginsAgain(t *testing.T) {
	c := newCluster(t, driver("pi", corev1.PodFailed))
	began := make(chan struct{}, 8)
	c.setLog(func(w http.ResponseWriter, r *http.Request, _ bool) {
		fmt.Fprintln(w, strings.Repeat("a line\n", 1<<18))
		w.(http.Flusher).Flush()
		began <- struct{}{}
		<-r.Context().Done()
	})
	folder := t.TempDir()
	stop := c.start(t, folder, nil)
	<-began
	stop()
	if object(t, folder, "team/pi/id-pi/driver.log.gz") != "" || c.annotation(t, "pi", v1beta2.AnnotationLogArchiveError) != "" {
		t.Error("a copy that was cut short is visible")
	}
	c.setLog(text("all of it\n"))
	stop = c.start(t, folder, nil)
	c.wantAnnotation(t, "pi", v1beta2.AnnotationLogURL, "driver.log.gz")
	stop()
	if got := object(t, folder, "team/pi/id-pi/driver.log.gz"); got != "all of it\n" {
		t.Errorf("%q", got)
	}
	c.setLog(func(http.ResponseWriter, *http.Request, bool) { t.Error("a marked pod was read again") })
	c.start(t, folder, nil)
	time.Sleep(100 * time.Millisecond)
}

// TestDeletedPod: of a pod that is deleted while its log is copied, what was read is kept.
// Another pod of the same name is not taken for it.
func TestDeletedPod(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(w http.ResponseWriter)
		want string
	}{
		"the log ends":       {func(http.ResponseWriter) {}, "it ran\n"},
		"the log breaks off": {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "it ran\n\n[the pod was deleted while its log was read: unexpected EOF]\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, driver("pi", corev1.PodRunning))
			c.setLog(func(w http.ResponseWriter, _ *http.Request, _ bool) {
				fmt.Fprintln(w, "it ran")
				w.(http.Flusher).Flush()
				time.Sleep(100 * time.Millisecond)
				c.remove(t, "pi")
				test.end(w)
			})
			folder := t.TempDir()
			c.start(t, folder, nil)
			eventually(t, "the object", func() bool { return object(t, folder, "team/pi/id-pi/driver.log.gz") == test.want })
		})
	}
	t.Run("another pod has its name", func(t *testing.T) {
		c := newCluster(t, driver("pi", corev1.PodFailed))
		asked := make(chan struct{}, 8)
		c.setLog(func(w http.ResponseWriter, _ *http.Request, _ bool) {
			c.remove(t, "pi")
			next := driver("pi", corev1.PodPending)
			next.UID, next.Labels[v1beta2.LabelSubmissionID] = "another", "another"
			c.add(t, next)
			fmt.Fprintln(w, "of the next one")
			asked <- struct{}{}
		})
		folder := t.TempDir()
		c.start(t, folder, nil)
		<-asked
		time.Sleep(200 * time.Millisecond)
		if found := files(t, folder); len(found) != 0 {
			t.Errorf("objects %q", found)
		}
	})
}

// TestBrokenStreamIsRepeated, because the container goes on.
func TestBrokenStreamIsRepeated(t *testing.T) {
	c := newCluster(t, driver("pi", corev1.PodFailed))
	tries := 0
	c.setLog(func(w http.ResponseWriter, _ *http.Request, _ bool) {
		fmt.Fprintln(w, "a line")
		if tries++; tries < 3 {
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	folder := t.TempDir()
	c.start(t, folder, nil)
	c.wantAnnotation(t, "pi", v1beta2.AnnotationLogURL, "driver.log.gz")
	if got := object(t, folder, "team/pi/id-pi/driver.log.gz"); got != "a line\n" {
		t.Errorf("%q", got)
	}
}

// TestSlowCopyIsGivenUp after its time limit, which is then shown; others go on meanwhile.
func TestSlowCopyIsGivenUp(t *testing.T) {
	c := newCluster(t, driver("slow", corev1.PodFailed), driver("fast", corev1.PodFailed))
	c.setLog(func(w http.ResponseWriter, r *http.Request, _ bool) {
		if strings.Contains(r.URL.Path, "/fast/") {
			return
		}
		fmt.Fprintln(w, "a line")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	folder := t.TempDir()
	c.start(t, folder, func(config *Config) { config.Timeout = 300 * time.Millisecond })
	c.wantAnnotation(t, "fast", v1beta2.AnnotationLogURL, "driver.log.gz")
	c.wantAnnotation(t, "slow", v1beta2.AnnotationLogArchiveError, "took too long")
	if object(t, folder, "team/pi/id-slow/driver.log.gz") != "" {
		t.Error("half a log is visible")
	}
}
