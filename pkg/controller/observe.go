// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/informers"
)

// observed is what the caches show of an application's run. The pods are shared
// with the caches and never changed.
type observed struct {
	// driver is the driver pod of the submission in the status; nil if absent.
	driver *informers.Pod
	// unpublished is the driver pod of the submission that comes next: it was
	// created, but the status that says so was not written.
	unpublished *informers.Pod
	// leftovers are driver pods of any other submission of this application.
	leftovers []*informers.Pod
	// executors of the submission in the status, by name.
	executors []*informers.Pod
	// unreadable says why the application could not be decoded; empty if it could.
	unreadable string
}

// observe looks the run up in the caches. It makes no API calls.
func (c *Controller) observe(app *v1beta2.SparkApplication) (observed, error) {
	var seen observed
	seen.unreadable, _ = informers.DecodeError(app)

	drivers, err := c.pods.ByIndex(app.Namespace, informers.DriversByApplication, string(app.UID))
	if err != nil {
		return observed{}, fmt.Errorf("find driver pods: %w", err)
	}
	next := nextSubmissionID(app.UID, app.Status.SubmissionID)
	for _, pod := range drivers {
		switch id := pod.Labels.SubmissionID; {
		case app.Status.SubmissionID != "" && id == app.Status.SubmissionID:
			seen.driver = pod
		case id == "" && pod.Name == app.Status.DriverInfo.PodName:
			seen.driver = pod // of a version of the operator that set no such label
		case id == next:
			seen.unpublished = pod
		default:
			seen.leftovers = append(seen.leftovers, pod)
		}
	}

	if app.Status.SubmissionID == "" {
		return seen, nil
	}
	seen.executors, err = c.pods.ByIndex(app.Namespace, informers.ExecutorsBySubmission,
		informers.SubmissionIndexValue(app.Namespace, app.Name, app.Status.SubmissionID))
	if err != nil {
		return observed{}, fmt.Errorf("find executor pods: %w", err)
	}
	slices.SortFunc(seen.executors, func(a, b *informers.Pod) int { return cmp.Compare(a.Name, b.Name) })
	return seen, nil
}

// drivers returns every driver pod of the application.
func (o *observed) drivers() []*informers.Pod {
	all := slices.Clone(o.leftovers)
	for _, pod := range []*informers.Pod{o.driver, o.unpublished} {
		if pod != nil {
			all = append(all, pod)
		}
	}
	return all
}
