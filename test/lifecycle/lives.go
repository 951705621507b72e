// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// life is what becomes of one application.
type life struct {
	name string
	// drivers is how many it has, one after the other.
	drivers int
	lead    func(ctx context.Context, w *World, name string) error
}

// Lives are the names of all lives.
func Lives() []string {
	var names []string
	for _, life := range lives() {
		names = append(names, life.name)
	}
	return names
}

func lives(names ...string) []life {
	all := []life{
		{"completes", 1, completes},
		{"retries", 3, retries},
		{"suspended", 2, suspended},
		{"edited", 2, edited},
		{"expires", 1, expires},
		{"deleted", 1, deleted},
	}
	if len(names) == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(life life) bool { return !slices.Contains(names, life.name) })
}

// Live leads one application through each of the named lives, or through all, and
// checks what was and what is left.
func (w *World) Live(names ...string) {
	w.t.Helper()
	w.Lead(names...)
	w.Check(names...)
}

// Lead leads one application through each of the named lives, or through all, at the
// same time, and reports whatever goes another way than it should. It returns when
// they have come to their ends and were deleted.
func (w *World) Lead(names ...string) {
	w.t.Helper()
	var under sync.WaitGroup
	for _, life := range lives(names...) {
		under.Go(func() {
			if err := life.lead(w.t.Context(), w, life.name); err != nil {
				w.t.Errorf("%s: %v", life.name, err)
			}
		})
	}
	under.Wait()
}

// Check reports drivers that should not have been, or should have, and whatever
// is left of the applications.
func (w *World) Check(names ...string) {
	w.t.Helper()
	w.checkDrivers(names...)
	w.checkNothingLeft()
}

// checkDrivers compares the drivers that were seen with the number that there
// should have been, each of a submission of its own.
func (w *World) checkDrivers(names ...string) {
	for _, overlap := range w.kubelet.Overlaps() {
		w.t.Errorf("driver %s", overlap)
	}
	for _, life := range lives(names...) {
		ids := w.submissions(life.name)
		distinct := slices.Compact(slices.Sorted(slices.Values(ids)))
		if len(ids) != life.drivers || len(distinct) != life.drivers {
			w.t.Errorf("%s had %d drivers, of %d submissions, instead of %d: %v", life.name, len(ids), len(distinct), life.drivers, ids)
		}
	}
}

// application passes every check; its driver does what does says.
func application(name, does string) *v1beta2.SparkApplication {
	return &v1beta2.SparkApplication{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1beta2.SparkApplicationSpec{
			SparkVersion:        "4.3.0",
			Image:               ptr.To("example.com/spark:4.3.0"),
			MainClass:           ptr.To("org.example.Main"),
			MainApplicationFile: ptr.To("local:///opt/app.jar"),
			Arguments:           []string{does},
		},
	}
}

// wantAttempts compares the record of an application with the drivers that it had
// since it last started over, oldest first.
func (w *World) wantAttempts(app *v1beta2.SparkApplication, executions int) error {
	status := app.Status
	var recorded []string
	for _, attempt := range status.Attempts {
		recorded = append(recorded, attempt.SubmissionID)
	}
	ids := w.submissions(app.Name)
	for _, id := range recorded {
		if !slices.Contains(ids, id) {
			return fmt.Errorf("attempt %s is on record and never had a driver; drivers: %v", id, ids)
		}
	}
	if int(status.ExecutionAttempts) != executions || int(status.SubmissionAttempts) != executions {
		return fmt.Errorf("%d executions and %d submissions are counted, want %d of either", status.ExecutionAttempts, status.SubmissionAttempts, executions)
	}
	if len(recorded) < executions || recorded[len(recorded)-1] != status.SubmissionID || ids[len(ids)-1] != status.SubmissionID {
		return fmt.Errorf("attempts %v, drivers %v, the current submission is %s", recorded, ids, status.SubmissionID)
	}
	return nil
}

func completes(ctx context.Context, w *World, name string) error {
	if err := w.create(ctx, application(name, succeeds)); err != nil {
		return err
	}
	return w.end(ctx, name, v1beta2.ApplicationStateCompleted, 1)
}

// end waits for the end of an application, checks what is on record, and deletes
// it.
func (w *World) end(ctx context.Context, name string, state v1beta2.ApplicationStateType, executions int) error {
	app, err := w.waitFor(ctx, name, state)
	if err != nil {
		return err
	}
	return errors.Join(w.wantAttempts(app, executions), w.delete(ctx, name))
}

// retries fails with every run until no retry is left.
func retries(ctx context.Context, w *World, name string) error {
	app := application(name, fails)
	app.Spec.RestartPolicy = v1beta2.RestartPolicy{
		Type: v1beta2.RestartPolicyOnFailure, OnFailureRetries: ptr.To[int32](2), OnFailureRetryInterval: ptr.To[int64](1),
	}
	if err := w.create(ctx, app); err != nil {
		return err
	}
	return w.end(ctx, name, v1beta2.ApplicationStateFailed, 3)
}

// suspended is suspended while it runs, and resumed.
func suspended(ctx context.Context, w *World, name string) error {
	if err := w.create(ctx, application(name, endless)); err != nil {
		return err
	}
	if _, err := w.waitFor(ctx, name, v1beta2.ApplicationStateRunning); err != nil {
		return err
	}
	if err := w.patch(ctx, name, `{"spec":{"suspend":true}}`); err != nil {
		return err
	}
	if _, err := w.waitFor(ctx, name, v1beta2.ApplicationStateSuspended); err != nil {
		return err
	}
	if err := w.patch(ctx, name, `{"spec":{"suspend":false}}`); err != nil {
		return err
	}
	if _, err := w.waitFor(ctx, name, v1beta2.ApplicationStateRunning); err != nil {
		return err
	}
	w.letEnd(name)
	return w.end(ctx, name, v1beta2.ApplicationStateCompleted, 1)
}

// edited has its spec changed while it runs, and so runs anew.
func edited(ctx context.Context, w *World, name string) error {
	if err := w.create(ctx, application(name, endless)); err != nil {
		return err
	}
	if _, err := w.waitFor(ctx, name, v1beta2.ApplicationStateRunning); err != nil {
		return err
	}
	if err := w.patch(ctx, name, `{"spec":{"arguments":["`+succeeds+`"]}}`); err != nil {
		return err
	}
	return w.end(ctx, name, v1beta2.ApplicationStateCompleted, 1)
}

// expires is deleted by the operator, after its time to live.
func expires(ctx context.Context, w *World, name string) error {
	app := application(name, succeeds)
	app.Spec.TimeToLiveSeconds = ptr.To[int64](1)
	if err := w.create(ctx, app); err != nil {
		return err
	}
	return w.waitGone(ctx, name)
}

func (w *World) waitGone(ctx context.Context, name string) error {
	err := wait.PollUntilContextTimeout(ctx, pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		_, err := w.spark.SparkoperatorV1beta2().SparkApplications(w.namespace).Get(ctx, name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
	if err != nil {
		return fmt.Errorf("%s does not go: %w", name, err)
	}
	return nil
}

// deleted is deleted by its user while it runs.
func deleted(ctx context.Context, w *World, name string) error {
	if err := w.create(ctx, application(name, endless)); err != nil {
		return err
	}
	if _, err := w.waitFor(ctx, name, v1beta2.ApplicationStateRunning); err != nil {
		return err
	}
	return errors.Join(w.delete(ctx, name), w.waitGone(ctx, name))
}
