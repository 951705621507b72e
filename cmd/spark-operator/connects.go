// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
)

// connectsInterval is how often the operator looks whether the API server serves
// SparkConnects, until it does. Helm installs no CRD with an upgrade, so a chart that is
// upgraded may lack this one.
const connectsInterval = 30 * time.Second

// resourceLister lists the kinds of a version of an API group.
type resourceLister interface {
	ServerResourcesForGroupVersion(groupVersion string) (*metav1.APIResourceList, error)
}

// startConnects calls start once the API server serves SparkConnects. A watch of a kind that
// is not served would log an error after each of its attempts.
func startConnects(ctx context.Context, lister resourceLister, start func()) {
	missing := false
	_ = wait.PollUntilContextCancel(ctx, connectsInterval, true, func(ctx context.Context) (bool, error) {
		list, err := lister.ServerResourcesForGroupVersion(v1alpha1.SchemeGroupVersion.String())
		if err == nil && slices.ContainsFunc(list.APIResources, func(kind metav1.APIResource) bool { return kind.Name == "sparkconnects" }) {
			if missing {
				klog.FromContext(ctx).Info("The CRD of SparkConnect is installed now")
			}
			start()
			return true, nil
		}
		if !missing {
			missing = true
			klog.FromContext(ctx).Info("The API server does not serve SparkConnects; install their CRD to use them", "reason", err)
		}
		return false, nil
	})
}
