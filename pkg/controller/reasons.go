// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// Reasons of conditions and of attempts that the operator gives itself. Each has
// its line in the table below; a test compares them.
const (
	reasonSubmitted     = "DriverPodCreated"
	reasonRefused       = "SubmissionRefused"
	reasonQuotaExceeded = string(reconcile.QuotaExceeded)
	// reasonSubmitterStarting: a Job may exist. It is written before the Job is
	// created, so that no Job is ever unknown to the status.
	reasonSubmitterStarting = "SubmitterStarting"
	// reasonSubmitterRunning: the Job existed. It is not created again.
	reasonSubmitterRunning = "SubmitterRunning"
	reasonInvalidObject    = "InvalidObject"
	reasonInvalidSpec      = "InvalidSpec"
	reasonRerun            = "Rerun"
	reasonSuspended        = "Suspended"

	reasonDriverPending = "DriverPending"
	reasonDriverRunning = "DriverRunning"
	reasonDriverUnknown = "DriverUnknown"
	reasonDriverEnded   = "DriverEnded"
	// reasonDriverDisrupted: if the pod is gone thereafter, that was not the
	// application's own failure.
	reasonDriverDisrupted = "DriverDisrupted"
	// reasonNodeLost: likewise.
	reasonNodeLost = "NodeLost"

	// What keeps a driver from starting, see diagnose.
	reasonUnschedulable     = "Unschedulable"
	reasonSchedulingGated   = "SchedulingGated"
	reasonNoScheduler       = "SchedulerNotResponding"
	reasonImagePulling      = "ImagePulling"
	reasonImagePullFailed   = "ImagePullFailed"
	reasonInvalidImageName  = "InvalidImageName"
	reasonContainerConfig   = "CreateContainerConfigError"
	reasonContainerCreation = "CreateContainerError"
	reasonVolumeFailed      = "VolumeMountFailed"
	reasonSandboxFailed     = "PodSandboxFailed"

	reasonEnoughExecutors = "EnoughExecutors"
	reasonTooFewExecutors = "TooFewExecutors"
	// reasonNoExecutors and reasonExecutorsCrashing: none runs, or they fail again and
	// again, and enough never ran in this run.
	reasonNoExecutors       = "NoExecutors"
	reasonExecutorsCrashing = "ExecutorsCrashLooping"
	// reasonExecutorsLost: enough executors ran before in this run, so the time-out
	// for their start does not apply any more.
	reasonExecutorsLost = "ExecutorsLost"

	reasonSucceeded = "Succeeded"
	reasonFailed    = "Failed"

	reasonRetrying       = "Retrying"
	reasonStuck          = "Stuck"
	reasonCacheBehind    = "CacheBehind"
	reasonOldDriver      = "OldDriverTerminating"
	reasonDriverNameUsed = "DriverPodNameInUse"
	reasonNameInUse      = "NameInUse"
	// What a submission waits for, and for how long, is in package reconcile.
	reasonNotPermitted      = string(reconcile.NotPermitted)
	reasonKindNotServed     = string(reconcile.KindNotServed)
	reasonReferenceNotFound = string(reconcile.ReferenceNotFound)
	reasonAdmissionDenied   = string(reconcile.AdmissionDenied)

	reasonDriverHidden    = "DriverPodHidden"
	reasonSubmitterEnding = "SubmitterEnding"

	reasonUIReady  = "Available"
	reasonUIFailed = "Unavailable"

	reasonSpecChanged   = "SpecChanged"
	reasonDriverFailed  = "DriverFailed"
	reasonDriverLost    = "DriverLost"
	reasonStatusMissing = "DriverStatusMissing"
	reasonInitFailed    = "InitContainerFailed"

	reasonDriverStartTimeout    = "DriverStartTimeout"
	reasonExecutorsReadyTimeout = "ExecutorsReadyTimeout"
	reasonRunTimeout            = "RunTimeout"
)

// reason is one line of the table of reasons.
type reason struct {
	name string
	// in says where it appears: "<condition>=<status>", or inAttempts.
	in []string
	// meaning is a sentence without its period.
	meaning string
	// remedy is what to do; empty if there is nothing to do.
	remedy string
	// foreign marks a word of Kubernetes that is passed on as it is.
	foreign bool
}

// inAttempts stands for status.attempts[].reason.
const inAttempts = "attempts"

// Conditions with their status, for the table.
const (
	submittedTrue       = v1beta2.ConditionSubmitted + "=True"
	submittedFalse      = v1beta2.ConditionSubmitted + "=False"
	driverReadyTrue     = v1beta2.ConditionDriverReady + "=True"
	driverReadyFalse    = v1beta2.ConditionDriverReady + "=False"
	driverReadyUnknown  = v1beta2.ConditionDriverReady + "=Unknown"
	executorsReadyTrue  = v1beta2.ConditionExecutorsReady + "=True"
	executorsReadyFalse = v1beta2.ConditionExecutorsReady + "=False"
	completedTrue       = v1beta2.ConditionCompleted + "=True"
	completedFalse      = v1beta2.ConditionCompleted + "=False"
	stalledTrue         = v1beta2.ConditionStalled + "=True"
	uiReadyTrue         = conditionUIReady + "=True"
	uiReadyFalse        = conditionUIReady + "=False"
)

func places(list ...string) []string { return list }

// reasons is every reason that the status of an application can give, but for
// reasons of Kubernetes that are not known yet. A test prints it to
// docs/conditions.md; docs/troubleshooting.md has the remedies in full.
var reasons = []reason{
	// Submission.
	{name: reasonSubmitted, in: places(submittedTrue), meaning: "the driver pod and its dependents exist"},
	{name: reasonRefused, in: places(submittedFalse, inAttempts), meaning: "the API server refused an object of the submission, or the objects cannot be built from the spec",
		remedy: "fix the cause in the message; then edit the spec, or wait for the next submission by the restart policy"},
	{name: reasonQuotaExceeded, in: places(submittedFalse, stalledTrue, inAttempts), meaning: "the driver pod exceeds a ResourceQuota of the namespace. While the application is stalled, the operator tries again for 2 minutes; then the submission is refused",
		remedy: "wait until other applications end, reduce the requests, or raise the quota; restartPolicy.onSubmissionFailureRetries submits again"},
	{name: reasonSubmitterStarting, in: places(submittedFalse), meaning: "the operator is about to create a Job with spark-submit"},
	{name: reasonSubmitterRunning, in: places(submittedFalse), meaning: "a Job runs spark-submit"},
	{name: reasonInvalidObject, in: places(submittedFalse, stalledTrue), meaning: "the object cannot be decoded, because a field has the wrong type",
		remedy: "correct the field in the message"},
	{name: reasonInvalidSpec, in: places(submittedFalse, stalledTrue), meaning: "the spec is contradictory, or refers to something that does not exist",
		remedy: "correct the fields in the message; the edit starts a new run"},
	{name: reasonRerun, in: places(submittedFalse), meaning: "the last run has ended, and the operator is about to submit the next run"},
	{name: reasonSuspended, in: places(submittedFalse, inAttempts), meaning: "spec.suspend is true; a suspended attempt does not count",
		remedy: "set spec.suspend to false, or wait until the queueing system does"},

	// The driver.
	{name: reasonDriverPending, in: places(driverReadyFalse), meaning: "the driver pod is starting, and no problem is known; if the pod waits for a scheduler other than the default one, the message names it"},
	{name: reasonDriverRunning, in: places(driverReadyTrue), meaning: "the driver is running"},
	{name: reasonDriverUnknown, in: places(driverReadyUnknown), meaning: "the node of the driver does not report",
		remedy: "check the node: kubectl describe node"},
	{name: reasonDriverDisrupted, in: places(driverReadyTrue, driverReadyFalse, driverReadyUnknown), meaning: "the driver is being evicted (for example by a node drain) or preempted",
		remedy: "set spec.driverPodDisruptionBudget, or allow retries in restartPolicy.infrastructureFailures"},
	{name: reasonNodeLost, in: places(driverReadyUnknown, inAttempts), meaning: "the node of the driver no longer exists, or has not reported for --node-loss-grace-period",
		remedy: "check the node; allow retries in restartPolicy.infrastructureFailures"},
	{name: reasonDriverEnded, in: places(driverReadyFalse), meaning: "the driver has ended; the condition Completed and status.attempts show how"},

	{name: reasonUnschedulable, in: places(driverReadyFalse, stalledTrue), meaning: "the driver pod is unschedulable; the message is from the scheduler. The application is stalled after 5 minutes, because an autoscaler needs time",
		remedy: "reduce the requests, add nodes, or correct the node selector, tolerations or claims"},
	{name: reasonSchedulingGated, in: places(driverReadyFalse), meaning: "a queueing system has set scheduling gates on the driver pod",
		remedy: "find out from the queueing system why it does not admit the pod"},
	{name: reasonNoScheduler, in: places(driverReadyFalse, stalledTrue), meaning: "no scheduler has processed the driver pod; the message names the scheduler that it waits for",
		remedy: "install or start that scheduler, correct spec.batchScheduler or schedulerName, or enable batch scheduling in the operator"},
	{name: reasonImagePulling, in: places(driverReadyFalse), meaning: "the node has been pulling an image of the driver for longer than 15 s",
		remedy: "wait; if it takes too long, use a smaller image or a registry closer to the node"},
	{name: reasonImagePullFailed, in: places(driverReadyFalse, stalledTrue, inAttempts), meaning: "the node cannot pull an image of the driver",
		remedy: "correct spec.image, push the image, or correct spec.imagePullSecrets; with imagePullPolicy Never, the image must exist on the node"},
	{name: reasonInvalidImageName, in: places(driverReadyFalse, stalledTrue, inAttempts), meaning: "an image reference is invalid",
		remedy: "correct spec.image, or the image in the message"},
	{name: reasonContainerConfig, in: places(driverReadyFalse, stalledTrue, inAttempts), meaning: "a Secret or ConfigMap for the environment of a container does not exist, or lacks a key",
		remedy: "create the object in the message; the driver then starts automatically"},
	{name: reasonContainerCreation, in: places(driverReadyFalse, stalledTrue, inAttempts), meaning: "the container runtime cannot create a container of the driver",
		remedy: "read the message; it is from the container runtime"},
	{name: reasonVolumeFailed, in: places(driverReadyFalse, stalledTrue), meaning: "a volume of the driver cannot be mounted, usually because a Secret, ConfigMap or claim does not exist",
		remedy: "create the object in the message; the driver then starts automatically"},
	{name: reasonSandboxFailed, in: places(driverReadyFalse, stalledTrue), meaning: "the node cannot create the sandbox of the driver pod, because its network or its container runtime fails",
		remedy: "check the network plugin and the container runtime of the node"},

	// Executors.
	{name: reasonEnoughExecutors, in: places(executorsReadyTrue), meaning: "at least as many executors are running as the application starts with"},
	{name: reasonTooFewExecutors, in: places(executorsReadyFalse), meaning: "fewer executors are running than the application starts with"},
	{name: reasonNoExecutors, in: places(executorsReadyFalse), meaning: "no executor is running one minute after the driver started",
		remedy: "fix the problem of the pending executor pod in the message; if no executor pod exists, read the driver's log"},
	{name: reasonExecutorsCrashing, in: places(executorsReadyFalse), meaning: "at least three executors, and at least as many as the application starts with, have failed, and too few are running",
		remedy: "read in the message how the last one ended; after OOMKilled raise executor.memoryOverhead, after Error read its log"},
	{name: reasonExecutorsLost, in: places(executorsReadyFalse), meaning: "fewer executors are running than the application started with"},

	// The end.
	{name: reasonSucceeded, in: places(completedTrue), meaning: "the application completed"},
	{name: reasonFailed, in: places(completedFalse), meaning: "the application failed, and no further run follows",
		remedy: "read the message, the reason and the logTail of the last attempt"},
	{name: reasonDriverFailed, in: places(inAttempts), meaning: "the driver's container ended with an exit code other than 0, and the node gave no reason",
		remedy: "read logTail and the driver's log"},
	{name: reasonDriverLost, in: places(inAttempts), meaning: "the driver pod was deleted, but not by the operator",
		remedy: "find out who deletes pods: a node drain, a cleanup job, or a user"},
	{name: reasonStatusMissing, in: places(inAttempts), meaning: "the driver pod failed without a status of its container",
		remedy: "check the node and the events of the pod"},
	{name: reasonInitFailed, in: places(driverReadyFalse, stalledTrue, inAttempts), meaning: "an init container of the driver failed",
		remedy: "fix the init container in the message; its log is in logTail"},
	{name: reasonDriverStartTimeout, in: places(inAttempts), meaning: "the driver did not start within timeouts.driverStartSeconds and was stopped",
		remedy: "find out what kept the driver from starting, or allow more time"},
	{name: reasonExecutorsReadyTimeout, in: places(inAttempts), meaning: "not all executors started within timeouts.executorsReadySeconds, and the driver was stopped",
		remedy: "find out what kept the executors from starting, or allow more time"},
	{name: reasonRunTimeout, in: places(inAttempts), meaning: "the driver ran for timeouts.runSeconds and was stopped",
		remedy: "read logTail: if the job is only slow, allow more time"},
	{name: reasonSpecChanged, in: places(inAttempts), meaning: "an edit of the spec needed a new run"},

	// What stands in the way.
	{name: reasonRetrying, in: places(stalledTrue, uiReadyFalse), meaning: "requests to the API server keep failing; the operator tries again",
		remedy: "fix the cause in the message; if the API server is the cause, wait"},
	{name: reasonStuck, in: places(stalledTrue), meaning: "the application has stayed in this state longer than expected, and the operator knows no more specific reason",
		remedy: "check what the message names"},
	{name: reasonCacheBehind, in: places(stalledTrue), meaning: "the caches of the operator are behind the API server",
		remedy: "wait; if it persists, check the operator's log and the load of the API server"},
	{name: reasonOldDriver, in: places(stalledTrue), meaning: "a driver of an earlier submission has not ended, so the next driver must not start",
		remedy: "recover its node, or force-delete the pod once the driver is known to be dead"},
	{name: reasonDriverNameUsed, in: places(stalledTrue), meaning: "a pod of an earlier incarnation of the application has the name of the driver pod",
		remedy: "wait for the garbage collector, or delete the pod"},
	{name: reasonNameInUse, in: places(stalledTrue), meaning: "an object of an earlier incarnation of the application, or an object that is being deleted, has a name that the submission needs",
		remedy: "wait for the garbage collector; if the message names a finalizer, find out why its controller does not remove it"},
	{name: reasonNotPermitted, in: places(stalledTrue), meaning: "the operator lacks a permission that the submission needs. It tries again for 2 minutes; then the submission is refused",
		remedy: "if the API server has just started, wait; otherwise grant the operator the permission in the message"},
	{name: reasonKindNotServed, in: places(stalledTrue), meaning: "the API server does not serve the kind of an object of the submission. The operator tries again for 2 minutes; then the submission is refused",
		remedy: "if the API server has just started, wait; otherwise install the CRD or API server of this kind"},
	{name: reasonReferenceNotFound, in: places(stalledTrue), meaning: "the driver pod refers to a ServiceAccount, PriorityClass, RuntimeClass or similar object that does not exist. The operator tries again for 1 minute; then the submission is refused",
		remedy: "create the object in the message; the submission then continues automatically"},
	{name: reasonAdmissionDenied, in: places(stalledTrue), meaning: "an admission policy, a webhook, a LimitRange or Pod Security Admission denies an object of the submission. The operator tries again for 1 minute; then the submission is refused",
		remedy: "correct the spec, or the policy in the message"},
	{name: reasonDriverHidden, in: places(stalledTrue), meaning: "the driver pod has lost a label that the operator needs to find it",
		remedy: "restore the label in the message"},
	{name: reasonSubmitterEnding, in: places(stalledTrue), meaning: "the Job that ran spark-submit for an earlier submission is being deleted",
		remedy: "wait; if it persists, check the Job for a finalizer"},

	// The web UI.
	{name: reasonUIReady, in: places(uiReadyTrue), meaning: "the Service and the Ingress of the web UI exist as specified"},
	{name: reasonUIFailed, in: places(uiReadyFalse), meaning: "the Service or the Ingress of the web UI cannot be created; the run continues without it",
		remedy: "fix the cause in the message; the operator tries again every 30 s"},

	// Words of Kubernetes about the end of a container or pod.
	{name: "Error", foreign: true, in: places(inAttempts), meaning: "the driver's container ended with an exit code other than 0",
		remedy: "read logTail and the driver's log"},
	{name: "OOMKilled", foreign: true, in: places(inAttempts), meaning: "the driver's container used more memory than its limit",
		remedy: "raise spec.driver.memoryOverhead or spec.driver.memory"},
	{name: "StartError", foreign: true, in: places(inAttempts), meaning: "the container runtime could not start the driver's container",
		remedy: "read the message; typical causes are a missing command or directory in the image, and a bad mount"},
	{name: "ContainerCannotRun", foreign: true, in: places(inAttempts), meaning: "the container runtime could not start the driver's container",
		remedy: "read the message; typical causes are a missing command or directory in the image, and a bad mount"},
	{name: "ContainerStatusUnknown", foreign: true, in: places(inAttempts), meaning: "the kubelet lost track of the driver's container",
		remedy: "check the node and the events of the pod"},
	{name: "DeadlineExceeded", foreign: true, in: places(inAttempts), meaning: "the pod ran longer than its activeDeadlineSeconds",
		remedy: "raise activeDeadlineSeconds in the pod template"},
	{name: "Evicted", foreign: true, in: places(inAttempts), meaning: "the node ran out of memory, disk space or process IDs and evicted the driver",
		remedy: "request what the driver really uses; check what else uses the node's resources"},
	{name: "Preempting", foreign: true, in: places(inAttempts), meaning: "the kubelet removed the driver to make room for a critical pod",
		remedy: "give the driver a higher priorityClassName"},
	{name: "Terminated", foreign: true, in: places(inAttempts), meaning: "the node of the driver was shut down", remedy: "allow retries in the restart policy"},
	{name: "NodeShutdown", foreign: true, in: places(inAttempts), meaning: "the node was shutting down when it received the driver", remedy: "allow retries in the restart policy"},
	{name: "NodeAffinity", foreign: true, in: places(inAttempts), meaning: "the node rejected the driver, because the labels of the node changed", remedy: "check the node selector and the labels of the node"},
	{name: "OutOfcpu", foreign: true, in: places(inAttempts), meaning: "the node had no CPU left when it received the driver", remedy: "allow retries in the restart policy"},
	{name: "OutOfmemory", foreign: true, in: places(inAttempts), meaning: "the node had no memory left when it received the driver", remedy: "allow retries in the restart policy"},
	{name: "OutOfpods", foreign: true, in: places(inAttempts), meaning: "the node had its maximum number of pods when it received the driver", remedy: "allow retries in the restart policy"},
	{name: "UnexpectedAdmissionError", foreign: true, in: places(inAttempts), meaning: "the node rejected the driver, usually because a device failed", remedy: "check the device plugins of the node"},
	{name: "PreemptionByScheduler", foreign: true, in: places(inAttempts), meaning: "the scheduler preempted the driver for a pod of higher priority", remedy: "give the driver a higher priorityClassName"},
	{name: "DeletionByTaintManager", foreign: true, in: places(inAttempts), meaning: "the node got a taint that the driver does not tolerate, for example because it is unreachable", remedy: "check the node; if the taint is intended, add a toleration"},
	{name: "EvictionByEvictionAPI", foreign: true, in: places(inAttempts), meaning: "the driver was evicted, for example by a node drain", remedy: "set spec.driverPodDisruptionBudget, or allow retries in the restart policy"},
	{name: "DeletionByPodGC", foreign: true, in: places(inAttempts), meaning: "the node of the driver no longer exists", remedy: "allow retries in the restart policy"},
	{name: "TerminationByKubelet", foreign: true, in: places(inAttempts), meaning: "the kubelet terminated the driver, because the node ran out of a resource or was shut down", remedy: "request what the driver really uses; allow retries in the restart policy"},
}
