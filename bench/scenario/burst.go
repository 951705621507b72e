// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/spark-operator/spark-operator/bench/kubelet"
	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// burstRun is how long the drivers of a burst run: long enough that both their
// start and their end are told, short against the whole.
const burstRun = time.Second

// Burst creates many applications at once, first with the floor and then with the
// operator.
func Burst(ctx context.Context, s *Setup, apps, executors int) (*report.Result, error) {
	name := burstName(executors)
	script, err := s.script(ctx, executors)
	if err != nil {
		return nil, err
	}
	s.logf("%s: recorded %d writes and %d reads", name, len(script.Writes()), script.Reads)
	lowest, err := s.burst(ctx, name, apps, executors, func(l *leg) error { return l.withFloor(script) })
	if err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	s.logf("%s: floor %.0f applications/min", name, lowest.FinishedPerMinute)
	result, err := s.burst(ctx, name, apps, executors, (*leg).withOperator)
	if err != nil {
		return nil, err
	}
	result.Floor = &lowest.Leg
	result.Ratio = report.Round(result.FinishedPerMinute / lowest.FinishedPerMinute)
	result.CPURatio = report.Round(lowest.CPU.Total() / result.CPU.Total())
	return result, nil
}

// BurstWithoutFloor is the part of Burst with the operator.
func BurstWithoutFloor(ctx context.Context, s *Setup, apps, executors int) (*report.Result, error) {
	return s.burst(ctx, burstName(executors), apps, executors, (*leg).withOperator)
}

func burstName(executors int) string { return fmt.Sprintf("burst-%d", executors) }

func (s *Setup) burst(ctx context.Context, name string, apps, executors int, begin func(*leg) error) (*report.Result, error) {
	return s.run(ctx, course{
		name: name, executors: executors, begin: begin,
		kubelet: kubelet.Config{LifeOf: kubelet.Always(kubelet.Life{Run: burstRun, Executors: executors})},
		load: func(l *leg) error {
			return l.burst(apps, executors)
		},
	})
}

// burst creates applications at once and waits for their end.
func (l *leg) burst(apps, executors int) error {
	err := l.observer.Burst(l.ctx, apps, func(n int) *v1beta2.SparkApplication {
		return load.Application(namespace, load.Name("burst", n), executors)
	})
	if err != nil {
		return err
	}
	return l.observer.WaitEnded(l.ctx, namespace, apps)
}
