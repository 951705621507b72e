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

// hangingNamespace has an admission webhook that hangs for every pod. It has
// hangingApps applications, more than there are workers, and at least hangingFirst of
// them hang before the others are measured: what one namespace may have under way.
const (
	hangingNamespace = "hanging"
	hangingApps      = 100
	hangingFirst     = 10
)

// shortestBurst is the least time of a burst: shorter times are not meaningful.
const shortestBurst = time.Second

// Hanging runs the same burst twice: alone, and beside a namespace in which nothing
// gets an answer.
func Hanging(ctx context.Context, s *Setup, apps int) (*report.Result, error) {
	hanging := &hang{namespace: hangingNamespace}
	var alone, beside time.Duration
	return s.run(ctx, course{
		name:       "hanging",
		namespaces: []string{hangingNamespace},
		others:     []string{hangingNamespace},
		unfinished: true,
		kubelet:    kubelet.Config{LifeOf: kubelet.Always(kubelet.Life{Run: burstRun})},
		begin:      (*leg).withProxy,
		load: func(l *leg) (err error) {
			if alone, err = l.timedBurst("alone", apps, apps); err != nil {
				return err
			}
			l.proxy.Disturb(hanging.disturb)
			err = l.observer.Burst(l.ctx, hangingApps, func(n int) *v1beta2.SparkApplication {
				return load.Application(hangingNamespace, load.Name(hangingNamespace, n), 0)
			})
			if err != nil {
				return err
			}
			for hanging.hung.Load() < hangingFirst {
				if err := l.sleep(20 * time.Millisecond); err != nil {
					return fmt.Errorf("only %d creations hang: %w", hanging.hung.Load(), err)
				}
			}
			beside, err = l.timedBurst("beside", apps, 2*apps)
			return err
		},
		judge: func(_ *leg, result *report.Result) error {
			result.ForgetCosts() // those of the other namespace are among them
			result.Extra = map[string]float64{
				"aloneSeconds": report.Round(alone.Seconds()), "besideSeconds": report.Round(beside.Seconds()),
				"slowdown": report.Round(max(beside, shortestBurst).Seconds() / max(alone, shortestBurst).Seconds()),
				"hung":     float64(hanging.hung.Load()),
			}
			s.logf("hanging: %d applications took %v alone and %v beside %d creations that hung", apps, alone.Round(time.Millisecond), beside.Round(time.Millisecond), hanging.hung.Load())
			return nil
		},
	})
}

// timedBurst creates applications and waits until so many of the namespace have ended.
func (l *leg) timedBurst(name string, apps, ended int) (time.Duration, error) {
	begun := time.Now()
	err := l.observer.Burst(l.ctx, apps, func(n int) *v1beta2.SparkApplication {
		return load.Application(namespace, load.Name(name, n), 0)
	})
	if err != nil {
		return 0, err
	}
	err = l.observer.WaitEnded(l.ctx, namespace, ended)
	return time.Since(begun), err
}
