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

// The handlers translate events to keys; they decide and write nothing.

func (c *Controller) watchPods() ([]cache.DoneChecker, error) {
	return c.pods.AddHandler(cache.TypedResourceEventHandlerFuncs[*podview.Pod]{
		AddFunc:    c.podChanged,
		UpdateFunc: func(_, pod *podview.Pod) { c.podChanged(pod) },
		DeleteFunc: func(pod cache.DeletedObject[*podview.Pod]) {
			if pod.OptionalObj != nil {
				c.podChanged(pod.OptionalObj)
			}
		},
	})
}

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
