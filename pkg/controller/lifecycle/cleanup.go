// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// UnwantedPods returns the pods of a finished application that spec.cleanupPolicy
// does not keep. They have ended, are not being deleted yet, and do not wait for the log
// archiver.
func (in *Input) UnwantedPods() []*podview.Pod {
	policy := in.App.Spec.CleanupPolicy
	if policy == nil {
		return nil
	}
	var unwanted []*podview.Pod
	archiving, unrecorded := in.archiving(), in.logUnrecorded()
	deletable := func(pod *podview.Pod) bool {
		return pod.DeletionTimestamp == nil && !(archiving && (isUnarchived(pod) || pod == in.Driver && unrecorded))
	}
	if pod := in.Driver; pod != nil && in.wantsDeleted(policy.DriverPod) && !in.driverAlive() && deletable(pod) {
		unwanted = append(unwanted, pod)
	}
	if in.wantsDeleted(policy.ExecutorPods) {
		for _, pod := range in.Executors {
			if pod.Ended() && deletable(pod) {
				unwanted = append(unwanted, pod)
			}
		}
	}
	return unwanted
}

// wantsDeleted reports whether the end of the application is one after which pods
// are deleted.
func (in *Input) wantsDeleted(after v1beta2.PodDeletion) bool {
	switch after {
	case v1beta2.PodDeletionAlways:
		return true
	case v1beta2.PodDeletionOnSuccess:
		return in.State() == StateCompleted
	default:
		return false
	}
}
