// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
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
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute+time.Duration(apps)*200*time.Millisecond, errors.New("the burst took too long"))
	defer cancel()
	name := fmt.Sprintf("burst-%d", executors)
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
	return result, nil
}

func (s *Setup) burst(ctx context.Context, name string, apps, executors int, begin func(*leg) error) (result *report.Result, err error) {
	l, err := s.newLeg(ctx, kubelet.Config{LifeOf: kubelet.Always(kubelet.Life{Run: burstRun, Executors: executors})})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.stop()) }()
	if err := begin(l); err != nil {
		return nil, err
	}
	if err := l.warmUp(executors); err != nil {
		return nil, err
	}
	m, err := l.measure(name)
	if err != nil {
		return nil, err
	}
	err = l.observer.Burst(l.ctx, apps, func(n int) *v1beta2.SparkApplication {
		return load.Application(namespace, load.Name("burst", n), executors)
	})
	if err != nil {
		return nil, l.explain(err)
	}
	if err := l.observer.WaitEnded(ctx, namespace, apps); err != nil {
		return nil, l.explain(err)
	}
	if err := l.settle(); err != nil {
		return nil, err
	}
	if result, err = m.end(l.observer.Apps(namespace)); err != nil {
		return nil, err
	}
	result.Scenario, result.Executors = name, executors
	return result, nil
}
