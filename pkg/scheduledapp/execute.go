// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
	"github.com/spark-operator/spark-operator/pkg/reconcile/owned"
)

// outcome is what executing a plan led to.
type outcome struct {
	// started is how many runs were created or found to exist. They are recorded by
	// the next sync.
	started int
	// refusal is the reason for which a run cannot be created as things are; empty if
	// there is none. err then says more.
	refusal string
	// awaited is set if err is a refusal that may end by itself. It becomes final
	// if it does not end within a few tries.
	awaited bool
	// err is worth a retry.
	err error
}

// execute carries out a plan. Runs to start come first and alone: everything else
// can wait for the next sync.
func (c *Controller) execute(ctx context.Context, in *input, p *plan) *outcome {
	out := &outcome{}
	c.startRuns(ctx, in, p, out)
	if out.started > 0 {
		return out
	}
	for _, app := range p.replace {
		deleted, err := c.deleteActive(ctx, app)
		if err != nil {
			out.fail(fmt.Errorf("delete run %s to replace it: %w", app.Name, err))
		} else if deleted {
			// The status need not change, so this event does not wait for its write.
			loop.Emit(c.recorder, in.app, []reconcile.Event{replaced(app)}, c.config.Redact)
		}
	}
	for _, app := range p.history.surplus {
		if err := c.deleteFinished(ctx, app); err != nil {
			out.fail(fmt.Errorf("delete run %s, which exceeds the history limit: %w", app.Name, err))
		}
	}
	return out
}

func (o *outcome) fail(err error) { o.err = errors.Join(o.err, err) }

// startRuns creates the runs that are to be started, up to the first that fails. If
// they may run side by side, one whose name is taken keeps no other from its start:
// only a user can fix that.
func (c *Controller) startRuns(ctx context.Context, in *input, p *plan, out *outcome) {
	var passed []reconcile.Event
	for _, r := range p.start {
		err := c.startRun(ctx, in, r)
		if err == nil {
			out.started++
			continue
		}
		err = fmt.Errorf("create run %s: %w", r.name, err)
		out.fail(err)
		var taken *nameTakenError
		isTaken := errors.As(err, &taken)
		switch {
		case isTaken:
			out.refusal = reasonNameTaken
		case reconcile.Final(err):
			out.refusal = reasonRunRefused
		case reconcile.Awaited(err) != "":
			out.awaited = true
		}
		if !isTaken || in.app.Spec.ConcurrencyPolicy != v1beta2.ConcurrencyAllow {
			break
		}
		passed = append(passed, passedOver(in.app.Namespace, r.name, reasonNameTaken, err))
	}
	if out.started > 0 { // else the condition Stalled reports it
		loop.Emit(c.recorder, in.app, passed, c.config.Redact)
	}
}

// startRun creates a run. One that exists is right if it belongs to the schedule:
// an earlier try created it.
func (c *Controller) startRun(ctx context.Context, in *input, r run) error {
	apps := c.client.SparkoperatorV1beta2().SparkApplications(in.app.Namespace)
	app, existed, err := owned.Ensure(ctx, apps, newApplication(in.app, r), func(live *v1beta2.SparkApplication) error {
		if !isOwnedBy(live, in.app.UID) {
			return &nameTakenError{name: r.name}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !existed {
		klog.FromContext(ctx).V(2).Info("Created run", "run", klog.KObj(app), "scheduled", r.scheduled)
	}
	if !r.scheduled.IsZero() {
		created := c.clock.Now()
		if existed {
			// The answer to its creation was lost, which does not make it less late.
			created = app.CreationTimestamp.Time
			// The annotation may have been removed.
			app = app.DeepCopy()
			metav1.SetMetaDataAnnotation(&app.ObjectMeta, v1beta2.AnnotationScheduledTime, r.scheduled.UTC().Format(time.RFC3339))
		}
		c.metrics.created(created.Sub(in.spec.timetable.due(r.scheduled)))
	}
	c.created.add(cache.MetaObjectToName(in.app), app)
	return nil
}

// deleteActive asks a run to go unless it has ended or is going already. It stays
// visible until its driver is gone, so that whoever waits for it waits for the
// driver, too.
func (c *Controller) deleteActive(ctx context.Context, app *v1beta2.SparkApplication) (deleted bool, _ error) {
	if app.DeletionTimestamp != nil {
		return false, nil
	}
	apps := c.client.SparkoperatorV1beta2().SparkApplications(app.Namespace)
	live, err := apps.Get(ctx, app.Name, metav1.GetOptions{})
	switch {
	case reconcile.Gone(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("re-read: %w", err)
	case live.UID != app.UID || live.DeletionTimestamp != nil || isFinished(live):
		return false, nil
	}
	klog.FromContext(ctx).V(2).Info("Deleting run to replace it", "run", klog.KObj(app))
	err = apps.Delete(ctx, app.Name, metav1.DeleteOptions{
		Preconditions:     &metav1.Preconditions{UID: &live.UID, ResourceVersion: &live.ResourceVersion},
		PropagationPolicy: ptr.To(metav1.DeletePropagationForeground),
	})
	return err == nil, reconcile.IgnoreGone(err)
}

// deleteFinished deletes a run beyond the history limit if it has not changed since it
// was observed.
func (c *Controller) deleteFinished(ctx context.Context, app *v1beta2.SparkApplication) error {
	klog.FromContext(ctx).V(2).Info("Deleting run beyond the history limit", "run", klog.KObj(app))
	err := c.client.SparkoperatorV1beta2().SparkApplications(app.Namespace).Delete(ctx, app.Name, metav1.DeleteOptions{
		Preconditions:     &metav1.Preconditions{UID: &app.UID, ResourceVersion: &app.ResourceVersion},
		PropagationPolicy: ptr.To(metav1.DeletePropagationBackground),
	})
	return reconcile.IgnoreGone(err)
}

// nameTakenError says that an application which is no run of the schedule has the
// name of one.
type nameTakenError struct{ name string }

func (e *nameTakenError) Error() string {
	return "SparkApplication " + e.name + " exists but is not a run of this schedule; delete or rename it"
}
