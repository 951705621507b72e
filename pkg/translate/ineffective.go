// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"strings"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// warnIneffective warns about fields that are set and have no effect.
func (b *builder) warnIneffective() {
	spec := &b.app.Spec
	m := spec.Monitoring
	for _, w := range []struct {
		given bool
		text  string
	}{
		{spec.FailureRetries != nil, "spec.failureRetries has no effect: use spec.restartPolicy.onFailureRetries"},
		{spec.RetryInterval != nil, "spec.retryInterval has no effect: use spec.restartPolicy.onFailureRetryInterval"},
		{spec.PythonVersion != nil && b.version.AtLeast(4, 1),
			"spec.pythonVersion has no effect since Spark 4.1: the image decides"},
		{m != nil && !m.ExposeDriverMetrics && !m.ExposeExecutorMetrics && m.Prometheus == nil,
			"spec.monitoring has no effect: set exposeDriverMetrics or exposeExecutorMetrics to true"},
		{b.exporter.NoWebUI,
			"spec.monitoring has no effect: Spark serves the metrics on the port of its web UI, and spark.ui.enabled (spec.sparkConf) is false; " +
				"remove that or set spec.monitoring.prometheus.jmxExporterJar"},
		{b.exporter.OwnMetricsConf,
			"spec.monitoring: the exporter shows Spark's metrics only if the file in spark.metrics.conf (spec.sparkConf) has a JmxSink"},
		{spec.DynamicAllocation != nil && !spec.DynamicAllocation.Enabled && *spec.DynamicAllocation != (v1beta2.DynamicAllocation{}),
			"spec.dynamicAllocation has no effect unless enabled is true"},
		{spec.Executor.Instances == nil && b.app.Labels[v1beta2.LabelKueueQueue] != "",
			"spec.executor.instances is not set: Kueue reserves quota for no executor; set it to the maximum number of executors"},
		{spec.BatchSchedulerOptions != nil && valueOf(spec.BatchScheduler) == "" && b.params.Scheduler == nil,
			"spec.batchSchedulerOptions has no effect without batchScheduler"},
		{spec.Type == v1beta2.SparkApplicationTypePython && !strings.HasSuffix(valueOf(spec.MainApplicationFile), ".py"),
			"spec.type Python has no effect: Spark treats " + valueOf(spec.MainApplicationFile) + " as a JAR, because it does not end in .py"},
	} {
		if w.given {
			b.warn(w.text)
		}
	}
	for _, r := range []struct {
		name string
		pod  *v1beta2.SparkPodSpec
	}{{"driver", &spec.Driver.SparkPodSpec}, {"executor", &spec.Executor.SparkPodSpec}} {
		if gpu := r.pod.GPU; gpu != nil && (gpu.Name == "" || gpu.Quantity <= 0) {
			b.warn("spec." + r.name + ".gpu has no effect: set a name and a quantity above 0")
		}
	}
}
