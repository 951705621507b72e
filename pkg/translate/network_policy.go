// SPDX-License-Identifier: Apache-2.0

package translate

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// openPorts lets anyone reach the given ports of the executors. Since Spark 4.2
// a NetworkPolicy lets only the pods of the application itself reach them, which
// would keep Prometheus out.
func openPorts(policy *networkingv1.NetworkPolicy, ports []corev1.ContainerPort) {
	if policy == nil || len(ports) == 0 {
		return
	}
	rule := networkingv1.NetworkPolicyIngressRule{}
	for _, port := range ports {
		number := intstr.FromInt32(port.ContainerPort)
		rule.Ports = append(rule.Ports, networkingv1.NetworkPolicyPort{Protocol: &port.Protocol, Port: &number})
	}
	policy.Spec.Ingress = append(policy.Spec.Ingress, rule)
}
