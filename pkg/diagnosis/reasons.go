// SPDX-License-Identifier: Apache-2.0

package diagnosis

// Reasons of conditions and attempts that are read from a pod.
const (
	ReasonUnschedulable     = "Unschedulable"
	ReasonSchedulingGated   = "SchedulingGated"
	ReasonNoScheduler       = "SchedulerNotResponding"
	ReasonImagePulling      = "ImagePulling"
	ReasonImagePullFailed   = "ImagePullFailed"
	ReasonInvalidImageName  = "InvalidImageName"
	ReasonContainerConfig   = "CreateContainerConfigError"
	ReasonContainerCreation = "CreateContainerError"
	ReasonVolumeFailed      = "VolumeMountFailed"
	ReasonSandboxFailed     = "PodSandboxFailed"
	ReasonDriverPending     = "DriverPending"
	ReasonDriverFailed      = "DriverFailed"
	ReasonStatusMissing     = "DriverStatusMissing"
	ReasonInitFailed        = "InitContainerFailed"
)
