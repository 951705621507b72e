// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// editContainers adds initContainers and sidecars. Names are unique among all
// containers of a pod. A container with the name and the image of one that is
// there already is taken for the same, as the established operator does.
func (e *edit) editContainers() {
	for i := range e.InitContainers {
		if e.isNewContainer(&e.InitContainers[i], e.path("initContainers").Index(i)) {
			e.pod.InitContainers = append(e.pod.InitContainers, e.InitContainers[i])
		}
	}
	for i := range e.Sidecars {
		if e.isNewContainer(&e.Sidecars[i], e.path("sidecars").Index(i)) {
			e.pod.Containers = append(e.pod.Containers, e.Sidecars[i])
		}
	}
}

func (e *edit) isNewContainer(container *corev1.Container, place *field.Path) bool {
	named := func(c corev1.Container) bool { return c.Name == container.Name }
	for _, list := range [][]corev1.Container{e.pod.InitContainers, e.pod.Containers} {
		i := slices.IndexFunc(list, named)
		if i < 0 {
			continue
		}
		isSpark := &list[i] == e.container()
		if list[i].Image == container.Image && !isSpark {
			return false
		}
		template := e.template()
		inTemplate := slices.ContainsFunc(template.Containers, named) || slices.ContainsFunc(template.InitContainers, named)
		from := e.other(inTemplate) + " or another entry"
		if isSpark {
			from = "the Spark container"
		}
		e.duplicate(place.Child("name"), container.Name, "the pod has a container of this name with image "+
			strconv.Quote(list[i].Image)+" from "+from+"; rename one of them")
		return false
	}
	return true
}
