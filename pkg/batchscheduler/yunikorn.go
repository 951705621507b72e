// SPDX-License-Identifier: Apache-2.0

package batchscheduler

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Marks that YuniKorn reads. The application id it takes from Spark's own label
// spark-app-selector.
const (
	yuniKornTaskGroupName = "yunikorn.apache.org/task-group-name"
	yuniKornTaskGroups    = "yunikorn.apache.org/task-groups"
	yuniKornQueue         = "queue"

	driverTaskGroup   = "spark-driver"
	executorTaskGroup = "spark-executor"
)

// yuniKorn describes a run as task groups in an annotation of the driver pod.
type yuniKorn struct{}

// taskGroup is one kind of pods, for which YuniKorn reserves room with
// placeholder pods (the format of the annotation yunikorn.apache.org/task-groups).
type taskGroup struct {
	Name         string              `json:"name"`
	MinMember    int32               `json:"minMember"`
	MinResource  map[string]any      `json:"minResource"`
	NodeSelector map[string]string   `json:"nodeSelector,omitempty"`
	Tolerations  []corev1.Toleration `json:"tolerations,omitempty"`
	Affinity     *corev1.Affinity    `json:"affinity,omitempty"`
	Labels       map[string]string   `json:"labels,omitempty"`
}

// Plan gives the pods their task groups and the queue.
func (yuniKorn) Plan(app *v1beta2.SparkApplication, pods Pods) (Plan, error) {
	queue := ptr.Deref(options(app).Queue, "")
	if reasons := validation.IsValidLabelValue(queue); len(reasons) > 0 {
		return Plan{}, fmt.Errorf("spec.batchSchedulerOptions.queue: %q cannot be a label: %s", queue, strings.Join(reasons, ", "))
	}
	groups := []taskGroup{newTaskGroup(driverTaskGroup, 1, pods.Driver, app.Spec.Driver.Labels, queue)}
	if pods.Executors > 0 {
		groups = append(groups, newTaskGroup(executorTaskGroup, pods.Executors, executorPod(pods), app.Spec.Executor.Labels, queue))
	}
	encoded, err := json.Marshal(groups)
	if err != nil {
		return Plan{}, fmt.Errorf("spec.batchScheduler: task groups for YuniKorn: %w", err)
	}
	return Plan{Edits: PodEdits{
		SchedulerName: YuniKorn,
		DriverLabels:  queueLabel(queue),
		DriverAnnotations: map[string]string{
			yuniKornTaskGroupName: driverTaskGroup,
			yuniKornTaskGroups:    string(encoded),
		},
		ExecutorLabels:      queueLabel(queue),
		ExecutorAnnotations: map[string]string{yuniKornTaskGroupName: executorTaskGroup},
	}}, nil
}

// Groups names none: YuniKorn needs no objects.
func (yuniKorn) Groups(*v1beta2.SparkApplication) []GroupName { return nil }

// newTaskGroup describes count pods like pod. Placeholders get the labels of the
// user and not those of pod, by which others would take them for Spark's.
func newTaskGroup(name string, count int32, pod *corev1.Pod, labels map[string]string, queue string) taskGroup {
	all := make(map[string]string, len(labels)+1)
	maps.Copy(all, labels)
	maps.Copy(all, queueLabel(queue))
	return taskGroup{
		Name:         name,
		MinMember:    count,
		MinResource:  quantities(PodRequests(pod)),
		NodeSelector: maps.Clone(pod.Spec.NodeSelector),
		Tolerations:  pod.Spec.Tolerations,
		Affinity:     pod.Spec.Affinity,
		Labels:       all,
	}
}

func queueLabel(queue string) map[string]string {
	if queue == "" {
		return nil
	}
	return map[string]string{yuniKornQueue: queue}
}
