// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// reserved is a status whose current run has reserved so many core-seconds by its driver and
// by its executors.
func reserved(s, attempt v1beta2.ApplicationStateType, driver, executors float64) v1beta2.SparkApplicationStatus {
	status := state(s, "a", 1)
	usage := &v1beta2.Usage{ExecutorsLost: int32(executors) / 100}
	usage.Driver.CoreSeconds, usage.Executors.CoreSeconds = driver, executors
	status.Attempts = []v1beta2.Attempt{{SubmissionID: "a", State: attempt, Usage: usage}}
	return status
}

// TestUsageCountsOncePerWrite: each write counts what it adds, so a run counts as much as its
// record shows, also if its status is written again after the end.
func TestUsageCountsOncePerWrite(t *testing.T) {
	m, registry := newMetrics(t, Config{TeamLabel: "team"})
	app := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{Namespace: "jobs", Labels: map[string]string{"team": "etl"}}}
	follow(m, app, created,
		reserved(v1beta2.ApplicationStateRunning, "", 10, 100),
		reserved(v1beta2.ApplicationStateRunning, "", 30, 300),
		reserved(v1beta2.ApplicationStateFailing, v1beta2.ApplicationStateFailed, 40, 300),
		reserved(v1beta2.ApplicationStateFailed, v1beta2.ApplicationStateFailed, 40, 300),
	)
	want := `
# HELP spark_application_core_seconds_total CPU cores that pods of applications requested, multiplied by seconds
# TYPE spark_application_core_seconds_total counter
spark_application_core_seconds_total{namespace="jobs",role="driver",team="etl"} 40
spark_application_core_seconds_total{namespace="jobs",role="executor",team="etl"} 300
# HELP spark_application_executors_lost_total Executors that failed or were disrupted while their driver ran
# TYPE spark_application_executors_lost_total counter
spark_application_executors_lost_total{namespace="jobs",team="etl"} 3
# HELP spark_application_wasted_core_seconds_total Core-seconds of attempts that did not complete, counted at their end
# TYPE spark_application_wasted_core_seconds_total counter
spark_application_wasted_core_seconds_total{namespace="jobs",team="etl"} 340
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "spark_application_core_seconds_total", "spark_application_gpu_seconds_total",
		"spark_application_executors_lost_total", "spark_application_wasted_core_seconds_total"); err != nil {
		t.Error(err)
	}
}

// TestTeamsAreBounded: users choose the value of the label, and cannot make series without
// end, nor take those of another namespace.
func TestTeamsAreBounded(t *testing.T) {
	m, _ := newMetrics(t, Config{TeamLabel: "team"})
	team := func(namespace, value string) string {
		return m.usage.team(&v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Labels: map[string]string{"team": value}}})
	}
	distinct := map[string]bool{}
	for i := range 10 * MaxTeams {
		distinct[team("a", fmt.Sprint("team-", i))] = true
	}
	if len(distinct) != MaxTeams+1 || !distinct[OtherTeams] {
		t.Errorf("%d values, %v", len(distinct), distinct)
	}
	for _, test := range []struct{ namespace, value, want string }{
		{"a", "team-0", "team-0"}, {"a", "new", OtherTeams}, {"b", "new", "new"}, {"b", "", ""},
	} {
		if got := team(test.namespace, test.value); got != test.want {
			t.Errorf("%s in %s: %q, want %q", test.value, test.namespace, got, test.want)
		}
	}
}
