// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// TestCrashAtEveryWrite ends the process before and after each write of the whole
// life of an application, and goes on with a new one that knows nothing but what
// the cluster shows. The outcome must be that of a life without a fault.
func TestCrashAtEveryWrite(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			want := s.undisturbed(t)
			eachWrite(t, want.writes, func(t *testing.T, f *fault) {
				f.crash = true
				c := s.cluster(t, f)
				if err := s.life(c.start(s.configure)); f.vain {
					f.after = false // nothing happened
				} else if !errors.Is(err, errCrash) {
					t.Fatalf("error %v, want the end of the process", err)
				}
				if err := s.life(c.start(s.configure)); err != nil {
					t.Fatal(err)
				}
				checkOutcome(t, want, outcomeOf(c), f)
			})
		})
	}
}

// TestErrorAtEveryWrite answers each write once with an error that is worth a
// retry, done or not done.
func TestErrorAtEveryWrite(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			want := s.undisturbed(t)
			eachWrite(t, want.writes, func(t *testing.T, f *fault) {
				f.err = apierrors.NewInternalError(errors.New("etcdserver: request timed out"))
				c := s.cluster(t, f)
				if err := s.life(c.start(s.configure)); err != nil {
					t.Fatal(err)
				}
				if !f.hit {
					t.Fatal("the write was not reached")
				}
				checkOutcome(t, want, outcomeOf(c), f)
			})
		})
	}
}

// scenario is a whole life of one application.
type scenario struct {
	name   string
	edit   func(*v1beta2.SparkApplication)
	config func(*Config)
	// world does what others do, as soon as the controller has nothing left to do.
	// It goes by what the cluster shows and nothing else, and returns true at the end
	// of the story. The application is nil once it is gone; after is when the
	// controller looks again.
	world func(c *cluster, app *v1beta2.SparkApplication, after time.Duration) (over bool)
	// check checks the life without a fault.
	check func(t *testing.T, got *outcomeOfLife)
}

func (s *scenario) configure(config *Config) {
	if s.config != nil {
		s.config(config)
	}
}

func (s *scenario) cluster(t *testing.T, f *fault) *cluster {
	c := newCluster(t)
	app := newApplication("pi")
	if s.edit != nil {
		s.edit(app)
	}
	c.addApplication(app)
	c.fault = f
	watchDrivers(c)
	return c
}

// life lets controller and world take turns until the story or the process ends.
func (s *scenario) life(p *process) error {
	for range 40 {
		after, err := p.settle("pi")
		if err != nil {
			return err
		}
		if s.world(p.cluster, p.cluster.find("pi"), after) {
			return nil
		}
	}
	return fmt.Errorf("the story does not come to an end: %q", p.cluster.log)
}

// undisturbed is the life without a fault.
func (s *scenario) undisturbed(t *testing.T) *outcomeOfLife {
	t.Helper()
	c := s.cluster(t, nil)
	if err := s.life(c.start(s.configure)); err != nil {
		t.Fatal(err)
	}
	got := outcomeOf(c)
	s.check(t, got)
	if t.Failed() {
		t.Fatalf("the life without a fault is not as it should be: %+v", got)
	}
	return got
}

// find returns an application; nil if there is none.
func (c *cluster) find(name string) *v1beta2.SparkApplication {
	object, err := c.spark.Tracker().Get(applicationsResource, "ns", name)
	if err != nil {
		return nil
	}
	return object.(*v1beta2.SparkApplication).DeepCopy()
}

// outcomeOfLife is all that a life leaves behind, without times and ids.
type outcomeOfLife struct {
	state                                       v1beta2.ApplicationStateType // empty if the application is gone
	message                                     string
	executions, submissions, forgiven, infraRow int32
	attempts                                    []string
	conditions                                  []string
	created                                     int // driver pods
	applicationsDeleted                         int
	pods                                        []string
	services, configMaps                        int
	events                                      []string
	counters                                    map[string]float64
	writes                                      int
	usage                                       []v1beta2.Usage // of the attempts
	coreSeconds                                 float64         // as the metrics count them
}

func outcomeOf(c *cluster) *outcomeOfLife {
	o := &outcomeOfLife{services: c.services(), configMaps: c.configMaps(), events: c.reasons(), counters: map[string]float64{}, writes: c.writes}
	if app := c.find("pi"); app != nil {
		s := app.Status
		o.state, o.message = s.AppState.State, s.AppState.ErrorMessage
		o.executions, o.submissions, o.forgiven, o.infraRow = s.ExecutionAttempts, s.SubmissionAttempts, s.ForgivenAttempts, s.InfrastructureFailures
		ids := map[string]bool{}
		for _, a := range s.Attempts {
			o.attempts = append(o.attempts, strings.TrimSpace(fmt.Sprintf("%s %s %s", a.State, a.FailureType, a.Reason)))
			if ids[a.SubmissionID] {
				c.t.Errorf("two attempts have the id %s", a.SubmissionID)
			}
			ids[a.SubmissionID] = true
			o.usage = append(o.usage, *cmp.Or(a.Usage, &v1beta2.Usage{}))
		}
		for _, condition := range s.Conditions {
			o.conditions = append(o.conditions, fmt.Sprintf("%s=%s %s", condition.Type, condition.Status, condition.Reason))
		}
		slices.Sort(o.conditions)
	}
	for _, entry := range c.log {
		switch entry {
		case "create pods pi-driver":
			o.created++
		case "delete sparkapplications pi":
			o.applicationsDeleted++
		}
	}
	for _, pod := range c.pods() {
		o.pods = append(o.pods, pod.Name)
	}
	for _, name := range []string{"spark_application_count", "spark_application_submit_count", "spark_application_success_count", "spark_application_failure_count", "spark_application_failed_submission_count"} {
		o.counters[name] = c.counter(name)
	}
	o.coreSeconds = c.sum("spark_application_core_seconds_total")
	return o
}

// checkOutcome checks that a fault left no trace. Events follow the write that they
// report: a process that ends right after that write, or does not get its answer,
// sends no event. No event is sent twice.
func checkOutcome(t *testing.T, want, got *outcomeOfLife, f *fault) {
	t.Helper()
	lost := f.after
	if !slices.Equal(got.events, want.events) && (!lost || len(got.events) >= len(want.events) || !isSubsequence(got.events, want.events)) {
		t.Errorf("events %q, want %q", got.events, want.events)
	}
	missing := 0.0
	for name, count := range want.counters {
		if got.counters[name] > count {
			t.Errorf("%s %v, want %v", name, got.counters[name], count)
		}
		missing += count - got.counters[name]
	}
	// One write can be the first submission, which two counters count.
	if missing > 0 && (!lost || missing > 2) {
		t.Errorf("counters %v, want %v", got.counters, want.counters)
	}
	checkUsage(t, want, got)
	rest, wanted := *got, *want
	for _, o := range []*outcomeOfLife{&rest, &wanted} {
		o.events, o.counters, o.writes, o.usage, o.coreSeconds = nil, nil, 0, nil, 0
	}
	if !reflect.DeepEqual(rest, wanted) {
		t.Errorf("outcome\n%+v, want\n%+v", rest, wanted)
	}
}

// checkUsage checks that nothing counts twice, and that the status says so if the new process
// did not see the end of a pod. Of a pod whose end was written, the last seconds may be missing.
func checkUsage(t *testing.T, want, got *outcomeOfLife) {
	t.Helper()
	total := 0.0
	for i := range min(len(got.usage), len(want.usage)) {
		g, w := got.usage[i], want.usage[i]
		total += g.Driver.CoreSeconds + g.Executors.CoreSeconds
		if g.Driver.CoreSeconds > w.Driver.CoreSeconds || g.Executors.CoreSeconds > w.Executors.CoreSeconds || g.ExecutorsLost > w.ExecutorsLost {
			t.Errorf("attempt %d counts %+v, want no more than %+v", i+1, g, w)
		}
		const lag = 10 // seconds
		if !g.Incomplete && (g.Executors.CoreSeconds < w.Executors.CoreSeconds-2*lag || g.Driver.CoreSeconds < w.Driver.CoreSeconds-lag) {
			t.Errorf("attempt %d counts %+v, less than %+v, and does not say so", i+1, g, w)
		}
	}
	if got.coreSeconds > total+0.001 {
		t.Errorf("the metrics count %v core-seconds, the status %v", got.coreSeconds, total)
	}
}

// eachWrite runs the test with a fault before and after each of so many writes.
func eachWrite(t *testing.T, writes int, test func(t *testing.T, f *fault)) {
	if writes < 7 {
		t.Fatalf("only %d writes in a whole life", writes)
	}
	for n := range writes {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d after %t", n+1, after), func(t *testing.T) {
				test(t, &fault{at: n + 1, after: after})
			})
		}
	}
}

// watchDrivers fails the test as soon as two driver pods exist at once.
func watchDrivers(c *cluster) {
	c.onWrite = func() {
		var drivers []string
		for _, pod := range c.pods() {
			if pod.Labels[v1beta2.LabelSparkRole] == v1beta2.SparkRoleDriver && !podview.Of(pod).Ended() {
				drivers = append(drivers, pod.Name)
			}
		}
		if len(drivers) > 1 {
			c.t.Errorf("drivers %q at once after %q", drivers, c.log)
		}
	}
}

func isSubsequence(part, whole []string) bool {
	i := 0
	for _, element := range whole {
		if i < len(part) && part[i] == element {
			i++
		}
	}
	return i == len(part)
}
