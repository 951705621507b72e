// SPDX-License-Identifier: Apache-2.0

package monitoring

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
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

		compiled *regexp.Regexp
	} `json:"rules"`
}

func readExporterConfig(t *testing.T, text string) *exporterConfig {
	t.Helper()
	config := &exporterConfig{}
	if err := yaml.Unmarshal([]byte(text), config); err != nil {
		t.Fatal(err)
	}
	for i := range config.Rules {
		var err error
		if config.Rules[i].compiled, err = regexp.Compile("^.*(?:" + config.Rules[i].Pattern + ").*$"); err != nil {
			t.Fatal(err)
		}
	}
	return config
}

var (
	reference = regexp.MustCompile(`\$(\d)`)
	unsafe    = regexp.MustCompile(`[^a-zA-Z0-9_:]+|_+`)
)

// sample returns the Prometheus sample that the exporter makes of an attribute
// of a bean, or "" if no rule matches.
func (c *exporterConfig) sample(bean string) string {
	for _, rule := range c.Rules {
		pattern := rule.compiled
		match := pattern.FindStringSubmatchIndex(bean)
		if match == nil {
			continue
		}
		expand := func(template string) string {
			template = reference.ReplaceAllString(template, "$${$1}")
			return string(pattern.ExpandString(nil, template, bean, match))
		}
		name := unsafe.ReplaceAllString(expand(rule.Name), "_")
		if c.LowercaseOutputName {
			name = strings.ToLower(name)
		}
		text := fmt.Sprintf("%s %s %s/%s", rule.Type, name, expand(rule.Labels["app_namespace"]), expand(rule.Labels["app_id"]))
		for _, label := range []string{"executor_id", "query_name"} {
			if template, set := rule.Labels[label]; set {
				text += " " + label + "=" + expand(template)
			}
		}
		return text
	}
	return ""
}

// The names on which dashboards rely, for beans as Spark 3 and newer register
// them.
func TestDefaultPrometheusRules(t *testing.T) {
	config := readExporterConfig(t, defaultPrometheusRules)
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
		if got := config.sample("metrics<name=team.pi." + bean + ": 1.0"); got != want {
			t.Errorf("%s\n got %q\nwant %q", bean, got, want)
		}
	}
}

// Every bean that the rules of kubeflow/spark-operator name gets the same name, type
// and labels from ours. Theirs come from its recording.
func TestDefaultPrometheusRulesKeepNames(t *testing.T) {
	established, ours := readExporterConfig(t, establishedRules(t)), readExporterConfig(t, defaultPrometheusRules)
	named := 0
	for _, who := range []string{"driver", "1", "27"} {
		for _, source := range []string{
			"BlockManager.memory.maxMem_MB", "DAGScheduler.stage.failedStages", "DAGScheduler.messageProcessingTime",
			"LiveListenerBus.queue.eventLog.size", "LiveListenerBus.listenerProcessingTime.org.apache.spark.Foo$Bar",
			"CodeGenerator.compilationTime", "HiveExternalCatalog.hiveClientCalls", "jvm.pools.Compressed-Class-Space.used", "jvm.total.max",
			"executor.threadpool.activeTasks", "executor.bytesRead", "executor.filesystem.file.read_ops", "executor.a b",
			"NettyBlockTransfer.shuffle-client.usedDirectMemory", "spark.streaming.my-query.latency", "spark.streaming.a.b.inputRate-total",
			"MyApp.StreamingMetrics.streaming.lastCompletedBatch_totalDelay", "ExecutorMetrics.JVMHeapMemory", "appStatus.jobs.succeededJobs",
			"ExternalShuffle.shuffle-client.usedHeapMemory",
		} {
			for _, kind := range []string{"", ", type=gauges", ", type=counters", ", type=timers", ", type=histograms"} {
				for _, attribute := range []string{"Value", "Count", "Mean", "Number"} {
					bean := "metrics<name=team.pi." + who + "." + source + kind + "><>" + attribute + ": 1.0"
					want := established.sample(bean)
					if want == "" {
						continue // theirs miss the gauges of Spark 3 and newer
					}
					named++
					if got := ours.sample(bean); got != want {
						t.Errorf("%s\n got %q\nwant %q", bean, got, want)
					}
				}
			}
		}
	}
	if named < 100 {
		t.Errorf("the rules of kubeflow/spark-operator name only %d of the beans", named)
	}
}

// establishedRules reads the built-in rules from the recording.
func establishedRules(t *testing.T) string {
	t.Helper()
	file, err := os.Open("../translate/testdata/operator-2.5.2.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Case    string
		Objects []struct{ Data map[string]any }
	}
	if err := json.NewDecoder(unpacked).Decode(&cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		for _, object := range c.Objects {
			if rules, ok := object.Data["prometheus.yaml"].(string); ok && c.Case == "monitoring" {
				return rules
			}
		}
	}
	t.Fatal("no rules in the recording")
	return ""
}
