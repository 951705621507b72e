// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/test/sim/gateway"
)

// TestConnectServer runs the examples of Spark Connect servers with real Spark, under the
// operator and with the ServiceAccount that the chart installs.
func TestConnectServer(t *testing.T) {
	t.Parallel()
	// Most of their time passes until servers are idle. So they run side by side in the place of one parallel test: Go runs as
	// many of those as there are processors.
	var lanes sync.WaitGroup
	defer lanes.Wait()
	lanes.Go(func() { t.Run("idleness", connectIdleness) })
	lanes.Go(func() { t.Run("job", connectJob) })
	lanes.Go(func() {
		t.Run("stream", connectStream)
		t.Run("dynamic allocation", connectDynamicAllocation)
	})
	lanes.Go(func() {
		t.Run("suspension", connectSuspension)
		t.Run("faults", connectFaults)
	})
}

// connectDynamicAllocation lets the server of a team get an executor for a query. A client that
// then asks for nothing but analysis does not keep the server.
func connectDynamicAllocation(t *testing.T) {
	s := createConnect(t, "spark-connect-team.yaml", func(connect *v1alpha1.SparkConnect) {
		connect.Spec.SparkVersion, connect.Spec.Image = cluster.spark41Version, &cluster.spark41Image
		connect.Spec.IdleTimeout = &metav1.Duration{Duration: idleTimeout}
	})
	ready := s.untilReady()
	s.wantCount(ready.Endpoint) // which an executor has to come for
	s.whileAnalyzed(ready.Endpoint, func() {
		s.untilIdle() // by the web pages, which are all that Spark 4.1 has
	})
}

// connectSuspension takes a personal server from its creation through a suspension to its
// deletion.
func connectSuspension(t *testing.T) {
	s := createConnect(t, "spark-connect.yaml")
	first := s.untilReady()
	if want := "sc://notebook-server." + jobNamespace + ".svc:15002/;authorization=Bearer%20TOKEN"; first.Endpoint != want {
		t.Errorf("endpoint %q, want %q", first.Endpoint, want)
	}
	if !meta.IsStatusConditionTrue(first.Conditions, v1alpha1.ConditionUpToDate) {
		t.Errorf("conditions %+v", first.Conditions)
	}
	s.wantCount(first.Endpoint)
	s.wantToken(first.Endpoint)
	s.until("has an executor", func(status *v1alpha1.SparkConnectStatus) bool { return status.Executors["running"] == 1 })

	service, err := cluster.core.CoreV1().Services(jobNamespace).Get(t.Context(), first.Server.ServiceName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.suspend(ptr.To(true))
	s.untilPodsGone(first.Server.PodName)
	stopped := s.until("is stopped", func(status *v1alpha1.SparkConnectStatus) bool {
		return status.State == v1alpha1.SparkConnectStateNotReady && status.StopReason == v1alpha1.StopReasonUserRequest && len(status.Executors) == 0
	})
	if stopped.Endpoint != "" || stopped.Restarts != 0 || !meta.IsStatusConditionTrue(stopped.Conditions, v1alpha1.ConditionSuspended) {
		t.Errorf("status of a stopped server: %+v", stopped)
	}

	s.suspend(nil)
	second := s.untilReady()
	if second.Starts != 2 || second.Server.PodUID == first.Server.PodUID || second.Endpoint != first.Endpoint {
		t.Errorf("status after the second start: %+v", second)
	}
	again, err := cluster.core.CoreV1().Services(jobNamespace).Get(t.Context(), first.Server.ServiceName, metav1.GetOptions{})
	if err != nil || again.UID != service.UID {
		t.Errorf("the Service was not kept: %v", err)
	}
	s.wantCount(second.Endpoint)
	s.wantEvents(map[string]int{"Started": 2, "Ready": 2, "Stopped": 1})
	s.delete()
	s.untilNothingLeft()
}

// connectServer is a SparkConnect in a test.
type connectServer struct {
	t    *testing.T
	name string
}

// createConnect creates the server of an example until the test ends.
func createConnect(t *testing.T, file string, edits ...func(*v1alpha1.SparkConnect)) *connectServer {
	t.Helper()
	connect := &v1alpha1.SparkConnect{}
	document, _, _ := bytes.Cut(readExample(t, file), []byte("\n---\n"))
	if err := yaml.UnmarshalStrict(document, connect); err != nil {
		t.Fatal(err)
	}
	if connect.Spec.SparkConf == nil {
		connect.Spec.SparkConf = map[string]string{}
	}
	maps.Copy(connect.Spec.SparkConf, patientSpark())
	// For so long, Spark waits with the start of its server for the pod to be ready, which it
	// is once the server accepts connections.
	delete(connect.Spec.SparkConf, "spark.kubernetes.allocation.driver.readinessTimeout")
	// The node has two CPUs for all tests.
	connect.Spec.SparkConf["spark.kubernetes.executor.request.cores"] = "100m"
	for _, edit := range edits {
		edit(connect)
	}
	if _, err := cluster.spark.SparkoperatorV1alpha1().SparkConnects(jobNamespace).Create(t.Context(), connect, metav1.CreateOptions{}); err != nil {
		t.Fatalf("create %s: %v", connect.Name, err)
	}
	return followConnect(t, connect.Name)
}

// followConnect returns a server that exists or will, and deletes it when the test ends.
func followConnect(t *testing.T, name string) *connectServer {
	s := &connectServer{t: t, name: name}
	t.Cleanup(func() {
		if t.Failed() {
			s.report()
		}
		err := cluster.spark.SparkoperatorV1alpha1().SparkConnects(jobNamespace).Delete(context.Background(), s.name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("delete %s: %v", s.name, err)
		}
	})
	return s
}

func (s *connectServer) until(what string, done func(*v1alpha1.SparkConnectStatus) bool) *v1alpha1.SparkConnectStatus {
	s.t.Helper()
	begin := time.Now()
	var connect *v1alpha1.SparkConnect
	err := wait.PollUntilContextTimeout(s.t.Context(), 200*time.Millisecond, patience, true, func(ctx context.Context) (_ bool, err error) {
		connect, err = cluster.spark.SparkoperatorV1alpha1().SparkConnects(jobNamespace).Get(ctx, s.name, metav1.GetOptions{})
		return err == nil && done(&connect.Status), err
	})
	if err != nil {
		s.t.Fatalf("%s: not true that it %s: %v", s.name, what, err)
	}
	s.t.Logf("%s: %s after %v", s.name, what, time.Since(begin).Round(100*time.Millisecond))
	return &connect.Status
}

func (s *connectServer) untilReady() *v1alpha1.SparkConnectStatus {
	s.t.Helper()
	return s.until("is ready", func(status *v1alpha1.SparkConnectStatus) bool {
		if status.Restarts > 0 || status.State == v1alpha1.SparkConnectStateFailed {
			s.t.Fatalf("%s ended: %+v", s.name, status.Conditions)
		}
		return status.State == v1alpha1.SparkConnectStateReady && meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionServerPodReady)
	})
}

// forward makes the server at an endpoint reachable.
func (s *connectServer) forward(endpoint string) (address string) {
	s.t.Helper()
	at, err := url.Parse(endpoint)
	if err != nil {
		s.t.Fatal(err)
	}
	name, _, _ := strings.Cut(at.Hostname(), ".")
	port, err := strconv.ParseInt(at.Port(), 10, 32)
	if err != nil {
		s.t.Fatalf("endpoint %s: %v", endpoint, err)
	}
	return forward(s.t, jobNamespace, gateway.Backend{Service: name, Port: int32(port)})
}

// access returns what a client needs for the server at an endpoint. The token is empty if the
// server has none.
func (s *connectServer) access(endpoint string) (address, token string) {
	s.t.Helper()
	if strings.Contains(endpoint, "TOKEN") {
		token = s.token()
	}
	return s.forward(endpoint), token
}

// token is the one that the operator generated.
func (s *connectServer) token() string {
	s.t.Helper()
	secret, err := cluster.core.CoreV1().Secrets(jobNamespace).Get(s.t.Context(), s.name+"-token", metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	token := string(secret.Data["token"])
	leaks.plant(token)
	return token
}

// wantToken checks that the server accepts clients with its token alone, and that neither
// executors nor the ConfigMap contain it.
func (s *connectServer) wantToken(endpoint string) {
	s.t.Helper()
	address, token := s.forward(endpoint), s.token()
	for _, wrong := range []string{"", "wrong" + token} {
		if err := runQuery(s.t.Context(), address, wrong, "SELECT 1"); err == nil || !strings.Contains(err.Error(), `gRPC status "16"`) { // UNAUTHENTICATED
			s.t.Errorf("a client with the token %q: %v", wrong, err)
		}
	}
	runPython(s.t, address, token)
	pods, err := s.pods(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range pods {
		if text := pods[i].String(); pods[i].Labels["spark-role"] == "executor" && strings.Contains(text, "SPARK_CONNECT_AUTHENTICATE_TOKEN") || strings.Contains(text, token) {
			s.t.Errorf("pod %s has the token", pods[i].Name)
		}
	}
	conf, err := cluster.core.CoreV1().ConfigMaps(jobNamespace).Get(s.t.Context(), s.name+"-conf", metav1.GetOptions{})
	if err != nil || strings.Contains(conf.String(), token) {
		s.t.Errorf("the ConfigMap has the token, or cannot be read: %v", err)
	}
}

// wantCount lets the executors of the server at an endpoint count.
func (s *connectServer) wantCount(endpoint string) {
	s.t.Helper()
	address, token := s.access(endpoint)
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	// It fails if it does not hold.
	if err := runQuery(ctx, address, token, "SELECT assert_true(count(*) = 1000) FROM range(0, 1000, 1, 2)"); err != nil {
		s.t.Errorf("count at %s: %v", endpoint, err)
	}
}

func (s *connectServer) suspend(value *bool) {
	s.t.Helper()
	s.patch(map[string]any{"spec": map[string]any{"suspend": value}})
}

func (s *connectServer) patch(change map[string]any) {
	s.t.Helper()
	patch, err := json.Marshal(change)
	if err != nil {
		s.t.Fatal(err)
	}
	connects := cluster.spark.SparkoperatorV1alpha1().SparkConnects(jobNamespace)
	if _, err := connects.Patch(s.t.Context(), s.name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *connectServer) delete() {
	s.t.Helper()
	if err := cluster.spark.SparkoperatorV1alpha1().SparkConnects(jobNamespace).Delete(s.t.Context(), s.name, metav1.DeleteOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

// pods returns the server pod and its executors.
func (s *connectServer) pods(ctx context.Context) ([]corev1.Pod, error) {
	list, err := cluster.core.CoreV1().Pods(jobNamespace).List(ctx, metav1.ListOptions{LabelSelector: v1alpha1.LabelConnectName + "=" + s.name})
	return list.Items, err
}

// untilPodsGone waits until the pods are gone. The server has to end with the signal: a pod
// that is killed stays for its grace period, which ends at its time of deletion.
func (s *connectServer) untilPodsGone(server string) {
	s.t.Helper()
	begin := time.Now()
	var killedAt time.Time
	err := wait.PollUntilContextTimeout(s.t.Context(), 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		pods, err := s.pods(ctx)
		isThere := false
		for i := range pods {
			if pods[i].Name != server {
				continue
			}
			isThere = true
			// When the containers have ended, the kubelet deletes the pod without a grace period.
			if at := pods[i].DeletionTimestamp; at != nil && ptr.Deref(pods[i].DeletionGracePeriodSeconds, 0) > 0 {
				killedAt = at.Time
			}
		}
		if !isThere && err == nil && !killedAt.IsZero() {
			s.t.Logf("%s: gone after %v", server, time.Since(begin).Round(100*time.Millisecond))
			if time.Now().After(killedAt) {
				s.t.Errorf("%s: ended by the kubelet, not by the signal", server)
			}
			killedAt = time.Time{}
		}
		return err == nil && len(pods) == 0, err
	})
	if err != nil {
		s.t.Fatalf("%s: pods are left: %v", s.name, err)
	}
	s.t.Logf("%s: all pods are gone after %v", s.name, time.Since(begin).Round(100*time.Millisecond))
}

// untilNothingLeft waits until the garbage collector has deleted what was the server's.
func (s *connectServer) untilNothingLeft() {
	s.t.Helper()
	var left []string
	err := wait.PollUntilContextTimeout(s.t.Context(), 200*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		left = nil
		services, err := cluster.core.CoreV1().Services(jobNamespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for i := range services.Items {
			left = append(left, services.Items[i].Name)
		}
		secrets, err := cluster.core.CoreV1().Secrets(jobNamespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for i := range secrets.Items {
			left = append(left, secrets.Items[i].Name)
		}
		configMaps, err := cluster.core.CoreV1().ConfigMaps(jobNamespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for i := range configMaps.Items {
			left = append(left, configMaps.Items[i].Name)
		}
		left = withPrefix(left, s.name+"-")
		return len(left) == 0, nil
	})
	if err != nil {
		s.t.Errorf("%s: %q are left: %v", s.name, left, err)
	}
}

func withPrefix(names []string, prefix string) (found []string) {
	for _, name := range names {
		if strings.HasPrefix(name, prefix) {
			found = append(found, name)
		}
	}
	return found
}

// wantEvents checks what was reported on the object: this, and no warning.
func (s *connectServer) wantEvents(want map[string]int) {
	s.t.Helper()
	events, err := cluster.core.CoreV1().Events(jobNamespace).List(s.t.Context(), metav1.ListOptions{
		FieldSelector: "involvedObject.kind=SparkConnect,involvedObject.name=" + s.name,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	got := map[string]int{}
	for i := range events.Items {
		event := &events.Items[i]
		got[event.Reason] += max(1, int(event.Count))
		if event.Type != corev1.EventTypeNormal {
			s.t.Errorf("event %s: %s", event.Reason, event.Message)
		}
	}
	for reason, count := range want {
		if got[reason] != count {
			s.t.Errorf("events %v, want %v", got, want)
		}
	}
}

// report prints what is known of the server of a failed test.
func (s *connectServer) report() {
	ctx := context.Background() // the test's own context has ended
	if connect, err := cluster.spark.SparkoperatorV1alpha1().SparkConnects(jobNamespace).Get(ctx, s.name, metav1.GetOptions{}); err == nil {
		s.t.Logf("status of %s: %+v", s.name, connect.Status)
	}
	pods, err := s.pods(ctx)
	if err != nil {
		s.t.Logf("list pods: %v", err)
	}
	for i := range pods {
		log, err := containerLog(ctx, jobNamespace, pods[i].Name, pods[i].Spec.Containers[len(pods[i].Spec.Containers)-1].Name)
		s.t.Logf("log of %s: %v\n%s", pods[i].Name, err, tail(log, 60))
	}
	report(ctx, s.t, jobNamespace, s.name)
}
