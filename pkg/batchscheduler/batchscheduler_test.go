// SPDX-License-Identifier: Apache-2.0

package batchscheduler

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

func resources(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
}

func newApp(name string, options *v1beta2.BatchSchedulerConfiguration) *v1beta2.SparkApplication {
	app := &v1beta2.SparkApplication{Spec: v1beta2.SparkApplicationSpec{BatchSchedulerOptions: options}}
	app.Name, app.Namespace, app.UID = name, "team", "uid-1"
	return app
}

// newPods is a driver with a sidecar and three executors with GPUs, as Spark and
// a template make them.
func newPods() Pods {
	return Pods{
		SubmissionID: "sub-1",
		Driver: &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "side", Resources: corev1.ResourceRequirements{Requests: resources("100m", "128Mi")}},
			{Name: v1beta2.DriverContainerName, Resources: corev1.ResourceRequirements{Requests: resources("1", "896Mi")}},
		}}},
		ExecutorTemplate: &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "side"},
			{Name: v1beta2.ExecutorContainerName, Resources: corev1.ResourceRequirements{
				Requests: resources("7", "7Gi"), // replaced by Spark
				Limits:   corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("2")},
			}},
		}}},
		ExecutorResources: corev1.ResourceRequirements{Requests: resources("500m", "1408Mi"), Limits: resources("1", "1408Mi")},
		Executors:         3,
		Properties: map[string]string{
			"spark.kubernetes.executor.podTemplateContainerName": v1beta2.ExecutorContainerName,
			"spark.kubernetes.node.selector.disk":                "ssd",
			"spark.kubernetes.executor.node.selector.pool":       "batch",
		},
	}
}

func mustNew(t *testing.T, name string) Scheduler {
	t.Helper()
	scheduler, err := New(name, Config{KubeSchedulerNames: []string{"coscheduling"}})
	if err != nil {
		t.Fatal(err)
	}
	return scheduler
}

// gang is what newPods need together: 1 + 0.1 + 3·0.5 cores,
// 896 + 128 + 3·1408 Mi and 3·2 GPUs.
var gang = map[string]any{"cpu": "2600m", "memory": "5248Mi", "nvidia.com/gpu": "6"}

// checkGroup checks a pod group. The apiVersion is what the other project serves.
func checkGroup(t *testing.T, group Group, apiVersion string, want map[string]any) {
	t.Helper()
	object := group.Object
	owner := object.GetOwnerReferences()
	if len(owner) != 1 || owner[0].UID != "uid-1" || !*owner[0].Controller {
		t.Errorf("owner = %+v", owner)
	}
	if labels := object.GetLabels(); labels[v1beta2.LabelSubmissionID] != "sub-1" || labels[v1beta2.LabelSparkAppName] == "" {
		t.Errorf("labels = %v", labels)
	}
	if object.GetNamespace() != "team" || object.GetAPIVersion() != apiVersion || group.Resource.GroupVersion().String() != apiVersion ||
		group.Resource.Resource != "podgroups" || object.GetKind() != "PodGroup" {
		t.Errorf("object = %v", object)
	}
	spec, _, err := unstructured.NestedMap(object.Object, "spec")
	if err != nil || !reflect.DeepEqual(spec, want) {
		t.Errorf("spec = %v, %v\nwant %v", spec, err, want)
	}
}

func TestVolcano(t *testing.T) {
	app := newApp("pi", &v1beta2.BatchSchedulerConfiguration{Queue: ptr.To("q"), PriorityClassName: ptr.To("high")})
	scheduler := mustNew(t, "volcano")
	plan, err := scheduler.Plan(app, newPods())
	if err != nil {
		t.Fatal(err)
	}
	mark := map[string]string{"scheduling.k8s.io/group-name": "spark-pi-pg"}
	want := PodEdits{SchedulerName: "volcano", DriverAnnotations: mark, ExecutorAnnotations: mark}
	if !reflect.DeepEqual(plan.Edits, want) {
		t.Errorf("edits = %+v", plan.Edits)
	}
	checkGroup(t, plan.Groups[0], "scheduling.volcano.sh/v1beta1", map[string]any{
		"minMember": int64(1), "minResources": gang, "queue": "q", "priorityClassName": "high",
	})
	if names := scheduler.Groups(app); len(names) != 1 || names[0].Name != "spark-pi-pg" || names[0].Resource != plan.Groups[0].Resource {
		t.Errorf("groups = %v", names)
	}

	app.Spec.BatchSchedulerOptions = &v1beta2.BatchSchedulerConfiguration{Resources: resources("9", "1Gi")}
	if plan, err = scheduler.Plan(app, newPods()); err != nil {
		t.Fatal(err)
	}
	checkGroup(t, plan.Groups[0], "scheduling.volcano.sh/v1beta1", map[string]any{"minMember": int64(1), "minResources": map[string]any{"cpu": "9", "memory": "1Gi"}})
}

// Who brings a group of their own keeps it.
func TestVolcanoOwnGroup(t *testing.T) {
	pods := newPods()
	pods.Driver.Annotations = map[string]string{"scheduling.k8s.io/group-name": "mine"}
	plan, err := mustNew(t, "volcano").Plan(newApp("pi", nil), pods)
	if err != nil || !reflect.DeepEqual(plan, Plan{Edits: PodEdits{SchedulerName: "volcano"}}) {
		t.Errorf("plan = %+v, %v", plan, err)
	}
}

func TestCoscheduling(t *testing.T) {
	app := newApp("pi", &v1beta2.BatchSchedulerConfiguration{Queue: ptr.To("ignored"), Resources: resources("9", "9Gi")})
	scheduler := mustNew(t, "coscheduling")
	plan, err := scheduler.Plan(app, newPods())
	if err != nil {
		t.Fatal(err)
	}
	mark := map[string]string{"scheduling.x-k8s.io/pod-group": "pi-pg"}
	want := PodEdits{SchedulerName: "coscheduling", DriverLabels: mark, ExecutorLabels: mark}
	if !reflect.DeepEqual(plan.Edits, want) {
		t.Errorf("edits = %+v", plan.Edits)
	}
	checkGroup(t, plan.Groups[0], "scheduling.x-k8s.io/v1alpha1", map[string]any{"minMember": int64(1), "minResources": gang})

	long := newApp(strings.Repeat("a", 61), nil)
	name := scheduler.Groups(long)[0].Name
	if len(validation.IsValidLabelValue(name)) > 0 || !strings.HasSuffix(name, "-pg") {
		t.Errorf("name = %q", name)
	}
	if other := scheduler.Groups(newApp(strings.Repeat("a", 62), nil))[0].Name; other == name {
		t.Errorf("two applications share the name %q", name)
	}
}

func TestYuniKorn(t *testing.T) {
	app := newApp("pi", &v1beta2.BatchSchedulerConfiguration{Queue: ptr.To("root.default")})
	app.Spec.Driver.Labels = map[string]string{"a": "b"}
	pods := newPods()
	pods.Driver.Labels = map[string]string{"spark-role": "driver", "a": "b"}
	pods.Driver.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	pods.Driver.Spec.Tolerations = []corev1.Toleration{{Key: "t", Operator: corev1.TolerationOpExists}}

	scheduler := mustNew(t, "yunikorn")
	plan, err := scheduler.Plan(app, pods)
	if err != nil {
		t.Fatal(err)
	}
	edits := plan.Edits
	queue := map[string]string{"queue": "root.default"}
	if edits.SchedulerName != "yunikorn" || !maps.Equal(edits.DriverLabels, queue) || !maps.Equal(edits.ExecutorLabels, queue) {
		t.Errorf("edits = %+v", edits)
	}
	if edits.DriverAnnotations[yuniKornTaskGroupName] != "spark-driver" || edits.ExecutorAnnotations[yuniKornTaskGroupName] != "spark-executor" {
		t.Errorf("edits = %+v", edits)
	}
	var groups []map[string]any
	if err := json.Unmarshal([]byte(edits.DriverAnnotations[yuniKornTaskGroups]), &groups); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{
		{
			"name": "spark-driver", "minMember": float64(1),
			"minResource":  map[string]any{"cpu": "1100m", "memory": "1Gi"},
			"nodeSelector": map[string]any{"disk": "ssd"},
			"tolerations":  []any{map[string]any{"key": "t", "operator": "Exists"}},
			"labels":       map[string]any{"a": "b", "queue": "root.default"},
		},
		{
			"name": "spark-executor", "minMember": float64(3),
			"minResource":  map[string]any{"cpu": "500m", "memory": "1408Mi", "nvidia.com/gpu": "2"},
			"nodeSelector": map[string]any{"disk": "ssd", "pool": "batch"},
			"labels":       map[string]any{"queue": "root.default"},
		},
	}
	if !reflect.DeepEqual(groups, want) {
		t.Errorf("task groups = %v\nwant %v", groups, want)
	}
	if len(plan.Groups) != 0 || scheduler.Groups(app) != nil {
		t.Errorf("groups = %v, %v", plan.Groups, scheduler.Groups(app))
	}

	pods.Executors, app.Spec.BatchSchedulerOptions = 0, nil
	if plan, err = scheduler.Plan(app, pods); err != nil {
		t.Fatal(err)
	}
	if text := plan.Edits.DriverAnnotations[yuniKornTaskGroups]; strings.Contains(text, "spark-executor") || strings.Contains(text, "queue") {
		t.Errorf("task groups = %s", text)
	}
	if len(plan.Edits.DriverLabels) != 0 {
		t.Errorf("labels = %v", plan.Edits.DriverLabels)
	}

	app.Spec.BatchSchedulerOptions = &v1beta2.BatchSchedulerConfiguration{Queue: ptr.To("not a label")}
	if _, err := scheduler.Plan(app, pods); err == nil || !strings.Contains(err.Error(), "spec.batchSchedulerOptions.queue") {
		t.Errorf("error = %v", err)
	}
}

// The template's absence and a template without the named container are Spark's
// business; the resources are the same.
func TestExecutorPod(t *testing.T) {
	for name, template := range map[string]*corev1.PodTemplateSpec{
		"no template":   nil,
		"no containers": {},
		"another name":  {Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "other"}}}},
	} {
		pods := newPods()
		pods.ExecutorTemplate = template
		requests := PodRequests(executorPod(pods))
		if !reflect.DeepEqual(quantities(requests), map[string]any{"cpu": "500m", "memory": "1408Mi"}) {
			t.Errorf("%s: requests = %v", name, requests)
		}
	}
}

func TestPlanChangesNothing(t *testing.T) {
	for _, name := range []string{"volcano", "yunikorn", "coscheduling"} {
		pods, app := newPods(), newApp("pi", nil)
		if _, err := mustNew(t, name).Plan(app, pods); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(pods, newPods()) || !reflect.DeepEqual(app, newApp("pi", nil)) {
			t.Errorf("%s: the arguments were changed", name)
		}
	}
}

func TestNew(t *testing.T) {
	_, err := New("nonesuch", Config{KubeSchedulerNames: []string{"coscheduling"}})
	if err == nil || !strings.Contains(err.Error(), "failed to get scheduler nonesuch: ") || !strings.Contains(err.Error(), "volcano, yunikorn, coscheduling") {
		t.Errorf("error = %v", err)
	}
	app := newApp("pi", nil)
	if name := NameFor(app, "volcano"); name != "volcano" {
		t.Errorf("name = %q", name)
	}
	for place, choose := range map[string]func(*v1beta2.SparkApplication){
		"field": func(app *v1beta2.SparkApplication) { app.Spec.Executor.SchedulerName = ptr.To("mine") },
		"property": func(app *v1beta2.SparkApplication) {
			app.Spec.SparkConf = map[string]string{"spark.kubernetes.scheduler.name": "mine"}
		},
		"template": func(app *v1beta2.SparkApplication) {
			app.Spec.Driver.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{SchedulerName: "mine"}}
		},
	} {
		own := app.DeepCopy()
		if choose(own); NameFor(own, "volcano") != "" {
			t.Errorf("a scheduler chosen by %s loses to the operator's default %q", place, NameFor(own, "volcano"))
		}
	}
	if app.Spec.BatchScheduler = ptr.To("yunikorn"); NameFor(app, "volcano") != "yunikorn" {
		t.Errorf("name = %q", NameFor(app, "volcano"))
	}
}
