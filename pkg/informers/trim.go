// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// compactApplication is the transform of the caches of applications, schedules and servers.
// If the first list is streamed, it gets its own result a second time.
func compactApplication(object any) (any, error) {
	switch object := object.(type) {
	case *v1beta2.SparkApplication:
		return ApplicationOf(object), nil
	case *v1beta2.ScheduledSparkApplication:
		edited := LastEdit(object)
		trim(object)
		if !edited.IsZero() {
			object.ManagedFields = []metav1.ManagedFieldsEntry{{Time: &metav1.Time{Time: edited}}}
		}
	case *v1alpha1.SparkConnect:
		trim(object)
	}
	return object, nil
}

// LastEdit is the time of the last change of an object outside of its status, from its
// field ownership: in whole seconds, zero if unknown. The caches keep it for schedules.
func LastEdit(object metav1.Object) time.Time {
	var last time.Time
	for _, entry := range object.GetManagedFields() {
		if entry.Subresource == "" && entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
}

// trim drops what is never read: field ownership, and the copy of the whole object
// that kubectl apply leaves in an annotation.
func trim(object metav1.Object) {
	object.SetManagedFields(nil)
	delete(object.GetAnnotations(), corev1.LastAppliedConfigAnnotation)
}

// trimNamespace keeps name and labels.
func trimNamespace(object any) (any, error) {
	namespace, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return object, nil
	}
	return &metav1.PartialObjectMetadata{
		TypeMeta: namespace.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{
			Name:            namespace.Name,
			UID:             namespace.UID,
			ResourceVersion: namespace.ResourceVersion,
			Labels:          namespace.Labels,
		},
	}, nil
}
