// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"slices"
	"strconv"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	kjson "sigs.k8s.io/json"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
)

// executor is what the webhook reads of a pod.
type executor struct {
	Metadata struct {
		Annotations map[string]string `json:"annotations"`
		Labels      map[string]string `json:"labels"`
	} `json:"metadata"`
	Spec corev1.PodSpec `json:"spec"`
}

// mutatePod completes an executor pod with what its driver overrides or, with
// PartialRestart, does not know yet. The operator has written the former into an annotation
// when it submitted the application. It never refuses a pod: without the executor the
// application would wait, with the pod as Spark wants it the application runs.
func (w *Webhook) mutatePod(request *admissionv1.AdmissionRequest) answer {
	if request.Operation != admissionv1.Create {
		return answer{}
	}
	var pod executor
	if err := kjson.UnmarshalCaseSensitivePreserveInts(request.Object.Raw, &pod); err != nil {
		return answer{warnings: []string{"the webhook of the Spark operator cannot decode the pod and does not change it: " + err.Error()}}
	}
	labels, before := pod.Metadata.Labels, &pod.Spec
	if labels[v1beta2.LabelSparkRole] != v1beta2.SparkRoleExecutor {
		return answer{} // the operator has built the driver itself
	}
	text, overridden := pod.Metadata.Annotations[v1beta2.AnnotationExecutorFields]
	placed := w.placedBy(request.Namespace, labels)
	if !overridden && placed == nil {
		return answer{}
	}
	spark := podspec.BuiltContainer(before, podspec.Executor)
	index := slices.IndexFunc(before.Containers, func(c corev1.Container) bool { return c.Name == spark })
	if spark == "" || index < 0 {
		return answer{}
	}
	changed := *before // Complete and Place replace what they set, and change nothing of it
	changed.Containers = slices.Clone(before.Containers)
	after := &changed
	var marks []operation
	if overridden {
		var app v1beta2.SparkApplication
		if err := kjson.UnmarshalCaseSensitivePreserveInts([]byte(text), &app.Spec.Executor); err != nil {
			return answer{warnings: []string{"the pod is not changed: annotation " + v1beta2.AnnotationExecutorFields + ": " + oneLine(err.Error())}}
		}
		fields := podspec.FieldsOf(&app, podspec.Executor)
		if errs := fields.Complete(after, index); len(errs) > 0 {
			return answer{warnings: []string{"the pod is not changed: " + oneLine(errs.ToAggregate().Error())}}
		}
		marks = withoutMarks(labels)
	}
	if placed != nil {
		fields := podspec.FieldsOf(placed, podspec.Executor)
		fields.Place(after)
	}
	return answer{patch: append(podPatch(before, after, index), marks...)}
}

// placedBy returns the application that says where the pod runs; nil if its driver does.
func (w *Webhook) placedBy(namespace string, labels map[string]string) *v1beta2.SparkApplication {
	name := labels[v1beta2.LabelSparkAppName]
	if name == "" || w.config.Application == nil {
		return nil
	}
	return w.config.Application(namespace, name)
}

// withoutMarks removes what the operator has written for the webhook: the pod is as that
// of kubeflow/spark-operator.
func withoutMarks(labels map[string]string) []operation {
	operations := []operation{remove("/metadata/annotations/" + pointer(v1beta2.AnnotationExecutorFields))}
	if _, marked := labels[v1beta2.LabelCompleteExecutor]; marked {
		operations = append(operations, remove("/metadata/labels/"+pointer(v1beta2.LabelCompleteExecutor)))
	}
	return operations
}

// podPatch returns the operations for the fields that podspec.Complete and Place set.
func podPatch(before, after *corev1.PodSpec, spark int) []operation {
	var operations []operation
	set := func(path string, old, now, value any, empty bool) {
		switch {
		case equality.Semantic.DeepEqual(old, now):
		case empty:
			operations = append(operations, remove(path))
		default:
			operations = append(operations, add(path, value))
		}
	}
	old, now := &before.Containers[spark], &after.Containers[spark]
	container := "/spec/containers/" + strconv.Itoa(spark)
	set(container+"/env", old.Env, now.Env, now.Env, len(now.Env) == 0)
	set(container+"/lifecycle", old.Lifecycle, now.Lifecycle, now.Lifecycle, now.Lifecycle == nil)
	if len(old.Resources.Limits) == 0 && len(old.Resources.Requests) == 0 {
		set(container+"/resources", old.Resources, now.Resources, now.Resources, false)
	} else {
		set(container+"/resources/limits", old.Resources.Limits, now.Resources.Limits, now.Resources.Limits, len(now.Resources.Limits) == 0)
	}
	set("/spec/affinity", before.Affinity, after.Affinity, after.Affinity, after.Affinity == nil)
	set("/spec/nodeSelector", before.NodeSelector, after.NodeSelector, after.NodeSelector, len(after.NodeSelector) == 0)
	set("/spec/preemptionPolicy", before.PreemptionPolicy, after.PreemptionPolicy, after.PreemptionPolicy, after.PreemptionPolicy == nil)
	set("/spec/priority", before.Priority, after.Priority, after.Priority, after.Priority == nil)
	set("/spec/priorityClassName", before.PriorityClassName, after.PriorityClassName, after.PriorityClassName, after.PriorityClassName == "")
	set("/spec/schedulerName", before.SchedulerName, after.SchedulerName, after.SchedulerName, after.SchedulerName == "")
	set("/spec/tolerations", before.Tolerations, after.Tolerations, after.Tolerations, len(after.Tolerations) == 0)
	return operations
}
