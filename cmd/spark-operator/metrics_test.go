// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	clientmetrics "k8s.io/client-go/tools/metrics"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/internal/document"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/connect"
	"github.com/spark-operator/spark-operator/pkg/metrics"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
	"github.com/spark-operator/spark-operator/pkg/scheduledapp"
	"github.com/spark-operator/spark-operator/pkg/webhook"
	"github.com/spark-operator/spark-operator/pkg/webhook/serve"
)

// kubeflowMetrics are those of kubeflow/spark-operator 2.x with their types, by which
// alerts and dashboards of its users select.
var kubeflowMetrics = map[string]string{
	"spark_application_count":                            "counter",
	"spark_application_submit_count":                     "counter",
	"spark_application_failed_submission_count":          "counter",
	"spark_application_running_count":                    "gauge",
	"spark_application_success_count":                    "counter",
	"spark_application_failure_count":                    "counter",
	"spark_application_success_execution_time_seconds":   "summary",
	"spark_application_failure_execution_time_seconds":   "summary",
	"spark_application_submit_latency_seconds":           "summary",
	"spark_application_submit_latency_seconds_histogram": "histogram",
	"spark_application_start_latency_seconds":            "summary",
	"spark_application_start_latency_seconds_histogram":  "histogram",
	"spark_executor_running_count":                       "gauge",
	"spark_executor_success_count":                       "counter",
	"spark_executor_failure_count":                       "counter",
}

// libraryMetrics are the useful ones of the libraries, with what they mean here.
var libraryMetrics = map[string]string{
	"workqueue_depth":                             "Objects that wait for a worker",
	"workqueue_adds_total":                        "Objects added to the queue",
	"workqueue_retries_total":                     "Objects added with a delay: after a sync that failed, or for the next time limit",
	"workqueue_queue_duration_seconds":            "Time that an object waits for a worker",
	"workqueue_work_duration_seconds":             "Time of one sync; the count is the number of syncs",
	"workqueue_unfinished_work_seconds":           "Sum of the times of the syncs in progress; a growing value indicates a sync that hangs",
	"workqueue_longest_running_processor_seconds": "Time of the longest sync in progress",
	"rest_client_requests_total":                  "Requests to the API server",
	"rest_client_request_duration_seconds":        "Time from a request to the API server until its response",
	"rest_client_request_retries_total":           "Repeated requests to the API server",
	"rest_client_rate_limiter_duration_seconds":   "Time that a request waits because of `--kube-api-qps` and `--kube-api-burst`",
	"leader_election_master_status":               "1 in the leader, 0 in a standby",
}

// series registers collectors and has the vectors among them show one series each, whose
// labels have their own names as values.
type series struct{ prometheus.Registerer }

var variableLabels = regexp.MustCompile(`variableLabels: \{([^}]*)\}`)

func (s series) Register(collector prometheus.Collector) error {
	if err := s.Registerer.Register(collector); err != nil {
		return err
	}
	descriptions := make(chan *prometheus.Desc, 10)
	collector.Describe(descriptions)
	var labels []string
	if names := variableLabels.FindStringSubmatch((<-descriptions).String())[1]; names != "" {
		labels = strings.Split(names, ",")
	}
	switch vector := collector.(type) {
	case *prometheus.CounterVec:
		vector.WithLabelValues(labels...)
	case *prometheus.SummaryVec:
		vector.WithLabelValues(labels...)
	case *prometheus.HistogramVec:
		vector.WithLabelValues(labels...)
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// controllerMetrics registers what `controller start` does.
func controllerMetrics(t *testing.T) *prometheus.Registry {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	counted, err := metrics.New(series{registry}, metrics.Config{Labels: []string{"app_type"}})
	must(t, err)
	app := &v1beta2.SparkApplication{}
	app.Status.Conditions = []metav1.Condition{{Type: v1beta2.ConditionStalled, Status: metav1.ConditionTrue, Reason: "Stuck"}}
	must(t, counted.RegisterGauges(registry, func() iter.Seq[*v1beta2.SparkApplication] {
		return slices.Values([]*v1beta2.SparkApplication{app})
	}, clock.RealClock{}))
	must(t, metrics.RegisterMissingFields(registry, "", func() []string { return nil }))
	_, err = metrics.NewRequests(series{registry})
	must(t, err)
	schedules, err := scheduledapp.NewMetrics(series{registry}, "")
	must(t, err)
	must(t, schedules.RegisterGauges(registry, func() iter.Seq[*v1beta2.ScheduledSparkApplication] {
		return func(func(*v1beta2.ScheduledSparkApplication) bool) {}
	}))
	connects, err := connect.NewMetrics(series{registry}, "")
	must(t, err)
	must(t, connects.RegisterGauges(registry, func() iter.Seq[*v1alpha1.SparkConnect] {
		return slices.Values([]*v1alpha1.SparkConnect{{Status: v1alpha1.SparkConnectStatus{OpenSessions: ptr.To[int32](1)}}})
	}))
	return registry
}

type noCertificate struct{ certificateSource }

func (noCertificate) NotAfter() time.Time { return time.Time{} }

// webhookMetrics registers what `webhook start` does. The server ends at once, as its
// listener is closed.
func webhookMetrics(t *testing.T) *prometheus.Registry {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	counted, err := serve.NewMetrics(series{registry}, clock.RealClock{})
	must(t, err)
	must(t, countExpiry(registry, noCertificate{}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	secure, err := (&SecureMetricsOptions{TLSMinVersion: "VersionTLS12"}).tlsConfig()
	must(t, err)
	if err := serve.Run(t.Context(), listener, serve.Config{Reviewer: webhook.New(webhook.Config{}), TLS: secure, Metrics: counted}); err == nil {
		t.Error("a server without listener")
	}
	return registry
}

// processMetrics has the libraries count something, and returns what both processes show.
func processMetrics(t *testing.T) prometheus.Gatherer {
	t.Helper()
	ctx, server := t.Context(), url.URL{Host: "server"}
	queue := loop.NewQueue(metrics.ControllerApplications, workqueue.DefaultQueue[cache.ObjectName](), clock.RealClock{})
	queue.ShutDown()
	clientmetrics.RequestResult.Increment(ctx, "200", "GET", server.Host)
	clientmetrics.RequestRetry.IncrementRetry(ctx, "200", "GET", server.Host)
	clientmetrics.RequestLatency.Observe(ctx, "GET", server, time.Second)
	clientmetrics.RateLimiterLatency.Observe(ctx, "GET", server, time.Second)
	_, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock:          &resourcelock.LeaseLock{LockConfig: resourcelock.ResourceLockConfig{Identity: "test"}},
		LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 2 * time.Second,
		Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) {}, OnStoppedLeading: func() {}},
		Name:      "test",
	})
	must(t, err)
	return queueMetrics{legacyregistry.DefaultGatherer}
}

func gather(t *testing.T, gatherer prometheus.Gatherer) map[string]*dto.MetricFamily {
	t.Helper()
	families, err := gatherer.Gather()
	must(t, err)
	byName := map[string]*dto.MetricFamily{}
	for _, family := range families {
		byName[family.GetName()] = family
	}
	return byName
}

// metricsTable prints the metrics of which chosen returns a meaning.
func metricsTable(families map[string]*dto.MetricFamily, chosen func(*dto.MetricFamily) string) string {
	var table strings.Builder
	table.WriteString("| Metric | Type | Labels | Meaning |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(families)) {
		family := families[name]
		meaning := chosen(family)
		if meaning == "" {
			continue
		}
		metric := family.GetMetric()[0]
		var labels, bounds []string
		for _, label := range metric.GetLabel() {
			labels = append(labels, "`"+label.GetName()+"`")
		}
		for _, bucket := range metric.GetHistogram().GetBucket() {
			bounds = append(bounds, fmt.Sprintf("%g", bucket.GetUpperBound()))
		}
		if bounds != nil {
			meaning += ". Buckets: " + strings.Join(bounds, ", ")
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", name, kindOf(family), strings.Join(labels, ", "), meaning)
	}
	return table.String()
}

func kindOf(family *dto.MetricFamily) string { return strings.ToLower(family.GetType().String()) }

var (
	metricsTables = regexp.MustCompile(`(?s)<!-- table: (\w+) -->\n.*?<!-- end -->`)
	metricNames   = regexp.MustCompile(`\b(?:scheduled_spark|spark|workqueue|rest_client|leader_election)_[a-z_]+[a-z]\b`)
)

// TestMetricsReference: docs/metrics.md has every metric that the code names, and names
// none that does not exist.
func TestMetricsReference(t *testing.T) {
	const file = "../../docs/metrics.md"
	controller, reviews, process := gather(t, controllerMetrics(t)), gather(t, webhookMetrics(t)), gather(t, processMetrics(t))
	own := func(prefix string) func(*dto.MetricFamily) string {
		return func(family *dto.MetricFamily) string {
			group := "spark_operator"
			if _, kubeflow := kubeflowMetrics[family.GetName()]; kubeflow {
				group = "kubeflow"
			} else if name := family.GetName(); strings.HasPrefix(name, "spark_application_") || strings.HasPrefix(name, "scheduled_") {
				group = strings.SplitN(name, "_", 2)[0]
			} else if strings.HasPrefix(name, "spark_connect_") {
				group = "connect"
			}
			if group != prefix {
				return ""
			}
			return family.GetHelp()
		}
	}
	tables := map[string]string{
		"kubeflow":     metricsTable(controller, own("kubeflow")),
		"applications": metricsTable(controller, own("spark")),
		"schedules":    metricsTable(controller, own("scheduled")),
		"connect":      metricsTable(controller, own("connect")),
		"operator":     metricsTable(controller, own("spark_operator")),
		"webhook":      metricsTable(reviews, (*dto.MetricFamily).GetHelp),
		"process":      metricsTable(process, func(family *dto.MetricFamily) string { return libraryMetrics[family.GetName()] }),
	}
	printed := 0
	page := metricsTables.ReplaceAllStringFunc(document.Read(t, file), func(old string) string {
		name := metricsTables.FindStringSubmatch(old)[1]
		if tables[name] == "" {
			t.Errorf("%s: there is no table %q", file, name)
		}
		printed++
		return "<!-- table: " + name + " -->\n" + tables[name] + "<!-- end -->"
	})
	if printed != len(tables) {
		t.Errorf("%s has %d tables of %d", file, printed, len(tables))
	}
	exists := func(name string) bool {
		return controller[name] != nil || reviews[name] != nil || process[name] != nil
	}
	for name := range libraryMetrics {
		if !exists(name) {
			t.Errorf("no metric %s", name)
		}
	}
	for _, name := range metricNames.FindAllString(page, -1) {
		base := name
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if trimmed, cut := strings.CutSuffix(name, suffix); cut && exists(trimmed) {
				base = trimmed
			}
		}
		if !exists(base) {
			t.Errorf("%s: no metric %s", file, name)
		}
	}
	document.Compare(t, file, page)
}

// TestMetricsInCodeAreDocumented: a metric that is registered somewhere else than the
// reference looks at is found by its name in the sources.
func TestMetricsInCodeAreDocumented(t *testing.T) {
	page := document.Read(t, "../../docs/metrics.md")
	quoted := regexp.MustCompile(`"((?:scheduled_spark_application|spark_application|spark_connect|spark_executor|spark_operator)_[a-z_]+)"`)
	found := 0
	for _, directory := range []string{".", "../../pkg"} {
		for path, source := range goSources(t, directory) {
			if !strings.Contains(source, "client_golang/prometheus") {
				continue
			}
			for _, name := range quoted.FindAllStringSubmatch(source, -1) {
				found++
				if !strings.Contains(page, "\n| `"+name[1]+"` |") {
					t.Errorf("%s: docs/metrics.md lacks %s", path, name[1])
				}
			}
		}
	}
	if found < len(kubeflowMetrics) {
		t.Errorf("found only %d metrics", found)
	}
}

// goSources returns the sources below a directory, without tests, by path.
func goSources(t *testing.T, directory string) map[string]string {
	t.Helper()
	sources := map[string]string{}
	must(t, filepath.WalkDir(directory, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		sources[path] = string(content)
		return err
	}))
	return sources
}

// TestMetricsOfKubeflow: alerts and dashboards for kubeflow/spark-operator find the metrics
// that they select, with their types, default buckets and labels.
func TestMetricsOfKubeflow(t *testing.T) {
	families := gather(t, controllerMetrics(t))
	for name, kind := range kubeflowMetrics {
		family := families[name]
		if family == nil {
			t.Errorf("no metric %s", name)
			continue
		}
		if got := kindOf(family); got != kind {
			t.Errorf("%s is a %s, want %s", name, got, kind)
		}
		if labels := family.GetMetric()[0].GetLabel(); len(labels) != 1 || labels[0].GetName() != "app_type" {
			t.Errorf("%s has the labels %v", name, labels)
		}
	}
	for name, want := range map[string][]float64{
		"spark_application_submit_latency_seconds_histogram": {0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256},
		"spark_application_start_latency_seconds_histogram":  {30, 60, 90, 120, 150, 180, 210, 240, 270, 300},
	} {
		var got []float64
		for _, bucket := range families[name].GetMetric()[0].GetHistogram().GetBucket() {
			got = append(got, bucket.GetUpperBound())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s has the buckets %v, want %v", name, got, want)
		}
	}
	for name, family := range gather(t, processMetrics(t)) {
		if !strings.HasPrefix(name, "workqueue_") {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if len(labels) != 2 || labels["name"] == "" || labels["controller"] != labels["name"] {
				t.Errorf("%s has the labels %v", name, labels)
			}
		}
	}
}

// TestMetricsFollowTheConventions of Prometheus, with the exceptions here.
func TestMetricsFollowTheConventions(t *testing.T) {
	const (
		counterWithoutTotal = `counter metrics should have "_total" suffix`
		countSuffix         = `non-histogram and non-summary metrics should not have "_count" suffix`
		typeInName          = `metric name should not include type 'histogram'`
	)
	excepted := map[string]string{
		// These are named like those of kubeflow/spark-operator beside which they stand.
		"spark_application_state_count":                countSuffix,
		"scheduled_spark_application_state_count":      countSuffix,
		"scheduled_spark_application_run_count":        countSuffix + counterWithoutTotal,
		"scheduled_spark_application_missed_run_count": countSuffix + counterWithoutTotal,
	}
	for name := range kubeflowMetrics { // alerts select by these names
		excepted[name] = counterWithoutTotal + countSuffix + typeInName
	}
	for _, registry := range []*prometheus.Registry{controllerMetrics(t), webhookMetrics(t)} {
		problems, err := testutil.GatherAndLint(registry)
		must(t, err)
		for _, problem := range problems {
			if !strings.Contains(excepted[problem.Metric], problem.Text) {
				t.Errorf("%s: %s", problem.Metric, problem.Text)
			}
		}
	}
}
