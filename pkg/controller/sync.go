// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
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
		c.watches.forget(key)
		c.complete.Delete(key)
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
	plan := decide(in)                              // pure
	outcome := c.execute(ctx, in, plan, failures)   // API writes
	status := conclude(in, plan, outcome, failures) // pure
	if err := c.commit(ctx, in, &outcome, status); err != nil {
		err = redact.Error(err, c.settings.redact)
		c.reportUnwritten(app, failures, err)
		return 0, err // the status comes first: an action that failed is tried again anyway
	}
	if outcome.awaited != "" && awaitedCauseOf(status, app.Generation) != "" {
		since := status.LastSubmissionAttemptTime.Time
		return max(outcome.awaited.NextTry(since, in.now).Sub(in.now), minimumDelay), nil
	}
	if outcome.err != nil {
		return 0, outcome.err // the delays between tries, and nothing sooner
	}
	if outcome.unseen {
		return soonest(requeue(in, plan, &outcome), loop.CacheDelay), nil
	}
	return requeue(in, plan, &outcome), nil
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
func (c *Controller) look(app *v1beta2.SparkApplication) (*input, error) {
	seen, err := c.observe(app)
	if err != nil {
		return nil, err
	}
	recoverHash(&app.Status, seen.driver)
	hash, err := hashSpec(&app.Spec, c.settings.PartialRestart)
	if err != nil {
		return nil, err
	}
	in := &input{
		observed: seen,
		app:      app,
		settings: &c.settings,
		now:      c.clock.Now(),
		report:   reportDriver(seen.driver),
		specHash: hash,
		validate: func(app *v1beta2.SparkApplication) string { return c.settings.redact(validate(app)) },
		watches:  c.watches,
	}
	in.unreadable = c.settings.redact(in.unreadable)
	// What a container leaves as its message may be the end of its log.
	in.report.message = c.settings.redact(in.report.message)
	switch in.report.state {
	case v1beta2.DriverStatePending:
		if in.obstacle = c.diagnoseDriver(app, seen.driver, in.now); in.obstacle != nil {
			in.obstacle.detail = c.settings.redact(in.obstacle.detail)
		}
		in.watch = c.watches.of(cache.MetaObjectToName(app), seen.driver.UID)
	case v1beta2.DriverStateRunning:
		in.watch = c.watches.of(cache.MetaObjectToName(app), seen.driver.UID)
	default:
		c.watches.forget(cache.MetaObjectToName(app))
	}
	return in, nil
}

// requeue is when to look again after a sync without error.
func requeue(in *input, p plan, out *outcome) time.Duration {
	if out.pending != nil && out.pending.after > 0 {
		return out.pending.after
	}
	if out.ui != nil && out.ui.awaited != "" {
		since := in.uiFailingSince()
		if next := out.ui.awaited.NextTry(since, in.now); in.now.Before(since.Add(out.ui.awaited.Patience())) {
			return soonest(p.requeueAfter, next.Sub(in.now))
		}
	}
	if out.ui != nil && out.ui.err != nil && (p.requeueAfter == 0 || p.requeueAfter > backstopDelay) {
		return backstopDelay
	}
	return p.requeueAfter
}
