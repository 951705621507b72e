// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"cmp"
	"slices"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// history is which of the finished runs stay.
type history struct {
	successful, failed []string // names of those that stay, newest first
	surplus            []*v1beta2.SparkApplication
}

// trim keeps the newest runs of either kind. The limits are not negative.
func trim(runs []*v1beta2.SparkApplication, successful, failed int32) history {
	var h history
	h.successful = h.keep(runs, v1beta2.ApplicationStateCompleted, int(successful))
	h.failed = h.keep(runs, v1beta2.ApplicationStateFailed, int(failed))
	return h
}

func (h *history) keep(runs []*v1beta2.SparkApplication, state v1beta2.ApplicationStateType, limit int) []string {
	var finished []*v1beta2.SparkApplication
	for _, run := range runs {
		if run.Status.AppState.State == state && run.DeletionTimestamp == nil {
			finished = append(finished, run)
		}
	}
	slices.SortFunc(finished, func(a, b *v1beta2.SparkApplication) int { return -compareAge(a, b) })
	var names []string
	for i, run := range finished {
		if i < limit {
			names = append(names, run.Name)
		} else {
			h.surplus = append(h.surplus, run)
		}
	}
	return names
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
