// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/bench/kubelet"
	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
)

// Schedules has many schedules due in the same minute.
func Schedules(ctx context.Context, s *Setup, count int) (*report.Result, error) {
	var due time.Time
	return s.run(ctx, course{
		name:    "schedules",
		kubelet: kubelet.Config{LifeOf: kubelet.Always(kubelet.Life{Run: burstRun})},
		load: func(l *leg) error {
			// Time to create them all.
			ready := time.Now().Add(5*time.Second + time.Duration(count)*10*time.Millisecond)
			due = ready.UTC().Truncate(time.Minute).Add(time.Minute)
			if err := l.createSchedules(count, due); err != nil {
				return err
			}
			if left := time.Until(due); left < time.Second {
				return fmt.Errorf("creating %d schedules took too long: they are due in %v", count, left)
			}
			return l.observer.WaitEnded(l.ctx, namespace, count)
		},
		judge: func(l *leg, result *report.Result) error {
			runs := map[string]int{}
			var late []time.Duration
			for _, app := range l.observer.Apps(namespace) {
				schedule := app.Name[:strings.LastIndexByte(app.Name, '-')]
				if runs[schedule]++; runs[schedule] > 1 {
					result.Duplicates++
				}
				late = append(late, app.Asked.Sub(due))
			}
			result.Lost += count - len(runs)
			lag := report.QuantilesOf(late)
			result.Extra = map[string]float64{"dueToRunP50Ms": lag.P50, "dueToRunP99Ms": lag.P99, "dueToRunMaxMs": lag.Max}
			result.SubmittedPerMinute, result.FinishedPerMinute = 0, 0 // they count from before the minute
			return nil
		},
	})
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
