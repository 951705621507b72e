// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// editPorts adds container ports. Kubernetes asks for names that are unique in
// the container; the same number may occur twice.
func (e *edit) editPorts() {
	container := e.container()
	for i, port := range e.Ports {
		e.addPort(container, corev1.ContainerPort{
			Name:          port.Name,
			ContainerPort: port.ContainerPort,
			Protocol:      corev1.Protocol(port.Protocol),
		}, e.path("ports").Index(i))
	}
}

func (e *edit) addPort(container *corev1.Container, port corev1.ContainerPort, place *field.Path) {
	named := func(have corev1.ContainerPort) bool {
		// Ports without a name are told apart by number and protocol.
		return have.Name == port.Name &&
			(port.Name != "" || have.ContainerPort == port.ContainerPort && protocolOf(have) == protocolOf(port))
	}
	i := slices.IndexFunc(container.Ports, named)
	if i < 0 {
		container.Ports = append(container.Ports, port)
		return
	}
	have := container.Ports[i]
	if have.ContainerPort == port.ContainerPort && protocolOf(have) == protocolOf(port) {
		return
	}
	inTemplate := slices.ContainsFunc(e.templateContainer().Ports, named)
	e.duplicate(place.Child("name"), port.Name, fmt.Sprintf(
		"the container has a port %d/%s of this name from %s or another entry; rename one of them",
		have.ContainerPort, protocolOf(have), e.other(inTemplate)))
}

func protocolOf(port corev1.ContainerPort) corev1.Protocol {
	if port.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return port.Protocol
}
