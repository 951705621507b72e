// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/test/sim"
)

const quotaFlag = "--enable-resource-quota-enforcement"

// quantities are name=quantity pairs.
func quantities(pairs string) corev1.ResourceList {
	list := corev1.ResourceList{}
	for pair := range strings.FieldsSeq(pairs) {
		name, value, _ := strings.Cut(pair, "=")
		list[corev1.ResourceName(name)] = resource.MustParse(value)
	}
	return list
}

// count does the work of the quota controller, which does not run here.
func (in *installation) count(t *testing.T, name, used string) {
	t.Helper()
	quotas := api.Core.CoreV1().ResourceQuotas(in.name)
	quota, err := quotas.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	quota.Status.Hard, quota.Status.Used = quota.Spec.Hard, corev1.ResourceList{}
	for name := range quota.Spec.Hard {
		quota.Status.Used[name] = resource.Quantity{}
	}
	for name, value := range quantities(used) {
		quota.Status.Used[name] = value
	}
	if _, err := quotas.UpdateStatus(t.Context(), quota, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (in *installation) createQuota(t *testing.T, name string, spec corev1.ResourceQuotaSpec) {
	t.Helper()
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
	if _, err := api.Core.CoreV1().ResourceQuotas(in.name).Create(t.Context(), quota, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	in.count(t, name, "")
}

func ofClasses(operator corev1.ScopeSelectorOperator, classes ...string) *corev1.ScopeSelector {
	return &corev1.ScopeSelector{MatchExpressions: []corev1.ScopedResourceSelectorRequirement{
		{ScopeName: corev1.ResourceQuotaScopePriorityClass, Operator: operator, Values: classes},
	}}
}

// podsOf are the pods that an application cannot run without, as its submission and Spark
// build them.
func podsOf(t *testing.T, object *unstructured.Unstructured) []*corev1.Pod {
	t.Helper()
	app := &v1beta2.SparkApplication{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, app); err != nil {
		t.Fatal(err)
	}
	v1beta2.SetObjectDefaults_SparkApplication(app)
	run, err := translate.Preview(app, nil)
	if err != nil {
		t.Fatal(err)
	}
	pods := []*corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: app.Name + "-driver"}, Spec: run.Driver.Spec}}
	for n := range run.LeastExecutors {
		executor := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-exec-%d", app.Name, n)}, Spec: *run.ExecutorTemplate.Spec.DeepCopy()}
		container := &executor.Spec.Containers[podspec.SparkContainer(&executor.Spec, podspec.Executor, "")]
		container.Resources, container.Image = run.ExecutorResources, "spark"
		if container.Name == "" {
			container.Name = v1beta2.ExecutorContainerName
		}
		pods = append(pods, executor)
	}
	for _, pod := range pods {
		pod.Spec.ServiceAccountName = ""
	}
	return pods
}

// fits reports whether the API server stores all pods of an application.
func (in *installation) fits(t *testing.T, app *unstructured.Unstructured) bool {
	t.Helper()
	pods := api.Core.CoreV1().Pods(in.name)
	all := true
	for _, pod := range podsOf(t, app) {
		_, err := pods.Create(t.Context(), pod, metav1.CreateOptions{})
		switch {
		case err == nil:
			now := int64(0)
			defer func() { _ = pods.Delete(t.Context(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}) }()
		case strings.Contains(err.Error(), "exceeded quota: "):
			all = false
		default:
			t.Fatal(err)
		}
	}
	return all
}

// TestQuotasAreCountedAsTheAPIServerCounts: an application is refused if and only if the
// API server would refuse one of its pods in an empty namespace.
func TestQuotasAreCountedAsTheAPIServerCounts(t *testing.T) {
	in := install(t, "quotas", admissionregistrationv1.Fail)
	in.start(t, in.port, quotaFlag)
	in.works(t, 30*time.Second)
	for _, class := range []string{"high", "low", "canary"} {
		if _, err := api.Core.SchedulingV1().PriorityClasses().Create(t.Context(), &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: class}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	const high = "high"
	scoped := func(hard string, scopes ...corev1.ResourceQuotaScope) corev1.ResourceQuotaSpec {
		return corev1.ResourceQuotaSpec{Hard: quantities(hard), Scopes: scopes}
	}
	ofClass := func(hard string, operator corev1.ScopeSelectorOperator, classes ...string) corev1.ResourceQuotaSpec {
		return corev1.ResourceQuotaSpec{Hard: quantities(hard), ScopeSelector: ofClasses(operator, classes...)}
	}
	driverOf := func(class string) []any { return []any{"driver", map[string]any{"priorityClassName": class}} }
	dynamic := []any{"dynamicAllocation", map[string]any{"enabled": true, "initialExecutors": int64(9), "minExecutors": int64(2)}}
	deadline := []any{"driver", map[string]any{"template": map[string]any{"spec": map[string]any{"activeDeadlineSeconds": int64(60), "containers": []any{
		map[string]any{"name": "spark-kubernetes-driver", "image": "spark"},
	}}}}}
	for name, test := range map[string]struct {
		app   []any
		quota corev1.ResourceQuotaSpec
		want  string // of the refusal; empty for none
	}{
		"memory fits exactly":    {nil, scoped("requests.memory=2816Mi memory=2816Mi limits.memory=2816Mi cpu=2 pods=2"), ""},
		"memory is counted once": {nil, scoped("requests.memory=2815Mi"), "requests.memory: the application needs 2816Mi (driver 1408Mi + 1 executor of 1408Mi), but spec.hard is 2815Mi"},
		"limits":                 {nil, scoped("limits.memory=2815Mi"), "limits.memory: the application needs 2816Mi"},
		"limit beyond the request": {[]any{"driver", map[string]any{"coreLimit": "2"}, "executor", map[string]any{"coreLimit": "2"}}, scoped("limits.cpu=3 requests.cpu=2"),
			"limits.cpu: the application needs 4 (driver 2 + 1 executor of 2)"},
		"overhead factor":         {[]any{"memoryOverheadFactor", "1.0"}, scoped("requests.memory=4095Mi"), "requests.memory: the application needs 4Gi (driver 2Gi + 1 executor of 2Gi)"},
		"overhead factor fits":    {[]any{"memoryOverheadFactor", "1.0"}, scoped("requests.memory=4Gi"), ""},
		"minimum of dynamic":      {dynamic, scoped("pods=2"), "pods: the application needs 3 (driver 1 + 2 executors of 1)"},
		"minimum of dynamic fits": {dynamic, scoped("pods=3"), ""},
		"best effort":             {nil, scoped("pods=0", corev1.ResourceQuotaScopeBestEffort), ""},
		"not best effort":         {nil, scoped("pods=1", corev1.ResourceQuotaScopeNotBestEffort), "pods: the application needs 2"},
		"terminating":             {nil, scoped("pods=0", corev1.ResourceQuotaScopeTerminating), ""},
		"terminating driver":      {deadline, scoped("pods=0", corev1.ResourceQuotaScopeTerminating), "pods: the application needs 1 (driver 1)"},
		"not terminating":         {deadline, scoped("pods=0", corev1.ResourceQuotaScopeNotTerminating), "pods: the application needs 1 (1 executor of 1)"},
		"class of the driver":     {driverOf(high), ofClass("requests.memory=1Gi", corev1.ScopeSelectorOpIn, high), "requests.memory: the application needs 1408Mi (driver 1408Mi)"},
		"another class":           {driverOf("low"), ofClass("pods=0", corev1.ScopeSelectorOpIn, high), ""},
		"any class":               {driverOf("low"), ofClass("pods=0", corev1.ScopeSelectorOpExists), "pods: the application needs 1 (driver 1)"},
		"class that is excluded":  {append(driverOf(high), "executor", map[string]any{"priorityClassName": "low"}), ofClass("pods=0", corev1.ScopeSelectorOpNotIn, high), "pods: the application needs 1 (1 executor of 1)"},
	} {
		t.Run(name, func(t *testing.T) {
			in.createQuota(t, "team", test.quota)
			canary := fmt.Sprintf("canary-%d", time.Now().UnixNano())
			in.createQuota(t, canary, ofClass("pods=0", corev1.ScopeSelectorOpIn, "canary"))
			quotas := api.Core.CoreV1().ResourceQuotas(in.name)
			defer func() {
				_ = quotas.Delete(t.Context(), "team", metav1.DeleteOptions{})
				_ = quotas.Delete(t.Context(), canary, metav1.DeleteOptions{})
			}()
			// Who knows the canary knows the quota, which came before.
			eventually(t, 20*time.Second, func() error { return in.knows(t.Context(), canary) })
			manifest := app(in.name, "pi", test.app...)
			_, err := create(t.Context(), manifest, metav1.DryRunAll)
			if refused := err != nil; refused != (test.want != "") || refused && !strings.Contains(err.Error(), "ResourceQuota team: "+test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if fits := in.fits(t, manifest); fits != (test.want == "") {
				t.Errorf("the API server stores all pods: %v", fits)
			}
		})
	}
}

// knows returns an error until webhook and API server know a quota for the class canary.
func (in *installation) knows(ctx context.Context, canary string) error {
	_, err := create(ctx, app(in.name, "canary", "driver", map[string]any{"priorityClassName": "canary"}), metav1.DryRunAll)
	if err == nil || !strings.Contains(err.Error(), canary) {
		return fmt.Errorf("the webhook does not know the quota yet: %w", err)
	}
	pod := executor(in.name, "pi", "canary")
	pod.Spec.PriorityClassName = "canary"
	few := quantities("cpu=1m memory=1Mi") // what no other quota misses
	pod.Spec.Containers[0].Resources = corev1.ResourceRequirements{Requests: few, Limits: few}
	_, err = api.Core.CoreV1().Pods(in.name).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err == nil || !strings.Contains(err.Error(), canary) {
		return fmt.Errorf("the API server does not know the quota yet: %w", err)
	}
	return nil
}

// TestApplicationWaitsForRoomInAQuota: what fits, but not now, is stored with a warning,
// waits with a condition, and is submitted when the room is there.
func TestApplicationWaitsForRoomInAQuota(t *testing.T) {
	in := install(t, "room", admissionregistrationv1.Fail)
	in.start(t, in.port, quotaFlag)
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, in.name, "--pod-webhook")
	in.works(t, 30*time.Second)
	ctx := t.Context()
	in.createQuota(t, "team", corev1.ResourceQuotaSpec{Hard: quantities("requests.memory=4Gi")})
	in.count(t, "team", "requests.memory=3Gi")

	warnings := &noted{}
	config := rest.CopyConfig(api.Config)
	config.WarningHandler = warnings
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	apps := client.Resource(applications).Namespace(in.name)
	const want = "ResourceQuota team: requests.memory: the application needs 2816Mi (driver 1408Mi + 1 executor of 1408Mi), but spec.hard is 4Gi, of which 3Gi is used"
	eventually(t, 10*time.Second, func() error { // the cache of the webhook follows
		_, err := apps.Create(ctx, app(in.name, "pi"), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		warnings.mu.Lock()
		defer warnings.mu.Unlock()
		if err == nil && !slices.ContainsFunc(warnings.texts, func(text string) bool { return strings.Contains(text, want) }) {
			err = fmt.Errorf("warnings %q", warnings.texts)
		}
		return err
	})
	if _, err := apps.Create(ctx, app(in.name, "pi"), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	status := func() *v1beta2.SparkApplicationStatus {
		object, err := apps.Get(ctx, "pi", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		app := &v1beta2.SparkApplication{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, app); err != nil {
			t.Fatal(err)
		}
		return &app.Status
	}
	eventually(t, 30*time.Second, func() error {
		for _, condition := range status().Conditions {
			if condition.Type == v1beta2.ConditionStalled && condition.Status == metav1.ConditionTrue && condition.Reason == "QuotaExceeded" {
				return nil
			}
		}
		return fmt.Errorf("it does not wait: %+v", status())
	})
	in.count(t, "team", "")
	eventually(t, time.Minute, func() error {
		if now := status(); now.DriverInfo.PodName == "" {
			return fmt.Errorf("there is room, but no driver: %q, %+v", now.AppState.State, now.Conditions)
		}
		return nil
	})
	quota, err := api.Core.CoreV1().ResourceQuotas(in.name).Get(ctx, "team", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if used := quota.Status.Used["requests.memory"]; used.String() != "1408Mi" {
		t.Errorf("the API server counts %v for the driver, the webhook 1408Mi", used.String())
	}
}
