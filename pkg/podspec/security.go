// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// editSecurity replaces the security contexts of pod and Spark container.
func (e *edit) editSecurity() {
	if e.PodSecurityContext != nil {
		e.pod.SecurityContext = e.PodSecurityContext
	}
	if e.SecurityContext == nil {
		return
	}
	container := e.container()
	var escalation *bool
	template := e.templateContainer().SecurityContext
	if container.SecurityContext != nil && (template == nil || template.AllowPrivilegeEscalation == nil) {
		escalation = container.SecurityContext.AllowPrivilegeEscalation
	}
	container.SecurityContext = e.SecurityContext
	// Spark 4.3 forbids privilege escalation by itself. A field that is silent on
	// it does not lift that, unless it gives rights that include it.
	if escalation != nil && e.SecurityContext.AllowPrivilegeEscalation == nil && !NeedsEscalation(e.SecurityContext) {
		context := *e.SecurityContext
		context.AllowPrivilegeEscalation = escalation
		container.SecurityContext = &context
	}
}

// NeedsEscalation reports whether the API server would refuse the context if it
// forbade privilege escalation.
func NeedsEscalation(context *corev1.SecurityContext) bool {
	if context.Privileged != nil && *context.Privileged {
		return true
	}
	return context.Capabilities != nil &&
		(slices.Contains(context.Capabilities.Add, "CAP_SYS_ADMIN") || slices.Contains(context.Capabilities.Add, "SYS_ADMIN"))
}
