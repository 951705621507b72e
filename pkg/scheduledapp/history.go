// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// history is which of the finished runs stay.
type history struct {
	successful, failed []string // names of those that stay, newest first
	surplus            []*v1beta2.SparkApplication
	// archived is when the first of the runs that exceed the limit no longer waits for its
	// logs; zero if none waits.
	archived time.Time
}

// trim keeps the newest runs of either kind. A run that the status does not list
// yet is not surplus: without it and without a record of it, it would be created
// again.
func (in *input) trim() history {
	var h history
	h.successful = h.keep(in, v1beta2.ApplicationStateCompleted, historyLimit(in.app.Spec.SuccessfulRunHistoryLimit))
	h.failed = h.keep(in, v1beta2.ApplicationStateFailed, historyLimit(in.app.Spec.FailedRunHistoryLimit))
	return h
}

func historyLimit(limit *int32) int {
	return int(max(ptr.Deref(limit, v1beta2.DefaultRunHistoryLimit), 0))
}

func (h *history) keep(in *input, state v1beta2.ApplicationStateType, limit int) []string {
	var finished []*v1beta2.SparkApplication
	for _, run := range in.runs {
		if run.Status.AppState.State == state && run.DeletionTimestamp == nil {
			finished = append(finished, run)
		}
	}
	slices.SortFunc(finished, func(a, b *v1beta2.SparkApplication) int { return -compareAge(a, b) })
	var names []string
	for i, run := range finished {
		end := in.archiveDeadline(run)
		switch {
		case i < limit:
			names = append(names, run.Name)
		case end.After(in.now):
			names = append(names, run.Name)
			if h.archived.IsZero() || end.Before(h.archived) {
				h.archived = end
			}
		case isRecorded(in.app, run):
			h.surplus = append(h.surplus, run)
		}
	}
	return names
}

// archiveDeadline is until when a finished run waits for its logs to be copied; zero if it
// does not wait. The condition comes with the end of the run.
func (in *input) archiveDeadline(run *v1beta2.SparkApplication) time.Time {
	if meta.IsStatusConditionFalse(run.Status.Conditions, v1beta2.ConditionLogsArchived) {
		return run.Status.TerminationTime.Add(in.logArchiveDeadline)
	}
	return time.Time{}
}

// compareAge orders runs from old to new: by creation, which is in whole seconds,
// then by the time they are for.
func compareAge(a, b *v1beta2.SparkApplication) int {
	if order := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); order != 0 {
		return order
	}
	timeOfA, _ := scheduledTime(a)
	timeOfB, _ := scheduledTime(b)
	if order := timeOfA.Compare(timeOfB); order != 0 {
		return order
	}
	return cmp.Compare(a.Name, b.Name)
}
