// SPDX-License-Identifier: Apache-2.0

package v1beta2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Usage is what the pods of a run reserved: their resource requests, multiplied by the time
// from the start to the end of each pod.
type Usage struct {
	// Reserved by the driver pod.
	Driver ReservedTime `json:"driver"`
	// Reserved by all executor pods together, including those that are gone.
	Executors ReservedTime `json:"executors"`
	// Number of executors that failed or were disrupted while the driver ran.
	// +optional
	ExecutorsLost int32 `json:"executorsLost,omitempty"`
	// Seconds from the start of the Spark container of the driver to the end of the attempt, if the attempt did not
	// complete.
	// +optional
	WastedSeconds int64 `json:"wastedSeconds,omitempty"`
	// Time up to which pods are counted. While the run lasts, the operator updates this record only together with other
	// changes of the status.
	// +optional
	Until *metav1.Time `json:"until,omitempty"`
	// True if a pod disappeared while no operator watched it. Such a pod counts only up to the last update before that, so
	// the figures are lower bounds.
	// +optional
	Incomplete bool `json:"incomplete,omitempty"`
}

// ReservedTime is a sum over pods: what a pod requests × the seconds for which it exists.
type ReservedTime struct {
	// Requested CPU cores × seconds.
	CoreSeconds float64 `json:"coreSeconds"`
	// Requested GiB of memory × seconds.
	GiBSeconds float64 `json:"gibSeconds"`
	// Requested GPUs × seconds. GPUs are the extended resources whose name contains gpu, such as nvidia.com/gpu.
	// +optional
	GPUSeconds float64 `json:"gpuSeconds,omitempty"`
}

// ProgressConfiguration lets the operator show the progress of a run.
type ProgressConfiguration struct {
	// Seconds between two requests to the web UI of the driver, and the shortest time between two updates of
	// status.progress. Default: 30.
	// +optional
	// +kubebuilder:validation:Minimum=10
	PeriodSeconds *int64 `json:"periodSeconds,omitempty"`
}

// Progress is the progress of a run, as its driver shows it.
type Progress struct {
	// Summary of the figures, such as 12/40 stages.
	// +optional
	Summary string `json:"summary,omitempty"`
	// Time at which the operator first read these figures.
	// +optional
	SampleTime *metav1.Time `json:"sampleTime,omitempty"`
	// Number of completed stages.
	// +optional
	StagesCompleted int32 `json:"stagesCompleted,omitempty"`
	// Number of stages of all jobs that have started, without skipped stages.
	// +optional
	StagesTotal int32 `json:"stagesTotal,omitempty"`
	// Number of running tasks.
	// +optional
	TasksActive int32 `json:"tasksActive,omitempty"`
	// Number of failed tasks.
	// +optional
	TasksFailed int32 `json:"tasksFailed,omitempty"`
	// Figures of streaming queries; absent if there are none.
	// +optional
	Streaming *StreamingProgress `json:"streaming,omitempty"`
	// Why figures are missing or old; empty if they are current.
	// +optional
	Message string `json:"message,omitempty"`
}

// StreamingProgress is the progress of streaming queries.
type StreamingProgress struct {
	// Number of the latest batch that has started. For DStreams, the number of completed batches.
	LastBatch int64 `json:"lastBatch"`
	// Input of all queries in rows per second. For Structured Streaming, this needs spark.sql.streaming.metricsEnabled.
	// +optional
	InputRowsPerSecond *float64 `json:"inputRowsPerSecond,omitempty"`
}

// Peaks are the highest amounts of memory and CPU that the pods of a run have used.
type Peaks struct {
	// Peaks of the driver.
	// +optional
	Driver *MemoryPeaks `json:"driver,omitempty"`
	// Highest peaks of a single executor.
	// +optional
	Executor *MemoryPeaks `json:"executor,omitempty"`
	// Peak of the CPU of the driver.
	// +optional
	DriverCPU *DriverCPUPeak `json:"driverCPU,omitempty"`
	// Cores of a single executor that its tasks have occupied.
	// +optional
	ExecutorCores *ExecutorCoresPeak `json:"executorCores,omitempty"`
}

// DriverCPUPeak is the highest average CPU of the JVM of a driver between two samples. It contains
// neither Python nor other processes, and no load that is much shorter than the time between the samples.
type DriverCPUPeak struct {
	// CPU that the Spark container of the driver requests, in thousandths of a core.
	// +optional
	RequestedMillicores int64 `json:"requestedMillicores,omitempty"`
	// CPU of the JVM in thousandths of a core.
	// +optional
	JVMMillicores int64 `json:"jvmMillicores,omitempty"`
	// Number of averages that were taken.
	// +optional
	Samples int32 `json:"samples,omitempty"`
}

// ExecutorCoresPeak says how many cores of an executor its tasks have occupied. A task occupies spark.task.cpus
// cores while it runs, whether it computes or waits. Executors with a resource profile of their own do not count.
type ExecutorCoresPeak struct {
	// Cores of the executor: spark.executor.cores, not the CPU request of its pod.
	// +optional
	Cores int32 `json:"cores,omitempty"`
	// Cores that tasks have occupied at the same time.
	// +optional
	OccupiedCores int32 `json:"occupiedCores,omitempty"`
	// Number of samples in which tasks ran.
	// +optional
	Samples int32 `json:"samples,omitempty"`
}

// MemoryPeaks are peaks of one role, in bytes.
type MemoryPeaks struct {
	// Memory that the pod requests.
	// +optional
	RequestedBytes int64 `json:"requestedBytes,omitempty"`
	// Heap of the JVM.
	// +optional
	JVMHeapBytes int64 `json:"jvmHeapBytes,omitempty"`
	// Memory of the JVM outside of its heap.
	// +optional
	JVMOffHeapBytes int64 `json:"jvmOffHeapBytes,omitempty"`
	// Resident memory of the JVM, of Python and of other processes of the Spark container. This needs
	// spark.executor.processTreeMetrics.enabled.
	// +optional
	ProcessBytes int64 `json:"processBytes,omitempty"`
}
