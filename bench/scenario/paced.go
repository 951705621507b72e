// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
)

// Latency creates one application after the end of another.
func Latency(ctx context.Context, s *Setup, apps int) (*report.Result, error) {
	return s.run(ctx, course{
		name:    "latency",
		kubelet: kubelet.Config{LifeOf: kubelet.Always(kubelet.Life{Run: 100 * time.Millisecond})},
		load: func(l *leg) error {
			for n := range apps {
				if _, err := l.observer.Create(l.ctx, load.Application(namespace, load.Name("latency", n), 0)); err != nil {
					return err
				}
				if err := l.observer.WaitEnded(l.ctx, namespace, n+1); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// Steady creates so many applications a second for a while. OfFloor is which share of
// the floor's rate that is; 0 if unknown.
func Steady(ctx context.Context, s *Setup, perSecond, ofFloor float64, duration time.Duration) (*report.Result, error) {
	return s.run(ctx, course{
		name:    "steady",
		kubelet: kubelet.Config{LifeOf: kubelet.Always(kubelet.Life{Run: 3 * time.Second})},
		load:    func(l *leg) error { return l.steadily(namespace, perSecond, duration) },
		judge: func(l *leg, result *report.Result) error {
			result.Extra = map[string]float64{"offeredPerMinute": report.Round(60 * perSecond)}
			if ofFloor > 0 {
				result.Extra["offeredOfFloor"] = report.Round(ofFloor)
			}
			sizes, err := l.plane.StoredSizes(l.ctx, namespace)
			for kind, size := range sizes { // all applications have ended
				result.Extra["storedKB"+kind] = report.Round(size.KB / float64(result.Apps))
				result.Extra["ownershipKB"+kind] = report.Round(size.OwnershipKB / float64(result.Apps))
			}
			return err
		},
	})
}

// steadily creates applications and waits for their end.
func (l *leg) steadily(namespace string, perSecond float64, duration time.Duration) error {
	apps := max(int(perSecond*duration.Seconds()), 1)
	err := l.observer.Steadily(l.ctx, apps, perSecond, func(n int) *v1beta2.SparkApplication {
		return load.Application(namespace, load.Name("steady", n), 0)
	})
	if err != nil {
		return err
	}
	return l.observer.WaitEnded(l.ctx, namespace, apps)
}

// floodNamespace belongs to a tenant who has no mercy, and who comes before all
// others by floodLead.
const (
	floodNamespace = "flood"
	floodLead      = 5 * time.Second
)

// Tenants has one namespace flooded when the operator starts, and then creates one
// application a second in another, about which the figures are. The flood is not
// waited for.
func Tenants(ctx context.Context, s *Setup, flood int, duration time.Duration) (*report.Result, error) {
	return s.run(ctx, course{
		name:       "tenants",
		namespaces: []string{floodNamespace},
		kubelet:    kubelet.Config{LifeOf: kubelet.Always(kubelet.Life{Run: burstRun})},
		unsettled:  true,
		others:     []string{floodNamespace},
		begin: func(l *leg) error {
			if err := l.watch(); err != nil {
				return err
			}
			first := load.Application(floodNamespace, load.Name(floodNamespace, 0), 0)
			if _, err := l.observer.Create(l.ctx, first); err != nil {
				return err
			}
			err := l.copies(floodNamespace, flood, func(n int) []string {
				return []string{first.Name, load.Name(floodNamespace, n)}
			})
			if err != nil {
				return err
			}
			if err := l.startOperator(); err != nil {
				return err
			}
			return l.sleep(floodLead)
		},
		load: func(l *leg) error { return l.steadily(namespace, 1, duration) },
		judge: func(l *leg, result *report.Result) error {
			submitted, finished := 0, 0
			for _, app := range l.observer.Apps(floodNamespace) {
				if app.Drivers > 0 {
					submitted++
				}
				if app.Terminal() {
					finished++
				}
			}
			// What the flood costs is not the tenant's.
			result.ForgetCosts()
			result.Extra = map[string]float64{"flood": float64(flood), "floodSubmitted": float64(submitted), "floodFinished": float64(finished)}
			return nil
		},
	})
}

// Restart kills the operator in the middle of a burst, twice.
func Restart(ctx context.Context, s *Setup, apps int) (*report.Result, error) {
	return s.run(ctx, course{
		name:    "restart",
		killed:  true,
		kubelet: kubelet.Config{LifeOf: kubelet.Always(kubelet.Life{Run: burstRun})},
		load: func(l *leg) error {
			done := make(chan error, 1)
			go func() { done <- l.burst(apps, 0) }()
			for part := 1; part <= 2; part++ {
				if err := l.waitDrivers(apps*part/3, done); err != nil {
					return err
				}
				if err := l.killOperator(); err != nil {
					return err
				}
				if err := l.startOperator(); err != nil {
					return err
				}
			}
			return <-done
		},
		judge: func(_ *leg, result *report.Result) error {
			result.Extra = map[string]float64{"kills": 2}
			return nil
		},
	})
}

// waitDrivers waits until so many applications have a driver, or all is over.
func (l *leg) waitDrivers(count int, done <-chan error) error {
	for {
		created := 0
		for _, app := range l.observer.Apps(namespace) {
			if app.Drivers > 0 {
				created++
			}
		}
		if created >= count {
			return nil
		}
		select {
		case err := <-done:
			return fmt.Errorf("the burst was over before the operator was killed: %w", err)
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
