// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"time"

	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// coalescing is how long events of executors are collected.
const coalescing = time.Second

// watchPods enqueues the SparkConnect of a pod that changed.
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

func (c *Controller) podChanged(pod *podview.Pod) {
	if pod.Connect == nil {
		return
	}
	key := cache.NewObjectName(pod.Namespace, pod.Connect.Name)
	if pod.Labels.Role == v1alpha1.SparkRoleConnectServer {
		c.queue.Add(key)
	} else {
		c.queue.AddAfter(key, coalescing)
	}
}
