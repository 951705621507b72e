// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"time"

	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// coalescing is how long events of executors are collected. A thousand executors
// that start at once cause one sync of the application and not a thousand.
const coalescing = time.Second

// podChanged enqueues the application that the pod is labelled with: at once for
// a driver, coalesced for executors.
func (c *Controller) podChanged(pod *podview.Pod) {
	name := pod.Labels.AppName
	if name == "" {
		return
	}
	key := cache.NewObjectName(pod.Namespace, name)
	if pod.Labels.Role == v1beta2.SparkRoleDriver {
		c.queue.Add(key)
		return
	}
	c.queue.AddAfter(key, coalescing)
}
