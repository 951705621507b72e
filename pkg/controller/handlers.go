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

// podHandler notes pods in the ledger and enqueues their applications.
func (c *Controller) podHandler() cache.TypedResourceEventHandlerFuncs[*podview.Pod] {
	changed := func(pod *podview.Pod) {
		c.ledger.seen(applicationOf(pod), pod)
		c.podChanged(pod)
	}
	return cache.TypedResourceEventHandlerFuncs[*podview.Pod]{
		AddFunc:    changed,
		UpdateFunc: func(_, pod *podview.Pod) { changed(pod) },
		DeleteFunc: func(object cache.DeletedObject[*podview.Pod]) {
			pod := object.OptionalObj
			if pod == nil {
				return
			}
			var at time.Time
			if object.FinalStateUnknown == nil {
				at = c.clock.Now()
			}
			c.ledger.gone(applicationOf(pod), pod, at)
			c.podChanged(pod)
		},
	}
}

// applicationOf returns the application that a pod is labelled with; its name may be empty.
func applicationOf(pod *podview.Pod) cache.ObjectName {
	return cache.NewObjectName(pod.Namespace, pod.Labels.AppName)
}

// podChanged enqueues the application that the pod is labelled with: at once for
// a driver, coalesced for executors.
func (c *Controller) podChanged(pod *podview.Pod) {
	key := applicationOf(pod)
	if key.Name == "" {
		return
	}
	if pod.Labels.Role == v1beta2.SparkRoleDriver {
		c.queue.Add(key)
		return
	}
	c.queue.AddAfter(key, coalescing)
}
