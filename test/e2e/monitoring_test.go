// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/prometheus"
)

const (
	// busyScript and jmxExporter are ConfigMaps.
	busyScript, jmxExporter = "monitoring-busy", "monitoring-jmx-exporter"
	// Applications whose metrics Spark itself or the JMX exporter serves.
	servletApp, jmxApp = "monitoring-servlet", "monitoring-jmx"
	// ended is how many applications of a label app_type ended in a way. An operator that
	// is restarted, as on a busy machine, counts from zero.
	ended = `sum(max_over_time(spark_application_%s_count{app_type="%s", namespace="spark-operator", job="spark-operator/spark-operator-podmonitor"}[1h]))`
)

// busy caches blocks and shuffles until the test deletes the application.
const busy = `
import time
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
numbers = spark.range(200000).repartition(4).cache()
for _ in range(2000):
    numbers.groupBy(numbers.id % 1000).count().collect()
    time.sleep(1)
spark.stop()
`

// panelsWithoutData have none in TestMonitoring, for the reasons given.
var panelsWithoutData = map[string]string{
	"operator.json: Repeated requests":                                  "the API server was never too busy",
	"operator.json: Time spent waiting for the client's own rate limit": "the clients have no limit of their own, as by default",
	"operator.json: Requests that were refused or not answered":         "whether a request was refused depends on the other tests",
	"applications.json: Executors that ended":                           "an operator does not count what ended while it was restarted, as on a busy machine",
}

// onlyFromSpark are panels that the JMX exporter has no metrics for.
var onlyFromSpark = map[string]string{
	"application.json: Memory for cached blocks": "the JMX exporter has it for the driver alone",
}

// TestMonitoring: a real Prometheus finds operators, drivers and executors by the chart's
// monitors. PromQL knows the application that completed and the one that failed, and each
// metric of a dashboard is one that the operator, Spark or the JMX exporter serves. The status
// shows the progress and the usage of an application at work.
func TestMonitoring(t *testing.T) {
	t.Parallel()
	start := time.Now()
	installed := prometheus.Render(t, release, operatorNamespace, "spark.jobNamespaces={"+jobNamespace+"},prometheus.podMonitor.create=true,"+
		"prometheus.applicationPodMonitor.create=true,prometheus.prometheusRule.create=true")
	reviewed := prometheus.Render(t, webhookRelease, webhookNamespace, "webhook.enable=true,prometheus.serviceMonitor.create=true")
	createService(t, webhookNamespace, reviewed.Services[webhookRelease+"-metrics"])
	server := prometheus.Start(t, prometheus.Config{
		Binary: sim.Program(t, "prometheus"), Kubeconfig: os.Getenv("KUBECONFIG"), Through: cluster.config,
		Interval: 5 * time.Second, Patience: patience,
		Monitors: slices.Concat(installed.Monitors, reviewed.Monitors), Alerts: installed.Alerts,
	})
	server.Expect(`count(up{namespace="spark-operator-webhook", job="spark-operator-reviewed-metrics", service="spark-operator-reviewed-metrics"} == 1)`, "2")

	createSchedules(t)
	// A rate needs a counter that increases while it is scraped.
	for count := range 2 {
		waitForState(t, create(t, badApplication(count)), v1beta2.ApplicationStateFailed)
		server.Expect(fmt.Sprintf(ended, "failure", "monitoring-bad"), strconv.Itoa(count+1))
	}
	servlet := createMonitored(t)
	server.Expect(fmt.Sprintf(ended, "success", "monitoring-good"), "1")
	server.Expect(`count(spark_application_failure_count{app_type="monitoring-good"}) or vector(0)`, "0")

	// The labels that docs/monitoring.md promises.
	for expr, want := range map[string]string{
		`count(up{namespace="spark-e2e", sparkoperator_k8s_io_app_name="monitoring-servlet", spark_role="driver", endpoint="spark-ui", metrics_path=~"/metrics/(executors/)?prometheus"} == 1)`: "2",
		`count(metrics_spark_driver_jvm_heap_used_Number{namespace="spark-e2e", sparkoperator_k8s_io_app_name="monitoring-servlet", spark_role="driver", type="gauges"})`:                       "1",
		`count(metrics_executor_completedTasks_total{sparkoperator_k8s_io_app_name="monitoring-servlet", spark_role="driver", executor_id=~"[0-9]+"})`:                                          "1",
		`count(up{namespace="spark-e2e", sparkoperator_k8s_io_app_name="monitoring-jmx", spark_role=~"driver|executor", endpoint="jmx-exporter"} == 1)`:                                         "2",
		`count(spark_driver_jvm_heap_used_type_gauges{app_namespace="spark-e2e", app_id="monitoring-jmx", sparkoperator_k8s_io_app_name="monitoring-jmx", spark_role="driver"})`:                "1",
		`count(spark_executor_jvm_heap_used_type_gauges{app_namespace="spark-e2e", app_id="monitoring-jmx", executor_id=~"[0-9]+", spark_role="executor"})`:                                     "1",
	} {
		server.Expect(expr, want)
	}
	// What follows is about applications at work.
	server.Expect(`sum(metrics_executor_totalShuffleWrite_bytes_total{sparkoperator_k8s_io_app_name="monitoring-servlet"}) > bool 100000`, "1")
	server.Expect(`sum(spark_executor_shufflebyteswritten_type_counters_count{app_id="monitoring-jmx"}) > bool 100000`, "1")
	expectPanels(t, server, start)
	server.Expect(`count(ALERTS{alertname=~"SparkOperator(Down|Panics|SyncHangs)"}) or vector(0)`, "0")
	server.Alerts() // fails if one cannot be evaluated
	wantProgressAndUsage(t, servlet)
}

// expectPanels waits for data in all panels, and for each metric of the applications. It draws
// the dashboards to .out/dashboards.
func expectPanels(t *testing.T, server *prometheus.Server, start time.Time) {
	t.Helper()
	dashboards, err := prometheus.ReadDashboards(cluster.chart + "/dashboards")
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []struct {
		file, namespace, application string
		conditional                  map[string]string
	}{
		{"application.json", jobNamespace, servletApp, nil},
		{"application.json", jobNamespace, jmxApp, onlyFromSpark},
		{"applications.json", operatorNamespace, "", panelsWithoutData},
		{"schedules.json", operatorNamespace, "", nil},
		{"operator.json", webhookNamespace, "", panelsWithoutData},
	} {
		dashboard := dashboards[shown.file]
		variables := map[string]string{
			"namespace": shown.namespace, "application": shown.application, "type": ".*", "__rate_interval": "10m", "__range": "1h",
		}
		server.ExpectPanels(shown.file, &dashboard, variables, shown.conditional)
		name := strings.TrimPrefix(cmp.Or(shown.application, strings.TrimSuffix(shown.file, ".json")), "monitoring-")
		variables["__rate_interval"] = "30s"
		server.Draw(prometheus.Picture(name), &dashboard, variables, start)
		for _, panel := range dashboard.Panels {
			for _, target := range panel.Targets {
				for _, name := range prometheus.MetricsIn(target.Expr) {
					// The JMX exporter 1.x adds the suffix to counters.
					if shown.file == "application.json" && !strings.HasSuffix(name, "_count_total") {
						server.Expect("count("+name+") > bool 0", "1")
					}
				}
			}
		}
	}
}

// createSchedules creates schedules whose runs never start, for which one node is enough.
func createSchedules(t *testing.T) {
	t.Helper()
	for _, schedule := range []struct {
		namespace, name, image string
		policy                 v1beta2.ConcurrencyPolicy
	}{
		{jobNamespace, "monitoring-forbids", "localhost/No:Image", v1beta2.ConcurrencyForbid}, // and stalls
		{jobNamespace, "monitoring-replaces", "localhost/there-is-no-such-image:1", v1beta2.ConcurrencyReplace},
		{reviewedNamespace, "monitoring-reviewed", "localhost/there-is-no-such-image:1", v1beta2.ConcurrencyReplace},
	} {
		template := sparkPi("", "1")
		template.Namespace, template.Spec.Image = schedule.namespace, ptr.To(schedule.image)
		createSchedule(t, schedule.name, "@every 10s", template, schedule.policy)
	}
}

// badApplication fails soon.
func badApplication(number int) *v1beta2.SparkApplication {
	app := sparkPi(fmt.Sprintf("monitoring-bad-%d", number))
	app.Labels = map[string]string{"app_type": "monitoring-bad"}
	app.Spec.MainClass = ptr.To("org.example.None")
	return app
}

// createMonitored creates an application that completes and two that work until the test
// ends, of which it returns one, and waits until their metrics can be scraped.
func createMonitored(t *testing.T) *v1beta2.SparkApplication {
	t.Helper()
	good := sparkPi("monitoring-good", "1")
	good.Labels = map[string]string{"app_type": good.Name}
	create(t, good)
	jar, err := os.ReadFile(sim.Repository + "/bin/jmx-exporter.jar")
	if err != nil {
		t.Fatalf("%v: run `make bin/jmx-exporter.jar`", err)
	}
	createConfigMap(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: jmxExporter}, BinaryData: map[string][]byte{"agent.jar": jar}})
	createConfigMap(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: busyScript}, Data: map[string]string{"busy.py": busy}})
	servlet, jmx := busyApplication(servletApp), busyApplication(jmxApp)
	jmx.Spec.Image, jmx.Spec.SparkVersion = ptr.To(cluster.spark35Image), cluster.spark35Version
	jmx.Spec.Monitoring.Prometheus = &v1beta2.PrometheusSpec{JmxExporterJar: "/opt/jmx/agent.jar"}
	agent := v1beta2.NamePath{Name: jmxExporter, Path: "/opt/jmx"}
	jmx.Spec.Driver.ConfigMaps = append(jmx.Spec.Driver.ConfigMaps, agent)
	jmx.Spec.Executor.ConfigMaps = append(jmx.Spec.Executor.ConfigMaps, agent)
	showsProgress(servlet)
	servlet = create(t, servlet)
	create(t, jmx)

	waitForState(t, good, v1beta2.ApplicationStateCompleted)
	for _, app := range []*v1beta2.SparkApplication{servlet, jmx} {
		waitFor(t, app, "an application with a running executor", func(app *v1beta2.SparkApplication) bool {
			for _, state := range app.Status.ExecutorState {
				if state == v1beta2.ExecutorStateRunning {
					return true
				}
			}
			return false
		})
	}
	return servlet
}

// busyApplication has metrics of driver and executor.
func busyApplication(name string) *v1beta2.SparkApplication {
	app := sparkPi(name)
	app.Spec.Type = v1beta2.SparkApplicationTypePython
	app.Spec.MainClass = nil
	app.Spec.MainApplicationFile = ptr.To("local:///opt/busy/busy.py")
	app.Spec.Driver.ConfigMaps = []v1beta2.NamePath{{Name: busyScript, Path: "/opt/busy"}}
	app.Spec.Monitoring = &v1beta2.MonitoringSpec{ExposeDriverMetrics: true, ExposeExecutorMetrics: true}
	return app
}

// createService creates a Service until the test ends.
func createService(t *testing.T, namespace string, service corev1.Service) {
	t.Helper()
	services := cluster.core.CoreV1().Services(namespace)
	if _, err := services.Create(t.Context(), &service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := services.Delete(context.Background(), service.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}
