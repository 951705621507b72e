// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
)

// driverTemplate returns the pod from which the driver pod is built; nil if there
// is none.
func (b *builder) driverTemplate(r *role, dirs []localDir) *corev1.PodTemplateSpec {
	if r.Template == nil && len(dirs) == 0 {
		b.selectContainer(podspec.Driver, &corev1.PodSpec{})
		return nil
	}
	template := &corev1.PodTemplateSpec{}
	if r.Template != nil {
		*template = *r.Template
		template.Spec.Containers = slices.Clone(template.Spec.Containers) // one of them may get a name
	}
	if len(dirs) > 0 {
		template = template.DeepCopy()
	}
	b.selectContainer(podspec.Driver, &template.Spec)
	b.addLocalDirs(&template.Spec, podspec.Driver, dirs)
	return template
}

// editDriver adds to the driver pod what spark-submit does not know: the
// owner, and the typed fields that have no property.
func (b *builder) editDriver(pod *corev1.Pod) {
	owner := OwnerReference(b.app)
	pod.OwnerReferences = slices.DeleteFunc(pod.OwnerReferences, func(have metav1.OwnerReference) bool { return have.UID == owner.UID })
	pod.OwnerReferences = append(pod.OwnerReferences, owner)
	b.setServiceLinks(&pod.Spec)
	fields := b.fields(podspec.Driver, &b.exporter.Driver)
	// Spark puts its own container last.
	spark := len(pod.Spec.Containers) - 1
	b.apply(&fields, &pod.Spec, spark)
	b.warnLostHistory(&pod.Spec, spark)
}

// OwnerReference makes the application the controlling owner of an object, which
// is deleted with it.
func OwnerReference(app *v1beta2.SparkApplication) metav1.OwnerReference {
	return *metav1.NewControllerRef(app, v1beta2.SchemeGroupVersion.WithKind("SparkApplication"))
}

// setServiceLinks keeps the variables of every Service of the namespace out of the
// containers: with thousands of applications they exceed what the kernel passes on
// ("argument list too long"), and nothing in Spark reads them. An explicit value in
// a template takes precedence.
func (b *builder) setServiceLinks(pod *corev1.PodSpec) {
	if pod.EnableServiceLinks == nil && !b.params.ServiceLinks {
		pod.EnableServiceLinks = new(bool)
	}
}
