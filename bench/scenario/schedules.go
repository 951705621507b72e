// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
)

// Times around the runs of schedules.
const (
	// beforeDue is how long before the runs are due the costs are read.
	beforeDue = 2 * time.Second
	// readyBefore is how long before they are due all schedules have to be there.
	readyBefore = 5 * time.Second
	// afterStarts is how long it is watched whether there are more runs than schedules.
	afterStarts = 5 * time.Second
)

// starts is how the runs of schedules that are due at once came into being.
type starts struct {
	// late is by how much each run was seen late.
	late report.Quantiles
	// cpu is what was used for each until all were seen.
	cpu report.CPU
}

// schedules are due in the same minute.
type schedules struct {
	setup *Setup
	// creating is how long it took to create one of them.
	creating time.Duration
}

// Schedules has many schedules due in the same minute: first with the floor, which
// does nothing but create their runs, then with the operator, and then with an
// operator that is killed meanwhile. Each is over when all runs are there;
// how they go on is a burst like any other.
func Schedules(ctx context.Context, s *Setup, count int) (*report.Result, error) {
	all := &schedules{setup: s}
	floor, err := all.floor(ctx, count)
	if err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	s.logf("schedules: floor %+v", floor)
	result, err := all.operator(ctx, count)
	if err != nil {
		return nil, err
	}
	killed, err := all.killed(ctx, count)
	if err != nil {
		return nil, fmt.Errorf("operator killed: %w", err)
	}
	// What must never happen must not happen then, either.
	result.Duplicates += killed.Duplicates
	result.Overlaps += killed.Overlaps
	result.Lost += killed.Lost
	maps.Copy(result.Extra, killed.Extra)
	maps.Copy(result.Extra, map[string]float64{
		"floorP50Ms": floor.late.P50, "floorP99Ms": floor.late.P99, "floorMaxMs": floor.late.Max,
		"floorStartCPUMs": report.Round(floor.cpu.Total()),
	})
	return result, nil
}

// course is what the three have in common: nothing that runs is waited for.
func (s *schedules) course() course {
	return course{
		name:       "schedules",
		kubelet:    kubelet.Config{LifeOf: kubelet.Always(kubelet.Life{Run: burstRun})},
		queue:      scheduleQueue,
		unsettled:  true,
		unfinished: true,
	}
}

// withWarmOperator starts the operator and has it and the API server warm up.
func (l *leg) withWarmOperator() error {
	if err := l.withOperator(); err != nil {
		return err
	}
	return l.warmUp(0)
}

// floor creates the runs beside schedules that are not due.
func (s *schedules) floor(ctx context.Context, count int) (floor starts, err error) {
	c := s.course()
	c.killed = true
	c.begin = func(l *leg) error {
		if err := l.withWarmOperator(); err != nil {
			return err
		}
		begun := time.Now()
		if err := l.createSchedules(count, begun.UTC().AddDate(0, 6, 0)); err != nil {
			return err
		}
		s.creating = time.Since(begun) / time.Duration(count)
		if err := l.settle(); err != nil {
			return err
		}
		return l.killOperator()
	}
	c.load = func(l *leg) (err error) {
		due := time.Now().Add(beforeDue)
		floor, err = l.follow(count, due, func() error { return l.createRuns(count, due) })
		return err
	}
	_, err = s.setup.run(ctx, c)
	return floor, err
}

// operator measures the operator.
func (s *schedules) operator(ctx context.Context, count int) (*report.Result, error) {
	var due time.Time
	var reached starts
	c := s.course()
	c.begin = func(l *leg) (err error) {
		if err := l.withWarmOperator(); err != nil {
			return err
		}
		due, err = s.create(l, count)
		return err
	}
	c.load = func(l *leg) (err error) {
		if reached, err = l.follow(count, due, func() error { return nil }); err != nil {
			return err
		}
		s.setup.logf("schedules: operator %+v", reached)
		return l.sleep(afterStarts)
	}
	c.judge = func(l *leg, result *report.Result) error {
		judgeStarts(result, l.observer.Apps(namespace), count)
		result.CPU = reached.cpu
		result.Extra = map[string]float64{
			"dueToRunP50Ms": reached.late.P50, "dueToRunP99Ms": reached.late.P99, "dueToRunMaxMs": reached.late.Max,
			"startCPUMs": report.Round(reached.cpu.Total()),
		}
		return nil
	}
	return s.setup.run(ctx, c)
}

// killed kills the operator when a third of the runs are there, and starts it again.
// There is no warming up, as nothing of this is measured.
func (s *schedules) killed(ctx context.Context, count int) (*report.Result, error) {
	var due time.Time
	seen := 0
	c := s.course()
	c.killed = true
	c.begin = func(l *leg) (err error) {
		if err := l.withOperator(); err != nil {
			return err
		}
		due, err = s.create(l, count)
		return err
	}
	c.load = func(l *leg) error {
		if err := l.sleep(time.Until(due)); err != nil {
			return err
		}
		if err := l.waitRuns((count + 2) / 3); err != nil {
			return err
		}
		if err := l.killOperator(); err != nil {
			return err
		}
		if seen = l.observer.Known(namespace); seen >= count {
			return fmt.Errorf("all %d runs were there before the operator was killed", count)
		}
		if err := l.startOperator(); err != nil {
			return err
		}
		if err := l.waitRuns(count); err != nil {
			return err
		}
		s.setup.logf("schedules: killed when %d of %d runs were there, all of them %v after they were due", seen, count, time.Since(due).Round(time.Millisecond))
		return l.sleep(afterStarts)
	}
	c.judge = func(l *leg, result *report.Result) error {
		judgeStarts(result, l.observer.Apps(namespace), count)
		result.Extra = map[string]float64{"killedSchedules": float64(count), "killedAfterRuns": float64(seen)}
		return nil
	}
	return s.setup.run(ctx, c)
}

// create creates schedules that are due as soon as can be, and waits until shortly
// before that.
func (s *schedules) create(l *leg, count int) (due time.Time, err error) {
	ready := time.Now().Add(readyBefore + 3*s.creating*time.Duration(count)/2)
	due = ready.UTC().Truncate(time.Minute).Add(time.Minute)
	if err := l.createSchedules(count, due); err != nil {
		return due, err
	}
	left := time.Until(due)
	if left < beforeDue {
		return due, fmt.Errorf("creating %d schedules took too long: they are due in %v", count, left)
	}
	return due, l.sleep(left - beforeDue)
}

// judgeStarts counts what schedules started that are to start one run each, and
// forgets what comes after the starts and is under way yet.
func judgeStarts(result *report.Result, runs []load.App, count int) {
	started := map[string]int{}
	for i := range runs {
		name := runs[i].Name
		schedule := name[:max(strings.LastIndexByte(name, '-'), 0)]
		if started[schedule]++; started[schedule] > 1 {
			result.Duplicates++
		}
	}
	result.Lost = count - len(started)
	result.ForgetCosts()
	result.CreateToDriver, result.StatusLag = report.Quantiles{}, report.Quantiles{}
	result.SubmittedPerMinute, result.FinishedPerMinute, result.Seconds = 0, 0, 0
}

// follow measures from now, shortly before the runs are due, until all of them were
// seen. What is used while nothing is to be done yet is little, and the same for all.
func (l *leg) follow(count int, due time.Time, create func() error) (starts, error) {
	before, after := &meter{leg: l}, &meter{leg: l}
	if err := before.costs(); err != nil {
		return starts{}, err
	}
	if err := l.sleep(time.Until(due)); err != nil {
		return starts{}, err
	}
	if err := create(); err != nil {
		return starts{}, err
	}
	if err := l.waitRuns(count); err != nil {
		return starts{}, err
	}
	if err := after.costs(); err != nil {
		return starts{}, err
	}
	var late []time.Duration
	for _, app := range l.observer.Apps(namespace) {
		late = append(late, app.Asked.Sub(due))
	}
	return starts{late: report.QuantilesOf(late), cpu: after.since(before, count)}, nil
}

// waitRuns waits until so many runs were seen.
func (l *leg) waitRuns(count int) error {
	for l.observer.Known(namespace) < count {
		if err := l.sleep(20 * time.Millisecond); err != nil {
			return fmt.Errorf("only %d of %d runs were seen: %w", l.observer.Known(namespace), count, err)
		}
	}
	return nil
}

func (l *leg) createSchedules(count int, due time.Time) error {
	client, err := versioned.NewForConfig(l.plane.Config(plane.Person))
	if err != nil {
		return err
	}
	schedule := fmt.Sprintf("%d %d %d %d *", due.Minute(), due.Hour(), due.Day(), int(due.Month()))
	return l.each(count, func(ctx context.Context, n int) error {
		name := load.Name("schedule", n)
		_, err := client.SparkoperatorV1beta2().ScheduledSparkApplications(namespace).Create(ctx, &v1beta2.ScheduledSparkApplication{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
			Spec: v1beta2.ScheduledSparkApplicationSpec{
				Schedule: schedule, TimeZone: "UTC", ConcurrencyPolicy: v1beta2.ConcurrencyAllow,
				Template: load.Application(namespace, name, 0).Spec,
			},
		}, metav1.CreateOptions{})
		return err
	})
}

// createRuns creates what the operator creates when the schedules are due.
func (l *leg) createRuns(count int, due time.Time) error {
	client, err := versioned.NewForConfig(l.plane.Config(plane.Floor))
	if err != nil {
		return err
	}
	return l.each(count, func(ctx context.Context, n int) error {
		schedule := load.Name("schedule", n)
		run := load.Application(namespace, fmt.Sprintf("%s-%d", schedule, due.UnixNano()), 0)
		run.Labels = map[string]string{v1beta2.LabelScheduledSparkAppName: schedule}
		run.Annotations = map[string]string{v1beta2.AnnotationScheduledTime: due.UTC().Format(time.RFC3339)}
		run.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: v1beta2.SchemeGroupVersion.String(), Kind: "ScheduledSparkApplication",
			Name: schedule, UID: "00000000-0000-0000-0000-000000000000", BlockOwnerDeletion: ptr.To(true),
		}}
		_, err := client.SparkoperatorV1beta2().SparkApplications(namespace).Create(ctx, run, metav1.CreateOptions{FieldManager: "spark-operator"})
		return err
	})
}
