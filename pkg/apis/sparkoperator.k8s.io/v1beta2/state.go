// SPDX-License-Identifier: Apache-2.0

package v1beta2

// Attempt returns the record of a submission; nil for none.
func (s *SparkApplicationStatus) Attempt(submissionID string) *Attempt {
	for i := len(s.Attempts) - 1; i >= 0; i-- {
		if s.Attempts[i].SubmissionID == submissionID {
			return &s.Attempts[i]
		}
	}
	return nil
}

// BeingSubmitted reports whether the state SUBMITTED only says that a submission is
// under way or waits, while its driver pod does not exist yet. Clients take any other
// state, the empty one included, for a start. The name of the driver pod, which the
// status of kubeflow/spark-operator has, too, is written with the submission.
func (s *SparkApplicationStatus) BeingSubmitted() bool {
	return s.AppState.State == ApplicationStateSubmitted && s.DriverInfo.PodName == ""
}
