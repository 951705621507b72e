// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"time"

	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// warmUpNamespace has applications that are not measured. The first requests of
// every kind are much slower than all others: servers and clients read schemas,
// open connections and grow their heaps.
const (
	warmUpNamespace = "warm-up"
	warmUpPods      = 30
)

// warmUp runs some applications to their end.
func (l *leg) warmUp(executors int) error {
	if l.setup.Cold {
		return nil
	}
	if err := load.Namespace(l.ctx, l.plane, warmUpNamespace); err != nil {
		return err
	}
	apps := warmUpPods / (1 + executors)
	err := l.observer.Burst(l.ctx, apps, func(n int) *v1beta2.SparkApplication {
		return load.Application(warmUpNamespace, load.Name("warm-up", n), executors)
	})
	if err != nil {
		return l.explain(err)
	}
	ctx, cancel := context.WithTimeout(l.ctx, settleMax)
	defer cancel()
	if err := l.observer.WaitEnded(ctx, warmUpNamespace, apps); err != nil {
		return l.explain(err)
	}
	return l.settle()
}

// settling is how long nothing may be requested before all is taken to be done;
// executors are looked at a second after they changed.
const (
	settling  = 1500 * time.Millisecond
	settleMax = 3 * time.Minute
)

// settle waits until the last events are sent and nothing is requested any more,
// so that the requests of a run are counted to the last.
func (l *leg) settle() error {
	ctx, cancel := context.WithTimeout(l.ctx, settleMax)
	defer cancel()
	size, err := l.plane.AuditSize()
	if err != nil {
		return err
	}
	quiet := time.Now()
	for time.Since(quiet) < settling {
		select {
		case <-ctx.Done():
			return l.ctx.Err() // what never ends shows in the counts
		case <-time.After(100 * time.Millisecond):
		}
		now, err := l.plane.AuditSize()
		if err != nil {
			return err
		}
		if now != size {
			size, quiet = now, time.Now()
		}
	}
	return nil
}
