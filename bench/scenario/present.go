// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/spark-operator/spark-operator/bench/floor"
	"github.com/spark-operator/spark-operator/bench/kubelet"
	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
)

// presentNamespace has what is there before the operator starts.
const presentNamespace = "present"

// Churn runs applications at a steady rate while many others are there that have
// ended: first few, whose figures are the base, and then many.
func Churn(ctx context.Context, s *Setup, few, many int, perMinute float64, duration time.Duration) (*report.Result, error) {
	script, err := s.script(ctx, 0)
	if err != nil {
		return nil, err
	}
	results := map[int]*report.Result{}
	for _, finished := range []int{few, many} {
		results[finished], err = s.run(ctx, course{
			name:       "churn",
			namespaces: []string{presentNamespace},
			kubelet:    kubelet.Config{LifeOf: kubelet.Always(kubelet.Life{Run: time.Second})},
			prepare:    func(l *leg) error { return l.placeFinished(script, finished) },
			load:       func(l *leg) error { return l.steadily(namespace, perMinute/60, duration) },
		})
		if err != nil {
			return nil, err
		}
		s.logf("churn beside %d: creation to driver pod %+v, status lag %+v, CPU %+v", finished,
			results[finished].CreateToDriver, results[finished].StatusLag, results[finished].CPU)
	}
	base, result := results[few], results[many]
	result.Extra = map[string]float64{
		"present": float64(many), "presentBase": float64(few),
		"operatorCPUBase": base.CPU.Operator, "rssPeakMBBase": base.RSSPeakMB,
		"createToDriverP99Base": base.CreateToDriver.P99, "writesPerAppBase": base.WritesPerApp,
	}
	return result, nil
}

// each does something for every number below count, many at a time, and returns
// the first error.
func (l *leg) each(count int, do func(ctx context.Context, n int) error) error {
	ctx, cancel := context.WithCancelCause(l.ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var running sync.WaitGroup
	for range l.setup.Writers {
		running.Go(func() {
			for n := range numbers {
				if err := do(ctx, n); err != nil {
					cancel(err)
				}
			}
		})
	}
	for n := range count {
		select {
		case numbers <- n:
		case <-ctx.Done():
		}
	}
	close(numbers)
	running.Wait()
	return context.Cause(ctx)
}

func (l *leg) placeFinished(script *floor.Script, count int) error {
	writer, err := floor.NewWriter(l.ctx, l.plane, script, 0)
	if err != nil {
		return err
	}
	client, err := versioned.NewForConfig(l.plane.Config(plane.Person))
	if err != nil {
		return err
	}
	return l.each(count, func(ctx context.Context, n int) error {
		app, err := client.SparkoperatorV1beta2().SparkApplications(presentNamespace).Create(ctx,
			load.Application(presentNamespace, load.Name("finished", n), 0), metav1.CreateOptions{})
		if err != nil {
			return err
		}
		driver, err := writer.PlaceFinished(ctx, app)
		if err != nil {
			return err
		}
		l.kubelet.ReportSucceeded(ctx, driver)
		return nil
	})
}

// executorsPerApp is how many executors an application has in Watchers.
const executorsPerApp = 1000

// Watchers measures what executors cost that do nothing: the memory of an operator
// that is started with and without them, and the latency of new applications
// beside them.
func Watchers(ctx context.Context, s *Setup, executors, apps int) (*report.Result, error) {
	script, err := s.script(ctx, 0)
	if err != nil {
		return nil, err
	}
	var without, with memory
	var first plane.Cost
	result, err := s.run(ctx, course{
		name:       "watchers",
		namespaces: []string{presentNamespace},
		kubelet:    kubelet.Config{LifeOf: kubelet.Always(kubelet.Life{Run: time.Second})},
		begin: func(l *leg) error {
			if err := l.startOperator(); err != nil {
				return err
			}
			if without, err = l.memory(); err != nil {
				return err
			}
			l.operator.Kill()
			if err := l.placeExecutors(script, executors); err != nil {
				return err
			}
			// The first operator to see them tells of each, which costs memory, too.
			if err := l.startOperator(); err != nil {
				return err
			}
			if err := l.settle(); err != nil {
				return err
			}
			if first, err = plane.CostOf(l.operator.PID()); err != nil {
				return err
			}
			l.operator.Kill()
			if err := l.withOperator(); err != nil {
				return err
			}
			with, err = l.memory()
			return err
		},
		load: func(l *leg) error { return l.steadily(namespace, 2, time.Duration(apps)*time.Second/2) },
	})
	if err != nil {
		return nil, err
	}
	result.Extra = map[string]float64{
		"executors":           float64(executors),
		"rssKBPerExecutor":    report.Round(float64(with.resident-without.resident) / 1024 / float64(executors)),
		"heapKBPerExecutor":   report.Round((with.heap - without.heap) / 1024 / float64(executors)),
		"rssPeakMBFirstSight": report.Round(float64(first.Peak) / (1 << 20)),
		"rssMBWithout":        report.Round(float64(without.resident) / (1 << 20)),
		"rssMBWith":           report.Round(float64(with.resident) / (1 << 20)),
	}
	return result, nil
}

type memory struct {
	resident int64
	heap     float64 // in use after a collection
}

// memory measures the operator at rest.
func (l *leg) memory() (memory, error) {
	select {
	case <-l.ctx.Done():
		return memory{}, context.Cause(l.ctx)
	case <-time.After(5 * time.Second):
	}
	if err := l.operator.Collect(l.ctx); err != nil {
		return memory{}, err
	}
	metrics, err := l.operator.Metrics(l.ctx)
	if err != nil {
		return memory{}, err
	}
	cost, err := plane.CostOf(l.operator.PID())
	return memory{resident: cost.Resident, heap: metrics["go_memstats_heap_inuse_bytes"]}, err
}

func (l *leg) placeExecutors(script *floor.Script, executors int) error {
	writer, err := floor.NewWriter(l.ctx, l.plane, script, 0)
	if err != nil {
		return err
	}
	client, err := versioned.NewForConfig(l.plane.Config(plane.Person))
	if err != nil {
		return err
	}
	core, err := kubernetes.NewForConfig(l.plane.BinaryConfig(plane.Kubelet))
	if err != nil {
		return err
	}
	drivers := make([]*corev1.Pod, (executors+executorsPerApp-1)/executorsPerApp)
	for n := range drivers {
		app, err := client.SparkoperatorV1beta2().SparkApplications(presentNamespace).Create(l.ctx,
			load.Application(presentNamespace, load.Name("wide", n), 0), metav1.CreateOptions{})
		if err != nil {
			return err
		}
		if drivers[n], err = writer.PlaceRunning(l.ctx, app); err != nil {
			return err
		}
		l.kubelet.ReportRunning(l.ctx, drivers[n])
	}
	return l.each(executors, func(ctx context.Context, n int) error {
		pod, err := core.CoreV1().Pods(presentNamespace).Create(ctx,
			kubelet.ExecutorPod(drivers[n/executorsPerApp], 1+n%executorsPerApp), metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("create executor: %w", err)
		}
		l.kubelet.ReportRunning(ctx, pod)
		return nil
	})
}
