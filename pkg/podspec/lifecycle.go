// SPDX-License-Identifier: Apache-2.0

package podspec

import corev1 "k8s.io/api/core/v1"

// editLifecycle sets terminationGracePeriodSeconds, lifecycle and
// shareProcessNamespace.
func (e *edit) editLifecycle() {
	if e.TerminationGracePeriodSeconds != nil {
		e.pod.TerminationGracePeriodSeconds = e.TerminationGracePeriodSeconds
	}
	if e.Lifecycle != nil {
		e.container().Lifecycle = e.Lifecycle
	}
	if e.ShareProcessNamespace != nil && *e.ShareProcessNamespace {
		e.pod.ShareProcessNamespace = e.ShareProcessNamespace
	}
}

// lifecycleOver returns the hooks of have with those that given has.
func lifecycleOver(have, given *corev1.Lifecycle) *corev1.Lifecycle {
	if have == nil {
		return given
	}
	merged := *have
	if given.PreStop != nil {
		merged.PreStop = given.PreStop
	}
	if given.PostStart != nil {
		merged.PostStart = given.PostStart
	}
	if given.StopSignal != nil {
		merged.StopSignal = given.StopSignal
	}
	return &merged
}
