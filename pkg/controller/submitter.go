// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// submitter brings the driver pod of a submission into being. It may be called any
// number of times for the same submission and finds what an earlier call made. If
// it returns nil the driver pod exists, or task.out.pending says what it waits for.
type submitter interface {
	submit(ctx context.Context, t *task, s *submission) error
}

// nativeSubmitter creates the objects itself.
type nativeSubmitter struct{ *Controller }

func (n nativeSubmitter) submit(ctx context.Context, t *task, s *submission) error {
	return n.createRun(ctx, t, s)
}

// submitterOf returns the submitter of the application's next submission. A
// submission that was begun in a Job ends there, whatever is asked for by now.
func (c *Controller) submitterOf(ctx context.Context, in *input) (submitter, error) {
	begun, err := c.recoverSubmitter(ctx, in)
	if err != nil {
		return nil, err
	}
	if begun || in.submitterPhase() != "" {
		return jobSubmitter{c}, nil
	}
	name := in.app.Annotations[v1beta2.AnnotationSubmitter]
	if name == "" {
		name = c.settings.Submitter
	}
	switch name {
	case "", v1beta2.SubmitterNative:
		return nativeSubmitter{c}, nil
	case v1beta2.SubmitterSparkSubmit:
		return jobSubmitter{c}, nil
	}
	return nil, reconcile.Refuse(fmt.Errorf("annotation %s: unknown submitter %q; use %s or %s",
		v1beta2.AnnotationSubmitter, name, v1beta2.SubmitterNative, v1beta2.SubmitterSparkSubmit))
}

// pending is a submission under way in a Job.
type pending struct {
	reason  string // reasonSubmitterStarting or reasonSubmitterRunning
	message string
	after   time.Duration // when to look again; 0 to leave that to the row
}

// submitterPhase is reasonSubmitterStarting or reasonSubmitterRunning if the next
// submission was begun in a Job, else empty.
func (in *input) submitterPhase() string {
	condition := meta.FindStatusCondition(in.app.Status.Conditions, v1beta2.ConditionSubmitted)
	if condition == nil || condition.Status != metav1.ConditionFalse {
		return ""
	}
	switch condition.Reason {
	case reasonSubmitterStarting, reasonSubmitterRunning:
		return condition.Reason
	}
	return ""
}

// recordPending leaves the state as it is and says what is waited for.
func recordPending(p *pending, c reconcile.Conditions) {
	c.SetFalse(v1beta2.ConditionSubmitted, p.reason, p.message)
}
