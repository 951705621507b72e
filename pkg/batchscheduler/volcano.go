// SPDX-License-Identifier: Apache-2.0

package batchscheduler

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// volcanoGroupName is the annotation by which Volcano finds a pod's group.
const volcanoGroupName = "scheduling.k8s.io/group-name"

var volcanoPodGroups = schema.GroupVersionResource{Group: "scheduling.volcano.sh", Version: "v1beta1", Resource: "podgroups"}

// volcano describes a run as a PodGroup of Volcano.
type volcano struct{}

func (volcano) podGroupName(app *v1beta2.SparkApplication) string { return "spark-" + app.Name + "-pg" }

// Plan gives the run a PodGroup. Only the driver has to fit before anything
// starts (minMember 1), as it is the driver that creates the executors; but the
// queue must have room for all of them (minResources).
func (v volcano) Plan(app *v1beta2.SparkApplication, pods Pods) (Plan, error) {
	plan := Plan{Edits: PodEdits{SchedulerName: Volcano}}
	if pods.Driver.Annotations[volcanoGroupName] != "" {
		return plan, nil // the user manages a group of their own
	}
	name := v.podGroupName(app)
	plan.Edits.DriverAnnotations = map[string]string{volcanoGroupName: name}
	plan.Edits.ExecutorAnnotations = map[string]string{volcanoGroupName: name}

	options := options(app)
	requests := options.Resources
	if len(requests) == 0 {
		requests = gangRequests(pods)
	}
	spec := map[string]any{"minMember": int64(1), "minResources": quantities(requests)}
	if queue := ptr.Deref(options.Queue, ""); queue != "" {
		spec["queue"] = queue
	}
	if class := ptr.Deref(options.PriorityClassName, ""); class != "" {
		spec["priorityClassName"] = class
	}
	plan.Groups = []Group{group(app, pods.SubmissionID, volcanoPodGroups, "PodGroup", name, spec)}
	return plan, nil
}

func (v volcano) Groups(app *v1beta2.SparkApplication) []GroupName {
	return []GroupName{{Resource: volcanoPodGroups, Name: v.podGroupName(app)}}
}
