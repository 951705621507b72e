// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Role is the part that a pod plays: the value of the label spark-role and the
// name of the field of spec.
type Role string

// Roles of a pod.
const (
	Driver   Role = v1beta2.SparkRoleDriver
	Executor Role = v1beta2.SparkRoleExecutor
)

// RoleOf returns the role of a pod by its label spark-role. A Spark Connect server is
// a driver.
func RoleOf(label string) Role {
	if label == v1alpha1.SparkRoleConnectServer {
		return Driver
	}
	return Role(label)
}

// Fields are the typed fields that concern the pods of one role.
type Fields struct {
	Role Role
	// ContainerName is the property podTemplateContainerName; empty if not given.
	// See [SparkContainer].
	ContainerName string
	// SparkPodSpec are the fields that driver and executor have in common.
	*v1beta2.SparkPodSpec

	Ports             []v1beta2.Port
	Lifecycle         *corev1.Lifecycle
	PriorityClassName *string

	// Volumes are those of the application; a role gets the ones it mounts.
	Volumes []corev1.Volume
	// SparkConfigMap and HadoopConfigMap are names; empty if not given.
	SparkConfigMap, HadoopConfigMap string
	// Extra is added in the same way.
	Extra Extra
	// SchedulerName is the batch scheduler of the application or the role's own;
	// empty to leave the pod's.
	SchedulerName string
}

// Extra is what a role gets beside its own fields.
type Extra struct {
	// Place is the field of the application that it comes from, for messages.
	Place        string
	Ports        []corev1.ContainerPort // of the Spark container
	Volumes      []corev1.Volume
	VolumeMounts []corev1.VolumeMount // in the Spark container
}

// FieldsOf returns the fields of a role. They share memory with the application.
func FieldsOf(app *v1beta2.SparkApplication, role Role) Fields {
	f := Fields{
		Role:            role,
		ContainerName:   app.Spec.SparkConf[role.ContainerNameKey()],
		Volumes:         app.Spec.Volumes,
		SparkConfigMap:  valueOf(app.Spec.SparkConfigMap),
		HadoopConfigMap: valueOf(app.Spec.HadoopConfigMap),
	}
	switch role {
	case Driver:
		driver := &app.Spec.Driver
		f.SparkPodSpec = &driver.SparkPodSpec
		f.Ports, f.Lifecycle, f.PriorityClassName = driver.Ports, driver.Lifecycle, driver.PriorityClassName
	default:
		executor := &app.Spec.Executor
		f.SparkPodSpec = &executor.SparkPodSpec
		f.Ports, f.Lifecycle, f.PriorityClassName = executor.Ports, executor.Lifecycle, executor.PriorityClassName
	}
	if f.SchedulerName = valueOf(app.Spec.BatchScheduler); f.SchedulerName == "" {
		f.SchedulerName = valueOf(f.SparkPodSpec.SchedulerName)
	}
	return f
}

func valueOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// edit is one pod being edited.
type edit struct {
	*Fields
	pod      *corev1.PodSpec
	spark    int // index of the Spark container
	warnings []string
	faults   Faults

	// Where the entries of the pod are, by merge key: see index.go.
	volumes, volumeFields index[string]
	mounts                index[string]
	ports                 index[portKey]
	localDirs             map[string]bool // scratch volumes that the role mounts
}

// Apply puts the fields into a pod whose Spark container has the given index
// (see [SparkContainer]). It does not change the fields; the pod may share
// memory with them afterwards. Errors are fields whose value cannot be used or
// contradicts another place; the pod is of no use then. Warnings are one-line
// texts about fields without effect.
func (f *Fields) Apply(pod *corev1.PodSpec, container int) (warnings []string, errs field.ErrorList) {
	e := &edit{Fields: f, pod: pod, spark: container}
	e.editEnv()
	e.editConfigMaps()
	e.editVolumes()
	e.editPorts()
	e.editExtra()
	e.editNetwork()
	e.editContainers()
	e.editTemplateVolumes()
	e.editScheduling()
	e.editResources()
	e.editSecurity()
	e.editLifecycle()
	return e.warnings, e.faults.List()
}

// Complete puts those fields into the pod of an executor, as its driver creates
// it, that the driver overrides although they are in the template: memoryLimit,
// lifecycle and variables. It is for an admission webhook and needs no template.
//
// Of the hooks each stays that the field does not give: with decommissioning Spark sets
// preStop. A memory limit below the request of the pod is left out, because the API
// server would refuse the pod, and the driver would ask for it forever.
func (f *Fields) Complete(pod *corev1.PodSpec, container int) field.ErrorList {
	e := &edit{Fields: f, pod: pod, spark: container}
	if typed := e.EffectiveEnv(); !hasEnv(e.container().Env, typed) {
		e.container().Env = MergeEnv(e.container().Env, typed)
	}
	if limit, err := ParseMemoryLimit(valueOf(e.MemoryLimit)); err != nil || limit.Cmp(e.container().Resources.Requests[corev1.ResourceMemory]) >= 0 {
		e.editMemoryLimit()
	}
	if e.Lifecycle != nil {
		e.container().Lifecycle = lifecycleOver(e.container().Lifecycle, e.Lifecycle)
	}
	return e.faults.List()
}

// Place puts the fields into a pod that decide where it runs. It is for an admission
// webhook: new executors get what the application says now. What the fields no longer
// set stays until the application starts again.
func (f *Fields) Place(pod *corev1.PodSpec) {
	e := &edit{Fields: f, pod: pod}
	class, priority, policy := pod.PriorityClassName, pod.Priority, pod.PreemptionPolicy
	e.editScheduling()
	if pod.PriorityClassName == class { // the API server has resolved it
		pod.Priority, pod.PreemptionPolicy = priority, policy
	}
}

func (e *edit) editExtra() {
	if len(e.Extra.Ports)+len(e.Extra.Volumes)+len(e.Extra.VolumeMounts) == 0 {
		return
	}
	place := field.NewPath(e.Extra.Place)
	for _, volume := range e.Extra.Volumes {
		e.addVolume(volume, place)
	}
	for _, mount := range e.Extra.VolumeMounts {
		e.addMount(mount, place)
	}
	for _, port := range e.Extra.Ports {
		e.addPort(e.container(), port, place)
	}
}

func (e *edit) container() *corev1.Container { return &e.pod.Containers[e.spark] }

// path is the path of a field of the role.
func (e *edit) path(names ...string) *field.Path {
	return field.NewPath("spec", append([]string{string(e.Role)}, names...)...)
}

func (e *edit) fail(err *field.Error) { e.faults.Add(err) }

// duplicate reports an entry whose key another entry with another value has.
func (e *edit) duplicate(place *field.Path, key string, detail func() string) {
	e.faults.AddFunc(func() *field.Error {
		err := field.Duplicate(place, key)
		err.Detail = detail()
		return err
	})
}

func (e *edit) warn(text string) { e.warnings = append(e.warnings, text) }

// other says where an entry comes from that is in the pod but in no typed field.
func (e *edit) other(inTemplate bool) string {
	if inTemplate {
		return "spec." + string(e.Role) + ".template"
	}
	return "Spark itself or spec.sparkConf"
}

// template returns the pod of the role's template; it is empty if there is none.
func (e *edit) template() *corev1.PodSpec {
	if e.Template == nil {
		return &corev1.PodSpec{}
	}
	return &e.Template.Spec
}

// templateContainer returns the Spark container of the template; it is empty if
// there is none.
func (e *edit) templateContainer() *corev1.Container {
	template := e.template()
	if i := SparkContainer(template, e.Role, e.ContainerName); i >= 0 {
		return &template.Containers[i]
	}
	return &corev1.Container{}
}
