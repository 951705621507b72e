// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"time"

	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/informers"
)

// coalescing is how long new runs are collected. The process that created
// them syncs the schedule anyway.
const coalescing = time.Second

// watchRuns enqueues a schedule when one of its runs is created, changes its state or is
// deleted. Other changes of a run do not affect its schedule.
func (c *Controller) watchRuns() ([]cache.DoneChecker, error) {
	return c.applications.AddHandler(cache.TypedResourceEventHandlerFuncs[*informers.Application]{
		AddFunc: func(app *informers.Application) { c.runChanged(app, coalescing) },
		UpdateFunc: func(before, app *informers.Application) {
			if changesSchedule(before.Outline(), app.Outline()) {
				c.runChanged(app, 0)
			}
		},
		DeleteFunc: func(app cache.DeletedObject[*informers.Application]) {
			if app.OptionalObj != nil {
				c.runChanged(app.OptionalObj, 0)
			}
		},
	})
}

// changesSchedule reports whether a schedule is concerned by what happened to one
// of its runs.
func changesSchedule(before, run *v1beta2.SparkApplication) bool {
	return isGoing(before) != isGoing(run) || before.Status.AppState.State != run.Status.AppState.State && isFinished(run)
}

func (c *Controller) runChanged(app *informers.Application, after time.Duration) {
	for _, owner := range app.OwnerReferences {
		if !isSchedule(owner) {
			continue
		}
		if key := cache.NewObjectName(app.Namespace, owner.Name); after > 0 {
			c.queue.AddAfter(key, after)
		} else {
			c.queue.Add(key)
		}
	}
}
