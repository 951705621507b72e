// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
)

// presentNamespace has what is there before the operator is measured.
const presentNamespace = "present"

// Churn runs applications at a steady rate while many others are there that have
// ended: first few, whose figures are the base, and then many.
func Churn(ctx context.Context, s *Setup, few, many int, perMinute float64, duration time.Duration) (*report.Result, error) {
	results := map[int]*report.Result{}
	for _, finished := range []int{few, many} {
		var err error
		results[finished], err = s.run(ctx, course{
			name:       "churn",
			namespaces: []string{presentNamespace}, others: []string{presentNamespace},
			kubelet: kubelet.Config{LifeOf: kubelet.Always(kubelet.Life{Run: time.Second})},
			begin: func(l *leg) error {
				if err := l.withOperator(); err != nil {
					return err
				}
				return l.present(finished, 0)
			},
			load: func(l *leg) error { return l.steadily(namespace, perMinute/60, duration) },
		})
		if err != nil {
			return nil, err
		}
		s.logf("churn beside %d: creation to driver pod %+v, status lag %+v, CPU %+v", finished,
			results[finished].CreateToDriver, results[finished].StatusLag, results[finished].CPU)
	}
	base, result := results[few], results[many]
	// What must never happen must not happen beside few, either.
	result.Duplicates += base.Duplicates
	result.Overlaps += base.Overlaps
	result.Lost += base.Lost
	result.Extra = map[string]float64{
		"present": float64(many), "presentBase": float64(few),
		"operatorCPUBase": base.CPU.Operator, "rssPeakMBBase": base.RSSPeakMB,
		"createToDriverP99Base": base.CreateToDriver.P99, "writesPerAppBase": base.WritesPerApp,
	}
	return result, nil
}

// each calls do for every number below count, with as many goroutines as the floor
// has writers. After the first error it starts no more calls and returns the error.
func (l *leg) each(count int, do func(ctx context.Context, n int) error) error {
	group, ctx := errgroup.WithContext(l.ctx)
	group.SetLimit(l.setup.Writers)
	for n := range count {
		group.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return do(ctx, n)
		})
	}
	return group.Wait()
}

// present lets one application come to its end, or to where so many executors of
// it run, and then copies what is left of it: its object, pods and config map.
// The operator that ran it is replaced by another one, which finds all of them.
func (l *leg) present(count, executors int) error {
	began := time.Now()
	app, err := l.observer.Create(l.ctx, load.Application(presentNamespace, load.Name(presentNamespace, 0), executors))
	if err != nil {
		return err
	}
	client, err := versioned.NewForConfig(l.plane.Config(plane.Person))
	if err != nil {
		return err
	}
	settled := func(app *v1beta2.SparkApplication) bool {
		if executors == 0 {
			return app.Status.AppState.State == v1beta2.ApplicationStateCompleted
		}
		running := 0
		for _, state := range app.Status.ExecutorState {
			if state == v1beta2.ExecutorStateRunning {
				running++
			}
		}
		return running == executors
	}
	for !settled(app) {
		if err := l.sleep(200 * time.Millisecond); err != nil {
			return fmt.Errorf("the application to be copied is not there yet: %w", err)
		}
		if app, err = client.SparkoperatorV1beta2().SparkApplications(app.Namespace).Get(l.ctx, app.Name, metav1.GetOptions{}); err != nil {
			return err
		}
	}
	if err := l.settle(); err != nil {
		return err
	}
	if err := l.killOperator(); err != nil {
		return err
	}
	ran := time.Now()
	err = l.copies(presentNamespace, count, func(n int) []string {
		return append(load.SubmissionNames(app.Status.SubmissionID, uuid.NewString()), app.Name, load.Name(presentNamespace, n))
	})
	if err != nil {
		return err
	}
	for n := 1; n < count; n++ { // the first one was created and run
		l.copied[presentNamespace+"/"+load.Name(presentNamespace, n)] = true
	}
	l.setup.logf("ran an application in %v, had %d of them %v later", ran.Sub(began).Round(time.Millisecond), count, time.Since(ran).Round(time.Millisecond))
	return l.startOperator()
}

// copies copies the only application of a namespace, with what belongs to it, so
// that there are count of them. It returns when the API server has seen all.
func (l *leg) copies(namespace string, count int, names func(n int) []string) error {
	group, err := l.plane.Group(l.ctx, namespace)
	if err != nil {
		return err
	}
	if err := l.plane.Copies(l.ctx, group, count-1, func(n int) []string { return names(n + 1) }); err != nil {
		return err
	}
	for l.observer.Known(namespace) < count {
		if err := l.sleep(200 * time.Millisecond); err != nil {
			return fmt.Errorf("the API server has seen %d of %d applications in namespace %s: %w", l.observer.Known(namespace), count, namespace, err)
		}
	}
	return nil
}

// executorsPerApp is how many executors an application has in Watchers.
const executorsPerApp = 250

// Watchers measures what executors cost that do nothing: the memory of an operator
// that is started with and without them, and the latency of new applications
// beside them.
func Watchers(ctx context.Context, s *Setup, executors, apps int) (*report.Result, error) {
	var without, with memory
	// Those that are present run until the end.
	lifeOf := func(driver *corev1.Pod) kubelet.Life {
		if driver.Namespace == presentNamespace {
			return kubelet.Life{Run: 2 * courseMax, Executors: min(executors, executorsPerApp)}
		}
		return kubelet.Life{Run: time.Second}
	}
	result, err := s.run(ctx, course{
		name:       "watchers",
		namespaces: []string{presentNamespace}, others: []string{presentNamespace},
		kubelet: kubelet.Config{LifeOf: lifeOf},
		begin: func(l *leg) (err error) {
			if err := l.withOperator(); err != nil {
				return err
			}
			if without, err = l.memory(); err != nil {
				return err
			}
			wide := min(executors, executorsPerApp)
			if err := l.present(max(executors/executorsPerApp, 1), wide); err != nil {
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
		"executors":         float64(executors),
		"rssKBPerExecutor":  report.Round(float64(with.resident-without.resident) / 1024 / float64(executors)),
		"heapKBPerExecutor": report.Round((with.heap - without.heap) / 1024 / float64(executors)),
		"rssMBWithout":      report.Round(float64(without.resident) / (1 << 20)),
		"rssMBWith":         report.Round(float64(with.resident) / (1 << 20)),
	}
	return result, nil
}

type memory struct {
	resident int64
	heap     float64 // in use after a collection
}

// memory measures the operator at rest.
func (l *leg) memory() (memory, error) {
	if err := l.sleep(5 * time.Second); err != nil {
		return memory{}, err
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

// sleep pauses unless the leg has come to its end.
func (l *leg) sleep(d time.Duration) error {
	select {
	case <-l.ctx.Done():
		return context.Cause(l.ctx)
	case <-time.After(d):
		return nil
	}
}
