// SPDX-License-Identifier: Apache-2.0

// Package scenario has the situations in which the operator is measured. Each runs
// on a new control plane.
package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/spark-operator/spark-operator/bench/floor"
	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/test/sim/faultproxy"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
	"github.com/spark-operator/spark-operator/test/sim/operator"
)

// Setup is what all scenarios have in common.
type Setup struct {
	// Binary is the operator, Flags are added to its command line.
	Binary string
	Flags  []string
	// CRDs is the folder with the definitions, Work a folder for files that go away.
	CRDs, Work string
	// Chart is a file with the chart as it is rendered, for the rights of the operator.
	Chart string
	// Writers is how many requests the floor makes at once.
	Writers int
	// Cold measures from the first request on; times are worth nothing then.
	Cold bool
	// Profiles is a folder for profiles of the operator; empty for none.
	Profiles string
	// Log takes a line for every step.
	Log io.Writer
}

func (s *Setup) logf(format string, arguments ...any) {
	fmt.Fprintf(s.Log, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, arguments...))
}

// namespace is where the applications of most scenarios are.
const namespace = "bench"

// leg is one control plane with a simulated cluster and the program that runs the
// applications: the operator or the floor.
type leg struct {
	setup    *Setup
	plane    *plane.Plane
	kubelet  *kubelet.Kubelet
	observer *load.Observer
	operator *operator.Process // nil on the floor
	floor    *floor.Writer     // nil with an operator
	proxy    *faultproxy.Proxy // before the operator; nil for none

	ctx    context.Context
	cancel context.CancelFunc
	// kubeconfig of the operator; empty for that of its user.
	kubeconfig string
	// gone is what operators used that were killed.
	gone plane.Cost
	// copied are the applications, by namespace and name, that came into etcd together
	// with their drivers.
	copied map[string]bool
}

// script records the life of an application with so many executors.
func (s *Setup) script(ctx context.Context, executors int) (_ *floor.Script, err error) {
	p, err := plane.Start(ctx, s.Work, s.CRDs, s.Chart)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	return floor.Record(ctx, p, s.Binary, s.Flags, executors)
}

// newLeg starts everything but who runs the applications. No more than one leg
// exists at a time.
func (s *Setup) newLeg(ctx context.Context, config kubelet.Config, namespaces ...string) (_ *leg, err error) {
	l := &leg{setup: s, copied: map[string]bool{}}
	// The leg ends in stop, which cancels this context; a scenario waits for it.
	l.ctx, l.cancel = context.WithCancel(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, l.stop())
		}
	}()
	if l.plane, err = plane.Start(ctx, s.Work, s.CRDs, s.Chart); err != nil {
		return nil, err
	}
	for _, name := range append([]string{namespace}, namespaces...) {
		if err := load.Namespace(ctx, l.plane, name); err != nil {
			return nil, err
		}
	}
	if l.observer, err = load.NewObserver(l.plane.Config(plane.Person)); err != nil {
		return nil, err
	}
	core, err := kubernetes.NewForConfig(l.plane.BinaryConfig(plane.Kubelet))
	if err != nil {
		return nil, fmt.Errorf("client of the kubelet: %w", err)
	}
	next := config.OnEvent
	config.OnEvent = func(event kubelet.Event) {
		l.observer.OnEvent(event)
		if l.floor != nil {
			l.floor.OnEvent(event)
		}
		if next != nil {
			next(event)
		}
	}
	l.kubelet = kubelet.New(config, core)
	return l, nil
}

// withFloor puts the floor in the operator's place.
func (l *leg) withFloor(script *floor.Script) (err error) {
	if l.floor, err = floor.NewWriter(l.ctx, l.plane, script, l.setup.Writers); err != nil {
		return err
	}
	l.observer.Created = l.floor.Created
	return l.watch()
}

// withOperator starts the operator.
func (l *leg) withOperator() error {
	if err := l.watch(); err != nil {
		return err
	}
	return l.startOperator()
}

func (l *leg) watch() error {
	if err := l.kubelet.Start(l.ctx); err != nil {
		return err
	}
	return l.observer.Start(l.ctx)
}

func (l *leg) startOperator() (err error) {
	if l.kubeconfig == "" {
		if l.kubeconfig, err = l.plane.Kubeconfig(plane.Operator); err != nil {
			return err
		}
	}
	l.operator, err = operator.StartReady(l.ctx, operator.Options{
		Binary: l.setup.Binary, Kubeconfig: l.kubeconfig, Log: filepath.Join(l.plane.Folder(), "operator.log"), Flags: l.setup.Flags,
	})
	return err
}

// killOperator ends the operator by SIGKILL and remembers what it has used.
func (l *leg) killOperator() error {
	cost, err := plane.CostOf(l.operator.PID())
	if err != nil {
		return err
	}
	l.operator.Kill()
	l.operator = nil
	l.gone.CPU += cost.CPU
	l.gone.Peak = max(l.gone.Peak, cost.Peak)
	return nil
}

// stop ends everything and removes its files.
func (l *leg) stop() error {
	var failed []error
	if l.operator != nil {
		select {
		case <-l.operator.Ended():
			failed = append(failed, fmt.Errorf("the operator ended unexpectedly; its log ends with\n%s", l.operator.Tail(20)))
		default:
			failed = append(failed, l.operator.Stop())
		}
	}
	l.cancel()
	if l.proxy != nil {
		failed = append(failed, l.proxy.Close())
	}
	if l.floor != nil {
		failed = append(failed, l.floor.Wait())
	}
	if l.kubelet != nil {
		l.kubelet.Wait()
	}
	if l.observer != nil {
		l.observer.Wait()
	}
	if l.plane != nil {
		failed = append(failed, l.plane.Stop())
	}
	return errors.Join(failed...)
}

// explain adds to an error what the operator logged last.
func (l *leg) explain(err error) error {
	if err == nil || l.operator == nil {
		return err
	}
	return fmt.Errorf("%w; the operator's log ends with\n%s", err, l.operator.Tail(20))
}
