// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
)

const (
	// soakLife is how many seconds finished applications stay: longer than an API
	// server needs to start on a busy machine, so that the observer sees how each ended.
	soakLife = 120
	// Pauses between two disasters.
	shortestPeace, longestPeace = 10 * time.Second, 30 * time.Second
	// soakSample is the interval between samples of the memory.
	soakSample = 2 * time.Second
	// soakOperators is the share of the time in which the operator is killed, too. After
	// that, one process has to live, so that leaks show; its memory is sampled after a
	// share of the time (soakSettling).
	soakOperators, soakSettling = 0.4, 0.2
	// soakCalm is how many applications run at the end, without faults.
	soakCalm = 30
	// soakPatience is how long everything may take to come to its end.
	soakPatience = 5 * time.Minute

	calmNamespace = "calm"
)

// soak is a long run under bad conditions.
type soak struct {
	*leg
	trouble   trouble
	disasters map[string]float64
	// ledger is that of the last operator of the troubled part.
	ledger ledger
	// trend is that of the last operator, which is not killed, after it has settled.
	trend trend
}

// Soak creates applications at a steady rate for a while, of which three in ten
// fail once. Meanwhile operator and API server are killed, etcd is compacted, and
// the operator's requests are refused, forgotten and delayed. In the end nothing
// may be lost, doubled or counted wrongly, and the operator that lived through the
// last part of it not have grown.
func Soak(ctx context.Context, s *Setup, perSecond float64, duration time.Duration) (*report.Result, error) {
	run := &soak{disasters: map[string]float64{}}
	fates := &fates{drivers: map[string]int{}}
	var counted, calmCount float64
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return s.run(ctx, course{
		name:       "soak",
		killed:     true,
		retries:    true,
		others:     []string{calmNamespace},
		lasts:      duration,
		namespaces: []string{calmNamespace},
		kubelet:    kubelet.Config{LifeOf: fates.lifeOf},
		begin: func(l *leg) error {
			run.leg = l
			l.observer.Deleted = func(app types.UID) { l.kubelet.Collect(l.ctx, app) }
			return l.withProxy()
		},
		load: func(*leg) error {
			if err := run.troubled(perSecond, duration); err != nil {
				return err
			}
			var err error
			counted, calmCount, err = run.calm()
			return err
		},
		judge: func(_ *leg, result *report.Result) error {
			wrong := 0
			for _, app := range run.observer.Apps(namespace) {
				if wrongEnd(&app) {
					wrong++
					run.setup.logf("soak: %s ended as %s after %d attempts with %d drivers", app.Name, app.State, app.Attempts, app.Drivers)
				}
			}
			// They hold those of the calm end, too.
			result.ForgetCosts()
			result.Extra = run.disasters
			result.Extra["wrongEnds"] = float64(wrong)
			result.Extra["faults"] = float64(run.trouble.faults.Load())
			result.Extra["countedWrongly"] = counted - calmCount
			run.trend.describe(result.Extra)
			return nil
		},
	})
}

// wrongEnd reports whether an application did not end as its fate wants it.
func wrongEnd(app *load.App) bool {
	if app.State != v1beta2.ApplicationStateCompleted {
		return true
	}
	want := wantedAttempts(app.Name)
	if outcomeOf(app.Name) == kubelet.LoseNode {
		// The loss of a node may look like a driver that never was: one that is lost before
		// its submission is written down is no attempt, and the next has its number.
		unwritten := app.Attempts == 1 && app.Drivers == 2
		return app.Attempts < want && !unwritten || app.Drivers > max(app.Attempts, want)
	}
	return app.Attempts != want || app.Drivers > want
}

// troubled creates applications while disasters happen, and waits for their end.
func (r *soak) troubled(perSecond float64, duration time.Duration) error {
	ctx, cancel := context.WithTimeout(r.ctx, duration)
	defer cancel()
	metrics, err := r.operator.Metrics(r.ctx)
	if err != nil {
		return err
	}
	r.open(metrics) // of the first one, in case that it is not killed
	r.proxy.Disturb(r.trouble.disturb)
	disasters := make(chan error, 1)
	go func() { disasters <- r.disaster(ctx, duration) }()
	apps := max(int(perSecond*duration.Seconds()), 1)
	err = r.observer.Steadily(r.ctx, apps, perSecond, func(n int) *v1beta2.SparkApplication {
		app := load.Retrying(load.Application(namespace, load.Name("soak", n), 0), 3)
		app.Spec.TimeToLiveSeconds = ptr.To[int64](soakLife)
		return app
	})
	if err != nil {
		return err
	}
	if err := <-disasters; err != nil {
		return err
	}
	r.proxy.Disturb(nil)
	ctx, cancel = context.WithTimeoutCause(r.ctx, soakPatience, errors.New("timed out"))
	defer cancel()
	if err := r.observer.WaitEnded(ctx, namespace, apps); err != nil {
		return fmt.Errorf("%w; on the API server %s", err, r.unended())
	}
	return r.countLast()
}

// countLast compares the counts of the last operator with what happened in its life.
func (r *soak) countLast() error {
	if err := r.settle(); err != nil {
		return err
	}
	metrics, err := r.operator.Metrics(r.ctx)
	if err != nil {
		return err
	}
	created, err := r.drivers()
	if err != nil {
		return err
	}
	r.compare(metrics, created, r.disasters)
	return nil
}

// unended says what the API server has of the applications that have not ended, and
// of their drivers: it shows which side has lost them.
func (r *soak) unended() string {
	config := r.plane.Config(plane.Person)
	spark, err := versioned.NewForConfig(config)
	if err != nil {
		return err.Error()
	}
	core, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err.Error()
	}
	apps, err := spark.SparkoperatorV1beta2().SparkApplications(namespace).List(r.ctx, metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	var found []string
	for i := range apps.Items {
		app := &apps.Items[i]
		switch app.Status.AppState.State { //nolint:exhaustive // the two final states
		case v1beta2.ApplicationStateCompleted, v1beta2.ApplicationStateFailed:
			continue
		}
		driver := "has no driver"
		if pod, err := core.CoreV1().Pods(namespace).Get(r.ctx, app.Name+"-driver", metav1.GetOptions{}); err == nil {
			driver = fmt.Sprintf("has a driver that is %s since %s", pod.Status.Phase, pod.CreationTimestamp.Format(time.TimeOnly))
		}
		found = append(found, fmt.Sprintf("%s is %q and %s", app.Name, app.Status.AppState.State, driver))
	}
	if len(found) == 0 {
		return "all remaining applications have ended"
	}
	return strings.Join(found, ", ")
}

// disaster kills and compacts until ctx is done, which is after duration.
func (r *soak) disaster(ctx context.Context, duration time.Duration) error {
	begun := time.Now()
	next := time.After(shortestPeace)
	sample := time.NewTicker(soakSample)
	defer sample.Stop()
	share := func() float64 { return float64(time.Since(begun)) / float64(duration) }
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sample.C:
			if share() > soakOperators+soakSettling {
				r.trend.sample(ctx, r.leg)
			}
			continue
		case <-next:
		}
		next = time.After(shortestPeace + rand.N(longestPeace-shortestPeace))
		var err error
		kinds := 3
		if share() > soakOperators {
			kinds = 2
		}
		switch rand.IntN(kinds) {
		case 0:
			end, kind := r.plane.Env().KillAPIServer, "apiServerKills"
			if rand.IntN(2) == 0 {
				end, kind = r.plane.Env().StopAPIServer, "apiServerStops" // by SIGTERM, as in an upgrade
			}
			r.disasters[kind]++
			if err = end(); err == nil {
				err = r.plane.Env().StartAPIServer(r.ctx)
			}
		case 1:
			r.disasters["compactions"]++
			err = r.plane.Compact(r.ctx)
		case 2:
			r.disasters["operatorKills"]++
			err = r.replaceOperator()
		}
		if err != nil {
			return err
		}
	}
}

// lastWords is how long after its death what an operator has written may still be on
// its way: through the proxy, which delays some requests, and to the observer.
const lastWords = time.Second

// replaceOperator kills the operator and starts another one, whose ledger begins in
// between.
func (r *soak) replaceOperator() error {
	if err := r.killOperator(); err != nil {
		return err
	}
	if err := r.sleep(lastWords); err != nil {
		return err
	}
	r.open(nil)
	return r.startOperator()
}

// calm runs a few applications when nothing goes wrong any more and compares what
// the operator has counted with how many there were.
func (r *soak) calm() (counted, count float64, err error) {
	if err := r.replaceOperator(); err != nil {
		return 0, 0, err
	}
	if err := r.settle(); err != nil {
		return 0, 0, err
	}
	before, err := r.operator.Metrics(r.ctx)
	if err != nil {
		return 0, 0, err
	}
	err = r.observer.Burst(r.ctx, soakCalm, func(n int) *v1beta2.SparkApplication {
		return load.Application(calmNamespace, load.Name("calm", n), 0)
	})
	if err != nil {
		return 0, 0, err
	}
	ctx, cancel := context.WithTimeoutCause(r.ctx, soakPatience, errors.New("timed out"))
	defer cancel()
	if err := r.observer.WaitEnded(ctx, calmNamespace, soakCalm); err != nil {
		return 0, 0, err
	}
	if err := r.settle(); err != nil {
		return 0, 0, err
	}
	after, err := r.operator.Metrics(r.ctx)
	if err != nil {
		return 0, 0, err
	}
	return difference(before, after, successCounter), soakCalm, nil
}
