// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// editContainers adds initContainers and sidecars. Names are unique among all
// containers of a pod. A container that is there already, with the same content,
// is not added twice; one of the same name and another content is a fault.
func (e *edit) editContainers() {
	if len(e.InitContainers)+len(e.Sidecars) == 0 {
		return
	}
	containers := e.namedContainers()
	containers.add(&e.pod.InitContainers, e.InitContainers, e.path("initContainers"), e)
	containers.add(&e.pod.Containers, e.Sidecars, e.path("sidecars"), e)
}

// namedContainer is a container of the pod and where it comes from.
type namedContainer struct {
	container *corev1.Container
	from      func() string
	isSpark   bool
}

type namedContainers map[string]namedContainer

// namedContainers returns the containers that the pod has before sidecars and
// initContainers are added.
func (e *edit) namedContainers() namedContainers {
	named := make(namedContainers, len(e.pod.InitContainers)+len(e.pod.Containers))
	for _, list := range []struct {
		name                      string
		containers, ofTheTemplate []corev1.Container
	}{
		{"initContainers", e.pod.InitContainers, e.template().InitContainers},
		{"containers", e.pod.Containers, e.template().Containers},
	} {
		for i := range list.containers {
			container := &list.containers[i]
			if _, taken := named[container.Name]; taken {
				continue
			}
			named[container.Name] = namedContainer{container: container, isSpark: container == e.container(), from: func() string {
				for j := range list.ofTheTemplate {
					if list.ofTheTemplate[j].Name == container.Name {
						return e.path("template", "spec", list.name).Index(j).String()
					}
				}
				return e.other(false)
			}}
		}
	}
	return named
}

// add appends to the pod's list those of a field that the pod does not have.
func (n namedContainers) add(to *[]corev1.Container, given []corev1.Container, path *field.Path, e *edit) {
	for i := range given {
		container, place := &given[i], path.Index(i)
		have, taken := n[container.Name]
		switch {
		case !taken:
			n[container.Name] = namedContainer{container: container, from: place.String}
			*to = append(*to, *container)
		case have.isSpark:
			e.duplicate(place.Child("name"), container.Name, func() string {
				return "this is the name of the Spark container; rename this one"
			})
		case !equality.Semantic.DeepEqual(have.container, container):
			e.duplicate(place.Child("name"), container.Name, func() string {
				content := "other content"
				if have.container.Image != container.Image {
					content = "image " + strconv.Quote(have.container.Image)
				}
				return "the pod has a container of this name with " + content + " from " + have.from() +
					"; rename one of them or use the same content"
			})
		}
	}
}
