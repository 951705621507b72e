// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	netutils "k8s.io/utils/net"

	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// The checks of this file are those of the API server for pods. It would refuse each
// executor pod, and the driver would ask for executors forever.

// validateImagePullPolicy checks what Spark hands on unread. A property takes
// precedence over the field.
func (v *validator) validateImagePullPolicy() {
	at, policy := v.root.Child("imagePullPolicy"), ""
	if v.spec.ImagePullPolicy != nil {
		policy = *v.spec.ImagePullPolicy
	}
	if text, given := v.spec.SparkConf[sparkconf.ContainerImagePullPolicy]; given {
		at, policy = v.root.Child("sparkConf").Key(sparkconf.ContainerImagePullPolicy), text
	}
	known := []corev1.PullPolicy{corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever}
	if policy != "" && !hasReference(policy) && !slices.Contains(known, corev1.PullPolicy(policy)) {
		v.fail(field.NotSupported(at, corev1.PullPolicy(head(policy)), known))
	}
}

// validatePorts checks the ports that a role adds to the Spark container.
func (v *validator) validatePorts(r *role) {
	for i, port := range r.ports {
		v.validatePort(r.at.Child("ports").Index(i), port.Name, port.Protocol, port.ContainerPort)
	}
}

func (v *validator) validatePort(at *field.Path, name, protocol string, number int32) {
	known := []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}
	if reasons := validation.IsValidPortNum(int(number)); len(reasons) > 0 {
		v.fail(field.Invalid(at.Child("containerPort"), number, strings.Join(reasons, ", ")))
	}
	if name != "" {
		if reasons := validation.IsValidPortName(head(name)); len(reasons) > 0 {
			v.fail(field.Invalid(at.Child("name"), name, strings.Join(reasons, ", ")))
		}
	}
	if protocol != "" && !slices.Contains(known, corev1.Protocol(protocol)) {
		v.fail(field.NotSupported(at.Child("protocol"), corev1.Protocol(head(protocol)), known))
	}
}

// validateHostAliases checks the addresses of further host names.
func (v *validator) validateHostAliases(at *field.Path, aliases []corev1.HostAlias) {
	for i, alias := range aliases {
		if netutils.ParseIPSloppy(head(alias.IP)) == nil {
			v.fail(field.Invalid(at.Index(i).Child("ip"), alias.IP, "must be an IP address, such as 10.9.8.7"))
		}
	}
}

// validateTemplate checks what the API server would refuse about a template whatever
// the fields of the role are.
func (v *validator) validateTemplate(r *role) {
	at, template := r.at.Child("template"), r.Template
	v.validateTemplateOwner(r)
	v.validateTemplateContainers(r)
	v.validateHostAliases(at.Child("spec", "hostAliases"), template.Spec.HostAliases)
	v.validateVolumeSources(at.Child("spec", "volumes"), template.Spec.Volumes)
	for _, list := range []struct {
		name       string
		containers []corev1.Container
	}{{"initContainers", template.Spec.InitContainers}, {"containers", template.Spec.Containers}} {
		for i := range list.containers {
			for j, port := range list.containers[i].Ports {
				v.validatePort(at.Child("spec", list.name).Index(i).Child("ports").Index(j), port.Name, string(port.Protocol), port.ContainerPort)
			}
		}
	}
}

// validateTemplateOwner refuses another controller of a pod than the one that it gets:
// the application for the driver, the driver for executors.
func (v *validator) validateTemplateOwner(r *role) {
	for i, owner := range r.Template.OwnerReferences {
		if owner.Controller != nil && *owner.Controller {
			controller := "the application"
			if r.name == podspec.Executor {
				controller = "the driver pod"
			}
			v.fail(field.Forbidden(r.at.Child("template", "metadata", "ownerReferences").Index(i).Child("controller"),
				"the pod is controlled by "+controller+"; remove the reference"))
		}
	}
}

// validateVolumeSources refuses volumes of which it is not clear what they hold. One
// without a source is an emptyDir.
func (v *validator) validateVolumeSources(at *field.Path, volumes []corev1.Volume) {
	for i := range volumes {
		if sources := volumeSources(&volumes[i].VolumeSource); len(sources) > 1 {
			v.fail(field.Forbidden(at.Index(i), "a volume has one source, but this one has "+
				strings.Join(sources, " and ")+"; remove the others, or define a volume for each"))
		}
	}
}

// volumeSources returns the names of the sources that are given.
func volumeSources(source *corev1.VolumeSource) (names []string) {
	given := reflect.ValueOf(source).Elem()
	for i := range given.NumField() {
		if !given.Field(i).IsNil() {
			name, _, _ := strings.Cut(given.Type().Field(i).Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	return names
}
