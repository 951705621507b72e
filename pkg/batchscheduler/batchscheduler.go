// SPDX-License-Identifier: Apache-2.0

// Package batchscheduler builds what a batch scheduler needs to know about the
// pods of a run: marks on the pods, and for gang scheduling an object that
// describes the group.
//
// The package is pure. Resources are those of the pods as they were built, so
// they hold whatever field or property they come from. Group objects are
// unstructured: the operator depends on no scheduler's Go module.
package batchscheduler

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// Scheduler knows the contract of one batch scheduler. Implementations keep no
// state and may be shared.
type Scheduler interface {
	// Plan returns what the scheduler needs for a run of app. It changes none of its
	// arguments and its result shares nothing with them. An error names the field
	// and how to fix it.
	Plan(app *v1beta2.SparkApplication, pods Pods) (Plan, error)
	// Groups names the group objects that the runs of app may have, for deleting
	// them when a run has ended.
	Groups(app *v1beta2.SparkApplication) []GroupName
}

// Pods are the pods of a run before anything is scheduled.
type Pods struct {
	// SubmissionID of the run.
	SubmissionID string
	// Driver is the driver pod as built.
	Driver *corev1.Pod
	// ExecutorTemplate is the executors' pod template; nil if they have none.
	ExecutorTemplate *corev1.PodTemplateSpec
	// ExecutorResources are those that Spark gives to the Spark container of each
	// executor.
	ExecutorResources corev1.ResourceRequirements
	// Executors is how many executors Spark asks for at the start.
	Executors int32
	// Properties are the run's Spark properties.
	Properties map[string]string
}

// Plan is what a scheduler needs for a run.
type Plan struct {
	// Edits are for the pods of the run.
	Edits PodEdits
	// Groups are objects that have to exist before the driver pod. They are owned
	// by the application.
	Groups []Group
}

// PodEdits are marks on the pods of a run. They win over those of the
// application.
type PodEdits struct {
	// SchedulerName is spec.schedulerName of all pods.
	SchedulerName string
	// Labels and annotations by role.
	DriverLabels, DriverAnnotations     map[string]string
	ExecutorLabels, ExecutorAnnotations map[string]string
}

// Group is an object of a scheduler and the resource under which it is written.
type Group struct {
	Resource schema.GroupVersionResource
	Object   *unstructured.Unstructured
}

// GroupName names a group object in the namespace of its application.
type GroupName struct {
	Resource schema.GroupVersionResource
	Name     string
}

// Names of the schedulers whose contract does not depend on the configuration.
const (
	Volcano  = "volcano"
	YuniKorn = "yunikorn"
)

// Config are the settings of the operator's flags for batch schedulers.
type Config struct {
	// KubeSchedulerNames are the names of scheduler profiles with the coscheduling
	// plugin (--kube-scheduler-names).
	KubeSchedulerNames []string
}

// New returns the scheduler of that name: volcano, yunikorn, or one of the
// configured profiles of kube-scheduler.
func New(name string, config Config) (Scheduler, error) {
	switch {
	case name == Volcano:
		return volcano{}, nil
	case name == YuniKorn:
		return yuniKorn{}, nil
	case slices.Contains(config.KubeSchedulerNames, name):
		return coscheduling{schedulerName: name}, nil
	}
	known := append([]string{Volcano, YuniKorn}, config.KubeSchedulerNames...)
	return nil, fmt.Errorf("spec.batchScheduler: failed to get scheduler %s: it is not one of %s; use one of these; the operator's flag --kube-scheduler-names lists kube-scheduler profiles",
		name, strings.Join(known, ", "))
}

// NameFor returns the batch scheduler of an application: spec.batchScheduler,
// else the operator's default (--default-batch-scheduler), unless the application
// chooses a scheduler for its pods in another way; empty for none.
func NameFor(app *v1beta2.SparkApplication, defaultName string) string {
	if name := app.Spec.BatchScheduler; name != nil && *name != "" {
		return *name
	}
	if namesScheduler(app) {
		return ""
	}
	return defaultName
}

// namesScheduler reports whether a field, a template or a property names the
// scheduler of a pod.
func namesScheduler(app *v1beta2.SparkApplication) bool {
	for _, key := range []string{sparkconf.SchedulerName, sparkconf.DriverSchedulerName, sparkconf.ExecutorSchedulerName} {
		if app.Spec.SparkConf[key] != "" {
			return true
		}
	}
	for _, pod := range []*v1beta2.SparkPodSpec{&app.Spec.Driver.SparkPodSpec, &app.Spec.Executor.SparkPodSpec} {
		if pod.SchedulerName != nil && *pod.SchedulerName != "" || pod.Template != nil && pod.Template.Spec.SchedulerName != "" {
			return true
		}
	}
	return false
}

// group builds a group object that belongs to a run of app.
func group(app *v1beta2.SparkApplication, submissionID string, resource schema.GroupVersionResource, kind, name string, spec map[string]any) Group {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetAPIVersion(resource.GroupVersion().String())
	object.SetKind(kind)
	object.SetName(name)
	object.SetNamespace(app.Namespace)
	object.SetLabels(map[string]string{
		v1beta2.LabelSparkAppName: app.Name,
		v1beta2.LabelSubmissionID: submissionID,
	})
	object.SetOwnerReferences([]metav1.OwnerReference{
		*metav1.NewControllerRef(app, v1beta2.SchemeGroupVersion.WithKind("SparkApplication")),
	})
	return Group{Resource: resource, Object: object}
}

// options returns spec.batchSchedulerOptions, empty if there are none.
func options(app *v1beta2.SparkApplication) v1beta2.BatchSchedulerConfiguration {
	if app.Spec.BatchSchedulerOptions == nil {
		return v1beta2.BatchSchedulerConfiguration{}
	}
	return *app.Spec.BatchSchedulerOptions
}
