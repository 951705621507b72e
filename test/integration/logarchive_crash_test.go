// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/faultproxy"
)

// TestArchiverKilledBetweenWrites: the log archiver is killed before and after its writes, to
// the bucket and to the API server. What is in the bucket then is nothing or the whole log.
// Once restarted, the whole log is there, once, the status has its URL, and the pod is deleted
// after that.
func TestArchiverKilledBetweenWrites(t *testing.T) {
	t.Parallel()
	c := newArchiverCrash(t, "archiver-crash")
	for _, small := range []bool{true, false} {
		size, fewest, node := 10<<10, int64(2), "archiver-crash-small" // an object, an annotation
		if !small {
			size, fewest, node = 17<<20, 5, "archiver-crash-large" // begin, parts, end, annotation
		}
		random := make([]byte, size) // gzip makes its text no smaller
		_, _ = rand.NewChaCha8([32]byte{1}).Read(random)
		log := strings.Join(strings.SplitAfter(base64.StdEncoding.EncodeToString(random), "/"), "\n") + "\n"
		startNode(t, node, log)
		name := map[bool]string{true: "small", false: "large"}[small]
		writes := c.live(t, node, name+"-none", log, 0, faultproxy.Before)
		t.Logf("a %s log takes %d writes", name, writes)
		if writes < fewest {
			t.Fatalf("a %s log took only %d writes", name, writes)
		}
		for number := int64(1); number <= writes; number++ {
			for moment, word := range map[faultproxy.Moment]string{faultproxy.Before: "before", faultproxy.After: "after"} {
				// Of a large log: amid the parts, and at the end that makes the object.
				if amid := number == writes/2 && moment == faultproxy.After; !small && !amid && number != writes-1 {
					continue
				}
				name := fmt.Sprintf("%s-%d-%s", name, number, word)
				t.Run(name, func(t *testing.T) { c.live(t, node, name, log, number, moment) })
			}
		}
	}
}

// archiverCrash is a namespace with an operator, and what stands between the log archiver and
// the world.
type archiverCrash struct {
	binary, namespace, kubeconfig string
	objects                       *s3mem.Backend
	bucket, kube                  *faultproxy.Proxy
}

func newArchiverCrash(t *testing.T, name string) *archiverCrash {
	t.Helper()
	c := &archiverCrash{binary: archiver(t), namespace: newNamespace(t, name), objects: s3mem.New()}
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, c.namespace, "--enable-log-archive", "--archive-logs")
	if err := c.objects.CreateBucket(t.Context(), "logs"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(c.objects).Server())
	t.Cleanup(server.Close)
	var err error
	if c.bucket, err = faultproxy.New(&rest.Config{Host: server.URL}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.bucket.Close() })
	c.kube, c.kubeconfig = sim.StartProxy(t, api.Config)
	wantMarkedBeforeDeletion(t, c.namespace)
	return c
}

// live copies the log of one driver. The archiver is killed at a write; 0 for none. It returns
// how many writes there were.
func (c *archiverCrash) live(t *testing.T, node, name, log string, number int64, moment faultproxy.Moment) int64 {
	t.Helper()
	start := func() func() { // redaction of random text takes long and has tests of its own
		return runArchiver(t, c.binary, c.kubeconfig, c.namespace, s3Bucket(c.bucket.URL), s3Secret, "--redact=")
	}
	var writes atomic.Int64
	var victim atomic.Pointer[func()]
	killed := make(chan struct{})
	observer := func(at faultproxy.Moment, _ int64, _ *http.Request) error {
		if at == faultproxy.Before {
			writes.Add(1)
		}
		if at != moment || writes.Load() != number {
			return nil
		}
		(*victim.Load())()
		close(killed)
		return errors.New("the archiver was killed")
	}
	c.bucket.Observe(observer)
	c.kube.Observe(observer)
	kill := start()
	victim.Store(&kill)
	createArchived(t, c.namespace, name)
	runDriver(t, node, c.namespace, name, corev1.PodSucceeded)
	if number > 0 {
		select {
		case <-killed:
		case <-time.After(time.Minute):
			t.Fatalf("write %d did not come within a minute", number)
		}
		c.bucket.Observe(nil)
		c.kube.Observe(nil)
		for _, key := range objectsOf(t, c.objects, c.namespace, name) {
			wantObject(t, c.objects, key, log)
		}
		kill = start()
	}
	app := waitFor(t, c.namespace, name, "archived", func(app *v1beta2.SparkApplication) bool {
		return meta.IsStatusConditionTrue(app.Status.Conditions, v1beta2.ConditionLogsArchived)
	})
	kill()
	attempt := app.Status.Attempts[0]
	key := "prod/" + c.namespace + "/" + name + "/" + attempt.SubmissionID + "/driver.log.gz"
	if keys := objectsOf(t, c.objects, c.namespace, name); len(keys) != 1 || keys[0] != key || attempt.LogURL != "s3://logs/"+key {
		t.Errorf("objects %q, URL %q", keys, attempt.LogURL)
	}
	wantObject(t, c.objects, key, log)
	wantPodGone(t, c.namespace, attempt.DriverPodName)
	return writes.Load()
}

// objectsOf are the keys of the objects of an application.
func objectsOf(t *testing.T, objects *s3mem.Backend, namespace, name string) []string {
	t.Helper()
	prefix := gofakes3.NewPrefix(new("prod/"+namespace+"/"+name+"/"), nil)
	list, err := objects.ListBucket(t.Context(), "logs", &prefix, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, object := range list.Contents {
		keys = append(keys, object.Key)
	}
	return keys
}

// wantMarkedBeforeDeletion fails the test when a driver pod is deleted without the URL of its
// log.
func wantMarkedBeforeDeletion(t *testing.T, namespace string) {
	t.Helper()
	watcher, err := api.Core.CoreV1().Pods(namespace).Watch(t.Context(), metav1.ListOptions{LabelSelector: v1beta2.LabelSparkRole + "=" + v1beta2.SparkRoleDriver})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range watcher.ResultChan() {
			pod, ok := event.Object.(*corev1.Pod)
			if ok && (event.Type == watch.Deleted || pod.DeletionTimestamp != nil) && pod.Annotations[v1beta2.AnnotationLogURL] == "" {
				t.Errorf("driver pod %s was deleted before its log was archived", pod.Name)
			}
		}
	}()
	t.Cleanup(func() {
		watcher.Stop()
		<-done
	})
}
