// SPDX-License-Identifier: Apache-2.0

package threats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/submit/sparksubmit"
)

// Attacks that use the operator against objects of others in the same namespace, for which
// the tenant has no permission.

// bystander is an object of another in the namespace of the tenant.
type bystander struct {
	resource  schema.GroupVersionResource
	name      string
	unchanged *unstructured.Unstructured
}

// watchOver remembers an object, which must stay as it is.
func (by *tenant) watchOver(t *testing.T, resource schema.GroupVersionResource, name string) *bystander {
	t.Helper()
	object, err := api.Dynamic.Resource(resource).Namespace(by.namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &bystander{resource, name, object}
}

// lives fails if the object is not the one that it was, or was changed.
func (b *bystander) lives(t *testing.T) {
	t.Helper()
	live, err := api.Dynamic.Resource(b.resource).Namespace(b.unchanged.GetNamespace()).Get(t.Context(), b.name, metav1.GetOptions{})
	switch {
	case err != nil:
		t.Errorf("%s %s: %v", b.resource.Resource, b.name, err)
	case live.GetResourceVersion() != b.unchanged.GetResourceVersion():
		t.Errorf("%s %s was changed: %v", b.resource.Resource, b.name, live.Object)
	}
}

var (
	pods         = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	services     = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	configMaps   = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	ingresses    = schema.GroupVersionResource{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"}
	budgets      = schema.GroupVersionResource{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"}
	coscheduling = schema.GroupVersionResource{Group: "scheduling.x-k8s.io", Version: "v1alpha1", Resource: "podgroups"}
)

// runningVictim is an application of another in the namespace of the tenant, whose driver
// runs.
func (by *tenant) runningVictim(t *testing.T) (app *v1beta2.SparkApplication, driver *bystander) {
	t.Helper()
	app = waitState(t, create(t, sparkPi(by.namespace, "victim", "")), v1beta2.ApplicationStateRunning)
	return app, by.watchOver(t, pods, app.Status.DriverInfo.PodName)
}

// stillRuns fails if the application does not run as before.
func stillRuns(t *testing.T, before *v1beta2.SparkApplication) {
	t.Helper()
	live := waitFor(t, before.Namespace, before.Name, "there", func(*v1beta2.SparkApplication) bool { return true })
	if live.Status.AppState.State != v1beta2.ApplicationStateRunning || live.Status.SubmissionID != before.Status.SubmissionID ||
		live.Status.DriverInfo != before.Status.DriverInfo {
		t.Errorf("the victim was %+v and is %+v", before.Status, live.Status)
	}
}

// end deletes an application as the tenant, and gives the operator time to delete what it
// takes for the application's.
func (by *tenant) end(t *testing.T, name string) {
	t.Helper()
	if err := by.spark.SparkoperatorV1beta2().SparkApplications(by.namespace).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	settle()
}

// takeADriver gives its driver the name of a driver, and of another pod.
func takeADriver(t *testing.T, by *tenant) {
	before, driver := by.runningVictim(t)
	other := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "other"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.com/main"}}}}
	if _, err := api.Core.CoreV1().Pods(by.namespace).Create(t.Context(), other, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{before.Status.DriverInfo.PodName, "other"} {
		thief := by.app(fmt.Sprintf("thief-%d", i), "")
		thief.Spec.Driver.PodName = ptr.To(name)
		guarded := by.watchOver(t, pods, name)
		by.fails(t, thief, "driver pod already exist")
		by.end(t, thief.Name)
		guarded.lives(t)
	}
	driver.lives(t)
	stillRuns(t, before)
}

// forgeADriver creates and patches pods so that they look like drivers of the victim: of
// its run, of an earlier one, of the next one.
func forgeADriver(t *testing.T, by *tenant) {
	before, driver := by.runningVictim(t)
	for i, id := range []string{before.Status.SubmissionID, lifecycle.NextSubmissionID(before.UID, before.Status.SubmissionID), "invented", ""} {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Name: fmt.Sprintf("forged-%d", i),
				Labels: map[string]string{
					v1beta2.LabelSparkRole: v1beta2.SparkRoleDriver, v1beta2.LabelSparkAppName: before.Name, v1beta2.LabelLaunchedBySparkOperator: "true",
					v1beta2.LabelSubmissionID: id, v1beta2.LabelSparkApplicationSelector: before.Status.SparkApplicationID,
				},
				OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(before, v1beta2.SchemeGroupVersion.WithKind("SparkApplication"))},
				Annotations:     map[string]string{annotationFails: "true"},
			},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: v1beta2.DriverContainerName, Image: "example.com/main"}}},
		}
		if _, err := by.core.CoreV1().Pods(by.namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	settle()
	driver.lives(t)
	stillRuns(t, before)
}

// forgeExecutors creates pods that look like executors of the victim.
func forgeExecutors(t *testing.T, by *tenant) {
	before, driver := by.runningVictim(t)
	for i := range 20 {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("executor-%d", i), Labels: map[string]string{
				v1beta2.LabelSparkRole: v1beta2.SparkRoleExecutor, v1beta2.LabelSparkAppName: before.Name, v1beta2.LabelLaunchedBySparkOperator: "true",
				v1beta2.LabelSubmissionID: before.Status.SubmissionID, v1beta2.LabelSparkExecutorID: fmt.Sprint(i + 1),
				v1beta2.LabelSparkApplicationSelector: before.Status.SparkApplicationID,
			}},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: v1beta2.ExecutorContainerName, Image: "example.com/main"}}},
		}
		if _, err := by.core.CoreV1().Pods(by.namespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	settle()
	driver.lives(t)
	stillRuns(t, before)
	if after := waitState(t, before, v1beta2.ApplicationStateRunning); len(after.Status.ExecutorState) != 0 {
		t.Errorf("executors %v", after.Status.ExecutorState)
	}
}

// forgeAStatus gives its own application the status of the victim, and deletes it.
func forgeAStatus(t *testing.T, by *tenant) {
	before, driver := by.runningVictim(t)
	service := by.watchOver(t, services, before.Status.DriverInfo.WebUIServiceName)
	ingress := by.watchOver(t, ingresses, before.Status.DriverInfo.WebUIIngressName)
	apps := by.spark.SparkoperatorV1beta2().SparkApplications(by.namespace)
	states := []v1beta2.ApplicationStateType{v1beta2.ApplicationStateRunning, v1beta2.ApplicationStateCompleted, v1beta2.ApplicationStateInvalidating}
	for i, state := range states {
		name := fmt.Sprintf("thief-%d", i)
		waitState(t, by.create(t, by.app(name, "")), v1beta2.ApplicationStateRunning)
		eventually(t, 10*time.Second, func(ctx context.Context) error {
			thief, err := apps.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			thief.Status = *before.Status.DeepCopy()
			thief.Status.AppState.State = state
			_, err = apps.UpdateStatus(ctx, thief, metav1.UpdateOptions{})
			return err
		})
	}
	settle()
	for i := range states {
		if err := apps.Delete(t.Context(), fmt.Sprintf("thief-%d", i), metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	settle()
	driver.lives(t)
	service.lives(t)
	ingress.lives(t)
	stillRuns(t, before)
}

// forgeRunObjects lists objects of the victim in the annotation of its own driver with
// which the operator deletes what belongs to a run.
func forgeRunObjects(t *testing.T, by *tenant) {
	before, driver := by.runningVictim(t)
	pod, err := by.core.CoreV1().Pods(by.namespace).Get(t.Context(), before.Status.DriverInfo.PodName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	list := pod.Annotations[v1beta2.AnnotationRunObjects]
	var guarded []*bystander
	for entry := range strings.SplitSeq(list, ",") {
		kind, name, _ := strings.Cut(entry, "/")
		resource := map[string]schema.GroupVersionResource{
			"Service": services, "NetworkPolicy": {Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"},
		}[kind]
		guarded = append(guarded, by.watchOver(t, resource, name))
	}
	if len(guarded) == 0 {
		t.Fatalf("the driver lists no objects: %q", list)
	}
	thief := waitState(t, by.create(t, by.app("thief", "")), v1beta2.ApplicationStateRunning)
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q},"labels":{%q:%q}}}`, v1beta2.AnnotationRunObjects, list+",Secret/planted,Service/kubernetes",
		v1beta2.LabelSubmissionID, before.Status.SubmissionID)
	if _, err := by.core.CoreV1().Pods(by.namespace).Patch(t.Context(), thief.Status.DriverInfo.PodName, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	status := fmt.Appendf(nil, `{"status":{"submissionID":%q}}`, before.Status.SubmissionID)
	if _, err := by.spark.SparkoperatorV1beta2().SparkApplications(by.namespace).Patch(t.Context(), "thief", types.MergePatchType, status, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	settle()
	by.end(t, "thief")
	for _, b := range guarded {
		b.lives(t)
	}
	driver.lives(t)
	stillRuns(t, before)
}

// forgeLabels sets the labels by which the operator finds pods, in each place where a
// tenant can set labels of a driver.
func forgeLabels(t *testing.T, by *tenant) {
	before, driver := by.runningVictim(t)
	forged := map[string]string{
		v1beta2.LabelSparkAppName: before.Name, v1beta2.LabelSubmissionID: before.Status.SubmissionID, v1beta2.LabelSparkRole: v1beta2.SparkRoleExecutor,
		v1beta2.LabelSparkApplicationSelector: before.Status.SparkApplicationID, v1beta2.LabelLaunchedBySparkOperator: "false",
		"app.kubernetes.io/name": "spark-operator", "app.kubernetes.io/component": "controller",
	}
	byField := by.app("field", "")
	byField.Spec.Driver.Labels = forged
	byTemplate := by.app("template", "")
	byTemplate.Spec.Driver.Template = &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: forged}}
	byProperty := by.appWith("property", map[string]string{})
	for key, value := range forged {
		byProperty.Spec.SparkConf["spark.kubernetes.driver.label."+key] = value
	}
	byOwn := by.app("own", "")
	byOwn.Labels = forged
	for _, app := range []*v1beta2.SparkApplication{byField, byTemplate, byProperty, byOwn} {
		by.create(t, app)
	}
	settle()
	list, err := api.Core.CoreV1().Pods(by.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		pod := &list.Items[i]
		owner := metav1.GetControllerOfNoCopy(pod)
		if owner == nil || pod.Labels[v1beta2.LabelSparkAppName] != owner.Name || pod.Labels[v1beta2.LabelSparkRole] != v1beta2.SparkRoleDriver ||
			pod.Name != driver.name && pod.Labels[v1beta2.LabelSubmissionID] == before.Status.SubmissionID {
			t.Errorf("pod %s of %v has labels %v", pod.Name, owner, pod.Labels)
		}
	}
	driver.lives(t)
	stillRuns(t, before)
}

// takeAService names its application so that its Service has the name of a Service of
// another.
func takeAService(t *testing.T, by *tenant) {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "db-ui-svc"},
		Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "db"}, Ports: []corev1.ServicePort{{Port: 5432}}},
	}
	if _, err := api.Core.CoreV1().Services(by.namespace).Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	guarded := by.watchOver(t, services, service.Name)
	by.outlives(t, "db", guarded)
}

// outlives runs and ends an application, and checks that a guarded object is untouched.
func (by *tenant) outlives(t *testing.T, app string, guarded *bystander) {
	t.Helper()
	waitState(t, by.create(t, by.app(app, "")), v1beta2.ApplicationStateRunning)
	settle()
	by.end(t, app)
	guarded.lives(t)
}

// takeAnIngress does the same with an Ingress.
func takeAnIngress(t *testing.T, by *tenant) {
	ingress := &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Name: "shop-ui-ingress"},
		Spec: networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{
			Service: &networkingv1.IngressServiceBackend{Name: "shop", Port: networkingv1.ServiceBackendPort{Number: 80}},
		}},
	}
	if _, err := api.Core.NetworkingV1().Ingresses(by.namespace).Create(t.Context(), ingress, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	guarded := by.watchOver(t, ingresses, ingress.Name)
	by.outlives(t, "shop", guarded)
}

// chooseAHost tries to move its web UI to the address of another. The format of the
// operator decides; only spec.driverIngressOptions, for further ports, has one of its own.
func chooseAHost(t *testing.T, by *tenant) {
	app := by.app("elsewhere", "")
	app.Spec.SparkUIOptions = &v1beta2.SparkUIConfiguration{
		IngressAnnotations: map[string]string{"nginx.ingress.kubernetes.io/server-alias": "victim.spark.example.com"},
		IngressTLS:         []networkingv1.IngressTLS{{Hosts: []string{"victim.spark.example.com"}, SecretName: "tls"}},
	}
	app.Spec.SparkConf = map[string]string{"spark.ui.proxyBase": "/" + victim, "spark.ui.proxyRedirectUri": "https://victim.spark.example.com"}
	waitState(t, by.create(t, app), v1beta2.ApplicationStateRunning)
	list, err := api.Core.NetworkingV1().Ingresses(by.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("%d ingresses, %v", len(list.Items), err)
	}
	for _, rule := range list.Items[0].Spec.Rules {
		if rule.Host != "elsewhere.spark.example.com" || !strings.HasPrefix(rule.HTTP.Paths[0].Path, "/"+by.namespace) {
			t.Errorf("rule %+v", rule)
		}
	}
	format := by.app("format", "")
	format.Spec.DriverIngressOptions = []v1beta2.DriverIngressConfiguration{{
		ServicePort: ptr.To[int32](9000), ServicePortName: ptr.To("api"), IngressURLFormat: `{{printf "%999999999d" 1}}.example.com`,
	}}
	by.create(t, format)
	settle()
}

// takeAPodGroup names its application so that its pod group has the name of another's.
func takeAPodGroup(t *testing.T, by *tenant) {
	group := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "scheduling.x-k8s.io/v1alpha1", "kind": "PodGroup", "metadata": map[string]any{"name": "gang-pg"}, "spec": map[string]any{"minMember": int64(7)},
	}}
	if _, err := api.Dynamic.Resource(coscheduling).Namespace(by.namespace).Create(t.Context(), group, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	guarded := by.watchOver(t, coscheduling, "gang-pg")
	app := by.app("gang", "")
	app.Spec.BatchScheduler = ptr.To("coscheduling")
	by.fails(t, app, "PodGroup gang-pg exists and belongs to no known owner")
	by.end(t, "gang")
	guarded.lives(t)
}

// takeADisruptionBudget gives its driver the name of a budget of another, and ends.
func takeADisruptionBudget(t *testing.T, by *tenant) {
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "quorum"},
		Spec:       policyv1.PodDisruptionBudgetSpec{MinAvailable: ptr.To(intstr.FromInt32(2)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}}},
	}
	if _, err := api.Core.PolicyV1().PodDisruptionBudgets(by.namespace).Create(t.Context(), budget, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	guarded := by.watchOver(t, budgets, "quorum")
	app := by.app("thief", "")
	app.Spec.Driver.PodName, app.Spec.DriverPodDisruptionBudget = ptr.To("quorum"), ptr.To(true)
	waitState(t, by.create(t, app), v1beta2.ApplicationStateRunning)
	if _, err := by.spark.SparkoperatorV1beta2().SparkApplications(by.namespace).Patch(t.Context(), "thief", types.MergePatchType,
		[]byte(`{"spec":{"driverPodDisruptionBudget":false}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	settle()
	by.end(t, "thief")
	guarded.lives(t)
}

// takeAConfigMap names its application so that its metrics configuration has the name of a
// ConfigMap of another.
func takeAConfigMap(t *testing.T, by *tenant) {
	configMap := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "billing-prom-conf"}, Data: map[string]string{"metrics.properties": "of another"}}
	if _, err := api.Core.CoreV1().ConfigMaps(by.namespace).Create(t.Context(), configMap, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	guarded := by.watchOver(t, configMaps, configMap.Name)
	app := by.app("billing", "")
	app.Spec.Monitoring = &v1beta2.MonitoringSpec{ExposeDriverMetrics: true, Prometheus: &v1beta2.PrometheusSpec{JmxExporterJar: "/jmx.jar"}}
	waitState(t, by.create(t, app), v1beta2.ApplicationStateRunning)
	by.end(t, "billing")
	guarded.lives(t)
}

// forgedJob is a Job with the name of the one that will submit the application.
func forgedJob(app *v1beta2.SparkApplication) *batchv1.Job {
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: sparksubmit.Name(lifecycle.NextSubmissionID(app.UID, ""))},
		Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "main", Image: "example.com/main"}},
		}}},
	}
}

// claimAnApplication makes its schedule the owner of an application of another, with the
// labels of its runs: the history of the schedule would delete it.
func claimAnApplication(t *testing.T, by *tenant) {
	before, driver := by.runningVictim(t)
	schedules := by.spark.SparkoperatorV1beta2().ScheduledSparkApplications(by.namespace)
	schedule, err := schedules.Create(t.Context(), &v1beta2.ScheduledSparkApplication{
		ObjectMeta: metav1.ObjectMeta{Name: "thief"},
		Spec: v1beta2.ScheduledSparkApplicationSpec{
			Schedule: "0 0 1 1 *", ConcurrencyPolicy: v1beta2.ConcurrencyReplace, Template: by.app("", "").Spec,
			SuccessfulRunHistoryLimit: ptr.To[int32](1), FailedRunHistoryLimit: ptr.To[int32](1),
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 20*time.Second, func(ctx context.Context) error {
		live, err := schedules.Get(ctx, "thief", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if live.Status.ScheduleState == "" {
			return errors.New("the schedule has no status")
		}
		live.Status.LastRunName, live.Status.PastSuccessfulRunNames = before.Name, []string{before.Name, "x", "y"}
		_, err = schedules.UpdateStatus(ctx, live, metav1.UpdateOptions{})
		return err
	})
	settle()
	if err := schedules.Delete(t.Context(), schedule.Name, metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
	driver.lives(t)
	stillRuns(t, before)
}
