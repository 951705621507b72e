// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// observed is what the caches show of an application's run. The pods are shared
// with the caches and never changed.
type observed struct {
	// driver is the driver pod of the submission in the status; nil if absent.
	driver *podview.Pod
	// unpublished is the driver pod of the submission that comes next: it was
	// created, but the status that says so was not written.
	unpublished *podview.Pod
	// leftovers are driver pods of any other submission of this application.
	leftovers []*podview.Pod
	// executors of the submission in the status, by name.
	executors []*podview.Pod
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
	recorded := app.Status.DriverInfo.PodName
	ids := submissionIDs{app: app}
	for _, pod := range drivers {
		switch id := pod.Labels.SubmissionID; {
		case id == app.Status.SubmissionID && (pod.Name == recorded || recorded == "" && id != "") && ids.records(pod):
			seen.driver = pod
		case id == "" && pod.Name == recorded && ids.records(pod):
			seen.driver = pod // of a version of the operator that set no such label
		case !ids.made(pod):
			// Whoever may patch a pod can label it and make the application its owner. That
			// makes it no driver, and the operator does not delete it for them.
		case id == next:
			seen.unpublished = pod
		default:
			seen.leftovers = append(seen.leftovers, pod)
		}
	}

	if app.Status.SubmissionID == "" {
		return seen, nil
	}
	if seen.driver == nil && recorded != "" {
		if pod, found := c.pods.Get(cache.NewObjectName(app.Namespace, recorded)); found && isUnowned(&ids, pod) {
			seen.driver = pod
		}
	}
	executors, err := c.pods.ByIndex(app.Namespace, informers.ExecutorsBySubmission,
		informers.SubmissionIndexValue(app.Namespace, app.Name, app.Status.SubmissionID))
	if err != nil {
		return observed{}, fmt.Errorf("find executor pods: %w", err)
	}
	for _, pod := range executors {
		if belongsTo(pod, seen.driver, &app.Status) {
			seen.executors = append(seen.executors, pod)
		}
	}
	slices.SortFunc(seen.executors, func(a, b *podview.Pod) int { return cmp.Compare(a.Name, b.Name) })
	return seen, nil
}

// isUnowned reports whether a pod is the driver of the current submission although
// the application is not its owner: kubeflow/spark-operator without its webhook makes
// such drivers, and owner references can be removed. A pod that anything else
// controls is never taken for one. All that the status records of the run has to fit.
func isUnowned(ids *submissionIDs, pod *podview.Pod) bool {
	app, status := ids.app, &ids.app.Status
	return !pod.Controlled && pod.Name == status.DriverInfo.PodName &&
		pod.Labels.Role == v1beta2.SparkRoleDriver && pod.Labels.AppName == app.Name &&
		status.SubmissionID != "" && pod.Labels.SubmissionID == status.SubmissionID &&
		(status.SparkApplicationID == "" || pod.Labels.SparkApplicationSelector == status.SparkApplicationID) &&
		ids.records(pod)
}

// belongsTo reports whether a pod with the labels of an executor is one of this
// driver's. Once the driver is gone, those are that were known before.
func belongsTo(pod, driver *podview.Pod, status *v1beta2.SparkApplicationStatus) bool {
	if pod.Allocated {
		return true
	}
	if driver == nil {
		_, known := status.ExecutorState[pod.Name]
		return known && pod.DriverUID != ""
	}
	return pod.DriverUID == driver.UID
}

// unowned reports that the application is not the owner of its driver.
func (o *observed) unowned() bool { return o.driver != nil && o.driver.ApplicationUID == "" }

// drivers returns every driver pod of the application.
func (o *observed) drivers() []*podview.Pod {
	all := slices.Clone(o.leftovers)
	for _, pod := range []*podview.Pod{o.driver, o.unpublished} {
		if pod != nil {
			all = append(all, pod)
		}
	}
	return all
}
