// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/bench/profile"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim/operator"
)

// meter measures a leg between two moments.
type meter struct {
	leg                              *leg
	begun                            time.Time
	audit                            int64
	apiServer, etcd, bench, operator time.Duration
	metrics                          operator.Metrics
	process                          *operator.Process // which metrics are from; nil on the floor
	queue                            string            // that is looked at
	stopProfiling                    func() error
}

// measure begins to measure what a course asks for. There are no profiles of an
// operator that is going to be killed.
func (l *leg) measure(c course) (*meter, error) {
	m := &meter{leg: l, process: l.operator, queue: c.queue, stopProfiling: func() error { return nil }}
	if err := m.costs(); err != nil {
		return nil, err
	}
	var err error
	if l.operator != nil {
		if m.metrics, err = l.operator.Metrics(l.ctx); err != nil {
			return nil, err
		}
		if l.setup.Profiles != "" && !c.killed {
			if m.stopProfiling, err = l.setup.profile(l.ctx, l.plane, l.operator, c.name); err != nil {
				return nil, err
			}
		}
	}
	if m.audit, err = l.plane.AuditSize(); err != nil {
		return nil, err
	}
	m.begun = time.Now()
	return m, nil
}

// profile begins to take profiles of the API server and of a process of the operator.
func (s *Setup) profile(ctx context.Context, p *plane.Plane, process *operator.Process, name string) (stop func() error, err error) {
	server, err := p.Profiles()
	if err != nil {
		return nil, err
	}
	stopServer, err := server.Start(ctx, s.Profiles, name)
	if err != nil {
		return nil, err
	}
	own := &profile.Source{Name: "operator", URL: process.Profiles(), Client: http.DefaultClient}
	stopOperator, err := own.Start(ctx, s.Profiles, name)
	if err != nil {
		return nil, err
	}
	return func() error { return errors.Join(stopServer(), stopOperator()) }, nil
}

// costs reads what the processes have used so far.
func (m *meter) costs() error {
	l := m.leg
	for pid, into := range map[int]*time.Duration{
		l.plane.Env().APIServerPID(): &m.apiServer,
		l.plane.Env().EtcdPID():      &m.etcd,
		os.Getpid():                  &m.bench,
	} {
		cost, err := plane.CostOf(pid)
		if err != nil {
			return err
		}
		*into = cost.CPU
	}
	m.operator = l.gone.CPU
	if l.operator != nil {
		cost, err := plane.CostOf(l.operator.PID())
		if err != nil {
			return err
		}
		m.operator += cost.CPU
	}
	return nil
}

// since is what each of so many applications cost since an earlier moment.
func (m *meter) since(before *meter, apps int) report.CPU {
	perApp := func(d time.Duration) float64 { return report.Round(d.Seconds() * 1000 / float64(max(apps, 1))) }
	return report.CPU{
		Operator: perApp(m.operator - before.operator), APIServer: perApp(m.apiServer - before.apiServer),
		Etcd: perApp(m.etcd - before.etcd), Bench: perApp(m.bench - before.bench),
	}
}

// end returns what was measured of the applications of the load.
func (m *meter) end(apps []load.App) (*report.Result, error) {
	l := m.leg
	result := &report.Result{Time: m.begun.UTC().Truncate(time.Second)}
	if err := m.stopProfiling(); err != nil {
		return nil, err
	}
	after := &meter{leg: l}
	if err := after.costs(); err != nil {
		return nil, err
	}
	count := float64(max(len(apps), 1))
	result.CPU = after.since(m, len(apps))
	if l.operator != nil {
		if err := m.operatorFigures(result, count); err != nil {
			return nil, err
		}
	}
	timeFigures(result, apps, m.begun)
	return result, m.requestFigures(result, len(apps))
}

func (m *meter) operatorFigures(result *report.Result, count float64) error {
	l := m.leg
	cost, err := plane.CostOf(l.operator.PID())
	if err != nil {
		return err
	}
	result.RSSPeakMB = report.Round(float64(max(cost.Peak, l.gone.Peak)) / (1 << 20))
	metrics, err := l.operator.Metrics(l.ctx)
	if err != nil {
		return err
	}
	result.Goroutines = metrics["go_goroutines"]
	if l.operator != m.process {
		return nil // the counters of this process do not include the earlier process
	}
	result.AllocsPerApp = report.Round((metrics["go_memstats_mallocs_total"] - m.metrics["go_memstats_mallocs_total"]) / count)
	result.AllocKBPerApp = report.Round((metrics["go_memstats_alloc_bytes_total"] - m.metrics["go_memstats_alloc_bytes_total"]) / count / 1024)
	const histogram = "workqueue_queue_duration_seconds"
	queue := fmt.Sprintf("name=%q", m.queue)
	result.QueueWait = report.BoundsOf(metrics.Quantile(m.metrics, histogram, queue, 0.5), metrics.Quantile(m.metrics, histogram, queue, 0.99))
	return nil
}

// timeFigures computes what the times of the applications say.
func timeFigures(result *report.Result, apps []load.App, begun time.Time) {
	var toDriver, lag []time.Duration
	var lastDriver, lastEnd time.Time
	result.Apps = len(apps)
	for i := range apps {
		app := &apps[i]
		if app.Terminal() {
			lastEnd = latest(lastEnd, app.Seen[app.State])
		}
		if app.Drivers > 0 {
			toDriver = append(toDriver, app.Created.Sub(app.Asked))
			lastDriver = latest(lastDriver, app.Created)
		}
		lag = append(lag, lags(app)...)
		// An application without driver pod or without end is lost; how many driver pods
		// there were is counted in the audit.
		if app.Drivers == 0 || !app.Terminal() {
			result.Lost++
		}
	}
	result.CreateToDriver = report.QuantilesOf(toDriver)
	result.StatusLag = report.QuantilesOf(lag)
	perMinute := func(end time.Time) float64 {
		if !end.After(begun) {
			return 0
		}
		return report.Round(float64(len(apps)) / end.Sub(begun).Minutes())
	}
	result.SubmittedPerMinute, result.FinishedPerMinute = perMinute(lastDriver), perMinute(lastEnd)
	result.Seconds = report.Round(lastEnd.Sub(begun).Seconds())
}

// lags are how long after the kubelet had said so of its driver the status of an
// application said that it runs, and that it ended.
func lags(app *load.App) []time.Duration {
	var found []time.Duration
	if seen, ok := app.Seen[v1beta2.ApplicationStateRunning]; ok && !app.Running.IsZero() && app.Drivers == 1 {
		found = append(found, max(seen.Sub(app.Running), 0))
	}
	if app.Terminal() && !app.Ended.IsZero() {
		found = append(found, max(app.Seen[app.State].Sub(app.Ended), 0))
	}
	return found
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// requestFigures reads from the audit what was requested meanwhile.
func (m *meter) requestFigures(result *report.Result, apps int) error {
	requests, refused := map[string]int{}, map[string]int{}
	writes, reads := 0, 0
	_, err := m.leg.plane.Audit(m.audit, func(request *plane.Request) {
		if request.User != plane.Operator && request.User != plane.Floor {
			return
		}
		kind := request.Verb + " " + request.Resource
		requests[kind]++
		switch {
		case request.Write():
			writes++
		case request.Verb != "watch":
			reads++
		}
		if !request.OK() {
			refused[kind]++
		}
	})
	if err != nil {
		return err
	}
	count := float64(max(apps, 1))
	result.WritesPerApp, result.ReadsPerApp = report.Round(float64(writes)/count), report.Round(float64(reads)/count)
	result.Requests, result.Refused = perApp(requests, count), perApp(refused, count)
	return nil
}

func perApp(counts map[string]int, apps float64) map[string]float64 {
	shares := map[string]float64{}
	for kind, count := range counts {
		shares[kind] = report.Round(float64(count) / apps)
	}
	return shares
}
