// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A deleted pod whose node does not answer never terminates: no kubelet confirms its
// end. It is force-deleted only on evidence that the node is lost, because its process
// may still run behind a broken network.

// StuckAfter is how long past its grace period a pod may take to terminate before the
// status says so, and before the operator reads its node.
const StuckAfter = time.Minute

// StuckAt is when a pod with this deletion timestamp counts as stuck; zero if it is not
// being deleted. The timestamp is the end of its grace period.
func StuckAt(deletion *metav1.Time) time.Time {
	if deletion == nil {
		return time.Time{}
	}
	return deletion.Add(StuckAfter)
}

// Stuck reports whether a pod with this deletion timestamp should have gone long ago.
func Stuck(deletion *metav1.Time, now time.Time) bool {
	return deletion != nil && !now.Before(StuckAt(deletion))
}
