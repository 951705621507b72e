// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"strconv"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// Paths of Spark's own metrics on the port of the web UI.
const (
	// driverPath has the metrics of the driver, from the sink PrometheusServlet.
	driverPath = "/metrics/prometheus"
	// executorsPath has those of all executors, from the REST API of the web UI.
	executorsPath = "/metrics/executors/prometheus"
)

// servletNamespace becomes part of the names of the driver's metrics, such as
// metrics_spark_driver_jvm_heap_used_Number. It is the same for all applications, so
// that one query finds all of them; the labels of the pod distinguish them.
const servletNamespace = "spark"

// servlet has Spark serve its metrics without an agent. What spec.sparkConf sets stays.
func servlet(app *v1beta2.SparkApplication, submissionID string) Exporter {
	spec := app.Spec.Monitoring
	exporter := Exporter{Properties: map[string]string{}}
	defaults := map[string]string{"spark.ui.prometheus.enabled": "true"}
	path := executorsPath
	if spec.ExposeDriverMetrics {
		path = driverPath
		defaults["spark.metrics.conf.*.sink.prometheusServlet.class"] = "org.apache.spark.metrics.sink.PrometheusServlet"
		defaults["spark.metrics.conf.*.sink.prometheusServlet.path"] = driverPath
		defaults["spark.metrics.conf.*.source.jvm.class"] = "org.apache.spark.metrics.source.JvmSource"
		defaults[metricsNamespace] = servletNamespace
	}
	for key, value := range defaults {
		if _, configured := app.Spec.SparkConf[key]; !configured {
			exporter.Properties[key] = value
		}
	}
	if file := ptr.Deref(spec.MetricsPropertiesFile, ""); file != "" {
		exporter.Properties[metricsConf] = file
	} else if spec.MetricsProperties != nil {
		exporter.Properties[metricsConf] = configDir + "/" + metricsFile
		exporter.ConfigMap = configMap(app, submissionID, map[string]string{metricsFile: *spec.MetricsProperties})
		exporter.Driver.mount(app)
		exporter.Executor.mount(app)
	}
	exporter.NoWebUI = app.Spec.SparkConf["spark.ui.enabled"] == "false"
	// Where the port is invalid or drawn by Spark, no annotation can name it.
	if port, _, err := sparkconf.New(app.Spec.SparkConf, nil, sparkconf.Version{}).Int(sparkconf.UIPort); err == nil && port > 0 && !exporter.NoWebUI {
		exporter.Driver.annotate(strconv.Itoa(int(port)), path)
	}
	return exporter
}

// annotate adds the annotations by which Prometheus finds a pod.
func (r *Role) annotate(port, path string) {
	r.Annotations = map[string]string{
		"prometheus.io/scrape": "true",
		"prometheus.io/port":   port,
		"prometheus.io/path":   path,
	}
}
