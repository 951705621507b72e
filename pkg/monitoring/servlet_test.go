// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"maps"
	"reflect"
	"testing"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// TestBuildNothing: nothing is exposed, or nothing could expose it.
func TestBuildNothing(t *testing.T) {
	for name, spec := range map[string]*v1beta2.MonitoringSpec{
		"no monitoring":                  nil,
		"nothing exposed, no prometheus": {MetricsProperties: ptr.To("a=b")},
	} {
		if exporter, err := Build(newApp("pi", spec, nil), "sub-1"); err != nil || !reflect.DeepEqual(exporter, Exporter{}) {
			t.Errorf("%s: exporter = %+v, %v, want nothing", name, exporter, err)
		}
	}
}

// TestBuildServlet: without an exporter, Spark serves the metrics itself.
func TestBuildServlet(t *testing.T) {
	const sink = "spark.metrics.conf.*.sink.prometheusServlet."
	driver := map[string]string{
		"spark.ui.prometheus.enabled":           "true",
		"spark.metrics.namespace":               "spark",
		sink + "class":                          "org.apache.spark.metrics.sink.PrometheusServlet",
		sink + "path":                           "/metrics/prometheus",
		"spark.metrics.conf.*.source.jvm.class": "org.apache.spark.metrics.source.JvmSource",
	}
	with := func(more map[string]string, without ...string) map[string]string {
		all := maps.Clone(driver)
		maps.Copy(all, more)
		for _, key := range without {
			delete(all, key)
		}
		return all
	}
	for name, test := range map[string]struct {
		spec       v1beta2.MonitoringSpec
		conf       map[string]string
		properties map[string]string
		port, path string
		noWebUI    bool
		mounted    bool
	}{
		"driver": {
			spec: v1beta2.MonitoringSpec{ExposeDriverMetrics: true}, properties: driver, port: "4040", path: "/metrics/prometheus",
		},
		"executors": {
			spec:       v1beta2.MonitoringSpec{ExposeExecutorMetrics: true},
			properties: map[string]string{"spark.ui.prometheus.enabled": "true"}, port: "4040", path: "/metrics/executors/prometheus",
		},
		"both, with what the user configured": {
			spec:       v1beta2.MonitoringSpec{ExposeDriverMetrics: true, ExposeExecutorMetrics: true},
			conf:       map[string]string{"spark.ui.port": "4050", "spark.metrics.namespace": "own", "spark.ui.prometheus.enabled": "false"},
			properties: with(nil, "spark.metrics.namespace", "spark.ui.prometheus.enabled"), port: "4050", path: "/metrics/prometheus",
		},
		"a file in the image": {
			spec:       v1beta2.MonitoringSpec{ExposeDriverMetrics: true, MetricsPropertiesFile: ptr.To("/m"), MetricsProperties: ptr.To("ignored")},
			properties: with(map[string]string{"spark.metrics.conf": "/m"}), port: "4040", path: "/metrics/prometheus",
		},
		"properties": {
			spec:       v1beta2.MonitoringSpec{ExposeDriverMetrics: true, MetricsProperties: ptr.To("a=b")},
			properties: with(map[string]string{"spark.metrics.conf": "/etc/metrics/conf/metrics.properties"}),
			port:       "4040", path: "/metrics/prometheus", mounted: true,
		},
		"a port that Spark chooses": {
			spec: v1beta2.MonitoringSpec{ExposeDriverMetrics: true}, conf: map[string]string{"spark.ui.port": "0"}, properties: driver,
		},
		"a port that is none": {
			spec: v1beta2.MonitoringSpec{ExposeDriverMetrics: true}, conf: map[string]string{"spark.ui.port": "http"}, properties: driver,
		},
		"no web UI": {
			spec: v1beta2.MonitoringSpec{ExposeDriverMetrics: true}, conf: map[string]string{"spark.ui.enabled": "false"}, properties: driver, noWebUI: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			exporter, err := Build(newApp("pi", &test.spec, test.conf), "sub-1")
			if err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(exporter.Properties, test.properties) {
				t.Errorf("properties = %v, want %v", exporter.Properties, test.properties)
			}
			annotations := exporter.Driver.Annotations
			if annotations["prometheus.io/port"] != test.port || annotations["prometheus.io/path"] != test.path || (annotations["prometheus.io/scrape"] == "true") != (test.port != "") {
				t.Errorf("annotations = %v", annotations)
			}
			if exporter.Executor.Annotations != nil || exporter.Driver.JavaOption != "" || exporter.Driver.Ports != nil {
				t.Errorf("exporter = %+v", exporter)
			}
			if exporter.NoWebUI != test.noWebUI {
				t.Errorf("no web UI: %t", exporter.NoWebUI)
			}
			if (exporter.ConfigMap != nil) != test.mounted || (exporter.Driver.Volumes != nil) != test.mounted || (exporter.Executor.VolumeMounts != nil) != test.mounted {
				t.Errorf("exporter = %+v, want files: %t", exporter, test.mounted)
			}
			if test.mounted && !maps.Equal(exporter.ConfigMap.Data, map[string]string{"metrics.properties": "a=b"}) {
				t.Errorf("files %v", exporter.ConfigMap.Data)
			}
		})
	}
}
