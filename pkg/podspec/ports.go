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

// portKey identifies ports: by their name, and those without a name by number
// and protocol.
type portKey struct {
	name     string
	number   int32
	protocol corev1.Protocol
}

func keyOfPort(port *corev1.ContainerPort) portKey {
	if port.Name != "" {
		return portKey{name: port.Name}
	}
	return portKey{number: port.ContainerPort, protocol: protocolOf(*port)}
}

func (e *edit) addPort(container *corev1.Container, port corev1.ContainerPort, place *field.Path) {
	byKey := e.ports.of(len(container.Ports), func(i int) portKey { return keyOfPort(&container.Ports[i]) })
	key := keyOfPort(&port)
	i, there := byKey[key]
	if !there {
		byKey[key] = len(container.Ports)
		container.Ports = append(container.Ports, port)
		return
	}
	have := container.Ports[i]
	if have.ContainerPort == port.ContainerPort && protocolOf(have) == protocolOf(port) {
		return
	}
	e.duplicate(place.Child("name"), port.Name, func() string {
		inTemplate := slices.ContainsFunc(e.templateContainer().Ports, func(p corev1.ContainerPort) bool { return keyOfPort(&p) == key })
		return fmt.Sprintf("the container has a port %d/%s of this name from %s or another entry; rename one of them",
			have.ContainerPort, protocolOf(have), e.other(inTemplate))
	})
}

func protocolOf(port corev1.ContainerPort) corev1.Protocol {
	if port.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return port.Protocol
}
