// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/spark-operator/spark-operator/bench/floor"
	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
)

// burstRun is how long the drivers of a burst run: long enough that both their
// start and end are reported, short compared with the whole.
const burstRun = time.Second

// burst is applications that are created at once.
type burst struct {
	setup     *Setup
	name      string
	executors int
}

// Burst creates many applications at once: half of them with the floor, all with the
// operator, and half with the floor again. Machines become faster and slower while
// that goes on, and the operator is compared with what was before and after it.
func Burst(ctx context.Context, s *Setup, apps, executors int) (*report.Result, error) {
	b := s.burst(executors)
	script, err := b.script(ctx)
	if err != nil {
		return nil, err
	}
	half := max(apps/2, 1)
	first, err := b.floor(ctx, script, half)
	if err != nil {
		return nil, err
	}
	result, err := b.run(ctx, apps, (*leg).withOperator)
	if err != nil {
		return nil, err
	}
	last, err := b.floor(ctx, script, half)
	if err != nil {
		return nil, err
	}
	// The last drivers run when nothing else is left to do. The operator waits for that
	// once, so it is to count once for the floor.
	result.Floor = report.Together(&first.Leg, &last.Leg, burstRun)
	result.Ratio = report.Round(result.FinishedPerMinute / result.Floor.FinishedPerMinute)
	result.CPURatio = report.Round(result.Floor.CPU.Total() / result.CPU.Total())
	result.Extra = map[string]float64{
		"floorFirstPerMinute": first.FinishedPerMinute, "floorLastPerMinute": last.FinishedPerMinute,
		"floorFirstCPUMs": report.Round(first.CPU.Total()), "floorLastCPUMs": report.Round(last.CPU.Total()),
	}
	return result, nil
}

// BurstUntimed is Burst where times are worth nothing. The floor runs a few
// applications, only to show that it can make all the writes that the operator makes.
func BurstUntimed(ctx context.Context, s *Setup, apps, executors, floorApps int) (*report.Result, error) {
	b := s.burst(executors)
	script, err := b.script(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := b.floor(ctx, script, floorApps); err != nil {
		return nil, err
	}
	return b.run(ctx, apps, (*leg).withOperator)
}

// BurstWithoutFloor is the part of Burst with the operator.
func BurstWithoutFloor(ctx context.Context, s *Setup, apps, executors int) (*report.Result, error) {
	return s.burst(executors).run(ctx, apps, (*leg).withOperator)
}

func (s *Setup) burst(executors int) *burst {
	return &burst{setup: s, name: fmt.Sprintf("burst-%d", executors), executors: executors}
}

// script records what the floor writes.
func (b *burst) script(ctx context.Context) (*floor.Script, error) {
	script, err := b.setup.script(ctx, b.executors)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.name, err)
	}
	b.setup.logf("%s: recorded %d writes and %d reads", b.name, len(script.Writes()), script.Reads)
	return script, nil
}

// floor has the floor run so many applications.
func (b *burst) floor(ctx context.Context, script *floor.Script, apps int) (*report.Result, error) {
	result, err := b.run(ctx, apps, func(l *leg) error { return l.withFloor(script) })
	if err != nil {
		return nil, fmt.Errorf("floor: %w", err)
	}
	// These would be mistakes of the floor itself, whose figures were worth nothing.
	if result.Lost > 0 || result.Duplicates > 0 || result.Overlaps > 0 {
		return nil, fmt.Errorf("%s: the floor lost %d of %d applications, created %d duplicate drivers and %d concurrent drivers",
			b.name, result.Lost, apps, result.Duplicates, result.Overlaps)
	}
	b.setup.logf("%s: floor with %d applications: %.0f a minute, %.2f ms of CPU for each", b.name, apps, result.FinishedPerMinute, result.CPU.Total())
	return result, nil
}

func (b *burst) run(ctx context.Context, apps int, begin func(*leg) error) (*report.Result, error) {
	return b.setup.run(ctx, course{
		name: b.name, executors: b.executors, begin: begin,
		kubelet: kubelet.Config{LifeOf: kubelet.Always(kubelet.Life{Run: burstRun, Executors: b.executors})},
		load: func(l *leg) error {
			return l.burst(apps, b.executors)
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
