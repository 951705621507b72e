// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// maxAttempts bounds status.attempts.
const maxAttempts = 10

// startAttempt adds an attempt to the history.
func startAttempt(status *v1beta2.SparkApplicationStatus, attempt v1beta2.Attempt) {
	if excess := len(status.Attempts) + 1 - maxAttempts; excess > 0 {
		status.Attempts = slices.Delete(status.Attempts, 0, excess)
	}
	status.Attempts = append(status.Attempts, attempt)
}

// endAttempt completes the record of the current submission, unless that is done.
// It begins one for a run that another operator started. It returns the record that
// it completed; nil for none.
func endAttempt(status *v1beta2.SparkApplicationStatus, state v1beta2.ApplicationStateType, report diagnosis.Report, end metav1.Time) *v1beta2.Attempt {
	attempt := currentAttempt(status)
	if attempt == nil {
		if status.SubmissionID == "" || state != StateCompleted && state != StateFailed {
			return nil
		}
		startAttempt(status, v1beta2.Attempt{
			SubmissionID:       status.SubmissionID,
			SparkApplicationID: status.SparkApplicationID,
			DriverPodName:      status.DriverInfo.PodName,
		})
		attempt = currentAttempt(status)
		if !status.LastSubmissionAttemptTime.IsZero() {
			attempt.SubmissionTime = ptr.To(status.LastSubmissionAttemptTime)
		}
	}
	if attempt.State != "" {
		return nil
	}
	attempt.State = state
	attempt.TerminationTime = ptr.To(end)
	attempt.ExitCode = report.ExitCode
	attempt.Reason, attempt.Message = report.Reason, reconcile.Truncate(report.Message, reconcile.MaxConditionMessage)
	if report.Started != nil {
		attempt.StartTime = ptr.To(*report.Started)
	}
	return attempt
}

// currentAttempt returns the record of the current submission; nil for none.
func currentAttempt(status *v1beta2.SparkApplicationStatus) *v1beta2.Attempt {
	return status.Attempt(status.SubmissionID)
}

// openAttempt returns the attempt under way, to whose record this sync may add, and whether the
// attempt ends with this sync; nil if it had ended before, or if a submission begins another one.
func openAttempt(in *Input, status *v1beta2.SparkApplicationStatus) (attempt *v1beta2.Attempt, ends bool) {
	attempt, before := currentAttempt(status), in.App.Status.Attempt(status.SubmissionID)
	if attempt == nil || status.SubmissionID != in.App.Status.SubmissionID || before != nil && before.State != "" {
		return nil, false
	}
	return attempt, attempt.State != ""
}

// beginAttempt is what a submission leaves in the status whether it succeeds or
// not.
func beginAttempt(in *Input, s *Submission, status *v1beta2.SparkApplicationStatus) {
	status.SubmissionID = s.ID
	status.LastSubmissionAttemptTime = metav1.NewTime(s.Time.Truncate(0))
	clearRun(status)
	status.DriverInfo.PodName = s.DriverPodName
	status.SubmissionAttempts++
}

// clearRun removes what the status says of a run, but for its id and the counters.
func clearRun(status *v1beta2.SparkApplicationStatus) {
	status.SparkApplicationID = ""
	status.DriverInfo = v1beta2.DriverInfo{}
	status.ExecutorState = nil
	status.ExecutorCounts = nil
	status.Progress = nil
	setEnd(status, metav1.Time{}, "")
}

// setEnd sets when the run ended, zero while it has not, and why it failed or does not
// start. It alone assigns these fields.
func setEnd(status *v1beta2.SparkApplicationStatus, at metav1.Time, message string) {
	status.TerminationTime = at
	status.AppState.ErrorMessage = message
}

// maxErrorMessage bounds what a refusal may put into the status, in bytes: an
// admission webhook may answer at any length.
const maxErrorMessage = 8 << 10

// recordLogTail keeps the last words in the record of the attempt that ended.
func recordLogTail(out *Outcome, status *v1beta2.SparkApplicationStatus) {
	attempt := currentAttempt(status)
	if attempt == nil || out.LogTail == "" {
		return
	}
	attempt.LogTail = out.LogTail
	if out.EventLogFault != "" && !strings.Contains(status.AppState.ErrorMessage, out.EventLogFault) {
		attempt.Message = reconcile.Truncate(reconcile.Join("; ", attempt.Message, out.EventLogFault), reconcile.MaxConditionMessage)
		setEnd(status, status.TerminationTime, reconcile.Join("; ", status.AppState.ErrorMessage, out.EventLogFault))
	}
}
