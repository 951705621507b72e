// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/bench/kubelet"
	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
)

// afterStarts is how long it is watched whether there are more runs than schedules.
const afterStarts = 10 * time.Second

// starts is how the runs of schedules that are due at once came into being.
type starts struct {
	// late is by how much each run was seen late.
	late report.Quantiles
	// cpu is what was used for each until all were seen.
	cpu report.CPU
}

// Schedules has many schedules due in the same minute: first with the floor, which
// does nothing but create their runs, and then with the operator. It is over when
// all runs are there; how they go on is a burst like any other.
func Schedules(ctx context.Context, s *Setup, count int) (*report.Result, error) {
	var floor, reached starts
	var creating time.Duration // all schedules
	config := kubelet.Config{LifeOf: kubelet.Always(kubelet.Life{Run: burstRun})}
	_, err := s.run(ctx, course{
		name:    "schedules",
		kubelet: config,
		killed:  true, unfinished: true,
		load: func(l *leg) (err error) {
			begun := time.Now()
			if err := l.createSchedules(count, begun.UTC().AddDate(0, 6, 0)); err != nil {
				return err
			}
			creating = time.Since(begun)
			if err := l.settle(); err != nil {
				return err
			}
			if err := l.killOperator(); err != nil {
				return err
			}
			due := time.Now()
			floor, err = l.follow(count, due, func() error { return l.createRuns(count, due) })
			return err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	s.logf("schedules: floor %+v", floor)
	return s.run(ctx, course{
		name:       "schedules",
		kubelet:    config,
		unfinished: true,
		load: func(l *leg) error {
			ready := time.Now().Add(5*time.Second + 3*creating/2)
			due := ready.UTC().Truncate(time.Minute).Add(time.Minute)
			err := l.createSchedules(count, due)
			if err != nil {
				return err
			}
			left := time.Until(due)
			if left < time.Second {
				return fmt.Errorf("creating %d schedules took too long: they are due in %v", count, left)
			}
			if err := l.sleep(left); err != nil {
				return err
			}
			if reached, err = l.follow(count, due, func() error { return nil }); err != nil {
				return err
			}
			s.logf("schedules: operator %+v", reached)
			return l.sleep(afterStarts)
		},
		judge: func(l *leg, result *report.Result) error {
			runs := map[string]int{}
			for _, app := range l.observer.Apps(namespace) {
				schedule := app.Name[:strings.LastIndexByte(app.Name, '-')]
				if runs[schedule]++; runs[schedule] > 1 {
					result.Duplicates++
				}
			}
			// Not what comes after the starts, and is under way yet.
			result.Lost = count - len(runs)
			result.ForgetCosts()
			result.CPU = reached.cpu
			result.CreateToDriver, result.StatusLag = report.Quantiles{}, report.Quantiles{}
			result.SubmittedPerMinute, result.FinishedPerMinute, result.Seconds = 0, 0, 0
			result.Extra = map[string]float64{
				"dueToRunP50Ms": reached.late.P50, "dueToRunP99Ms": reached.late.P99, "dueToRunMaxMs": reached.late.Max,
				"floorP50Ms": floor.late.P50, "floorP99Ms": floor.late.P99, "floorMaxMs": floor.late.Max,
				"startCPUMs": report.Round(reached.cpu.Total()), "floorStartCPUMs": report.Round(floor.cpu.Total()),
			}
			return nil
		},
	})
}

// follow measures from now, when the runs are due, until all of them were seen.
func (l *leg) follow(count int, due time.Time, create func() error) (starts, error) {
	before, after := &meter{leg: l}, &meter{leg: l}
	if err := before.costs(); err != nil {
		return starts{}, err
	}
	if err := create(); err != nil {
		return starts{}, err
	}
	for l.observer.Known(namespace) < count {
		if err := l.sleep(20 * time.Millisecond); err != nil {
			return starts{}, fmt.Errorf("only %d of %d runs were seen: %w", l.observer.Known(namespace), count, err)
		}
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
