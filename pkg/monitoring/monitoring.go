// SPDX-License-Identifier: Apache-2.0

// Package monitoring builds what spec.monitoring requests for a run: the ConfigMap
// with the configuration of Spark's metrics and of the JMX exporter, and what
// driver and executors need to use it.
//
// The package is pure. The exporter is a Java agent inside the driver and the
// executors that serves their metrics to Prometheus; metrics reach it through
// Spark's JmxSink. Without an exporter, Spark serves metrics itself, on the port of
// its web UI.
package monitoring

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

const (
	defaultPort     = 8090
	defaultPortName = "jmx-exporter"
	// The CRD has the same limits.
	leastPort, greatestPort = 1024, 49151

	// configDir is where the ConfigMap is mounted.
	configDir = "/etc/metrics/conf"
	// metricsFile and prometheusFile are its keys and thereby the file names.
	metricsFile    = "metrics.properties"
	prometheusFile = "prometheus.yaml"

	// Properties of Spark's metrics system (org.apache.spark.internal.config).
	metricsNamespace = "spark.metrics.namespace"
	metricsConf      = "spark.metrics.conf"
)

// Exporter is what a run needs for its metrics. The zero value needs nothing.
type Exporter struct {
	// ConfigMap holds the configuration files that are not part of the image; it
	// has to exist before the pods can start. Nil if no file is needed. It is
	// owned by the application.
	ConfigMap *corev1.ConfigMap
	// Properties are Spark properties for driver and executors, which replace those
	// of the same key in spec.sparkConf. They never point to a file of the
	// ConfigMap that is not mounted.
	Properties map[string]string
	// OwnMetricsConf is set if the exporter shows what the user's own file of
	// spark.metrics.conf leads to it, instead of a file from here.
	OwnMetricsConf bool
	// NoWebUI is set if Spark is to serve metrics on the port of its web UI, and
	// spec.sparkConf turns that off.
	NoWebUI bool
	// Driver and Executor are the parts of the two roles.
	Driver, Executor Role
}

// Role is what the pods of one role need. The zero value needs nothing.
type Role struct {
	// JavaOption starts the exporter; it is added behind the JVM options that the
	// role has anyway. Empty if the role's metrics are not exposed.
	JavaOption string
	// Annotations for the discovery by Prometheus. Annotations of the user take precedence.
	Annotations map[string]string
	// Ports are for the Spark container.
	Ports []corev1.ContainerPort
	// Volumes are for the pod, VolumeMounts for the Spark container.
	Volumes      []corev1.Volume
	VolumeMounts []corev1.VolumeMount
}

// Build returns what spec.monitoring requests. Without its field prometheus, Spark
// serves the metrics itself, and nothing is requested if neither role exposes any.
// An error names the field and how to fix it.
func Build(app *v1beta2.SparkApplication, submissionID string) (Exporter, error) {
	spec := app.Spec.Monitoring
	if spec == nil {
		return Exporter{}, nil
	}
	exposed := spec.ExposeDriverMetrics || spec.ExposeExecutorMetrics
	if spec.Prometheus == nil {
		if !exposed {
			return Exporter{}, nil
		}
		return servlet(app, submissionID), nil
	}
	if exposed {
		if err := validate(spec.Prometheus); err != nil {
			return Exporter{}, fmt.Errorf("spec.monitoring.prometheus.%w", err)
		}
	}
	files := configFiles(app, exposed)
	exporter := Exporter{Properties: properties(app, files)}
	_, configured := app.Spec.SparkConf[metricsConf]
	_, replaced := exporter.Properties[metricsConf]
	exporter.OwnMetricsConf = exposed && configured && !replaced
	if len(files) > 0 {
		exporter.ConfigMap = configMap(app, submissionID, files)
	}
	for _, role := range []struct {
		exposed bool
		to      *Role
	}{
		{spec.ExposeDriverMetrics, &exporter.Driver},
		{spec.ExposeExecutorMetrics, &exporter.Executor},
	} {
		if role.exposed {
			role.to.expose(spec.Prometheus)
		}
		// spark.metrics.conf holds for both roles, so its file has to be in both.
		if _, shared := files[metricsFile]; shared || role.exposed && len(files) > 0 {
			role.to.mount(app)
		}
	}
	return exporter, nil
}

// validate refuses what would keep a JVM or a pod from starting.
func validate(spec *v1beta2.PrometheusSpec) error {
	if spec.JmxExporterJar == "" {
		return errors.New("jmxExporterJar: is required; set the path of the JMX exporter's JAR in the image")
	}
	if port := ptr.Deref(spec.Port, defaultPort); port < leastPort || port > greatestPort {
		return fmt.Errorf("port: %d is not a valid port; use a free port from %d to %d", port, leastPort, greatestPort)
	}
	if name := portName(spec); len(validation.IsValidPortName(name)) > 0 {
		return fmt.Errorf("portName: %q cannot name a container port: %s", name, strings.Join(validation.IsValidPortName(name), ", "))
	}
	return nil
}

// configFiles are the files of the ConfigMap. What the image provides (…File in
// the spec) or the user configured otherwise is not among them, and nothing is
// if no role has an exporter.
func configFiles(app *v1beta2.SparkApplication, exposed bool) map[string]string {
	if !exposed {
		return nil
	}
	spec := app.Spec.Monitoring
	files := make(map[string]string, 2)
	_, configured := app.Spec.SparkConf[metricsConf]
	switch {
	case ptr.Deref(spec.MetricsPropertiesFile, "") != "":
	case spec.MetricsProperties != nil:
		files[metricsFile] = *spec.MetricsProperties
	case !configured:
		files[metricsFile] = defaultMetricsProperties
	}
	if ptr.Deref(spec.Prometheus.ConfigFile, "") == "" {
		files[prometheusFile] = ptr.Deref(spec.Prometheus.Configuration, defaultPrometheusRules)
	}
	return files
}

// properties are those of Spark's metrics system. Typed fields win over
// spec.sparkConf, and that over defaults.
func properties(app *v1beta2.SparkApplication, files map[string]string) map[string]string {
	all := make(map[string]string, 2)
	if _, configured := app.Spec.SparkConf[metricsNamespace]; !configured {
		all[metricsNamespace] = app.Namespace + "." + app.Name
	}
	if file := ptr.Deref(app.Spec.Monitoring.MetricsPropertiesFile, ""); file != "" {
		all[metricsConf] = file
	} else if _, mounted := files[metricsFile]; mounted {
		all[metricsConf] = configDir + "/" + metricsFile
	}
	return all
}

// configMap holds the files. It carries the name that clients know, without an
// id of the run.
func configMap(app *v1beta2.SparkApplication, submissionID string, files map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Name:      configMapName(app),
			Namespace: app.Namespace,
			Labels: map[string]string{
				v1beta2.LabelCreatedBySparkOperator: "true",
				v1beta2.LabelSparkAppName:           app.Name,
				v1beta2.LabelSubmissionID:           submissionID,
			},
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(app, v1beta2.SchemeGroupVersion.WithKind("SparkApplication")),
			},
		},
		Data: files,
	}
}

// RenameConfigMap gives the ConfigMap another name, for the case that a foreign object has
// one of its name. The empty name changes nothing.
func (e *Exporter) RenameConfigMap(name string) {
	if e.ConfigMap == nil || name == "" {
		return
	}
	e.ConfigMap.Name = name
	for _, role := range []*Role{&e.Driver, &e.Executor} {
		for i := range role.Volumes {
			role.Volumes[i].ConfigMap.Name = name
		}
	}
}

// expose adds the agent and the annotations for Prometheus.
func (r *Role) expose(spec *v1beta2.PrometheusSpec) {
	port := ptr.Deref(spec.Port, defaultPort)
	config := cmp.Or(ptr.Deref(spec.ConfigFile, ""), configDir+"/"+prometheusFile)
	r.JavaOption = fmt.Sprintf("-javaagent:%s=%d:%s", spec.JmxExporterJar, port, config)
	r.annotate(strconv.Itoa(int(port)), "/metrics")
	r.Ports = []corev1.ContainerPort{{Name: portName(spec), ContainerPort: port, Protocol: corev1.ProtocolTCP}}
}

// mount adds the files of the ConfigMap.
func (r *Role) mount(app *v1beta2.SparkApplication) {
	name := volumeName(app)
	r.Volumes = []corev1.Volume{{
		Name: name,
		VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: configMapName(app)},
		}},
	}}
	r.VolumeMounts = []corev1.VolumeMount{{Name: name, MountPath: configDir, ReadOnly: true}}
}

func portName(spec *v1beta2.PrometheusSpec) string {
	return cmp.Or(ptr.Deref(spec.PortName, ""), defaultPortName)
}
