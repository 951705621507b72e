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
	// True if a pod disappeared while no operator watched it. The operator counts such a pod only up to the last update
	// before, so the figures are lower bounds.
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
