// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"slices"
	"time"

	"github.com/google/uuid" //nolint:depguard // only NewSHA1, which draws nothing
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// submissionNamespace keeps our name-based UUIDs apart from those of others.
var submissionNamespace = uuid.MustParse("5ba1d1a0-6d6b-5b0c-9f5e-5d7c1f3f7f52")

// NextSubmissionID is the id of the submission after the one in the status. The
// ids of an application form a chain: as long as the status is not written,
// whoever computes the next id gets the same one, and so names the same objects;
// once it is written the id changes, whatever happens to the attempt counters.
func NextSubmissionID(app types.UID, previous string) string {
	return uuid.NewSHA1(submissionNamespace, []byte(string(app)+"/"+previous)).String()
}

// SubmissionIDs distinguishes the submissions of an application from those of others. Names,
// labels, owner references and a status can be forged by whoever may write them; that
// an id follows from the UID of the application cannot.
type SubmissionIDs struct {
	App   *v1beta2.SparkApplication
	chain map[string]bool // see contains; made when it is needed
}

// longestChain is how many submissions of an application are known without its history.
const longestChain = 1000

// Contains reports whether an id is one of the application's own: that of a submission
// made, or of the next one. Ids that another operator drew are not.
func (s *SubmissionIDs) Contains(id string) bool {
	uid, status := s.App.UID, &s.App.Status
	if id == NextSubmissionID(uid, status.SubmissionID) || id == NextSubmissionID(uid, "") {
		return true
	}
	for i := range status.Attempts {
		if id == NextSubmissionID(uid, status.Attempts[i].SubmissionID) {
			return true
		}
	}
	if s.chain == nil {
		s.chain = make(map[string]bool, longestChain)
		for previous := ""; len(s.chain) < longestChain; s.chain[previous] = true {
			previous = NextSubmissionID(uid, previous)
		}
	}
	return s.chain[id]
}

// Made reports whether a pod was made as the driver of the submission that its label
// names, and that submission is one of the application's own. It reads fields
// that are immutable in a pod.
func (s *SubmissionIDs) Made(pod *podview.Pod) bool {
	driver, id := pod.Spec.Driver, pod.Labels.SubmissionID
	return (madeFor(driver, id) || s.madeByOldJob(driver, id)) && (id == s.App.Status.SubmissionID || s.Contains(id))
}

// Records reports whether a pod can be the driver of the submission in the status. One
// of the application's own submissions has a driver that was made for it. Of another
// operator's driver no more is known than that it is not older than the application.
//
// A driver that was made for the submission is its driver even if the id is not known as
// one of the application's own: the first id after one of another operator is not, once
// the history is gone.
func (s *SubmissionIDs) Records(pod *podview.Pod) bool {
	driver, id := pod.Spec.Driver, s.App.Status.SubmissionID
	switch {
	case driver == nil:
		return false
	case madeFor(driver, id):
		return true
	case s.Contains(id):
		return s.madeByOldJob(driver, id)
	}
	return !pod.CreationTimestamp.Time.Before(s.App.CreationTimestamp.Add(-clockSkew))
}

// clockSkew is by how much the clocks of two API servers may differ.
const clockSkew = 10 * time.Second

// madeFor reports whether this operator made a driver for a submission, itself or by
// spark-submit in a Job.
func madeFor(driver *podview.Driver, id string) bool {
	return driver != nil && id != "" && (driver.SubmissionID == id || driver.ConfigMap == submit.DriverConfigMapName(submit.NewIDs(id)))
}

// madeByOldJob reports whether a driver is that of a submission made by spark-submit in a
// Job of an operator that did not set v1beta2.EnvSubmissionID yet: the status has the id
// that Spark drew for the application, and the driver was made with it. A submission that
// was refused has none; that of a native one is ours.
func (s *SubmissionIDs) madeByOldJob(driver *podview.Driver, id string) bool {
	if driver == nil || driver.SubmissionID != "" || driver.ApplicationID == "" || driver.ApplicationID == submit.NewIDs(id).App {
		return false
	}
	status := &s.App.Status
	return id == status.SubmissionID && driver.ApplicationID == status.SparkApplicationID ||
		slices.ContainsFunc(status.Attempts, func(attempt v1beta2.Attempt) bool {
			return attempt.SubmissionID == id && attempt.SparkApplicationID == driver.ApplicationID
		})
}

// IsUnowned reports whether a pod is the driver of the current submission although
// the application is not its owner: kubeflow/spark-operator without its webhook makes
// such drivers, and owner references can be removed. A pod that anything else
// controls is never taken for one. All that the status records of the run has to fit.
func IsUnowned(ids *SubmissionIDs, pod *podview.Pod) bool {
	app, status := ids.App, &ids.App.Status
	return !pod.Controlled && pod.Name == status.DriverInfo.PodName &&
		pod.Labels.Role == v1beta2.SparkRoleDriver && pod.Labels.AppName == app.Name &&
		status.SubmissionID != "" && pod.Labels.SubmissionID == status.SubmissionID &&
		(status.SparkApplicationID == "" || pod.Labels.SparkApplicationSelector == status.SparkApplicationID) &&
		ids.Records(pod)
}
