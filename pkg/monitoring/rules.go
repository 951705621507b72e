// SPDX-License-Identifier: Apache-2.0

package monitoring

// defaultMetricsProperties sends all metrics to JMX, those of the JVM included.
const defaultMetricsProperties = `*.sink.jmx.class=org.apache.spark.metrics.sink.JmxSink
driver.source.jvm.class=org.apache.spark.metrics.source.JvmSource
executor.source.jvm.class=org.apache.spark.metrics.source.JvmSource
`

// defaultPrometheusRules turn the beans of Spark's JmxSink into Prometheus
// metrics. The sink names a bean
//
//	metrics:name=<namespace>.<application>.<driver or executor id>.<source>.<metric>,type=<kind>
//
// of which the exporter makes "metrics<name=..., type=<kind>><>Value", or Count
// for counters, timers and histograms. The kind becomes part of the metric's
// name, such as spark_executor_jvm_heap_used_type_gauges: dashboards of
// applications on Spark 3 and newer are written for these names. Sources that
// no rule names are left out. The first rule that matches counts.
const defaultPrometheusRules = `lowercaseOutputName: true
rules:
  # The driver: gauges, then whatever counts.
  - pattern: 'metrics<name=(\S+)\.([^.\s]+)\.driver\.(BlockManager|DAGScheduler|LiveListenerBus|jvm)\.(.+)><>Value'
    name: spark_driver_$3_$4
    type: GAUGE
    labels:
      app_namespace: "$1"
      app_id: "$2"
  - pattern: 'metrics<name=(\S+)\.([^.\s]+)\.driver\.(CodeGenerator|DAGScheduler|HiveExternalCatalog|LiveListenerBus)\.(.+)><>Count'
    name: spark_driver_$3_$4_count
    type: COUNTER
    labels:
      app_namespace: "$1"
      app_id: "$2"
  # DStreams.
  - pattern: 'metrics<name=(\S+)\.([^.\s]+)\.driver\.(.+)\.StreamingMetrics\.streaming\.(.+)><>Value'
    name: spark_streaming_driver_$4
    type: GAUGE
    labels:
      app_namespace: "$1"
      app_id: "$2"
  # Structured Streaming, with the name of the query.
  - pattern: 'metrics<name=(\S+)\.([^.\s]+)\.driver\.spark\.streaming\.(\S+)\.(.+)><>Value'
    name: spark_structured_streaming_driver_$4
    type: GAUGE
    labels:
      app_namespace: "$1"
      app_id: "$2"
      query_name: "$3"
  # The executors: their own source, then others that they share with the driver.
  - pattern: 'metrics<name=(\S+)\.([^.\s]+)\.([^.\s]+)\.executor\.(.+)><>Value'
    name: spark_executor_$4
    type: GAUGE
    labels:
      app_namespace: "$1"
      app_id: "$2"
      executor_id: "$3"
  - pattern: 'metrics<name=(\S+)\.([^.\s]+)\.([^.\s]+)\.executor\.(.+)><>Count'
    name: spark_executor_$4_count
    type: COUNTER
    labels:
      app_namespace: "$1"
      app_id: "$2"
      executor_id: "$3"
  - pattern: 'metrics<name=(\S+)\.([^.\s]+)\.([0-9]+)\.(NettyBlockTransfer|jvm)\.(.+)><>Value'
    name: spark_executor_$4_$5
    type: GAUGE
    labels:
      app_namespace: "$1"
      app_id: "$2"
      executor_id: "$3"
  - pattern: 'metrics<name=(\S+)\.([^.\s]+)\.([0-9]+)\.(CodeGenerator|HiveExternalCatalog)\.(.+)><>Count'
    name: spark_executor_$4_$5_count
    type: COUNTER
    labels:
      app_namespace: "$1"
      app_id: "$2"
      executor_id: "$3"
`
