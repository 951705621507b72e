// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// MaxTeams is how many values the label team has in one namespace. Users choose the labels of
// their applications, and each value is a series. What comes later has the value OtherTeams.
const MaxTeams = 20

const (
	// OtherTeams is the value of the label team for those beyond MaxTeams.
	OtherTeams = "other"
	// noTeam is its value for applications without the label.
	noTeam = ""
)

// usage counts what runs reserve.
type usage struct {
	teamLabel string

	cores, memory, gpus   *prometheus.CounterVec
	wasted, executorsLost *prometheus.CounterVec

	lock  sync.Mutex
	teams map[string]map[string]bool // by namespace
}

func newUsage(name func(string) string, teamLabel string) *usage {
	counter := func(of, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name(of), Help: help}, append([]string{"namespace", "team"}, labels...))
	}
	return &usage{
		teamLabel:     teamLabel,
		teams:         map[string]map[string]bool{},
		cores:         counter("spark_application_core_seconds_total", "CPU cores that pods of applications requested, multiplied by seconds", "role"),
		memory:        counter("spark_application_gib_seconds_total", "GiB of memory that pods of applications requested, multiplied by seconds", "role"),
		gpus:          counter("spark_application_gpu_seconds_total", "GPUs that pods of applications requested, multiplied by seconds", "role"),
		wasted:        counter("spark_application_wasted_core_seconds_total", "Core-seconds of attempts that did not complete, counted at their end"),
		executorsLost: counter("spark_application_executors_lost_total", "Executors that failed or were disrupted while their driver ran"),
	}
}

func (u *usage) collectors() []prometheus.Collector {
	return []prometheus.Collector{u.cores, u.memory, u.gpus, u.wasted, u.executorsLost}
}

// count counts what a write of the status added to the usage of the run.
func (u *usage) count(before *v1beta2.SparkApplicationStatus, app *v1beta2.SparkApplication) {
	attempt, then := app.Status.Attempt(app.Status.SubmissionID), before.Attempt(app.Status.SubmissionID)
	if attempt == nil || attempt.Usage == nil {
		return
	}
	now, was := attempt.Usage, &v1beta2.Usage{}
	if then != nil && then.Usage != nil {
		was = then.Usage
	}
	team := u.team(app)
	for role, sums := range map[string][2]v1beta2.ReservedTime{
		v1beta2.SparkRoleDriver:   {was.Driver, now.Driver},
		v1beta2.SparkRoleExecutor: {was.Executors, now.Executors},
	} {
		add(u.cores, sums[1].CoreSeconds-sums[0].CoreSeconds, app.Namespace, team, role)
		add(u.memory, sums[1].GiBSeconds-sums[0].GiBSeconds, app.Namespace, team, role)
		add(u.gpus, sums[1].GPUSeconds-sums[0].GPUSeconds, app.Namespace, team, role)
	}
	add(u.executorsLost, float64(now.ExecutorsLost-was.ExecutorsLost), app.Namespace, team)
	if attempt.State != "" && attempt.State != v1beta2.ApplicationStateCompleted && (then == nil || then.State == "") {
		add(u.wasted, now.Driver.CoreSeconds+now.Executors.CoreSeconds, app.Namespace, team)
	}
}

// add adds to a counter, which has no series before it is more than 0.
func add(counter *prometheus.CounterVec, more float64, values ...string) {
	if more > 0 {
		counter.WithLabelValues(values...).Add(more)
	}
}

// team is the value of the label team for an application.
func (u *usage) team(app *v1beta2.SparkApplication) string {
	value := app.Labels[u.teamLabel]
	if u.teamLabel == "" || value == "" {
		return noTeam
	}
	u.lock.Lock()
	defer u.lock.Unlock()
	teams := u.teams[app.Namespace]
	switch {
	case teams[value]:
	case len(teams) >= MaxTeams:
		return OtherTeams
	case teams == nil:
		u.teams[app.Namespace] = map[string]bool{value: true}
	default:
		teams[value] = true
	}
	return value
}
