// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/redact"
)

const (
	// yieldRetry is how long a new scheduled run yields to runs still to be created
	// before it is synced again.
	yieldRetry = 500 * time.Millisecond
	// maxYield is the age from which a new scheduled run no longer yields.
	maxYield = 30 * time.Second
)

// sync brings one application one step further. Failures is the number of syncs
// of this application that failed in a row before this one.
func (c *Controller) sync(ctx context.Context, key cache.ObjectName, failures int) (requeueAfter time.Duration, err error) {
	if wait, ready := c.gate.Ready(key); !ready {
		return wait, nil
	}
	app, found, err := c.applications.Get(key)
	if err != nil {
		return 0, err
	}
	if !found {
		c.fresh.Forget(key)
		c.runner.Forget(key)
		c.unkept.Forget(key)
		c.ledger.forget(key)
		c.sampler.Forget(key, "")
		return 0, nil
	}
	if c.givesWay(app) {
		return yieldRetry, nil
	}
	c.restore(app)
	v1beta2.SetObjectDefaultsOver(app, c.settings.DefaultConf)

	ctx = klog.NewContext(ctx, klog.FromContext(ctx).WithValues("state", app.Status.AppState.State))
	in, err := c.observe(app) // caches only
	if err != nil {
		return 0, err
	}
	plan := lifecycle.Decide(in) // pure
	ctx, span := c.traceSubmission(ctx, in, plan)
	outcome := c.runner.Execute(ctx, in, plan, failures)      // API writes
	status := lifecycle.Conclude(in, plan, outcome, failures) // pure
	err = redact.Error(c.commit(ctx, in, &outcome, status), c.settings.Hide)
	endSubmission(span, &outcome, err)
	if err != nil {
		c.reportUnwritten(app, status, failures, err)
		return 0, err // the status comes first: an action that failed is tried again anyway
	}
	return lifecycle.NextSync(in, plan, &outcome, status)
}

// givesWay reports whether an application is a run that a schedule has just
// created while other schedules still have runs to create. Thousands may be due in
// the same second; to submit the first of them would take from the API server what
// the last ones need to come into being in time.
func (c *Controller) givesWay(app *v1beta2.SparkApplication) bool {
	return c.config.Starting != nil &&
		app.Status.AppState.State == v1beta2.ApplicationStateNew &&
		app.Labels[v1beta2.LabelScheduledSparkAppName] != "" &&
		c.clock.Since(app.CreationTimestamp.Time) < maxYield &&
		c.config.Starting()
}
