// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
)

// courseMax bounds every course besides the time that it lasts by design, so that
// nothing runs for ever.
const courseMax = 20 * time.Minute

// The queues of the operator, as its metrics name them.
const (
	applicationQueue = "sparkapplication"
	scheduleQueue    = "scheduledsparkapplication"
)

// course is how a leg goes from its beginning to its result.
type course struct {
	name      string
	executors int
	kubelet   kubelet.Config
	// namespaces besides the usual one.
	namespaces []string
	// begin starts who runs the applications; nil for the operator.
	begin func(*leg) error
	// load is what is measured.
	load func(*leg) error
	// queue of the operator whose waits are reported; empty for that of applications.
	queue string
	// killed is set if load kills the operator.
	killed bool
	// lasts is how long load takes by design, where that is long.
	lasts time.Duration
	// judge adds to the result what only this course knows; nil for nothing.
	judge func(*leg, *report.Result) error
	// unsettled is set if begin gives the operator work that is not waited for: there
	// is no warming up and nothing to settle.
	unsettled bool
	// unfinished is set if load does not wait for the end of what it began.
	unfinished bool
	// retries is set if runs that fail are repeated: there may be one driver for each
	// attempt then, otherwise no more than one for each application.
	retries bool
	// others are namespaces whose applications need not end, but may have no more
	// drivers than that, either.
	others []string
}

// run goes the course on a new control plane.
func (s *Setup) run(ctx context.Context, c course) (result *report.Result, err error) {
	longest := c.lasts + courseMax
	ctx, cancel := context.WithTimeoutCause(ctx, longest, fmt.Errorf("%s was not done within %v", c.name, longest))
	defer cancel()
	l, err := s.newLeg(ctx, c.kubelet, c.namespaces...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	defer func() {
		if err = errors.Join(err, l.stop()); err != nil {
			err = fmt.Errorf("%s: %w", c.name, err)
		}
	}()
	if c.begin == nil {
		c.begin = (*leg).withOperator
	}
	if c.queue == "" {
		c.queue = applicationQueue
	}
	steps := []func(*leg) error{c.begin, func(l *leg) error { return l.warmUp(c.executors) }}
	if c.unsettled {
		steps = steps[:1]
	}
	for _, step := range steps {
		if err := step(l); err != nil {
			return nil, l.explain(err)
		}
	}
	m, err := l.measure(c)
	if err != nil {
		return nil, err
	}
	if err := c.load(l); err != nil {
		return nil, l.explain(err)
	}
	if !c.unsettled && !c.unfinished {
		if err := l.settle(); err != nil {
			return nil, err
		}
	}
	if result, err = m.end(l.observer.Apps(namespace)); err != nil {
		return nil, err
	}
	if err := l.countDrivers(result, c); err != nil {
		return nil, err
	}
	result.Scenario, result.Executors, result.Cold = c.name, c.executors, s.Cold
	if c.judge != nil {
		if err := c.judge(l, result); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// countDrivers looks for driver pods that must not be, from the beginning of the
// leg: not only while it was measured.
func (l *leg) countDrivers(result *report.Result, c course) error {
	created, err := l.drivers()
	if err != nil {
		return err
	}
	allowed := allowance{retries: c.retries, copied: l.copied}
	for _, name := range append([]string{namespace, warmUpNamespace}, c.others...) {
		result.Duplicates += allowed.excess(l.observer.Apps(name), created)
	}
	result.Overlaps = len(l.kubelet.Overlaps())
	return nil
}
