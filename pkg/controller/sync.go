// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"slices"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
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
		return 0, nil
	}
	if c.givesWay(app) {
		return yieldRetry, nil
	}
	c.restore(app)
	v1beta2.SetObjectDefaultsOver(app, c.settings.DefaultConf)

	ctx = klog.NewContext(ctx, klog.FromContext(ctx).WithValues("state", app.Status.AppState.State))
	in, err := c.look(app) // caches only
	if err != nil {
		return 0, err
	}
	plan := lifecycle.Decide(in)                              // pure
	outcome := c.runner.Execute(ctx, in, plan, failures)      // API writes
	status := lifecycle.Conclude(in, plan, outcome, failures) // pure
	if err := c.commit(ctx, in, &outcome, status); err != nil {
		err = redact.Error(err, c.settings.Hide)
		c.reportUnwritten(app, failures, err)
		return 0, err // the status comes first: an action that failed is tried again anyway
	}
	if outcome.Awaited != "" && lifecycle.AwaitedCauseOf(status, app.Generation) != "" {
		since := status.LastSubmissionAttemptTime.Time
		return max(outcome.Awaited.NextTry(since, in.Now).Sub(in.Now), lifecycle.MinimumDelay), nil
	}
	if outcome.Err != nil {
		return 0, outcome.Err // the delays between tries, and nothing sooner
	}
	if outcome.Unseen {
		return lifecycle.Soonest(lifecycle.Requeue(in, plan, &outcome), loop.CacheDelay), nil
	}
	return lifecycle.Requeue(in, plan, &outcome), nil
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

// look collects everything a decision needs.
func (c *Controller) look(app *v1beta2.SparkApplication) (*lifecycle.Input, error) {
	seen, err := c.observe(app)
	if err != nil {
		return nil, err
	}
	lifecycle.RecoverHash(&app.Status, seen.Driver)
	hash, err := lifecycle.HashSpec(&app.Spec, c.settings.PartialRestart)
	if err != nil {
		return nil, err
	}
	in := &lifecycle.Input{
		Observed: seen,
		App:      app,
		Settings: &c.settings.Settings,
		Now:      c.clock.Now(),
		Report:   diagnosis.ReportDriver(seen.Driver),
		SpecHash: hash,
	}
	in.Unreadable = c.settings.Hide(in.Unreadable)
	if in.Unreadable == "" && slices.Contains(lifecycle.ToBeSubmitted, in.State()) {
		in.Refusal = c.settings.Hide(lifecycle.Validate(app))
	}
	// What a container leaves as its message may be the end of its log.
	in.Report.Message = c.settings.Hide(in.Report.Message)
	switch in.Report.State {
	case v1beta2.DriverStatePending:
		if in.Obstacle = c.diagnoseDriver(app, seen.Driver, in.Now); in.Obstacle != nil {
			in.Obstacle.Detail = c.settings.Hide(in.Obstacle.Detail)
		}
		in.Watch = c.runner.WatchOf(cache.MetaObjectToName(app), seen.Driver.UID)
	case v1beta2.DriverStateRunning:
		in.Watch = c.runner.WatchOf(cache.MetaObjectToName(app), seen.Driver.UID)
	default:
		c.runner.ForgetDriver(cache.MetaObjectToName(app))
	}
	return in, nil
}
