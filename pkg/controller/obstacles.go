// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// followDriver says in DriverReady why the driver does not run yet. It returns the
// message if the application is stalled by that, else nil.
//
// What Kubernetes says of one and the same fault changes all the time. A status is
// written only if there is another fault, or the same with another cause, and the
// latter at a limited pace.
func followDriver(in *input, out *outcome, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) *stalledBy {
	if stateOf(status) != stateSubmitted || in.driver == nil || status.SubmissionID != in.app.Status.SubmissionID {
		return nil
	}
	before := meta.FindStatusCondition(in.app.Status.Conditions, v1beta2.ConditionDriverReady)
	present := in.obstacle
	if out.events != nil {
		present = out.events.obstacle
	}
	if present != nil && present.subject == "" {
		return nil // nothing to report yet
	}
	if present == nil {
		fromEvents := before != nil && (before.Reason == reasonVolumeFailed || before.Reason == reasonSandboxFailed || before.Reason == reasonImagePulling)
		if out.events != nil || !fromEvents || !in.startsSilently() {
			return nil
		}
		// The events were not read this time; the last result holds.
		c.SetFalse(v1beta2.ConditionDriverReady, before.Reason, before.Message)
		if before.Reason == reasonImagePulling {
			return nil
		}
		return &stalledBy{before.Reason, before.Message}
	}
	message := in.wording(v1beta2.ConditionDriverReady, present)
	c.SetFalse(v1beta2.ConditionDriverReady, present.reason, message)
	if at, stalls := present.stallsAt(); stalls && !in.now.Before(at) {
		return &stalledBy{present.reason, message}
	}
	return nil
}

// unownedDriver is said of a driver that the application does not own.
const unownedDriver = "the driver pod has no owner reference; deleting the application does not delete it"

// followOwner says so if DriverReady has no other message.
func followOwner(in *input, status *v1beta2.SparkApplicationStatus, c reconcile.Conditions) {
	ready := meta.FindStatusCondition(status.Conditions, v1beta2.ConditionDriverReady)
	if in.driver == nil || ready == nil || !isLive(status.AppState.State) || status.SubmissionID != in.app.Status.SubmissionID {
		return
	}
	switch {
	case in.unowned() && ready.Message == "":
		c.Set(ready.Type, ready.Status, ready.Reason, unownedDriver)
	case !in.unowned() && ready.Message == unownedDriver:
		c.Set(ready.Type, ready.Status, ready.Reason, "")
	}
}

// diagnoseDriver is diagnose, with what the operator knows besides of the scheduler for
// which a driver waits.
func (c *Controller) diagnoseDriver(app *v1beta2.SparkApplication, pod *podview.Pod, now time.Time) *obstacle {
	o := diagnose(pod, now)
	if o == nil || o.reason != reasonDriverPending && o.reason != reasonNoScheduler {
		return o
	}
	if asked := ptr.Deref(app.Spec.BatchScheduler, ""); asked != "" && !c.settings.BatchScheduling.Enabled && pod.Spec.Wanted.Scheduler != corev1.DefaultSchedulerName {
		o.subject = waitsFor(pod.Name, pod.Spec.Wanted.Scheduler)
		o.subject += fmt.Sprintf("; spec.batchScheduler is %s, but batch scheduling is disabled in the operator (--enable-batch-scheduler, chart value controller.batchScheduler.enable), so no pod group exists", asked)
	}
	return o
}

// wording is the message for an obstacle: that of the condition as long as it will
// do, which knows the cause where Kubernetes says it now and then only.
func (in *input) wording(kind string, present *obstacle) string {
	before := meta.FindStatusCondition(in.app.Status.Conditions, kind)
	if before != nil && before.Reason == present.reason && in.keepsMessage(before, present) {
		return before.Message
	}
	return present.message()
}

// keepsMessage reports whether the present message of the same reason will do.
func (in *input) keepsMessage(before *metav1.Condition, present *obstacle) bool {
	said, sameSubject := strings.CutPrefix(before.Message, present.subject)
	if !sameSubject {
		return false
	}
	said = strings.TrimPrefix(said, ": ")
	now := strings.TrimPrefix(reconcile.Truncate(present.message(), reconcile.MaxConditionMessage), present.subject+": ")
	switch {
	case present.detail == "", rephrases(said, now):
		return true
	case said == "":
		return false // the cause was not known before
	}
	return !in.watch.rephrase.due(in.now)
}

// noteRephrasing remembers that a status was written which says the same reason in
// another way.
func (in *input) noteRephrasing(status *v1beta2.SparkApplicationStatus) {
	if in.driver == nil {
		return
	}
	for _, kind := range []string{v1beta2.ConditionDriverReady, v1beta2.ConditionExecutorsReady} {
		before := meta.FindStatusCondition(in.app.Status.Conditions, kind)
		now := meta.FindStatusCondition(status.Conditions, kind)
		if before == nil || now == nil || before.Reason != now.Reason || before.Message == now.Message {
			continue
		}
		watch := in.watches.of(cache.MetaObjectToName(in.app), in.driver.UID)
		watch.rephrase = watch.rephrase.done(in.now)
		in.watches.store(cache.MetaObjectToName(in.app), watch)
		return
	}
}

// driverDeadline is when a driver that is pending has to be looked at although
// nothing happened; zero for never.
func (in *input) driverDeadline() time.Time {
	if in.startsSilently() {
		if due := in.eventsDue(); in.now.Before(due) {
			return due
		}
		return in.watch.read.done(in.now).next // they are read now
	}
	if in.obstacle == nil {
		return time.Time{}
	}
	if in.now.Before(in.obstacle.due) {
		return in.obstacle.due
	}
	if at, stalls := in.obstacle.stallsAt(); stalls && in.now.Before(at) {
		return at
	}
	if !in.watch.rephrase.due(in.now) {
		return in.watch.rephrase.next
	}
	return time.Time{}
}
