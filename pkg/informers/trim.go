// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"fmt"
	"slices"
	"strings"
	"unique"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// annotationPrefix is the prefix of those annotations of pods that are kept.
const annotationPrefix = "sparkoperator.k8s.io/"

// trimApplication drops what nobody reads: field ownership, and the copy of the
// whole object that kubectl apply leaves in an annotation.
func trimApplication(object any) (any, error) {
	accessor, ok := object.(metav1.Object)
	if !ok {
		return object, nil // a tombstone; its object was trimmed before
	}
	accessor.SetManagedFields(nil)
	delete(accessor.GetAnnotations(), corev1.LastAppliedConfigAnnotation)
	return object, nil
}

// trimPod keeps of a pod what tells the state of driver and executors: identity,
// owners, phase, the conditions about its place and its end, the states of its
// containers and the node. Texts that the pods of an application have in common
// are kept once. An idle executor takes about 3 KB of memory, most of it for
// fields that are empty.
func trimPod(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return object, nil
	}
	var annotations map[string]string
	for key, value := range pod.Annotations {
		if strings.HasPrefix(key, annotationPrefix) {
			if annotations == nil {
				annotations = map[string]string{}
			}
			annotations[intern(key)] = value
		}
	}
	labels := make(map[string]string, len(pod.Labels))
	for key, value := range pod.Labels {
		labels[intern(key)] = intern(value)
	}
	owners := slices.Clone(pod.OwnerReferences)
	for i := range owners {
		owner := &owners[i]
		owner.APIVersion, owner.Kind, owner.Name, owner.UID = intern(owner.APIVersion), intern(owner.Kind), intern(owner.Name), intern(owner.UID)
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name:                       pod.Name,
			Namespace:                  intern(pod.Namespace),
			UID:                        pod.UID,
			ResourceVersion:            pod.ResourceVersion,
			CreationTimestamp:          pod.CreationTimestamp,
			DeletionTimestamp:          pod.DeletionTimestamp,
			DeletionGracePeriodSeconds: pod.DeletionGracePeriodSeconds,
			Labels:                     labels,
			Annotations:                annotations,
			OwnerReferences:            owners,
			Finalizers:                 pod.Finalizers,
		},
		Spec: corev1.PodSpec{NodeName: intern(pod.Spec.NodeName)},
		Status: corev1.PodStatus{
			Phase:                 intern(pod.Status.Phase),
			Conditions:            trimConditions(pod.Status.Conditions),
			Message:               pod.Status.Message,
			Reason:                pod.Status.Reason,
			StartTime:             pod.Status.StartTime,
			InitContainerStatuses: trimContainers(pod.Status.InitContainerStatuses),
			ContainerStatuses:     trimContainers(pod.Status.ContainerStatuses),
		},
	}, nil
}

// intern returns the one copy of a text that occurs often.
func intern[S ~string](text S) S { return unique.Make(text).Value() }

// trimConditions keeps the conditions that say whether a pod found a node, and
// whether the cluster ends it. Nobody reads the others.
func trimConditions(conditions []corev1.PodCondition) []corev1.PodCondition {
	var kept []corev1.PodCondition
	for i := range conditions {
		switch condition := conditions[i]; condition.Type {
		case corev1.PodScheduled, corev1.DisruptionTarget:
			condition.Type, condition.Status, condition.Reason = intern(condition.Type), intern(condition.Status), intern(condition.Reason)
			kept = append(kept, condition)
		default:
		}
	}
	return kept
}

func trimContainers(statuses []corev1.ContainerStatus) []corev1.ContainerStatus {
	if len(statuses) == 0 {
		return nil
	}
	trimmed := make([]corev1.ContainerStatus, len(statuses))
	for i := range statuses {
		trimmed[i] = corev1.ContainerStatus{
			Name:                 intern(statuses[i].Name),
			State:                statuses[i].State,
			LastTerminationState: statuses[i].LastTerminationState,
			Ready:                statuses[i].Ready,
			RestartCount:         statuses[i].RestartCount,
			Image:                intern(statuses[i].Image),
		}
	}
	return trimmed
}

// trimNamespace keeps name and labels.
func trimNamespace(object any) (any, error) {
	namespace, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return object, nil
	}
	return &metav1.PartialObjectMetadata{
		TypeMeta: namespace.TypeMeta,
		ObjectMeta: metav1.ObjectMeta{
			Name:            namespace.Name,
			UID:             namespace.UID,
			ResourceVersion: namespace.ResourceVersion,
			Labels:          namespace.Labels,
		},
	}, nil
}

// Names of the indexes over pods.
const (
	// DriversByApplication finds driver pods by the UID of the SparkApplication
	// that controls them, whichever submission they belong to.
	DriversByApplication = "driversByApplication"
	// ExecutorsBySubmission finds executor pods by [SubmissionIndexValue].
	ExecutorsBySubmission = "executorsBySubmission"
)

// SubmissionIndexValue is the value of ExecutorsBySubmission for a submission.
func SubmissionIndexValue(namespace, app, submissionID string) string {
	return namespace + "/" + app + "/" + submissionID
}

// ApplicationUID is the UID of the SparkApplication that controls a pod, or "".
func ApplicationUID(pod *corev1.Pod) types.UID {
	owner := metav1.GetControllerOfNoCopy(pod)
	if owner == nil || owner.Kind != "SparkApplication" || !strings.HasPrefix(owner.APIVersion, v1beta2.SchemeGroupVersion.Group+"/") {
		return ""
	}
	return owner.UID
}

func indexDriver(pod *corev1.Pod) ([]string, error) {
	if pod.Labels[v1beta2.LabelSparkRole] != v1beta2.SparkRoleDriver {
		return nil, nil
	}
	if uid := ApplicationUID(pod); uid != "" {
		return []string{string(uid)}, nil
	}
	return nil, nil
}

func indexExecutor(pod *corev1.Pod) ([]string, error) {
	if pod.Labels[v1beta2.LabelSparkRole] != v1beta2.SparkRoleExecutor {
		return nil, nil
	}
	app, submission := pod.Labels[v1beta2.LabelSparkAppName], pod.Labels[v1beta2.LabelSubmissionID]
	if app == "" || submission == "" {
		return nil, nil
	}
	return []string{SubmissionIndexValue(pod.Namespace, app, submission)}, nil
}

// podSelector selects the pods that belong to applications.
var podSelector = fmt.Sprintf("%s=true", v1beta2.LabelLaunchedBySparkOperator)
