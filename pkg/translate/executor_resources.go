// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

const (
	// defaultExecutors is SchedulerBackendUtils.DEFAULT_NUMBER_EXECUTORS.
	defaultExecutors = 2
	// leastOverheadMiB is ResourceProfile.MEMORY_OVERHEAD_MIN_MIB.
	leastOverheadMiB = 384

	dynamicAllocationInitial = "spark.dynamicAllocation.initialExecutors"
	dynamicAllocationMin     = "spark.dynamicAllocation.minExecutors"
)

// executorResources returns what the driver will ask for the Spark container of
// each executor of the default resource profile (BasicExecutorFeatureStep). The
// properties are those of the driver. A property that cannot be read counts as
// not given: the driver will refuse it with a message of its own.
func executorResources(conf *sparkconf.Conf, template *corev1.PodTemplateSpec) corev1.ResourceRequirements {
	name, _ := conf.Raw(sparkconf.ExecutorPodTemplateContainerName)
	given := &template.Spec.Containers[podspec.SparkContainer(&template.Spec, podspec.Executor, name)].Resources
	resources := corev1.ResourceRequirements{
		Requests: make(corev1.ResourceList, len(given.Requests)+2),
		Limits:   make(corev1.ResourceList, len(given.Limits)+1),
		Claims:   given.Claims,
	}
	maps.Copy(resources.Requests, given.Requests)
	maps.Copy(resources.Limits, given.Limits)

	memory := *resource.NewQuantity(executorMemoryMiB(conf)<<20, resource.BinarySI)
	resources.Requests[corev1.ResourceMemory] = memory
	resources.Limits[corev1.ResourceMemory] = memory
	resources.Requests[corev1.ResourceCPU] = *resource.NewQuantity(1, resource.DecimalSI)
	for _, key := range []string{sparkconf.ExecutorCores, sparkconf.ExecutorRequestCores} { // the last wins
		if quantity, ok := quantityOf(conf, key); ok {
			resources.Requests[corev1.ResourceCPU] = quantity
		}
	}
	if quantity, ok := quantityOf(conf, sparkconf.ExecutorLimitCores); ok {
		resources.Limits[corev1.ResourceCPU] = quantity
	}
	for _, p := range conf.WithPrefix(sparkconf.ExecutorResourcePrefix) {
		name, isAmount := strings.CutSuffix(p.Key, ".amount")
		vendor, _ := conf.Raw(sparkconf.ExecutorResourcePrefix + name + ".vendor")
		amount, ok := sparkconf.ParseInt(p.Value)
		if isAmount && ok && amount > 0 && vendor != "" {
			resources.Limits[corev1.ResourceName(vendor+"/"+name)] = *resource.NewQuantity(int64(amount), resource.DecimalSI)
		}
	}
	return resources
}

func quantityOf(conf *sparkconf.Conf, key string) (resource.Quantity, bool) {
	text, set, err := conf.String(key)
	if !set || err != nil {
		return resource.Quantity{}, false
	}
	quantity, err := resource.ParseQuantity(sparkconf.TrimSpace(text))
	return quantity, err == nil
}

// executorMemoryMiB is heap, overhead, memory of the Python workers and off-heap
// memory (ResourceProfile.getResourcesForClusterManager).
func executorMemoryMiB(conf *sparkconf.Conf) int64 {
	heap, _, _ := conf.MiB(sparkconf.ExecutorMemory)
	overhead, given, err := conf.MiB(sparkconf.ExecutorMemoryOverhead)
	if !given || err != nil {
		factor, _, _ := conf.Double(sparkconf.MemoryOverheadFactor)
		if conf.Contains(sparkconf.ExecutorMemoryOverheadFactor) {
			factor, _, _ = conf.Double(sparkconf.ExecutorMemoryOverheadFactor)
		}
		least := int64(leastOverheadMiB)
		if conf.Version().AtLeast(4, 0) {
			least, _, _ = conf.MiB(sparkconf.ExecutorMinMemoryOverhead)
		}
		overhead = max(int64(factor*float64(heap)), least)
	}
	total := heap + overhead
	if language, _ := conf.Raw(sparkconf.ResourceType); language == "python" {
		workers, _, _ := conf.MiB(sparkconf.ExecutorPysparkMemory)
		total += workers
	}
	if enabled, _, _ := conf.Bool(sparkconf.MemoryOffHeapEnabled); enabled {
		if text, set, _ := conf.String(sparkconf.MemoryOffHeapSize); set {
			size, _ := sparkconf.ParseBytes(text, sparkconf.Byte, conf.Version())
			total += size >> 20
		}
	}
	return total
}

// initialExecutors is how many executors Spark asks for at the start
// (SchedulerBackendUtils.getInitialTargetExecutorNumber).
func initialExecutors(conf *sparkconf.Conf) int32 {
	instances, given, err := conf.Int(sparkconf.ExecutorInstances)
	given = given && err == nil
	if dynamic, _, _ := conf.Bool(sparkconf.DynamicAllocationEnabled); dynamic {
		least, _, _ := conf.Int(dynamicAllocationMin)
		initial, _, _ := conf.Int(dynamicAllocationInitial)
		return max(least, initial, instances)
	}
	if !given {
		return defaultExecutors
	}
	return instances
}

// leastExecutors is how many executors Spark keeps when they are idle
// (ExecutorAllocationManager); without dynamic allocation the initial ones.
func leastExecutors(conf *sparkconf.Conf, initial int32) int32 {
	if dynamic, _, _ := conf.Bool(sparkconf.DynamicAllocationEnabled); dynamic {
		least, _, _ := conf.Int(dynamicAllocationMin)
		return least
	}
	return initial
}
