// SPDX-License-Identifier: Apache-2.0

package podspec

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
