// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/ui"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/gateway"
)

// TestConnectServer takes the manifest of kubeflow/spark-operator's kind through a life on
// a real API server, by an operator that may do what its flags need and nothing else. The
// test plays the kubelet.
func TestConnectServer(t *testing.T) {
	namespace := newNamespace(t, "connect")
	if err := sim.CreateServiceAccount(t.Context(), api.Core, namespace, "spark-operator-spark"); err != nil {
		t.Fatal(err)
	}
	sim.StartLimitedOperator(t, api, operatorBinary, namespace)
	s := &server{t: t, namespace: namespace, name: "lab"}
	s.create(`
apiVersion: sparkoperator.k8s.io/v1alpha1
kind: SparkConnect
metadata:
  name: lab
spec:
  sparkVersion: 4.3.0
  image: apache/spark:4.3.0
  sparkConf: {spark.connect.grpc.binding.address: 0.0.0.0}
  server:
    cores: 1
    memory: 1g
    template:
      metadata: {labels: {team: data}}
      spec: {serviceAccountName: spark-operator-spark}
    service:
      metadata: {name: lab-connect, annotations: {note: kept}}
      spec: {type: NodePort}
  executor: {instances: 1, cores: 1, memory: 512m}
`)

	s.until("has a server pod", func(status *v1alpha1.SparkConnectStatus) bool { return status.Server.PodUID != "" })
	first := s.pod()
	if first.Labels["spark-role"] != "connect-server" || first.Labels["team"] != "data" || first.Spec.ServiceAccountName != "spark-operator-spark" {
		t.Errorf("server pod: labels %v, account %s", first.Labels, first.Spec.ServiceAccountName)
	}
	s.run()
	status := s.until("is ready", func(status *v1alpha1.SparkConnectStatus) bool { return status.State == v1alpha1.SparkConnectStateReady })
	if want := "sc://lab-connect." + namespace + ".svc:15002"; status.Endpoint != want {
		t.Errorf("endpoint %q, want %q", status.Endpoint, want)
	}
	service := s.service("lab-connect")
	if service.Spec.Type != corev1.ServiceTypeNodePort || service.Annotations["note"] != "kept" || len(service.Spec.Ports) != 4 {
		t.Errorf("Service: %+v", service.Spec)
	}

	// The Service follows the spec; the server waits for a replacement.
	s.patch(`{"spec":{"server":{"memory":"2g","service":{"metadata":{"labels":{"tier":"gold"}}}}}}`)
	s.until("says that the server is out of date", func(status *v1alpha1.SparkConnectStatus) bool {
		return meta.IsStatusConditionFalse(status.Conditions, v1alpha1.ConditionUpToDate)
	})
	after := s.service("lab-connect")
	if after.Labels["tier"] != "gold" || after.Spec.ClusterIP != service.Spec.ClusterIP || after.Spec.Ports[0].NodePort != service.Spec.Ports[0].NodePort {
		t.Errorf("Service after the change: labels %v, %+v", after.Labels, after.Spec)
	}
	if s.pod().UID != first.UID {
		t.Error("the server was replaced")
	}

	s.patch(`{"spec":{"suspend":true}}`)
	s.until("is stopped", func(status *v1alpha1.SparkConnectStatus) bool {
		return status.StopReason == v1alpha1.StopReasonUserRequest
	})
	s.gone(first)
	s.patch(`{"spec":{"suspend":null}}`)
	s.until("has a second server", func(status *v1alpha1.SparkConnectStatus) bool {
		return status.Starts == 2 && status.Server.PodUID != string(first.UID) && status.Server.PodUID != ""
	})
	second := s.pod()
	s.end(second)
	s.until("waits for a restart", func(status *v1alpha1.SparkConnectStatus) bool {
		return status.NextRestartTime != nil && status.Restarts == 1
	})
	s.gone(second)
	s.until("has a third server", func(status *v1alpha1.SparkConnectStatus) bool { return status.Starts == 3 })

	s.patch(`{"spec":{"suspend":true,"timeToLiveSeconds":1}}`)
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		if pod, err := api.Core.CoreV1().Pods(namespace).Get(ctx, "lab-server", metav1.GetOptions{}); err == nil && pod.DeletionTimestamp != nil {
			s.gone(pod)
		}
		_, err := api.Spark.SparkoperatorV1alpha1().SparkConnects(namespace).Get(ctx, "lab", metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
	if err != nil {
		t.Errorf("the time to live does not delete the object: %v", err)
	}

	events, err := api.Core.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.kind=SparkConnect"})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, event := range events.Items {
		counts[event.Reason]++
		if strings.Contains(event.Message, "cannot") {
			t.Errorf("event %s: %s", event.Reason, event.Message)
		}
	}
	if counts["Started"] < 3 || counts["Ready"] != 1 || counts["Stopped"] < 1 || counts["UpdatePending"] != 1 {
		t.Errorf("events %v", counts)
	}
}

// TestConnectAccess: on a real API server, by an operator that may do what its flags need, a
// server waits for its token, and its routes wait for the Gateway API.
func TestConnectAccess(t *testing.T) {
	namespace := newNamespace(t, "connect-access")
	sim.StartLimitedOperator(t, api, operatorBinary, namespace)
	s := &server{t: t, namespace: namespace, name: "lab"}
	s.create(`
apiVersion: sparkoperator.k8s.io/v1alpha1
kind: SparkConnect
metadata:
  name: lab
spec:
  sparkVersion: 4.3.0
  image: apache/spark:4.3.0
  authentication:
    tokenSecret: {name: team}
  route:
    type: GRPCRoute
    host: lab.example.com
    uiHost: lab-ui.example.com
    parentRefs: [{name: web, namespace: infra}]
  server: {}
  executor: {instances: 1}
`)
	says := func(kind, reason string) func(*v1alpha1.SparkConnectStatus) bool {
		return func(status *v1alpha1.SparkConnectStatus) bool {
			found := meta.FindStatusCondition(status.Conditions, kind)
			return found != nil && found.Reason == reason
		}
	}
	s.until("waits for the Secret", says(v1alpha1.ConditionServerPodReady, "TokenMissing"))
	secrets := api.Core.CoreV1().Secrets(namespace)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "team"}, StringData: map[string]string{"token": "planted\n"}}
	secret, err := secrets.Create(t.Context(), secret, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.until("refuses the token", says(v1alpha1.ConditionServerPodReady, "TokenInvalid"))
	secret.Data["token"] = []byte("planted")
	if _, err := secrets.Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	s.until("has a server pod", func(status *v1alpha1.SparkConnectStatus) bool { return status.Server.PodUID != "" })
	s.run()
	s.until("lacks the Gateway API", says(v1alpha1.ConditionRouteReady, "KindNotServed"))
	status := s.until("is ready", func(status *v1alpha1.SparkConnectStatus) bool { return status.State == v1alpha1.SparkConnectStateReady })
	if want := "sc://lab-server." + namespace + ".svc:15002/;authorization=Bearer%20TOKEN"; status.Endpoint != want {
		t.Errorf("endpoint %q, want %q", status.Endpoint, want)
	}

	gateway.InstallRoutes(t, api.Dynamic)
	routes := api.Dynamic.Resource(ui.GRPCRouteResource).Namespace(namespace)
	stored := waitRoute(t, routes, "lab-server")
	var route gatewayv1.GRPCRoute
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(stored.Object, &route, true); err != nil {
		t.Fatal(err)
	}
	if to := route.Spec.Rules[0].BackendRefs[0]; to.Name != "lab-server" || *to.Port != 15002 || route.Spec.Hostnames[0] != "lab.example.com" || *route.Spec.ParentRefs[0].Namespace != "infra" {
		t.Errorf("route %+v", route.Spec)
	}
	webs := api.Dynamic.Resource(ui.RouteResource).Namespace(namespace)
	web := waitRoute(t, webs, "lab-ui")
	for resource, route := range map[dynamic.ResourceInterface]*unstructured.Unstructured{routes: stored, webs: web} {
		accepted := map[string]any{"type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
		parent := map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "web", "namespace": "infra"}
		route.Object["status"] = map[string]any{"parents": []any{map[string]any{"controllerName": "example.com/gateway", "parentRef": parent, "conditions": []any{accepted}}}}
		if _, err := resource.UpdateStatus(t.Context(), route, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	status = s.until("has a route", says(v1alpha1.ConditionRouteReady, "RouteReady"))
	if want := "sc://lab.example.com:443/;use_ssl=true;token=TOKEN"; status.Endpoint != want {
		t.Errorf("endpoint %q, want %q", status.Endpoint, want)
	}
	for _, route := range []*unstructured.Unstructured{waitRoute(t, routes, "lab-server"), waitRoute(t, webs, "lab-ui")} {
		if route.GetGeneration() != 1 {
			t.Errorf("%s was written %d times", route.GetName(), route.GetGeneration())
		}
	}

	s.patch(`{"spec":{"route":{"type":"Ingress","parentRefs":null}}}`)
	err = wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		ingress, err := api.Core.NetworkingV1().Ingresses(namespace).Get(ctx, "lab-server", metav1.GetOptions{})
		if err != nil {
			return false, reconcile.IgnoreGone(err)
		}
		_, left := routes.Get(ctx, "lab-server", metav1.GetOptions{})
		return ingress.Spec.Rules[0].Host == "lab.example.com" && apierrors.IsNotFound(left), nil
	})
	if err != nil {
		t.Errorf("the Ingress does not replace the route: %v", err)
	}
	if events, err := api.Core.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{}); err != nil || strings.Contains(fmt.Sprint(events.Items), "planted") {
		t.Errorf("the token is in an event: %v", err)
	}
}

// TestConnectRefusesInvalidObjects: the schema refuses what can never be right.
func TestConnectRefusesInvalidObjects(t *testing.T) {
	namespace := newNamespace(t, "connect-invalid")
	connects := api.Spark.SparkoperatorV1alpha1().SparkConnects(namespace)
	for name, test := range map[string]struct {
		edit func(*v1alpha1.SparkConnect)
		want string
	}{
		"name": {func(c *v1alpha1.SparkConnect) { c.Name = strings.Repeat("a", 57) }, "must be at most 56 characters"},
		"age": {func(c *v1alpha1.SparkConnect) { c.Spec.MaxAge = &metav1.Duration{Duration: -time.Hour} },
			"must be a duration"},
		"idle time-out": {func(c *v1alpha1.SparkConnect) { c.Spec.IdleTimeout = &metav1.Duration{Duration: -time.Hour} },
			"must be a duration"},
		"policy":   {func(c *v1alpha1.SparkConnect) { c.Spec.UpdatePolicy = "Always" }, "Unsupported value"},
		"restarts": {func(c *v1alpha1.SparkConnect) { c.Spec.MaxRestarts = ptr.To[int32](-1) }, "greater than or equal to 0"},
		"no token": {func(c *v1alpha1.SparkConnect) { c.Spec.Authentication = &v1alpha1.Authentication{} }, "set either tokenSecret, or generate to true"},
		"two tokens": {func(c *v1alpha1.SparkConnect) {
			c.Spec.Authentication = &v1alpha1.Authentication{Generate: true, TokenSecret: &v1alpha1.TokenSecret{Name: "team"}}
		}, "set either tokenSecret, or generate to true"},
		"route": {func(c *v1alpha1.SparkConnect) { c.Spec.Route = &v1alpha1.Route{Type: "Gateway", Host: "a.example.com"} }, "Unsupported value"},
		"no gateway": {func(c *v1alpha1.SparkConnect) {
			c.Spec.Route = &v1alpha1.Route{Type: "GRPCRoute", Host: "a.example.com"}
		},
			"the type GRPCRoute needs parentRefs"},
	} {
		connect := &v1alpha1.SparkConnect{ObjectMeta: metav1.ObjectMeta{Name: "lab"}}
		connect.Spec.SparkVersion = "4.3.0"
		test.edit(connect)
		_, err := connects.Create(t.Context(), connect, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// server is a SparkConnect in a test.
type server struct {
	t               *testing.T
	namespace, name string
}

func (s *server) create(manifest string) {
	s.t.Helper()
	connect := &v1alpha1.SparkConnect{}
	if err := yaml.UnmarshalStrict([]byte(manifest), connect); err != nil {
		s.t.Fatal(err)
	}
	if _, err := api.Spark.SparkoperatorV1alpha1().SparkConnects(s.namespace).Create(s.t.Context(), connect, metav1.CreateOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) patch(patch string) {
	s.t.Helper()
	_, err := api.Spark.SparkoperatorV1alpha1().SparkConnects(s.namespace).Patch(s.t.Context(), s.name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) until(what string, done func(*v1alpha1.SparkConnectStatus) bool) *v1alpha1.SparkConnectStatus {
	s.t.Helper()
	return s.within(time.Minute, what, done)
}

func (s *server) within(patience time.Duration, what string, done func(*v1alpha1.SparkConnectStatus) bool) *v1alpha1.SparkConnectStatus {
	s.t.Helper()
	var connect *v1alpha1.SparkConnect
	err := wait.PollUntilContextTimeout(s.t.Context(), 100*time.Millisecond, patience, true, func(ctx context.Context) (_ bool, err error) {
		connect, err = api.Spark.SparkoperatorV1alpha1().SparkConnects(s.namespace).Get(ctx, s.name, metav1.GetOptions{})
		return err == nil && done(&connect.Status), err
	})
	if err != nil {
		status, _ := json.Marshal(connect)
		s.t.Fatalf("%s: not true that it %s: %v: %s", s.name, what, err, status)
	}
	return &connect.Status
}

func (s *server) pod() *corev1.Pod {
	s.t.Helper()
	pod, err := api.Core.CoreV1().Pods(s.namespace).Get(s.t.Context(), s.name+"-server", metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return pod
}

func (s *server) service(name string) *corev1.Service {
	s.t.Helper()
	service, err := api.Core.CoreV1().Services(s.namespace).Get(s.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return service
}

// run reports that the server pod is ready.
func (s *server) run() {
	s.t.Helper()
	s.runAt("10.1.2.3")
}

// runAt reports that it is ready at an address.
func (s *server) runAt(address string) {
	s.t.Helper()
	pod := s.pod()
	pod.Status.Phase, pod.Status.PodIP = corev1.PodRunning, address
	pod.Status.PodIPs = []corev1.PodIP{{IP: address}}
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	if _, err := api.Core.CoreV1().Pods(s.namespace).UpdateStatus(s.t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

// end reports that the server failed.
func (s *server) end(pod *corev1.Pod) {
	s.t.Helper()
	pod.Status.Phase = corev1.PodFailed
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "spark-kubernetes-driver", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"}},
	}}
	if _, err := api.Core.CoreV1().Pods(s.namespace).UpdateStatus(s.t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		s.t.Fatal(err)
	}
}

// gone waits until the operator deletes a pod, and removes it as a kubelet does. A pod
// without node goes at once.
func (s *server) gone(pod *corev1.Pod) {
	s.t.Helper()
	pods := api.Core.CoreV1().Pods(s.namespace)
	err := wait.PollUntilContextTimeout(s.t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		live, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && live.UID != pod.UID {
			return true, nil
		}
		if err == nil && live.DeletionTimestamp != nil {
			_ = pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0), Preconditions: metav1.NewUIDPreconditions(string(pod.UID))})
			return false, nil // the next look shows what came of it
		}
		return false, err
	})
	if err != nil {
		s.t.Fatalf("pod %s is not deleted: %v", pod.Name, err)
	}
}
