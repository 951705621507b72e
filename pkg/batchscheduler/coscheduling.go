// SPDX-License-Identifier: Apache-2.0

package batchscheduler

import (
	"crypto/sha256"
	"encoding/hex"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// coschedulingPodGroup is the label by which the coscheduling plugin of
// kube-scheduler finds a pod's group.
const coschedulingPodGroup = "scheduling.x-k8s.io/pod-group"

var coschedulingPodGroups = schema.GroupVersionResource{Group: "scheduling.x-k8s.io", Version: "v1alpha1", Resource: "podgroups"}

// coscheduling describes a run as a PodGroup of the scheduler-plugins project.
type coscheduling struct {
	// schedulerName is that of the kube-scheduler profile with the plugin.
	schedulerName string
}

// podGroupName is <application>-pg, also the value of a label and therefore cut,
// with the start of its SHA-256 sum, where it is longer than one.
func (coscheduling) podGroupName(app *v1beta2.SparkApplication) string {
	const suffix = "-pg"
	name := app.Name + suffix
	if len(name) <= validation.LabelValueMaxLength {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	hash := "-" + hex.EncodeToString(sum[:4])
	return app.Name[:validation.LabelValueMaxLength-len(hash)-len(suffix)] + hash + suffix
}

// Plan gives the run a PodGroup; see volcano.Plan for minMember and
// minResources. spec.batchSchedulerOptions have no effect here.
func (c coscheduling) Plan(app *v1beta2.SparkApplication, pods Pods) (Plan, error) {
	name := c.podGroupName(app)
	spec := map[string]any{"minMember": int64(1), "minResources": quantities(gangRequests(pods))}
	return Plan{
		Edits: PodEdits{
			SchedulerName:  c.schedulerName,
			DriverLabels:   map[string]string{coschedulingPodGroup: name},
			ExecutorLabels: map[string]string{coschedulingPodGroup: name},
		},
		Groups: []Group{group(app, pods.SubmissionID, coschedulingPodGroups, "PodGroup", name, spec)},
	}, nil
}

func (c coscheduling) Groups(app *v1beta2.SparkApplication) []GroupName {
	return []GroupName{{Resource: coschedulingPodGroups, Name: c.podGroupName(app)}}
}
