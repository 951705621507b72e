// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"time"

	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// submissionNamespace keeps our name-based UUIDs apart from those of others.
var submissionNamespace = uuid.MustParse("5ba1d1a0-6d6b-5b0c-9f5e-5d7c1f3f7f52")

// nextSubmissionID is the id of the submission after the one in the status. The
// ids of an application form a chain: as long as the status is not written,
// whoever computes the next id gets the same one, and so names the same objects;
// once it is written the id changes, whatever happens to the attempt counters.
func nextSubmissionID(app types.UID, previous string) string {
	return uuid.NewSHA1(submissionNamespace, []byte(string(app)+"/"+previous)).String()
}

// submissionIDs tells the submissions of an application from those of others. Names,
// labels, owner references and a status can be forged by whoever may write them; that
// an id follows from the UID of the application cannot.
type submissionIDs struct {
	app   *v1beta2.SparkApplication
	chain map[string]bool // see contains; made when it is needed
}

// longestChain is how many submissions of an application are known without its history.
const longestChain = 1000

// contains reports whether an id is one of the application's own: that of a submission
// made, or of the next one. Ids that another operator drew are not.
func (s *submissionIDs) contains(id string) bool {
	uid, status := s.app.UID, &s.app.Status
	if id == nextSubmissionID(uid, status.SubmissionID) || id == nextSubmissionID(uid, "") {
		return true
	}
	for i := range status.Attempts {
		if id == nextSubmissionID(uid, status.Attempts[i].SubmissionID) {
			return true
		}
	}
	if s.chain == nil {
		s.chain = make(map[string]bool, longestChain)
		for previous := ""; len(s.chain) < longestChain; s.chain[previous] = true {
			previous = nextSubmissionID(uid, previous)
		}
	}
	return s.chain[id]
}

// made reports whether a pod was made as the driver of the submission that its label
// names, and that submission is one of the application's own. That takes what nobody
// can change in a pod.
func (s *submissionIDs) made(pod *podview.Pod) bool {
	return madeFor(pod.Spec.Driver, pod.Labels.SubmissionID) && s.contains(pod.Labels.SubmissionID)
}

// records reports whether a pod can be the driver of the submission in the status. One
// of the application's own submissions has a driver that was made for it. Of another
// operator's driver no more is known than that it is not older than the application.
func (s *submissionIDs) records(pod *podview.Pod) bool {
	id := s.app.Status.SubmissionID
	if madeFor(pod.Spec.Driver, id) || s.contains(id) {
		return madeFor(pod.Spec.Driver, id) && s.contains(id)
	}
	return pod.Spec.Driver != nil && !pod.CreationTimestamp.Time.Before(s.app.CreationTimestamp.Add(-clockSkew))
}

// clockSkew is by how much the clocks of two API servers may differ.
const clockSkew = 10 * time.Second

// madeFor reports whether this operator made a driver for a submission, itself or by
// spark-submit in a Job.
func madeFor(driver *podview.Driver, id string) bool {
	return driver != nil && id != "" && (driver.SubmissionID == id || driver.ConfigMap == submit.DriverConfigMapName(submit.NewIDs(id)))
}
