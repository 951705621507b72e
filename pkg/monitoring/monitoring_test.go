// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

func newApp(name string, spec *v1beta2.MonitoringSpec, conf map[string]string) *v1beta2.SparkApplication {
	app := &v1beta2.SparkApplication{Spec: v1beta2.SparkApplicationSpec{Monitoring: spec, SparkConf: conf}}
	app.Name, app.Namespace, app.UID = name, "team", "uid-1"
	return app
}

func TestBuildDefaults(t *testing.T) {
	exporter, err := Build(newApp("pi", &v1beta2.MonitoringSpec{
		ExposeDriverMetrics: true, ExposeExecutorMetrics: true,
		Prometheus: &v1beta2.PrometheusSpec{JmxExporterJar: "/jmx.jar"},
	}, nil), "sub-1")
	if err != nil {
		t.Fatal(err)
	}
	configMap := exporter.ConfigMap
	if configMap.Name != "pi-prom-conf" || configMap.Namespace != "team" || configMap.OwnerReferences[0].UID != "uid-1" {
		t.Errorf("config map = %+v", configMap.ObjectMeta)
	}
	wantLabels := map[string]string{
		v1beta2.LabelCreatedBySparkOperator: "true", v1beta2.LabelSparkAppName: "pi", v1beta2.LabelSubmissionID: "sub-1",
	}
	if !maps.Equal(configMap.Labels, wantLabels) {
		t.Errorf("labels = %v", configMap.Labels)
	}
	wantData := map[string]string{"metrics.properties": defaultMetricsProperties, "prometheus.yaml": defaultPrometheusRules}
	if !maps.Equal(configMap.Data, wantData) {
		t.Errorf("data = %v", configMap.Data)
	}
	wantProperties := map[string]string{
		"spark.metrics.namespace": "team.pi", "spark.metrics.conf": "/etc/metrics/conf/metrics.properties",
	}
	if !maps.Equal(exporter.Properties, wantProperties) {
		t.Errorf("properties = %v", exporter.Properties)
	}
	want := Role{
		JavaOption: "-javaagent:/jmx.jar=8090:/etc/metrics/conf/prometheus.yaml",
		Annotations: map[string]string{
			"prometheus.io/scrape": "true", "prometheus.io/port": "8090", "prometheus.io/path": "/metrics",
		},
		Ports: []corev1.ContainerPort{{Name: "jmx-exporter", ContainerPort: 8090, Protocol: corev1.ProtocolTCP}},
		Volumes: []corev1.Volume{{Name: "pi-prom-conf-vol", VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "pi-prom-conf"}},
		}}},
		VolumeMounts: []corev1.VolumeMount{{Name: "pi-prom-conf-vol", MountPath: "/etc/metrics/conf", ReadOnly: true}},
	}
	if !reflect.DeepEqual(exporter.Driver, want) || !reflect.DeepEqual(exporter.Executor, want) {
		t.Errorf("driver = %+v\nexecutor = %+v\nwant %+v", exporter.Driver, exporter.Executor, want)
	}
}

// Which files are mounted where, and that spark.metrics.conf never points to one
// that is not.
func TestBuildFiles(t *testing.T) {
	const mounted = configDir + "/" + metricsFile
	for _, test := range []struct {
		name             string
		spec             v1beta2.MonitoringSpec
		prometheus       v1beta2.PrometheusSpec
		conf             map[string]string
		keys             []string
		metricsConf      string
		driver, executor bool // mounted
	}{
		{
			name: "driver alone",
			spec: v1beta2.MonitoringSpec{ExposeDriverMetrics: true},
			keys: []string{metricsFile, prometheusFile}, metricsConf: mounted, driver: true, executor: true,
		},
		{name: "nothing exposed"},
		{
			name:        "nothing exposed, file in the image",
			spec:        v1beta2.MonitoringSpec{MetricsPropertiesFile: ptr.To("/m")},
			metricsConf: "/m",
		},
		{
			name: "metricsPropertiesFile, executors alone",
			spec: v1beta2.MonitoringSpec{ExposeExecutorMetrics: true, MetricsPropertiesFile: ptr.To("/m"), MetricsProperties: ptr.To("ignored")},
			keys: []string{prometheusFile}, metricsConf: "/m", executor: true,
		},
		{
			name:       "configFile",
			spec:       v1beta2.MonitoringSpec{ExposeDriverMetrics: true},
			prometheus: v1beta2.PrometheusSpec{ConfigFile: ptr.To("/c"), Configuration: ptr.To("ignored")},
			keys:       []string{metricsFile}, metricsConf: mounted, driver: true, executor: true,
		},
		{
			name:       "both files",
			spec:       v1beta2.MonitoringSpec{ExposeDriverMetrics: true, MetricsPropertiesFile: ptr.To("/m")},
			prometheus: v1beta2.PrometheusSpec{ConfigFile: ptr.To("/c")}, metricsConf: "/m",
		},
		{
			name: "spark.metrics.conf of the user",
			spec: v1beta2.MonitoringSpec{ExposeDriverMetrics: true},
			conf: map[string]string{metricsConf: "/own", metricsNamespace: "own"},
			keys: []string{prometheusFile}, driver: true,
		},
		{
			name: "a typed field wins over spark.metrics.conf",
			spec: v1beta2.MonitoringSpec{ExposeDriverMetrics: true, MetricsProperties: ptr.To("a=b")},
			conf: map[string]string{metricsConf: "/own"},
			keys: []string{metricsFile, prometheusFile}, metricsConf: mounted, driver: true, executor: true,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.prometheus.JmxExporterJar = "/jmx.jar"
			test.spec.Prometheus = &test.prometheus
			exporter, err := Build(newApp("pi", &test.spec, test.conf), "sub-1")
			if err != nil {
				t.Fatal(err)
			}
			var keys []string
			if exporter.ConfigMap != nil {
				keys = slices.Sorted(maps.Keys(exporter.ConfigMap.Data))
			}
			if !slices.Equal(keys, test.keys) {
				t.Errorf("files = %v, want %v", keys, test.keys)
			}
			if got := exporter.Properties[metricsConf]; got != test.metricsConf {
				t.Errorf("spark.metrics.conf = %q, want %q", got, test.metricsConf)
			}
			_, named := exporter.Properties[metricsNamespace]
			if _, own := test.conf[metricsNamespace]; named == own {
				t.Errorf("properties = %v", exporter.Properties)
			}
			if driver, executor := len(exporter.Driver.Volumes) > 0, len(exporter.Executor.Volumes) > 0; driver != test.driver || executor != test.executor {
				t.Errorf("mounted in driver %t, executors %t", driver, executor)
			}
			for role, exposed := range map[*Role]bool{&exporter.Driver: test.spec.ExposeDriverMetrics, &exporter.Executor: test.spec.ExposeExecutorMetrics} {
				if has := role.JavaOption != "" && len(role.Annotations) > 0 && len(role.Ports) > 0; has != exposed {
					t.Errorf("role = %+v, exposed %t", role, exposed)
				}
			}
		})
	}
}

func TestBuildRefusals(t *testing.T) {
	for field, prometheus := range map[string]v1beta2.PrometheusSpec{
		"jmxExporterJar": {},
		"port":           {JmxExporterJar: "/jmx.jar", Port: ptr.To[int32](70000)},
		"portName":       {JmxExporterJar: "/jmx.jar", PortName: ptr.To("a-name-that-is-too-long")},
	} {
		spec := v1beta2.MonitoringSpec{ExposeDriverMetrics: true, Prometheus: &prometheus}
		_, err := Build(newApp("pi", &spec, nil), "sub-1")
		if err == nil || !strings.HasPrefix(err.Error(), "spec.monitoring.prometheus."+field+": ") {
			t.Errorf("error = %v, want one for %s", err, field)
		}
		spec.ExposeDriverMetrics = false
		if _, err := Build(newApp("pi", &spec, nil), "sub-1"); err != nil {
			t.Errorf("%s: refused though no role uses it: %v", field, err)
		}
	}
}

func TestVolumeName(t *testing.T) {
	long := strings.Repeat("a", 48)
	names := map[string]bool{}
	for _, name := range []string{"pi", "dotted.name", long + "b", long + "ba", long + "bb", strings.Repeat("x", 253)} {
		volume := volumeName(newApp(name, nil, nil))
		if reasons := validation.IsDNS1123Label(volume); len(reasons) > 0 {
			t.Errorf("volume of %q: %q: %v", name, volume, reasons)
		}
		names[volume] = true
	}
	if len(names) != 6 || !names["pi-prom-conf-vol"] || !names[long+"b-prom-conf-vol"] {
		t.Errorf("names = %v", names)
	}
}
