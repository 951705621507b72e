// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/progress"
	"github.com/spark-operator/spark-operator/pkg/progress/sampler"
	"github.com/spark-operator/spark-operator/pkg/webui"
	"github.com/spark-operator/spark-operator/pkg/webui/poller"
)

// observe collects everything that a decision needs, from the caches.
func (c *Controller) observe(app *v1beta2.SparkApplication) (*lifecycle.Input, error) {
	seen, err := c.seenPods(app)
	if err != nil {
		return nil, err
	}
	lifecycle.RecoverHash(&app.Status, seen.Driver)
	hash, err := lifecycle.HashSpec(&app.Spec, c.settings.PartialRestart)
	if err != nil {
		return nil, err
	}
	in := &lifecycle.Input{
		Observed: seen,
		App:      app,
		Settings: &c.settings.Settings,
		Now:      c.clock.Now(),
		Report:   diagnosis.ReportDriver(seen.Driver),
		SpecHash: hash,
	}
	in.Unreadable = c.settings.Hide(in.Unreadable)
	if in.Unreadable == "" && slices.Contains(lifecycle.ToBeSubmitted, in.State()) {
		in.Refusal = c.settings.Hide(lifecycle.Validate(app))
	}
	// What a container leaves as its message may be the end of its log.
	in.Report.Message = c.settings.Hide(in.Report.Message)
	switch in.Report.State {
	case v1beta2.DriverStatePending:
		if in.Obstacle = c.diagnoseDriver(app, seen.Driver, in.Now); in.Obstacle != nil {
			in.Obstacle.Detail = c.settings.Hide(in.Obstacle.Detail)
		}
		in.Watch = c.runner.WatchOf(cache.MetaObjectToName(app), seen.Driver.UID)
	case v1beta2.DriverStateRunning:
		in.Watch = c.runner.WatchOf(cache.MetaObjectToName(app), seen.Driver.UID)
	default:
		c.runner.ForgetDriver(cache.MetaObjectToName(app))
	}
	in.Progress = c.progressOf(in)
	if in.Report.State == v1beta2.DriverStateCompleted && app.Spec.Progress != nil && slices.Contains(lifecycle.Live, in.State()) {
		in.EarlierRuns = c.earlierRuns(app)
	}
	return in, nil
}

// progressOf returns what the driver shows of itself, and lets the sampler ask it for as long as
// it runs.
func (c *Controller) progressOf(in *lifecycle.Input) progress.View {
	key, period, driver := cache.MetaObjectToName(in.App), lifecycle.ProgressPeriod(in.App), in.Driver
	if period == 0 || driver == nil || c.config.DryRun {
		c.sampler.Forget(key, "")
		return progress.View{}
	}
	if in.Report.State != v1beta2.DriverStateRunning || driver.Status.IP == "" {
		return c.sampler.Forget(key, driver.UID)
	}
	port := int32(0)
	if driver.Spec.Driver != nil {
		port = driver.Spec.Driver.UIPort
	}
	target := sampler.Target{Period: period, Pod: poller.Pod{
		UID: driver.UID, Address: webui.Address(driver.Status.IP, port),
		ApplicationID: cmp.Or(in.App.Status.SparkApplicationID, driver.Labels.SparkApplicationSelector),
	}}
	failure := ""
	switch {
	case port == 0 || target.ApplicationID == "":
		failure = "the driver pod does not show the port of its web UI, or not the id of the application"
	case target.Address == "":
		failure = "the driver pod has no IP address that belongs to a pod"
	}
	if failure != "" {
		c.sampler.Forget(key, "") // the pod may have had another address before
		return progress.View{Failure: failure}
	}
	if recorded := in.App.Status.Progress; recorded != nil && recorded.SampleTime != nil {
		target.Since = recorded.SampleTime.Time
	}
	return c.sampler.Follow(key, target)
}

// seenPods finds the pods of the run in the caches.
func (c *Controller) seenPods(app *v1beta2.SparkApplication) (lifecycle.Observed, error) {
	var seen lifecycle.Observed
	seen.Unreadable, _ = informers.DecodeError(app)

	drivers, err := c.pods.ByIndex(app.Namespace, informers.DriversByApplication, string(app.UID))
	if err != nil {
		return lifecycle.Observed{}, fmt.Errorf("find driver pods: %w", err)
	}
	next := lifecycle.NextSubmissionID(app.UID, app.Status.SubmissionID)
	recorded := app.Status.DriverInfo.PodName
	ids := lifecycle.SubmissionIDs{App: app}
	for _, pod := range drivers {
		switch id := pod.Labels.SubmissionID; {
		case id == app.Status.SubmissionID && (pod.Name == recorded || recorded == "" && id != "") && ids.Records(pod):
			seen.Driver = pod
		case id == "" && pod.Name == recorded && ids.Records(pod):
			seen.Driver = pod // of a version of the operator that set no such label
		case !ids.Made(pod):
			// Whoever may patch a pod can label it and make the application its owner. That
			// makes it no driver, and the operator does not delete it for them.
		case id == next:
			seen.Unpublished = pod
		default:
			seen.Leftovers = append(seen.Leftovers, pod)
		}
	}

	if app.Status.SubmissionID == "" {
		return seen, nil
	}
	if seen.Driver == nil && recorded != "" {
		if pod, found := c.pods.Get(cache.NewObjectName(app.Namespace, recorded)); found && lifecycle.IsUnowned(&ids, pod) {
			seen.Driver = pod
		}
	}
	executors, err := c.pods.ByIndex(app.Namespace, informers.ExecutorsBySubmission,
		informers.SubmissionIndexValue(app.Namespace, app.Name, app.Status.SubmissionID))
	if err != nil {
		return lifecycle.Observed{}, fmt.Errorf("find executor pods: %w", err)
	}
	for _, pod := range executors {
		if belongsTo(pod, seen.Driver, &app.Status) {
			seen.Executors = append(seen.Executors, pod)
		}
	}
	slices.SortFunc(seen.Executors, func(a, b *podview.Pod) int { return cmp.Compare(a.Name, b.Name) })
	c.seeDeparted(app, &seen)
	return seen, nil
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

// diagnoseDriver is diagnose, with what the operator knows besides of the scheduler for
// which a driver waits.
func (c *Controller) diagnoseDriver(app *v1beta2.SparkApplication, pod *podview.Pod, now time.Time) *diagnosis.Obstacle {
	o := diagnosis.Diagnose(pod, now)
	if o == nil || o.Reason != diagnosis.ReasonDriverPending && o.Reason != diagnosis.ReasonNoScheduler {
		return o
	}
	if asked := ptr.Deref(app.Spec.BatchScheduler, ""); asked != "" && !c.settings.BatchScheduling.Enabled && pod.Spec.Wanted.Scheduler != corev1.DefaultSchedulerName {
		o.Subject = diagnosis.WaitsFor(pod.Name, pod.Spec.Wanted.Scheduler)
		o.Subject += fmt.Sprintf("; spec.batchScheduler is %s, but batch scheduling is disabled in the operator (--enable-batch-scheduler, chart value controller.batchScheduler.enable), so no pod group exists", asked)
	}
	return o
}

// earlierRuns returns the attempts of the latest runs of the schedule of an application, without
// its own; none without a schedule.
func (c *Controller) earlierRuns(app *v1beta2.SparkApplication) [][]v1beta2.Attempt {
	schedule := app.Labels[v1beta2.LabelScheduledSparkAppName]
	if schedule == "" {
		return nil
	}
	var kept []*informers.Application
	for other := range c.applications.In(app.Namespace) {
		if other.Labels[v1beta2.LabelScheduledSparkAppName] == schedule && other.UID != app.UID {
			kept = append(kept, other)
		}
	}
	slices.SortFunc(kept, func(a, b *informers.Application) int {
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(b.Name, a.Name))
	})
	var runs [][]v1beta2.Attempt
	for _, other := range kept[:min(len(kept), lifecycle.AdviceRuns)] {
		if whole, err := other.Whole(); err == nil {
			runs = append(runs, whole.Status.Attempts)
		}
	}
	return runs
}
