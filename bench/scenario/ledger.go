// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim/operator"
)

// The counters of the operator that are compared with what happened.
const (
	successCounter = "spark_application_success_count"
	submitCounter  = "spark_application_submit_count"
)

// ledger is how things stood when the life of an operator began that is going to be
// compared with what it counts.
type ledger struct {
	metrics             operator.Metrics // nothing if the process was only to be started
	completed, attempts int              // of all applications, by their statuses
	inDoubt             map[string]int
}

// open begins a ledger. No status may be written at that moment: the operator before is
// dead, or there are no applications yet. What the one before has written must have
// been seen; what it has created, but not written down, is for the next to count.
func (r *soak) open(metrics operator.Metrics) {
	apps := r.observer.Apps(namespace)
	r.ledger = ledger{metrics: metrics, completed: completed(apps), attempts: attempts(apps), inDoubt: r.proxy.InDoubt()}
}

// compare adds to figures by how much the counts of the operator are off.
//
// It counts when a status was written, and the injected faults let it believe that
// some were not written that were. Those it must not have counted. So a count may be
// short by as many writes of that state as are in doubt, but never more than that, and
// it may never be above what happened.
//
// A submission is one driver pod created, by the audit, whoever adopted it. Where the
// status counts more attempts it is one attempt: the line of the audit may be lost
// with a server that is killed. So it is where the driver lost its node, perhaps before
// its submission was written down. Another check judges that no status counts too many.
func (r *soak) compare(now operator.Metrics, created drivers, figures map[string]float64) {
	apps := r.observer.Apps(namespace)
	submitted := 0
	for i := range apps {
		if losesNode(&apps[i]) {
			submitted += apps[i].Attempts
			continue
		}
		submitted += max(created.of(&apps[i]), apps[i].Attempts)
	}
	inDoubt := r.proxy.InDoubt()
	for state, count := range r.ledger.inDoubt {
		inDoubt[state] -= count
	}
	for _, c := range []struct {
		name, counter string
		happened      int
		state         v1beta2.ApplicationStateType
	}{
		{"success", successCounter, completed(apps) - r.ledger.completed, v1beta2.ApplicationStateCompleted},
		{"submits", submitCounter, submitted - r.ledger.attempts, v1beta2.ApplicationStateSubmitted},
	} {
		counted, doubtful := difference(r.ledger.metrics, now, c.counter), inDoubt[string(c.state)]
		figures[c.name+"Miscounted"] = miscounted(counted, float64(c.happened), float64(doubtful))
		figures[c.name+"Counted"] = report.Round(counted)
		figures[c.name+"Happened"] = float64(c.happened)
		figures[c.name+"InDoubt"] = float64(doubtful)
	}
}

// miscounted is by how much a count is above what happened, or, below 0, short of it
// by more than is in doubt.
func miscounted(counted, happened, inDoubt float64) float64 {
	return max(counted-happened, 0) + min(counted-(happened-inDoubt), 0)
}

func completed(apps []load.App) (count int) {
	for i := range apps {
		if apps[i].State == v1beta2.ApplicationStateCompleted {
			count++
		}
	}
	return count
}

func attempts(apps []load.App) (count int) {
	for i := range apps {
		count += apps[i].Attempts
	}
	return count
}

func difference(before, after operator.Metrics, name string) float64 {
	return after.Sum(name) - before.Sum(name)
}
