// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// exporterConfig is what the JMX exporter reads of its configuration file.
type exporterConfig struct {
	LowercaseOutputName bool `json:"lowercaseOutputName"`
	Rules               []struct {
		Pattern string            `json:"pattern"`
		Name    string            `json:"name"`
		Type    string            `json:"type"`
		Labels  map[string]string `json:"labels"`
	} `json:"rules"`
}

// sample returns the Prometheus sample that the exporter makes of an attribute
// of a bean, or "" if no rule matches.
func (c *exporterConfig) sample(bean string) (string, error) {
	for _, rule := range c.Rules {
		pattern, err := regexp.Compile("^.*(?:" + rule.Pattern + ").*$")
		if err != nil {
			return "", err
		}
		match := pattern.FindStringSubmatchIndex(bean)
		if match == nil {
			continue
		}
		expand := func(template string) string {
			template = regexp.MustCompile(`\$(\d)`).ReplaceAllString(template, "$${$1}")
			return string(pattern.ExpandString(nil, template, bean, match))
		}
		name := regexp.MustCompile(`[^a-zA-Z0-9_:]+|_+`).ReplaceAllString(expand(rule.Name), "_")
		if c.LowercaseOutputName {
			name = strings.ToLower(name)
		}
		text := fmt.Sprintf("%s %s %s/%s", rule.Type, name, expand(rule.Labels["app_namespace"]), expand(rule.Labels["app_id"]))
		for _, label := range []string{"executor_id", "query_name"} {
			if template, set := rule.Labels[label]; set {
				text += " " + label + "=" + expand(template)
			}
		}
		return text, nil
	}
	return "", nil
}

// The names on which dashboards rely, for beans as Spark 3 and newer register
// them.
func TestDefaultPrometheusRules(t *testing.T) {
	var config exporterConfig
	if err := yaml.UnmarshalStrict([]byte(defaultPrometheusRules), &config); err != nil {
		t.Fatal(err)
	}
	for bean, want := range map[string]string{
		"driver.BlockManager.memory.maxMem_MB, type=gauges><>Value":                        "GAUGE spark_driver_blockmanager_memory_maxmem_mb_type_gauges team/pi",
		"driver.DAGScheduler.job.allJobs, type=gauges><>Value":                             "GAUGE spark_driver_dagscheduler_job_alljobs_type_gauges team/pi",
		"driver.DAGScheduler.messageProcessingTime, type=timers><>Count":                   "COUNTER spark_driver_dagscheduler_messageprocessingtime_type_timers_count team/pi",
		"driver.LiveListenerBus.queue.shared.size, type=gauges><>Value":                    "GAUGE spark_driver_livelistenerbus_queue_shared_size_type_gauges team/pi",
		"driver.LiveListenerBus.numEventsPosted, type=counters><>Count":                    "COUNTER spark_driver_livelistenerbus_numeventsposted_type_counters_count team/pi",
		"driver.CodeGenerator.compilationTime, type=histograms><>Count":                    "COUNTER spark_driver_codegenerator_compilationtime_type_histograms_count team/pi",
		"driver.HiveExternalCatalog.fileCacheHits, type=counters><>Count":                  "COUNTER spark_driver_hiveexternalcatalog_filecachehits_type_counters_count team/pi",
		"driver.jvm.heap.used, type=gauges><>Value":                                        "GAUGE spark_driver_jvm_heap_used_type_gauges team/pi",
		"driver.My App.StreamingMetrics.streaming.receivers, type=gauges><>Value":          "GAUGE spark_streaming_driver_receivers_type_gauges team/pi",
		"driver.spark.streaming.orders.inputRate-total, type=gauges><>Value":               "GAUGE spark_structured_streaming_driver_inputrate_total_type_gauges team/pi query_name=orders",
		"1.executor.threadpool.activeTasks, type=gauges><>Value":                           "GAUGE spark_executor_threadpool_activetasks_type_gauges team/pi executor_id=1",
		"12.executor.shuffleBytesWritten, type=counters><>Count":                           "COUNTER spark_executor_shufflebyteswritten_type_counters_count team/pi executor_id=12",
		"1.jvm.pools.G1-Eden-Space.used, type=gauges><>Value":                              "GAUGE spark_executor_jvm_pools_g1_eden_space_used_type_gauges team/pi executor_id=1",
		"1.NettyBlockTransfer.shuffle-server.usedHeapMemory, type=gauges><>Value":          "GAUGE spark_executor_nettyblocktransfer_shuffle_server_usedheapmemory_type_gauges team/pi executor_id=1",
		"1.CodeGenerator.sourceCodeSize, type=histograms><>Count":                          "COUNTER spark_executor_codegenerator_sourcecodesize_type_histograms_count team/pi executor_id=1",
		"1.HiveExternalCatalog.filesDiscovered, type=counters><>Count":                     "COUNTER spark_executor_hiveexternalcatalog_filesdiscovered_type_counters_count team/pi executor_id=1",
		"driver.CodeGenerator.compilationTime, type=histograms><>99thPercentile":           "",
		"driver.appStatus.stages.completedStages, type=counters><>Count":                   "",
		"applicationMaster.numExecutorsFailed, type=gauges><>Value":                        "",
		"driver.BlockManager.memory.maxMem_MB, type=gauges><>Number":                       "",
		"driver.ExecutorMetrics.JVMHeapMemory, type=gauges><>Value":                        "",
		"driver.jvm.heap.used><>Value":                                                     "GAUGE spark_driver_jvm_heap_used team/pi",
		"1.executor.filesystem.hdfs.read_bytes><>Value":                                    "GAUGE spark_executor_filesystem_hdfs_read_bytes team/pi executor_id=1",
		"driver.LiveListenerBus.listenerProcessingTime.a.b.C$$anon$1, type=timers><>Count": "COUNTER spark_driver_livelistenerbus_listenerprocessingtime_a_b_c_anon_1_type_timers_count team/pi",
	} {
		got, err := config.sample("metrics<name=team.pi." + bean + ": 1.0")
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s\n got %q\nwant %q", bean, got, want)
		}
	}
}
