// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
	"github.com/spark-operator/spark-operator/pkg/monitoring"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
	"github.com/spark-operator/spark-operator/pkg/submit/sparksubmit"
)

// JobParams are what a submission by the real spark-submit needs besides the
// application.
type JobParams struct {
	Params
	// Deadline is how long the Job may take; 0 for sparksubmit.DefaultDeadline.
	Deadline time.Duration
	// Annotations are given to the Job and to the driver pod.
	Annotations map[string]string
}

// JobRun is a submission by the real spark-submit.
type JobRun struct {
	sparksubmit.Objects

	// MonitoringConfig is as in Run.
	MonitoringConfig *corev1.ConfigMap
	// Warnings are as in Run.
	Warnings []string
}

// BuildJob returns the Job in which the spark-submit of the application's own
// image submits it. The driver pod that comes of it has the operator's labels and
// owner, by its properties and its template. Arguments, result and errors are
// those of [Build].
//
// The typed fields of the driver go through its pod template, so Spark's own
// settings win over memoryLimit and over a few variables; warnings say which.
func BuildJob(app *v1beta2.SparkApplication, p JobParams) (*JobRun, error) {
	if err := checkMode(app); err != nil {
		return nil, err
	}
	if valueOf(app.Spec.MainApplicationFile) == "" {
		return nil, errors.New("spec.mainApplicationFile: set the JAR, Python or R file, such as local:///opt/app/app.jar; " +
			"spark-submit: Must specify a primary resource (JAR or Python or R file)")
	}
	if class := valueOf(app.Spec.MainClass); submit.IsServer(class) {
		return nil, errors.New("spec.mainClass: " + class + " is a server, which spark-submit does not start in cluster mode; " +
			"use the native submitter (annotation " + v1beta2.AnnotationSubmitter + ": " + v1beta2.SubmitterNative + ")")
	}
	if p.Scheduler != nil {
		return nil, errors.New("spec.batchScheduler: a pod group requires a driver pod whose name is known " +
			"in advance; remove it or use the native submitter (annotation " + v1beta2.AnnotationSubmitter + ")")
	}
	exporter, err := monitoring.Build(app, p.SubmissionID)
	if err != nil {
		return nil, err
	}
	exporter.RenameConfigMap(p.MonitoringConfigName)
	b := &builder{params: &p.Params, exporter: &exporter, scheduling: &batchscheduler.PodEdits{}, conf: newConf(app, &p.Params)}
	call, _, err := b.input()
	if err != nil {
		return nil, b.explain(err)
	}
	driver := driverRole(b.app)
	b.setMap(driver.keys.annotation, p.Annotations, "the operator")
	call.DriverTemplate = b.completeDriverTemplate(&driver, call.DriverTemplate)
	pod := b.jobPod(&driver)
	if err := b.refusal(); err != nil {
		return nil, b.explain(err)
	}
	objects, err := sparksubmit.Build(sparksubmit.Input{
		Call:         *call,
		SubmissionID: p.SubmissionID,
		Namespace:    app.Namespace,
		Owner:        OwnerReference(app),
		Labels: map[string]string{
			v1beta2.LabelSparkAppName:            app.Name,
			v1beta2.LabelLaunchedBySparkOperator: "true",
			v1beta2.LabelSubmissionID:            p.SubmissionID,
			v1beta2.LabelSparkRole:               v1beta2.SparkRoleSubmitter,
		},
		Annotations: p.Annotations,
		Pod:         *pod,
		Deadline:    p.Deadline,
	})
	if err != nil {
		return nil, err
	}
	return &JobRun{Objects: objects, MonitoringConfig: exporter.ConfigMap, Warnings: sortedWarnings(b.warnings)}, nil
}

// completeDriverTemplate puts into the driver's template what Build edits on the
// finished pod: the owner and the typed fields without property.
func (b *builder) completeDriverTemplate(r *role, given *corev1.PodTemplateSpec) *corev1.PodTemplateSpec {
	template := &corev1.PodTemplateSpec{}
	if given != nil {
		given.DeepCopyInto(template)
	}
	// Spark names the pod and knows the namespace; some versions refuse another one.
	template.Name, template.GenerateName, template.Namespace = "", "", ""
	owner := OwnerReference(b.app)
	// Blocking takes the right to update finalizers, which the driver's service
	// account, the creator of the pod, does not have. The operator
	// sets it when it adopts the pod.
	owner.BlockOwnerDeletion = nil
	template.OwnerReferences = slices.DeleteFunc(template.OwnerReferences, func(have metav1.OwnerReference) bool { return have.UID == owner.UID })
	template.OwnerReferences = append(template.OwnerReferences, owner)
	pod := &template.Spec
	b.setServiceLinks(pod)
	if len(pod.Containers) == 0 {
		pod.Containers = []corev1.Container{{Name: podspec.Driver.ContainerName()}}
	}
	fields := b.fields(podspec.Driver, &b.exporter.Driver)
	index := b.sparkContainer(pod, podspec.Driver)
	b.apply(&fields, pod, index)
	b.keepFromClient(r, &fields, &pod.Containers[index])
	return template
}

// keepFromClient sets the properties with which the client would otherwise
// override what typed fields put into the driver's template.
func (b *builder) keepFromClient(r *role, fields *podspec.Fields, container *corev1.Container) {
	b.keepPlacement(r, fields, "spec.driver.schedulerName", "spec.driver.nodeSelector")
	if context := r.SecurityContext; context != nil && b.version.AtLeast(4, 3) {
		switch {
		case context.AllowPrivilegeEscalation != nil:
			b.setField(sparkconf.DriverAllowPrivilegeEscalation, strconv.FormatBool(*context.AllowPrivilegeEscalation), "spec.driver.securityContext")
		case podspec.NeedsEscalation(context):
			b.setField(sparkconf.DriverAllowPrivilegeEscalation, "true", "spec.driver.securityContext")
		}
	}
	if valueOf(r.MemoryLimit) != "" {
		b.warn("spec.driver.memoryLimit has no effect with the submitter spark-submit: Spark sets the memory limit; use spec.driver.memoryOverhead")
	}
	removed := make(map[string]bool)
	for _, variable := range fields.EffectiveEnv() {
		_, appended := b.values[r.keys.env+variable.Name]
		_, secret := b.values[r.keys.secretKey+variable.Name]
		delete(b.values, r.keys.secretKey+variable.Name) // appended after everything else
		early := variable.Name == "SPARK_USER" || variable.Name == envApplicationID ||
			slices.Contains(podspec.References(variable.Value), "SPARK_USER")
		switch {
		case variable.ValueFrom == nil && (appended || early):
			b.set(r.keys.env+variable.Name, variable.Value)
			removed[variable.Name] = true
		case variable.ValueFrom != nil && early, isLateDriverEnv(variable.Name):
			removed[variable.Name] = true
			place := "spec.driver.env"
			if variable.Name == podspec.EnvSparkConfDir && fields.SparkConfigMap != "" {
				place = "spec.sparkConfigMap"
			}
			b.warn(place + ": " + variable.Name + " of the driver has no effect with the submitter spark-submit: Spark sets it itself")
		case appended:
			delete(b.values, r.keys.env+variable.Name)
		}
		if secret {
			b.warn("spec.driver.envSecretKeyRefs: " + variable.Name + " has no effect: spec.driver.env sets it")
		}
	}
	container.Env = withoutEnv(container.Env, removed)
	d := definitions{conf: b.conf, role: r, known: driverVariable, late: isLateDriverEnv, defined: make(map[string]bool, len(container.Env))}
	container.Env = append(d.define(container.Env), corev1.EnvVar{Name: v1beta2.EnvSubmissionID, Value: b.params.SubmissionID})
}

// driverVariable is what Spark sets a variable of the driver to, from what the pod
// says about itself (BasicDriverFeatureStep).
func driverVariable(name string) (corev1.EnvVar, bool) {
	switch name {
	case envApplicationID:
		return labelVariable(name, v1beta2.LabelSparkApplicationSelector), true
	case "SPARK_DRIVER_BIND_ADDRESS":
		return fieldVariable(name, "status.podIP"), true
	}
	return corev1.EnvVar{}, false
}

// isLateDriverEnv reports whether Spark gives the variable to the driver after
// everything else.
func isLateDriverEnv(name string) bool {
	switch name {
	case "SPARK_DRIVER_BIND_ADDRESS", "SPARK_LOCAL_DIRS", "SPARK_CONF_DIR":
		return true
	}
	return false
}

// jobPod is the pod that runs spark-submit: what the driver may do and reach, the
// client may as well, so that it can upload files. Containers beside the driver's
// own would keep the Job from ending, and have no use there.
func (b *builder) jobPod(r *role) *corev1.PodSpec {
	spec := &b.app.Spec
	pod := &corev1.PodSpec{
		ServiceAccountName: b.values[r.keys.serviceAccount],
		NodeSelector:       maps.Clone(spec.NodeSelector),
		Containers: []corev1.Container{{
			Name:            sparksubmit.ContainerName,
			Image:           cmp.Or(b.values[r.keys.image], b.values[sparkconf.ContainerImage]),
			ImagePullPolicy: corev1.PullPolicy(valueOf(spec.ImagePullPolicy)),
		}},
	}
	for name := range strings.SplitSeq(b.values[sparkconf.ImagePullSecrets], ",") {
		if name = strings.TrimSpace(name); name != "" {
			pod.ImagePullSecrets = append(pod.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
		}
	}
	own := &v1beta2.SparkPodSpec{
		ConfigMaps: r.ConfigMaps, Env: r.Env, EnvFrom: r.EnvFrom,
		Affinity: r.Affinity, Tolerations: r.Tolerations, NodeSelector: r.NodeSelector,
		PodSecurityContext: r.PodSecurityContext, SecurityContext: r.SecurityContext,
		DNSConfig: r.DNSConfig, HostAliases: r.HostAliases,
	}
	for _, mount := range r.VolumeMounts {
		if !strings.HasPrefix(mount.Name, podspec.LocalDirPrefix) {
			own.VolumeMounts = append(own.VolumeMounts, mount)
		}
	}
	fields := podspec.Fields{Role: podspec.Driver, SparkPodSpec: own, Volumes: spec.Volumes}
	b.apply(&fields, pod, 0)
	container, volumes := &pod.Containers[0], volumesByName(pod.Volumes)
	for _, secret := range r.Secrets {
		volume := secret.Name + "-volume"
		if volumes[volume] != nil {
			continue
		}
		volumes[volume] = &corev1.Volume{
			Name:         volume,
			VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret.Name}},
		}
		pod.Volumes = append(pod.Volumes, *volumes[volume])
		container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: volume, MountPath: secret.Path, ReadOnly: true})
	}
	return pod
}
