// SPDX-License-Identifier: Apache-2.0

package submit

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Own makes the driver pod, as created, the owner of all other objects, in
// place of owners they may have. As in Spark the reference is a controlling one
// without blockOwnerDeletion, so that it needs no right to update finalizers.
func Own(objects *Objects, pod metav1.Object) {
	controller := true
	for _, object := range objects.dependents() {
		object.SetOwnerReferences([]metav1.OwnerReference{{
			APIVersion: "v1",
			Kind:       "Pod",
			Name:       pod.GetName(),
			UID:        pod.GetUID(),
			Controller: &controller,
		}})
	}
}

// dependents returns every object but the pod.
func (o *Objects) dependents() []metav1.Object {
	all := make([]metav1.Object, 0, len(o.Pre)+len(o.Secrets)+len(o.Claims)+len(o.ConfigMaps)+2)
	for _, object := range o.Pre {
		all = append(all, object)
	}
	for _, object := range o.Secrets {
		all = append(all, object)
	}
	if o.Service != nil {
		all = append(all, o.Service)
	}
	if o.NetworkPolicy != nil {
		all = append(all, o.NetworkPolicy)
	}
	for _, object := range o.Claims {
		all = append(all, object)
	}
	for _, object := range o.ConfigMaps {
		all = append(all, object)
	}
	return all
}
