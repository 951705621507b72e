// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"unique"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// trimApplication drops what nobody reads: field ownership, and the copy of the
// whole object that kubectl apply leaves in an annotation.
func trimApplication(object any) (any, error) {
	accessor, ok := object.(metav1.Object)
	if !ok {
		return object, nil // a tombstone; its object was trimmed before
	}
	accessor.SetManagedFields(nil)
	delete(accessor.GetAnnotations(), corev1.LastAppliedConfigAnnotation)
	return object, nil
}

// intern returns the one copy of a text that occurs often. Copies are known until
// the next collection of garbage, so there is one for each collection at most.
func intern[S ~string](text S) S { return unique.Make(text).Value() }

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
