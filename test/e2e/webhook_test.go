// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// bothWays runs a test in the namespace of an operator without a webhook, and in that of
// one with a webhook. The test returns its application at the end: the results are the same.
func bothWays(t *testing.T, test func(t *testing.T, namespace string) *v1beta2.SparkApplication) {
	t.Helper()
	t.Parallel()
	var lock sync.Mutex
	results := map[string]string{}
	t.Cleanup(func() { // after both
		if without, with := results[jobNamespace], results[reviewedNamespace]; !t.Failed() && (without != with || without == "") {
			t.Errorf("without the webhook, the result is\n%s\nwith the webhook, it is\n%s", without, with)
		}
	})
	for name, namespace := range map[string]string{"without webhook": jobNamespace, "with webhook": reviewedNamespace} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := resultOf(t, test(t, namespace))
			lock.Lock()
			defer lock.Unlock()
			results[namespace] = result
		})
	}
}

// resultOf is what a user sees of an application that has ended, without times, IDs and the
// names that follow from them. The defaults that a webhook stores are none of it.
func resultOf(t *testing.T, app *v1beta2.SparkApplication) string {
	t.Helper()
	status := app.Status.DeepCopy()
	var attempts, conditions []string
	for _, a := range status.Attempts {
		attempts = append(attempts, fmt.Sprintf("%s: exit code %v, %s, %s, %q, driver %s", a.State, ptr.Deref(a.ExitCode, -1), a.Reason, a.FailureType, a.Message, a.DriverPodName))
	}
	for _, c := range status.Conditions {
		conditions = append(conditions, fmt.Sprintf("%s %s %s", c.Type, c.Status, c.Reason))
	}
	slices.Sort(conditions)
	driver, err := cluster.core.CoreV1().Pods(app.Namespace).Get(t.Context(), status.DriverInfo.PodName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var containers []string
	for i := range driver.Spec.Containers {
		c := &driver.Spec.Containers[i]
		var names []string
		for _, variable := range c.Env {
			names = append(names, variable.Name)
		}
		containers = append(containers, fmt.Sprintf("%s: %s %q, %v, variables %v", c.Name, c.Image, c.Args[:min(len(c.Args), 3)], c.Resources, names))
	}
	return fmt.Sprintf("%s %q, %d submissions, %d executions, %d executors, restarts forgiven %d\nattempts %q\nconditions %q\ndriver %q",
		status.AppState.State, status.AppState.ErrorMessage, status.SubmissionAttempts, status.ExecutionAttempts, len(status.ExecutorState), status.ForgivenAttempts,
		attempts, conditions, containers)
}

// scratch is a value of SPARK_LOCAL_DIRS, which Spark sets last.
const scratch = "/tmp/of-the-field"

// fieldsThatSparkOverrides sets what only a webhook can give executors.
func fieldsThatSparkOverrides(app *v1beta2.SparkApplication) {
	app.Spec.SparkConf["spark.decommission.enabled"] = "true"
	app.Spec.Executor.MemoryLimit = ptr.To("2g")
	app.Spec.Executor.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}}}
	app.Spec.Executor.Env = []corev1.EnvVar{{Name: "SPARK_LOCAL_DIRS", Value: scratch}}
}

// wantOverridden checks an executor of such an application as the API server stored it:
// with the webhook it has the fields, without it an event names them.
func wantOverridden(t *testing.T, app *v1beta2.SparkApplication, executor *corev1.Pod) {
	t.Helper()
	names := containerNames(executor.Spec.Containers)
	index := slices.Index(names, v1beta2.ExecutorContainerName)
	if index < 0 {
		t.Fatalf("containers %v", names)
	}
	container := &executor.Spec.Containers[index]
	request, limit := container.Resources.Requests.Memory(), container.Resources.Limits.Memory()
	var hook []string
	if lifecycle := container.Lifecycle; lifecycle != nil && lifecycle.PreStop != nil && lifecycle.PreStop.Exec != nil {
		hook = lifecycle.PreStop.Exec.Command
	}
	local := ""
	for _, variable := range container.Env {
		if variable.Name == "SPARK_LOCAL_DIRS" {
			local = variable.Value // the kubelet takes the last
		}
	}
	warnings := submissionWarnings(t, app)
	if app.Namespace == reviewedNamespace {
		if limit.String() != "2Gi" || !slices.Equal(hook, []string{"true"}) || local != scratch {
			t.Errorf("memory limit %s, hook %q, SPARK_LOCAL_DIRS %q are not those of the fields", limit, hook, local)
		}
		if warnings != "" {
			t.Errorf("warning in spite of the webhook: %s", warnings)
		}
		return
	}
	if limit.Cmp(*request) != 0 || slices.Equal(hook, []string{"true"}) || local == scratch {
		t.Errorf("memory limit %s, hook %q, SPARK_LOCAL_DIRS %q are not those of Spark", limit, hook, local)
	}
	for _, field := range []string{"spec.executor.memoryLimit", "spec.executor.lifecycle", "spec.executor.env: SPARK_LOCAL_DIRS"} {
		if !strings.Contains(warnings, field+" has no effect") {
			t.Errorf("no event about %s: %q", field, warnings)
		}
	}
}

// submissionWarnings are the texts of the events about fields without effect.
func submissionWarnings(t *testing.T, app *v1beta2.SparkApplication) string {
	t.Helper()
	events, err := cluster.core.CoreV1().Events(app.Namespace).List(t.Context(), metav1.ListOptions{
		FieldSelector: "reason=SparkApplicationSubmissionWarning,involvedObject.name=" + app.Name,
	})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for i := range events.Items {
		if events.Items[i].InvolvedObject.UID == app.UID {
			texts = append(texts, events.Items[i].Message)
		}
	}
	return strings.Join(texts, "\n")
}

// TestApplyIsReviewed: the API server finds the webhook by its Service, the name in the
// certificate and the caBundle.
func TestApplyIsReviewed(t *testing.T) {
	t.Parallel()
	app := sparkPi("reviewed", "1")
	app.Namespace = reviewedNamespace
	app.Spec.Type, app.Spec.Mode, app.Spec.Executor.Cores, app.Spec.Image = "", "", nil, ptr.To("localhost/there-is-no-such-image:1")
	stored := create(t, app)
	if stored.Spec.Type != v1beta2.SparkApplicationTypeScala || stored.Spec.Mode != v1beta2.DeployModeCluster || ptr.Deref(stored.Spec.Executor.Cores, 0) != 1 {
		t.Errorf("stored without defaults: %+v", stored.Spec)
	}
	bad := sparkPi("reviewed.bad", "1") // which the CRD allows
	bad.Namespace = reviewedNamespace
	begun := time.Now()
	_, err := cluster.spark.SparkoperatorV1beta2().SparkApplications(reviewedNamespace).Create(t.Context(), bad, metav1.CreateOptions{})
	if err == nil || !strings.Contains(err.Error(), "denied the request: metadata.name: Invalid value: \"reviewed.bad\"") {
		t.Errorf("a bad application: %v", err)
	}
	t.Logf("refused after %v", time.Since(begun).Round(time.Millisecond))
}

// TestQuotaIsRespected has the quota controller count what pods of a class use.
func TestQuotaIsRespected(t *testing.T) {
	t.Parallel()
	const class = "e2e-quota"
	ctx, core := t.Context(), cluster.core.CoreV1()
	_, err := cluster.core.SchedulingV1().PriorityClasses().Create(ctx, &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: class}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: class}, Spec: corev1.ResourceQuotaSpec{
		Hard: corev1.ResourceList{corev1.ResourceRequestsMemory: resource.MustParse("2Gi")},
		ScopeSelector: &corev1.ScopeSelector{MatchExpressions: []corev1.ScopedResourceSelectorRequirement{
			{ScopeName: corev1.ResourceQuotaScopePriorityClass, Operator: corev1.ScopeSelectorOpIn, Values: []string{class}},
		}},
	}}
	if _, err := core.ResourceQuotas(reviewedNamespace).Create(ctx, quota, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	other := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: class}, Spec: corev1.PodSpec{
		PriorityClassName: class,
		Containers: []corev1.Container{{
			Name: "other", Image: "localhost/there-is-no-such-image:1", ImagePullPolicy: corev1.PullNever,
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1500Mi")}},
		}},
	}}
	if _, err := core.Pods(reviewedNamespace).Create(ctx, other, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(ctx)
		err := errors.Join(
			core.ResourceQuotas(reviewedNamespace).Delete(ctx, class, metav1.DeleteOptions{}),
			cluster.core.SchedulingV1().PriorityClasses().Delete(ctx, class, metav1.DeleteOptions{}),
		)
		if err != nil {
			t.Error(err)
		}
	})
	used := func() string {
		quota, err := core.ResourceQuotas(reviewedNamespace).Get(ctx, class, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		memory := quota.Status.Used[corev1.ResourceRequestsMemory]
		return memory.String()
	}
	eventually(t, "1500Mi in use", func() bool { return used() == "1500Mi" })

	app := sparkPi(class, "1") // 896Mi for each pod
	app.Namespace, app.Spec.Image = reviewedNamespace, ptr.To("localhost/there-is-no-such-image:1")
	app.Spec.Driver.PriorityClassName, app.Spec.Executor.PriorityClassName = ptr.To(class), ptr.To(class)
	large := app.DeepCopy()
	large.Spec.Executor.Instances = ptr.To[int32](2)
	_, err = cluster.spark.SparkoperatorV1beta2().SparkApplications(reviewedNamespace).Create(ctx, large, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	const arithmetic = "ResourceQuota e2e-quota: requests.memory: the application needs 2688Mi (driver 896Mi + 2 executors of 896Mi), but spec.hard is 2Gi"
	if err == nil || !strings.Contains(err.Error(), arithmetic) {
		t.Errorf("what never fits: %v", err)
	}
	app = create(t, app)
	waitFor(t, app, "stalled for want of room", func(app *v1beta2.SparkApplication) bool {
		return slices.ContainsFunc(app.Status.Conditions, func(c metav1.Condition) bool {
			return c.Type == v1beta2.ConditionStalled && c.Status == metav1.ConditionTrue && c.Reason == "QuotaExceeded"
		})
	})
	if err := core.Pods(reviewedNamespace).Delete(ctx, class, metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, app, "submitted", func(app *v1beta2.SparkApplication) bool { return app.Status.DriverInfo.PodName != "" })
	eventually(t, "the driver's 896Mi in use, as the webhook has counted", func() bool { return used() == "896Mi" })
}
