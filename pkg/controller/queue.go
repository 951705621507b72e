// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"

	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
)

// queueName names the metrics of the work queue as kubeflow/spark-operator does, whose
// alerts go on to work.
const queueName = "sparkapplication"

// fairQueue is the order in which applications are worked on. Those of one namespace
// cannot hold up those of another, as namespaces take turns and none has more than its
// share of the workers.
//
// In a namespace, those that are submitted are in the first lane. A thousand that are
// created at once take a minute to submit; what becomes of those that already run
// must not be shown a minute late. Nor may many that change all the time keep others
// from being submitted.
type fairQueue struct {
	*loop.Shares
	toSubmit func(cache.ObjectName) bool
}

func newFairQueue(toSubmit func(cache.ObjectName) bool, workers int, clk clock.WithTicker) *fairQueue {
	return &fairQueue{Shares: loop.NewShares(workers, 1, clk), toSubmit: toSubmit}
}

// Push implements workqueue.Queue.
func (q *fairQueue) Push(key cache.ObjectName) {
	if q.toSubmit(key) {
		q.PushOther(0, key)
	} else {
		q.PushFirst(0, key)
	}
}

// toSubmit reports whether an application is to be submitted. One whose submission
// the cache does not show yet is not.
func (c *Controller) toSubmit(key cache.ObjectName) bool {
	app, found := c.applications.Scoped.Get(key)
	return found && slices.Contains(lifecycle.ToBeSubmitted, lifecycle.StateOf(&app.Outline().Status)) && c.fresh.Ready(key)
}
