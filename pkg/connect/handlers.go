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

// podChanged enqueues the SparkConnect of a pod: at once for a server, coalesced for
// executors.
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
