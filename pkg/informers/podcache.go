// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreinformers "k8s.io/client-go/informers"
	podinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/informers/internalinterfaces"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// newPodInformer returns the cache of a factory that keeps pods as [Pod]. The
// factory makes it from corev1.Pod, which is what the API server sends; compactPod
// is what turns these into what is kept, before they get to the cache.
func newPodInformer(factory coreinformers.SharedInformerFactory, namespace string) cache.TypedSharedIndexInformer[*podview.Pod] {
	informer := factory.InformerFor(&corev1.Pod{}, func(client kubernetes.Interface, resync time.Duration) cache.SharedIndexInformer {
		return podinformers.NewPodInformerWithOptions(client, namespace, internalinterfaces.InformerOptions{
			ResyncPeriod:     resync,
			TweakListOptions: func(options *metav1.ListOptions) { options.LabelSelector = podSelector },
			Indexers: cache.TypedIndexersToIndexers(cache.TypedIndexers[*podview.Pod]{
				DriversByApplication:  indexDriver,
				ExecutorsBySubmission: indexExecutor,
				ExecutorsByServer:     indexServer,
			}),
		})
	})
	return cache.NewTypedSharedIndexInformer[*podview.Pod](informer)
}

// compactPod is the transform of that cache. If the first list is streamed, it gets its
// own result a second time.
func compactPod(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		return podview.Of(pod), nil
	}
	return object, nil
}

// Names of the indexes over pods.
const (
	// DriversByApplication finds driver pods by the UID of the SparkApplication
	// that controls them, whichever submission they belong to.
	DriversByApplication = "driversByApplication"
	// ExecutorsBySubmission finds executor pods by [SubmissionIndexValue].
	ExecutorsBySubmission = "executorsBySubmission"
	// ExecutorsByServer finds executor pods of a Spark Connect server by the UID of the
	// server pod.
	ExecutorsByServer = "executorsByServer"
)

// SubmissionIndexValue is the value of ExecutorsBySubmission for a submission.
func SubmissionIndexValue(namespace, app, submissionID string) string {
	return namespace + "/" + app + "/" + submissionID
}

func indexDriver(pod *podview.Pod) ([]string, error) {
	if pod.Labels.Role != v1beta2.SparkRoleDriver || pod.ApplicationUID == "" {
		return nil, nil
	}
	return []string{string(pod.ApplicationUID)}, nil
}

func indexExecutor(pod *podview.Pod) ([]string, error) {
	labels := &pod.Labels
	if labels.Role != v1beta2.SparkRoleExecutor || labels.AppName == "" || labels.SubmissionID == "" {
		return nil, nil
	}
	return []string{SubmissionIndexValue(pod.Namespace, labels.AppName, labels.SubmissionID)}, nil
}

func indexServer(pod *podview.Pod) ([]string, error) {
	if pod.Connect == nil || pod.Labels.Role != v1beta2.SparkRoleExecutor || pod.DriverUID == "" {
		return nil, nil
	}
	return []string{string(pod.DriverUID)}, nil
}

// podSelector selects the pods that belong to applications.
var podSelector = fmt.Sprintf("%s=true", v1beta2.LabelLaunchedBySparkOperator)
