// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// The following are the doings of others: users, the other controller, the garbage
// collector. They go past the reactors of the cluster.

// newSchedule returns a schedule of a valid application.
func newSchedule(name, when string, edits ...func(*v1beta2.ScheduledSparkApplication)) *v1beta2.ScheduledSparkApplication {
	app := &v1beta2.ScheduledSparkApplication{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "ns", Generation: 1},
		Spec: v1beta2.ScheduledSparkApplicationSpec{
			Schedule: when,
			Template: v1beta2.SparkApplicationSpec{
				SparkVersion:        "4.1.4",
				Image:               ptr.To("spark:4.1.4"),
				MainClass:           ptr.To("org.example.Main"),
				MainApplicationFile: ptr.To("local:///opt/app.jar"),
			},
		},
	}
	for _, edit := range edits {
		edit(app)
	}
	return app
}

func policy(p v1beta2.ConcurrencyPolicy) func(*v1beta2.ScheduledSparkApplication) {
	return func(app *v1beta2.ScheduledSparkApplication) { app.Spec.ConcurrencyPolicy = p }
}

func inNamespace(namespace string) func(*v1beta2.ScheduledSparkApplication) {
	return func(app *v1beta2.ScheduledSparkApplication) { app.Namespace = namespace }
}

func catchUp(p v1beta2.CatchUpPolicy) func(*v1beta2.ScheduledSparkApplication) {
	return func(app *v1beta2.ScheduledSparkApplication) { app.Spec.CatchUpPolicy = p }
}

func keepRuns(successful, failed int32) func(*v1beta2.ScheduledSparkApplication) {
	return func(app *v1beta2.ScheduledSparkApplication) {
		app.Spec.SuccessfulRunHistoryLimit, app.Spec.FailedRunHistoryLimit = &successful, &failed
	}
}

// ask asks for a run.
func ask(value string) func(*v1beta2.ScheduledSparkApplication) {
	return func(app *v1beta2.ScheduledSparkApplication) {
		metav1.SetMetaDataAnnotation(&app.ObjectMeta, v1beta2.AnnotationRunNow, value)
	}
}

// refuse lets the API server refuse all writes with a verb; allow ends that.
func (c *cluster) refuse(verb string, err error) (allow func()) {
	c.change(func() {
		c.onWrite = func(action clienttesting.Action) error {
			if action.GetVerb() == verb {
				return err
			}
			return nil
		}
	})
	return func() { c.change(func() { c.onWrite = nil }) }
}

func (c *cluster) addSchedule(app *v1beta2.ScheduledSparkApplication) {
	c.t.Helper()
	c.lock.Lock()
	c.stamp(app)
	err := c.spark.Tracker().Create(schedulesResource, app, app.Namespace)
	c.lock.Unlock()
	if err != nil {
		c.t.Fatal(err)
	}
	synctest.Wait()
}

func (c *cluster) schedule(name string) *v1beta2.ScheduledSparkApplication {
	c.t.Helper()
	object, err := c.spark.Tracker().Get(schedulesResource, "ns", name)
	if err != nil {
		c.t.Fatal(err)
	}
	return object.(*v1beta2.ScheduledSparkApplication).DeepCopy()
}

// edit changes spec or metadata of a schedule.
func (c *cluster) edit(name string, edit func(*v1beta2.ScheduledSparkApplication)) {
	c.t.Helper()
	app := c.schedule(name)
	edit(app)
	app.Generation++
	c.lock.Lock()
	app.ResourceVersion = c.nextVersion()
	err := c.spark.Tracker().Update(schedulesResource, app, app.Namespace)
	c.lock.Unlock()
	if err != nil {
		c.t.Fatal(err)
	}
	synctest.Wait()
}

// runs returns the applications, oldest first.
func (c *cluster) runs() []*v1beta2.SparkApplication {
	c.t.Helper()
	return c.runsIn("ns")
}

func (c *cluster) runsIn(namespace string) []*v1beta2.SparkApplication {
	c.t.Helper()
	list, err := c.spark.Tracker().List(applicationsResource, v1beta2.SchemeGroupVersion.WithKind("SparkApplication"), namespace)
	if err != nil {
		c.t.Fatal(err)
	}
	var runs []*v1beta2.SparkApplication
	for i := range list.(*v1beta2.SparkApplicationList).Items {
		runs = append(runs, list.(*v1beta2.SparkApplicationList).Items[i].DeepCopy())
	}
	slices.SortFunc(runs, compareAge)
	return runs
}

func (c *cluster) runsOf(schedule string) []*v1beta2.SparkApplication {
	return slices.DeleteFunc(c.runs(), func(app *v1beta2.SparkApplication) bool {
		return app.Labels[v1beta2.LabelScheduledSparkAppName] != schedule
	})
}

// times returns for which times of the day runs exist.
func (c *cluster) times() string {
	c.t.Helper()
	var times []string
	for _, app := range c.runs() {
		if scheduled, known := scheduledTime(app); known {
			times = append(times, scheduled.Format("15:04"))
		} else {
			times = append(times, "now")
		}
	}
	return strings.Join(times, " ")
}

func (c *cluster) wantTimes(want string) {
	c.t.Helper()
	if got := c.times(); got != want {
		c.t.Errorf("runs for %q, want %q", got, want)
	}
}

// setState is what the other controller does to a run.
func (c *cluster) setState(name string, state v1beta2.ApplicationStateType) {
	c.t.Helper()
	object, err := c.spark.Tracker().Get(applicationsResource, "ns", name)
	if err != nil {
		c.t.Fatal(err)
	}
	app := object.(*v1beta2.SparkApplication).DeepCopy()
	app.Status.AppState.State = state
	c.putRun(app)
}

func (c *cluster) putRun(app *v1beta2.SparkApplication) {
	c.t.Helper()
	c.lock.Lock()
	app.ResourceVersion = c.nextVersion()
	err := c.spark.Tracker().Update(applicationsResource, app, app.Namespace)
	c.lock.Unlock()
	if err != nil {
		c.t.Fatal(err)
	}
	synctest.Wait()
}

// endAll brings all runs that are going to an end.
func (c *cluster) endAll(state v1beta2.ApplicationStateType) {
	c.t.Helper()
	for _, app := range c.runs() {
		if !isFinished(app) && app.DeletionTimestamp == nil {
			c.setState(app.Name, state)
		}
	}
}

// collectGarbage lets those go that wait for their dependents.
func (c *cluster) collectGarbage() {
	c.t.Helper()
	for _, app := range c.runs() {
		if app.DeletionTimestamp != nil {
			c.deleteRun(app.Name)
		}
	}
}

func (c *cluster) deleteRun(name string) {
	c.t.Helper()
	c.lock.Lock()
	c.nextVersion()
	err := c.spark.Tracker().Delete(applicationsResource, "ns", name)
	c.lock.Unlock()
	if err != nil {
		c.t.Fatal(err)
	}
	synctest.Wait()
}

// wantCondition checks the reason of a condition; empty for no such condition.
func (c *cluster) wantCondition(name, kind, reason string) *metav1.Condition {
	c.t.Helper()
	status := c.schedule(name).Status
	condition := meta.FindStatusCondition(status.Conditions, kind)
	if condition == nil {
		condition = &metav1.Condition{}
	}
	if condition.Reason != reason {
		c.t.Errorf("condition %s of %s: %q %q, want %q", kind, name, condition.Reason, condition.Message, reason)
	}
	return condition
}

func (c *cluster) wantEvents(reason string, want int) {
	c.t.Helper()
	c.lock.Lock()
	defer c.lock.Unlock()
	got := 0
	for _, r := range c.events {
		if r == reason {
			got++
		}
	}
	if got != want {
		c.t.Errorf("%d events %s, want %d; all: %v", got, reason, want, c.events)
	}
}

// today is a time of the first day.
func today(clockTime string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", "2024-12-25 "+clockTime)
	if err != nil {
		panic(err)
	}
	return t
}
