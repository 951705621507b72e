// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"fmt"

	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
)

// perform maps the names of actions to what performs them. Every action may be repeated:
// what is done already is not done again.
var perform = map[lifecycle.Action]func(c *Runner, ctx context.Context, t *task) error{
	lifecycle.SubmitRun:         (*Runner).submitRun,
	lifecycle.StopSubmitter:     (*Runner).stopSubmitter,
	lifecycle.ReadDriverLog:     (*Runner).readDriverLog,
	lifecycle.ReadDriverEvents:  (*Runner).readDriverEvents,
	lifecycle.EnsureUI:          (*Runner).ensureUI,
	lifecycle.ConfirmDriverLost: (*Runner).confirmDriverLost,
	lifecycle.DeleteDrivers:     (*Runner).deleteDrivers,
	lifecycle.ExamineNode:       (*Runner).examineNode,
	lifecycle.DeleteOldDrivers:  (*Runner).deleteOldDrivers,
	lifecycle.DeleteGhosts:      (*Runner).deleteGhosts,
	lifecycle.DeleteExecutors:   (*Runner).deleteExecutors,
	lifecycle.DeleteUnwanted:    (*Runner).deleteUnwanted,
	lifecycle.ReleaseRun:        (*Runner).releaseRun,
	lifecycle.ReleaseShared:     (*Runner).releaseShared,
	lifecycle.DeleteApplication: (*Runner).deleteApplication,
}

// Execute carries out the actions of a plan in their order up to the first that
// fails.
func (r *Runner) Execute(ctx context.Context, in *lifecycle.Input, p lifecycle.Plan, failures int) lifecycle.Outcome {
	if p.Row == nil {
		return lifecycle.Outcome{}
	}
	t := &task{in: in, failures: failures}
	for _, a := range p.Row.Do {
		if err := perform[a](r, ctx, t); err != nil {
			t.out.Err = fmt.Errorf("%s: %w", a, err)
			break
		}
	}
	t.out.Redact(r.settings.Hide)
	return t.out
}
