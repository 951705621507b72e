// SPDX-License-Identifier: Apache-2.0

package threats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/permissions"
	"github.com/spark-operator/spark-operator/pkg/ui"
	"github.com/spark-operator/spark-operator/test/lifecycle"
	"github.com/spark-operator/spark-operator/test/sim/faultproxy"
	"github.com/spark-operator/spark-operator/test/sim/gateway"
	"github.com/spark-operator/spark-operator/test/sim/operator"
	"github.com/spark-operator/spark-operator/test/sim/rights"
)

// TestEveryPermissionIsUsed: with the permissions that their flags need and no others,
// controller and webhook do everything that they can do. Nothing is refused, and no
// permission is left that nothing used; for the whole cluster, and for one namespace
// without any permission in the cluster.
func TestEveryPermissionIsUsed(t *testing.T) {
	gateway.InstallRoutes(t, api.Dynamic)
	for name, scope := range map[string][]string{
		"cluster":    {"--namespace-selector=watched=cluster"},
		"namespaced": {"--namespaces=rights-namespaced", "--node-loss-grace-period=0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := "rights-" + name
			newNamespace(t, namespace, name)
			webhook := startWebhook(t, namespace, scope)
			controller, config := account(t, namespace+"-controller", []string{"controller", "start"}, append(scope,
				"--leader-election", "--leader-election-lock-name="+namespace, "--leader-election-lock-namespace="+rights.Namespace,
				"--leader-election-retry-period=500ms", "--driver-pod-creation-grace-period=1s", "--enable-driver-pdb", "--enable-batch-scheduler", "--kube-scheduler-names=coscheduling",
				"--ingress-url-format={{$appName}}.example.com")...)
			if name == "namespaced" {
				hasNoClusterRole(t, controller.Name)
			}
			allAllowed := checked(t, controller, config)
			startDisturbed(t, controller, config)
			repeatAnEvent(t, namespace, config)

			t.Run("scenarios", func(t *testing.T) {
				for what, scenario := range scenarios {
					t.Run(what, func(t *testing.T) {
						t.Parallel()
						scenario(t, namespace)
					})
				}
			})
			everythingUsed(t, controller, allAllowed)
			everythingUsed(t, webhook, webhookScenario(t, namespace, webhook))
		})
	}
}

// hasNoClusterRole fails if an account has permissions in the cluster.
func hasNoClusterRole(t *testing.T, name string) {
	t.Helper()
	if _, err := api.Core.RbacV1().ClusterRoles().Get(t.Context(), name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("cluster role: %v", err)
	}
}

// checked returns the permissions of a process as auth-check lists them, all of them
// allowed.
func checked(t *testing.T, process *rights.Process, config *rest.Config) []permissions.Permission {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), operatorBinary, process.AuthCheck("-o", "json", "--kubeconfig", kubeconfigOf(t, config))...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Errorf("auth-check: %s", exit.Stderr)
	}
	var answers []struct {
		permissions.Permission
		Allowed bool
	}
	if err := json.Unmarshal(output, &answers); err != nil {
		t.Fatalf("auth-check: %v: %s", err, output)
	}
	var all []permissions.Permission
	for i := range answers {
		if !answers[i].Allowed {
			t.Errorf("auth-check: %+v", answers[i])
		}
		all = append(all, answers[i].Permission)
	}
	return all
}

// startDisturbed runs the controller behind a proxy that withholds the answer to the first
// creation of each kind of object: the controller then reads what it has created. It also
// denies once that a schedule exists.
func startDisturbed(t *testing.T, process *rights.Process, config *rest.Config) {
	t.Helper()
	proxy, err := faultproxy.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	var lock sync.Mutex
	withheld := map[string]bool{}
	first := func(what string) bool {
		lock.Lock()
		defer lock.Unlock()
		if withheld[what] {
			return false
		}
		withheld[what] = true
		return true
	}
	proxy.Disturb(func(_ int64, r *http.Request) faultproxy.Disturbance {
		parts := strings.Split(r.URL.Path, "/")
		kind := strings.Join(parts[:3], "/") + " " + parts[len(parts)-1]
		switch {
		case r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/scheduledsparkapplications/") && first("status of a schedule"):
			return faultproxy.Disturbance{Status: http.StatusNotFound}
		case r.Method == http.MethodPost && !strings.HasSuffix(r.URL.Path, "/events") && !strings.HasSuffix(r.URL.Path, "/leases") && first(kind):
			return faultproxy.Disturbance{Moment: faultproxy.After, Status: http.StatusInternalServerError}
		}
		return faultproxy.Disturbance{}
	})
	kubeconfig, err := proxy.WriteKubeconfig(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	start(t, process, kubeconfig)
}

// start runs a process until the end of the test.
func start(t *testing.T, process *rights.Process, kubeconfig string) *operator.Process {
	t.Helper()
	running, err := operator.Start(operator.Options{
		Binary: operatorBinary, Kubeconfig: kubeconfig, Command: process.Command, Flags: process.Flags,
		Log: filepath.Join(t.TempDir(), "operator.log"),
		// API servers before Kubernetes 1.34 do not stream lists.
		Env: []string{"KUBE_FEATURE_WatchListClient=false"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		running.Kill()
		if t.Failed() {
			t.Logf("log of %s:\n%s", process.Name, running.Tail(40))
		}
	})
	return running
}

// repeatAnEvent sends an event twice, as the recorder of the operator does when a status
// cannot be written for a long time.
func repeatAnEvent(t *testing.T, namespace string, config *rest.Config) {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: client.EventsV1()})
	defer broadcaster.Shutdown()
	if err := broadcaster.StartRecordingToSinkWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	recorder := broadcaster.NewRecorder(scheme.Scheme, "test")
	subject := &corev1.ObjectReference{APIVersion: v1beta2.SchemeGroupVersion.String(), Kind: "SparkApplication", Namespace: namespace, Name: "repeated"}
	for range 2 {
		recorder.Eventf(subject, nil, corev1.EventTypeWarning, "Repeated", "Repeat", "twice")
	}
	eventually(t, 20*time.Second, func(ctx context.Context) error {
		list, err := api.Core.EventsV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: "reason=Repeated"})
		if err == nil && (len(list.Items) != 1 || list.Items[0].Series == nil) {
			err = fmt.Errorf("%d events without a series", len(list.Items))
		}
		return err
	})
}

// scenarios do together all that the controller can do in a namespace.
var scenarios = map[string]func(t *testing.T, namespace string){
	"run with everything": runWithEverything,
	"failed run":          failedRun,
	"failed submission":   failedSubmission,
	"lost driver":         lostDriver,
	"Volcano":             func(t *testing.T, namespace string) { groupedRun(t, namespace, "volcano") },
	"coscheduling":        func(t *testing.T, namespace string) { groupedRun(t, namespace, "coscheduling") },
	"schedule":            schedule,
	"spark-submit":        sparkSubmit,
	"silent start":        silentStart,
	"Spark Connect":       connectServer,
}

// runWithEverything runs an application with each kind of object, edits it while it runs,
// lets it end and expire.
func runWithEverything(t *testing.T, namespace string) {
	app := sparkPi(namespace, "everything", "")
	app.Spec.SparkConf = map[string]string{
		"spark.kubernetes.driver.volumes.persistentVolumeClaim.data.mount.path":           "/data",
		"spark.kubernetes.driver.volumes.persistentVolumeClaim.data.options.claimName":    "OnDemand",
		"spark.kubernetes.driver.volumes.persistentVolumeClaim.data.options.sizeLimit":    "1Gi",
		"spark.kubernetes.driver.volumes.persistentVolumeClaim.data.options.storageClass": "standard",
	}
	app.Spec.Monitoring = &v1beta2.MonitoringSpec{ExposeDriverMetrics: true, Prometheus: &v1beta2.PrometheusSpec{JmxExporterJar: "/jmx.jar"}}
	app.Spec.DriverPodDisruptionBudget = ptr.To(true)
	app.Spec.DriverIngressOptions = []v1beta2.DriverIngressConfiguration{{
		ServicePort: ptr.To[int32](9000), ServicePortName: ptr.To("api"), IngressURLFormat: "{{$appName}}-api.example.com",
	}}
	waitState(t, create(t, app), v1beta2.ApplicationStateRunning)

	apps := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace)
	edit := func(patch string) {
		t.Helper()
		if _, err := apps.Patch(t.Context(), app.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	gone := func(err error) error {
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it still exists: %w", err)
	}
	edit(`{"spec":{"driverIngressOptions":null,"driverPodDisruptionBudget":false,"sparkUIOptions":{"serviceType":"NodePort","ingressAnnotations":{"a":"b"}}}}`)
	eventually(t, 30*time.Second, func(ctx context.Context) error {
		services, err := api.Core.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{LabelSelector: v1beta2.LabelSparkAppName + "=" + app.Name})
		if err != nil {
			return err
		}
		for i := range services.Items {
			if services.Items[i].Spec.Type == corev1.ServiceTypeNodePort {
				return nil
			}
		}
		return errors.New("the Service of the web UI is not updated")
	})
	eventually(t, 30*time.Second, func(ctx context.Context) error {
		_, err := api.Core.PolicyV1().PodDisruptionBudgets(namespace).Get(ctx, app.Name+"-driver", metav1.GetOptions{})
		return gone(err)
	})
	// A new run with another configuration of the exporter, which ends.
	edit(`{"spec":{"monitoring":{"prometheus":{"configuration":"rules: []"}},"timeToLiveSeconds":1,"driver":{"annotations":{"` + annotationEnds + `":"true"}}}}`)
	eventually(t, time.Minute, func(ctx context.Context) error {
		_, err := apps.Get(ctx, app.Name, metav1.GetOptions{})
		return gone(err)
	})
}

// failedRun fails, so that the log of the driver is read, and starts again.
func failedRun(t *testing.T, namespace string) {
	app := sparkPi(namespace, "failed", annotationFails)
	app.Spec.RestartPolicy = v1beta2.RestartPolicy{
		Type: v1beta2.RestartPolicyOnFailure, OnFailureRetries: ptr.To[int32](2), OnFailureRetryInterval: ptr.To[int64](1),
	}
	waitState(t, create(t, app), v1beta2.ApplicationStateFailed)
}

// failedSubmission has a driver that the API server refuses.
func failedSubmission(t *testing.T, namespace string) {
	app := sparkPi(namespace, "unsubmitted", "")
	app.Spec.Driver.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Tolerations: []corev1.Toleration{{Key: "not a key", Operator: "Exists"}}}}
	app.Spec.RestartPolicy = v1beta2.RestartPolicy{
		Type: v1beta2.RestartPolicyOnFailure, OnSubmissionFailureRetries: ptr.To[int32](2), OnSubmissionFailureRetryInterval: ptr.To[int64](1),
	}
	waitState(t, create(t, app), v1beta2.ApplicationStateFailed)
}

// lostDriver has a driver that is suddenly gone: before the operator says so, it reads it.
func lostDriver(t *testing.T, namespace string) {
	app := waitState(t, create(t, sparkPi(namespace, "lost", "")), v1beta2.ApplicationStateRunning)
	now := metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}
	if err := api.Core.CoreV1().Pods(namespace).Delete(t.Context(), app.Status.DriverInfo.PodName, now); err != nil {
		t.Fatal(err)
	}
	waitState(t, app, v1beta2.ApplicationStateFailed)
}

// groupedRun runs with a batch scheduler, twice.
func groupedRun(t *testing.T, namespace, scheduler string) {
	app := sparkPi(namespace, scheduler, annotationFails)
	app.Spec.BatchScheduler = ptr.To(scheduler)
	app.Spec.RestartPolicy = v1beta2.RestartPolicy{
		Type: v1beta2.RestartPolicyOnFailure, OnFailureRetries: ptr.To[int32](1), OnFailureRetryInterval: ptr.To[int64](1),
	}
	waitState(t, create(t, app), v1beta2.ApplicationStateFailed)
}

// schedule starts runs and deletes old ones.
func schedule(t *testing.T, namespace string) {
	schedules := api.Spark.SparkoperatorV1beta2().ScheduledSparkApplications(namespace)
	_, err := schedules.Create(t.Context(), &v1beta2.ScheduledSparkApplication{
		ObjectMeta: metav1.ObjectMeta{Name: "often"},
		Spec:       v1beta2.ScheduledSparkApplicationSpec{Schedule: "@every 2s", Template: sparkPi("", "", annotationEnds).Spec},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, func(ctx context.Context) error {
		live, err := schedules.Get(ctx, "often", metav1.GetOptions{})
		if err == nil && len(live.Status.PastSuccessfulRunNames) == 0 {
			err = fmt.Errorf("no run has ended: %+v", live.Status)
		}
		return err
	})
	if err := schedules.Delete(t.Context(), "often", metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

// sparkSubmit submits with a Job, whose driver ends.
func sparkSubmit(t *testing.T, namespace string) {
	app := sparkPi(namespace, "submitted", annotationEnds)
	app.Annotations = map[string]string{v1beta2.AnnotationSubmitter: v1beta2.SubmitterSparkSubmit}
	app = create(t, app)
	var job *batchv1.Job
	eventually(t, 30*time.Second, func(ctx context.Context) error {
		jobs, err := api.Core.BatchV1().Jobs(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for i := range jobs.Items {
			if job = &jobs.Items[i]; metav1.IsControlledBy(job, app) {
				_, err := api.Core.CoreV1().ConfigMaps(namespace).Get(ctx, job.Name, metav1.GetOptions{})
				return err
			}
		}
		return errors.New("no job")
	})
	if _, err := lifecycle.RunSparkSubmit(t.Context(), api.Core, job); err != nil {
		t.Fatal(err)
	}
	waitState(t, app, v1beta2.ApplicationStateCompleted)
}

// connectServer starts a Spark Connect server, stops it, and lets it expire.
func connectServer(t *testing.T, namespace string) {
	connects := api.Spark.SparkoperatorV1alpha1().SparkConnects(namespace)
	connect := &v1alpha1.SparkConnect{ObjectMeta: metav1.ObjectMeta{Name: "lab"}}
	connect.Spec.SparkVersion, connect.Spec.Image, connect.Spec.TimeToLiveSeconds = "4.3.0", ptr.To("apache/spark:4.3.0"), ptr.To[int64](1)
	connect.Spec.Authentication = &v1alpha1.Authentication{Generate: true}
	connect.Spec.Route = &v1alpha1.Route{
		Type: v1alpha1.RouteGRPC, Host: "lab.example.com", UIHost: "lab-ui.example.com", ParentRefs: []v1beta2.RouteGateway{{Name: "web"}},
	}
	if _, err := connects.Create(t.Context(), connect, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, func(ctx context.Context) error {
		stored, err := connects.Get(ctx, "lab", metav1.GetOptions{})
		// Both routes exist by then.
		if written := conditionOf(stored, v1alpha1.ConditionRouteReady, "RouteNotAccepted"); err == nil && (stored.Status.Server.PodUID == "" || !written) {
			err = fmt.Errorf("no server, or no routes: %+v", stored.Status)
		}
		return err
	})
	edit := func(patch string) {
		t.Helper()
		if _, err := connects.Patch(t.Context(), "lab", types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	// The routes are written, changed and deleted.
	edit(`{"spec":{"route":{"annotations":{"team":"data"}}}}`)
	for _, resource := range []schema.GroupVersionResource{ui.GRPCRouteResource, ui.RouteResource} {
		eventually(t, time.Minute, func(ctx context.Context) error {
			list, err := api.Dynamic.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{LabelSelector: v1alpha1.LabelConnectName + "=lab"})
			if err == nil && (len(list.Items) != 1 || list.Items[0].GetAnnotations()["team"] != "data") {
				err = fmt.Errorf("%s: %+v", resource.Resource, list.Items)
			}
			return err
		})
	}
	edit(`{"spec":{"route":null}}`)
	eventually(t, time.Minute, func(ctx context.Context) error {
		stored, err := connects.Get(ctx, "lab", metav1.GetOptions{})
		if err == nil && meta.FindStatusCondition(stored.Status.Conditions, v1alpha1.ConditionRouteReady) != nil {
			err = fmt.Errorf("routes are left: %+v", stored.Status.Conditions)
		}
		return err
	})
	edit(`{"spec":{"suspend":true}}`)
	eventually(t, time.Minute, func(ctx context.Context) error {
		stored, err := connects.Get(ctx, "lab", metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		}
		return fmt.Errorf("it exists: %+v", stored.Status)
	})
}

func conditionOf(connect *v1alpha1.SparkConnect, kind, reason string) bool {
	found := meta.FindStatusCondition(connect.Status.Conditions, kind)
	return found != nil && found.Reason == reason
}

// silentStart has a driver whose containers do not start, and the node says nothing.
func silentStart(t *testing.T, namespace string) {
	app := create(t, sparkPi(namespace, "silent", annotationSlow))
	waitState(t, app, v1beta2.ApplicationStateSubmitted)
	time.Sleep(18 * time.Second)
	if err := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Delete(t.Context(), app.Name, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

// elsewhere are permissions whose use no audit log shows, or not here, with the test that
// shows it.
var elsewhere = map[string]string{
	// The node is read a minute after the deletion of a driver.
	"get nodes": "TestLostNode",
	// The admission plugin asks whether the account has them.
	"update sparkapplications/finalizers":          "TestOwnerReferencesNeedPermission",
	"update scheduledsparkapplications/finalizers": "TestOwnerReferencesNeedPermission",
	"update sparkconnects/finalizers":              "TestOwnerReferencesNeedPermission",
}

// everythingUsed fails if the account of a process was refused anything, and if there is a
// permission that it has not used.
func everythingUsed(t *testing.T, process *rights.Process, all []permissions.Permission) {
	t.Helper()
	if len(all) == 0 {
		t.Fatalf("%s has no permissions", process.Name)
	}
	nothingRefused(t, process.User())
	made := requests(t, process.User())
	for i := range all {
		p := &all[i]
		if elsewhere[p.Verb+" "+p.Resource] == "" && !slices.ContainsFunc(made, func(r request) bool { return r.uses(p) }) {
			t.Errorf("%s never used its permission to %s %s.%s %s in namespace %q", process.Name, p.Verb, p.Resource, p.Group, p.Name, p.Namespace)
		}
	}
}
