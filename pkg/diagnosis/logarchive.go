// SPDX-License-Identifier: Apache-2.0

package diagnosis

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// ArchivedContainer is the container of a pod whose log the log archiver keeps; empty if
// there is none, or none yet. Of executors it keeps the logs of those that failed.
func ArchivedContainer(pod *podview.Pod) string {
	if pod == nil || !pod.Labels.LogArchive {
		return ""
	}
	if pod.Labels.Role == v1beta2.SparkRoleDriver {
		return LoggingContainer(pod)
	}
	if pod.Status.Phase != corev1.PodFailed {
		return ""
	}
	return loggingContainer(pod, sparkContainer(pod, v1beta2.ExecutorContainerName, v1beta2.ExecutorContainerNameAlternative))
}

// LogArchived reports whether the log of a pod is in the archive.
func LogArchived(pod *podview.Pod) bool {
	return pod.Annotations.Get(v1beta2.AnnotationLogURL) != ""
}
