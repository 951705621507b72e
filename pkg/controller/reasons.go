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
// words of Kubernetes that nobody has met yet. A test prints it to
// docs/conditions.md; what a user does about each is in docs/troubleshooting.md.
var reasons = []reason{
	// Submission.
	{name: reasonSubmitted, in: places(submittedTrue), meaning: "the driver pod and all that it needs exist"},
	{name: reasonRefused, in: places(submittedFalse, inAttempts), meaning: "the API server refuses an object of the submission, or it cannot be built from the spec",
		remedy: "mend what the message names, then edit the spec or wait for the restart policy's next submission"},
	{name: reasonQuotaExceeded, in: places(submittedFalse, stalledTrue, inAttempts), meaning: "a ResourceQuota of the namespace has no room for the driver pod. While Stalled, it is tried again for 2 minutes, then refused",
		remedy: "wait for other applications to end, ask for less, or raise the quota; restartPolicy.onSubmissionFailureRetries submits again"},
	{name: reasonSubmitterStarting, in: places(submittedFalse), meaning: "a Job with spark-submit is about to be created"},
	{name: reasonSubmitterRunning, in: places(submittedFalse), meaning: "a Job runs spark-submit"},
	{name: reasonInvalidObject, in: places(submittedFalse, stalledTrue), meaning: "a field of the object has a wrong type, so that it cannot be read",
		remedy: "correct the field that the message names"},
	{name: reasonInvalidSpec, in: places(submittedFalse, stalledTrue), meaning: "the spec contradicts itself or names what does not exist",
		remedy: "correct the fields that the message names; the edit starts a new run"},
	{name: reasonRerun, in: places(submittedFalse), meaning: "the last run is over and another one is about to be submitted"},
	{name: reasonSuspended, in: places(submittedFalse, inAttempts), meaning: "spec.suspend is true; an attempt that it ends does not count",
		remedy: "set spec.suspend to false, or let the queueing system do it"},

	// The driver.
	{name: reasonDriverPending, in: places(driverReadyFalse), meaning: "the driver pod is being started and nothing is known to be wrong; the message names the scheduler it waits for, if it is not the default one"},
	{name: reasonDriverRunning, in: places(driverReadyTrue), meaning: "the driver runs"},
	{name: reasonDriverUnknown, in: places(driverReadyUnknown), meaning: "the node of the driver does not report",
		remedy: "look at the node: kubectl describe node"},
	{name: reasonDriverDisrupted, in: places(driverReadyTrue, driverReadyFalse, driverReadyUnknown), meaning: "the driver is being evicted or preempted, as by a node drain",
		remedy: "set spec.driverPodDisruptionBudget, or allow retries in restartPolicy.infrastructureFailures"},
	{name: reasonNodeLost, in: places(driverReadyUnknown, inAttempts), meaning: "the node of the driver is gone, or has not reported for --node-loss-grace-period",
		remedy: "look at the node; allow retries in restartPolicy.infrastructureFailures"},
	{name: reasonDriverEnded, in: places(driverReadyFalse), meaning: "the driver has ended; Completed and attempts say how"},

	{name: reasonUnschedulable, in: places(driverReadyFalse, stalledTrue), meaning: "no node takes the driver; the message is the scheduler's. Stalled after 5 minutes, because an autoscaler needs time",
		remedy: "ask for less, add nodes, or mend node selector, tolerations or claims"},
	{name: reasonSchedulingGated, in: places(driverReadyFalse), meaning: "the driver pod has scheduling gates, which a queueing system set",
		remedy: "ask the queueing system why it does not admit the pod"},
	{name: reasonNoScheduler, in: places(driverReadyFalse, stalledTrue), meaning: "no scheduler has looked at the driver pod; the message names the one that it waits for",
		remedy: "install that scheduler or start it, correct spec.batchScheduler or schedulerName, or switch batch scheduling on in the operator"},
	{name: reasonImagePullFailed, in: places(driverReadyFalse, stalledTrue, inAttempts), meaning: "the node cannot pull an image of the driver",
		remedy: "correct spec.image, push the image, or mend spec.imagePullSecrets; with imagePullPolicy Never the node must have the image"},
	{name: reasonInvalidImageName, in: places(driverReadyFalse, stalledTrue, inAttempts), meaning: "the name of an image cannot be parsed",
		remedy: "correct spec.image or the image that the message names"},
	{name: reasonContainerConfig, in: places(driverReadyFalse, stalledTrue, inAttempts), meaning: "a Secret or ConfigMap for the environment of a container does not exist or lacks a key",
		remedy: "create what the message names; the driver then starts by itself"},
	{name: reasonContainerCreation, in: places(driverReadyFalse, stalledTrue, inAttempts), meaning: "the container runtime cannot create a container of the driver",
		remedy: "read the message; it is the runtime's"},
	{name: reasonVolumeFailed, in: places(driverReadyFalse, stalledTrue), meaning: "a volume of the driver cannot be mounted, most often because a Secret, ConfigMap or claim does not exist",
		remedy: "create what the message names; the driver then starts by itself"},
	{name: reasonSandboxFailed, in: places(driverReadyFalse, stalledTrue), meaning: "the node cannot make the sandbox of the driver pod: its network or its runtime fails",
		remedy: "look at the network plugin and the container runtime of the node"},

	// Executors.
	{name: reasonEnoughExecutors, in: places(executorsReadyTrue), meaning: "as many executors run as the application starts with"},
	{name: reasonTooFewExecutors, in: places(executorsReadyFalse), meaning: "fewer executors run than the application starts with"},
	{name: reasonNoExecutors, in: places(executorsReadyFalse), meaning: "no executor runs a minute after the start of the driver",
		remedy: "mend what the message says of a pending executor pod, or read the driver's log if there is none"},
	{name: reasonExecutorsCrashing, in: places(executorsReadyFalse), meaning: "three or more executors failed, and as many as the application starts with, and too few run",
		remedy: "read how the last one ended; raise executor.memoryOverhead after OOMKilled, read its log after Error"},
	{name: reasonExecutorsLost, in: places(executorsReadyFalse), meaning: "fewer executors run than the application started with"},

	// The end.
	{name: reasonSucceeded, in: places(completedTrue), meaning: "the application completed"},
	{name: reasonFailed, in: places(completedFalse), meaning: "the application failed and no further run follows",
		remedy: "read the message, the reason and the logTail of the last attempt"},
	{name: reasonDriverFailed, in: places(inAttempts), meaning: "the driver's container ended with an exit code other than 0, and the node gave no reason",
		remedy: "read logTail and the driver's log"},
	{name: reasonDriverLost, in: places(inAttempts), meaning: "somebody or something deleted the driver pod",
		remedy: "find out who deletes pods: a node drain, a clean-up job, a person"},
	{name: reasonStatusMissing, in: places(inAttempts), meaning: "the driver pod failed and nothing says what became of its container",
		remedy: "look at the node and at the pod's events"},
	{name: reasonInitFailed, in: places(driverReadyFalse, stalledTrue, inAttempts), meaning: "an init container of the driver failed",
		remedy: "mend the init container that the message names; its log is in logTail"},
	{name: reasonDriverStartTimeout, in: places(inAttempts), meaning: "the driver did not run within timeouts.driverStartSeconds and was stopped",
		remedy: "find out what kept the driver from starting, or allow more time"},
	{name: reasonExecutorsReadyTimeout, in: places(inAttempts), meaning: "not all executors ran within timeouts.executorsReadySeconds, and the driver was stopped",
		remedy: "find out what kept the executors from starting, or allow more time"},
	{name: reasonRunTimeout, in: places(inAttempts), meaning: "the driver ran for timeouts.runSeconds and was stopped",
		remedy: "read logTail: is the job stuck or only slow; allow more time if it is slow"},
	{name: reasonSpecChanged, in: places(inAttempts), meaning: "an edit of the spec needed a new run"},

	// What stands in the way.
	{name: reasonRetrying, in: places(stalledTrue, uiReadyFalse), meaning: "requests to the API server keep failing and are tried again",
		remedy: "mend what the message names; if it is the API server itself, wait"},
	{name: reasonStuck, in: places(stalledTrue), meaning: "the application is longer in its state than that should take, and nothing more exact is known",
		remedy: "look where the message says"},
	{name: reasonCacheBehind, in: places(stalledTrue), meaning: "the operator does not see the latest state of the API server",
		remedy: "nothing at first; if it stays, look at the operator's log and at the load of the API server"},
	{name: reasonOldDriver, in: places(stalledTrue), meaning: "a driver of an earlier submission has not ended, so the next one must not start",
		remedy: "bring its node back, or remove node or pod by force once the driver is known to be dead"},
	{name: reasonDriverNameUsed, in: places(stalledTrue), meaning: "a pod of an earlier application of this name has the name of the driver pod",
		remedy: "wait for the garbage collector, or delete the pod"},
	{name: reasonNameInUse, in: places(stalledTrue), meaning: "an object of an earlier application of this name, or one that is being deleted, has a name that the submission needs",
		remedy: "wait for the garbage collector; if the message names a finalizer, find out why its owner does not remove it"},
	{name: reasonNotPermitted, in: places(stalledTrue), meaning: "the API server does not permit a request of the submission. It is tried again for 2 minutes, then refused",
		remedy: "nothing if the API server has just started; else grant the operator what the message names"},
	{name: reasonKindNotServed, in: places(stalledTrue), meaning: "the API server does not know the kind of an object of the submission. It is tried again for 2 minutes, then refused",
		remedy: "nothing if the API server has just started; else install what serves the kind"},
	{name: reasonReferenceNotFound, in: places(stalledTrue), meaning: "the driver pod names a ServiceAccount, PriorityClass, RuntimeClass or the like that does not exist. It is tried again for 1 minute, then refused",
		remedy: "create what the message names; the submission then goes on by itself"},
	{name: reasonAdmissionDenied, in: places(stalledTrue), meaning: "an admission policy or webhook, a LimitRange or the pod security standard refuses an object of the submission. It is tried again for 1 minute, then refused",
		remedy: "correct the spec or the policy that the message names"},
	{name: reasonDriverHidden, in: places(stalledTrue), meaning: "the driver pod has lost a label by which the operator finds it",
		remedy: "put back the label that the message names"},
	{name: reasonSubmitterEnding, in: places(stalledTrue), meaning: "the Job that ran spark-submit for an earlier submission is being deleted",
		remedy: "wait; if it stays, look for a finalizer on the Job"},

	// The web UI.
	{name: reasonUIReady, in: places(uiReadyTrue), meaning: "Service and Ingress of the web UI exist as the spec asks for"},
	{name: reasonUIFailed, in: places(uiReadyFalse), meaning: "Service or Ingress of the web UI cannot be made; the run goes on without",
		remedy: "mend what the message names; the operator tries again every 30 s"},

	// Words of Kubernetes about the end of a container or pod.
	{name: "Error", foreign: true, in: places(inAttempts), meaning: "the driver's container ended with an exit code other than 0",
		remedy: "read logTail and the driver's log"},
	{name: "OOMKilled", foreign: true, in: places(inAttempts), meaning: "the driver's container used more memory than its limit",
		remedy: "raise spec.driver.memoryOverhead or spec.driver.memory"},
	{name: "StartError", foreign: true, in: places(inAttempts), meaning: "the container runtime could not start the driver's container",
		remedy: "read the message: a command or a directory that the image lacks, a bad mount"},
	{name: "ContainerCannotRun", foreign: true, in: places(inAttempts), meaning: "the container runtime could not start the driver's container",
		remedy: "read the message: a command or a directory that the image lacks, a bad mount"},
	{name: "ContainerStatusUnknown", foreign: true, in: places(inAttempts), meaning: "the node lost sight of the driver's container",
		remedy: "look at the node and at the pod's events"},
	{name: "DeadlineExceeded", foreign: true, in: places(inAttempts), meaning: "the pod ran longer than its activeDeadlineSeconds",
		remedy: "raise activeDeadlineSeconds in the pod template"},
	{name: "Evicted", foreign: true, in: places(inAttempts), meaning: "the node ran out of memory, disk or process ids and evicted the driver",
		remedy: "request what the driver really uses; look at what else fills the node"},
	{name: "Preempting", foreign: true, in: places(inAttempts), meaning: "the node removed the driver for a critical pod",
		remedy: "give the driver a higher priorityClassName"},
	{name: "Terminated", foreign: true, in: places(inAttempts), meaning: "the node of the driver was shut down", remedy: "nothing; allow retries in the restart policy"},
	{name: "NodeShutdown", foreign: true, in: places(inAttempts), meaning: "the node of the driver was shutting down when the driver came", remedy: "nothing; allow retries in the restart policy"},
	{name: "NodeAffinity", foreign: true, in: places(inAttempts), meaning: "the node refused the driver because its labels changed", remedy: "look at the node selector and at the labels of the node"},
	{name: "OutOfcpu", foreign: true, in: places(inAttempts), meaning: "the node had no CPU left when the driver came", remedy: "nothing; allow retries in the restart policy"},
	{name: "OutOfmemory", foreign: true, in: places(inAttempts), meaning: "the node had no memory left when the driver came", remedy: "nothing; allow retries in the restart policy"},
	{name: "OutOfpods", foreign: true, in: places(inAttempts), meaning: "the node had no room for another pod when the driver came", remedy: "nothing; allow retries in the restart policy"},
	{name: "UnexpectedAdmissionError", foreign: true, in: places(inAttempts), meaning: "the node refused the driver, most often because a device failed", remedy: "look at the device plugins of the node"},
	{name: "PreemptionByScheduler", foreign: true, in: places(inAttempts), meaning: "a pod of higher priority took the place of the driver", remedy: "give the driver a higher priorityClassName"},
	{name: "DeletionByTaintManager", foreign: true, in: places(inAttempts), meaning: "the node got a taint that the driver does not tolerate, as unreachable nodes do", remedy: "look at the node; tolerate the taint if that is meant"},
	{name: "EvictionByEvictionAPI", foreign: true, in: places(inAttempts), meaning: "the driver was evicted, as by a node drain", remedy: "set spec.driverPodDisruptionBudget, or allow retries in the restart policy"},
	{name: "DeletionByPodGC", foreign: true, in: places(inAttempts), meaning: "the node of the driver is gone", remedy: "nothing; allow retries in the restart policy"},
	{name: "TerminationByKubelet", foreign: true, in: places(inAttempts), meaning: "the node ended the driver: it ran out of something, or was shut down", remedy: "request what the driver really uses; allow retries in the restart policy"},
}
