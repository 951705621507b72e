// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// Reasons of conditions and of attempts that the operator gives itself. Each has
// its line in the table below; a test compares them.
const (
	reasonSubmitted     = "DriverPodCreated"
	ReasonRefused       = "SubmissionRefused"
	ReasonQuotaExceeded = string(reconcile.QuotaExceeded)
	// ReasonSubmitterStarting: a Job may exist. It is written before the Job is
	// created, so that no Job is ever unknown to the status.
	ReasonSubmitterStarting = "SubmitterStarting"
	// ReasonSubmitterRunning: the Job existed. It is not created again.
	ReasonSubmitterRunning = "SubmitterRunning"
	ReasonInvalidObject    = "InvalidObject"
	ReasonInvalidSpec      = "InvalidSpec"
	reasonRerun            = "Rerun"
	reasonSuspended        = "Suspended"

	reasonDriverRunning = "DriverRunning"
	reasonDriverUnknown = "DriverUnknown"
	reasonDriverEnded   = "DriverEnded"
	// reasonDriverDisrupted: if the pod is gone thereafter, that was not the
	// application's own failure.
	reasonDriverDisrupted = "DriverDisrupted"
	// ReasonNodeLost: likewise.
	ReasonNodeLost = "NodeLost"

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

	ReasonRetrying       = "Retrying"
	reasonStuck          = "Stuck"
	ReasonCacheBehind    = "CacheBehind"
	ReasonOldDriver      = "OldDriverTerminating"
	ReasonDriverNameUsed = "DriverPodNameInUse"
	ReasonNameInUse      = "NameInUse"
	// What a submission waits for, and for how long, is in package reconcile.
	reasonNotPermitted      = string(reconcile.NotPermitted)
	reasonKindNotServed     = string(reconcile.KindNotServed)
	reasonReferenceNotFound = string(reconcile.ReferenceNotFound)
	reasonAdmissionDenied   = string(reconcile.AdmissionDenied)

	ReasonDriverHidden    = "DriverPodHidden"
	ReasonSubmitterEnding = "SubmitterEnding"

	reasonUIReady  = "Available"
	reasonUIFailed = "Unavailable"

	reasonArchived        = "Archived"
	reasonArchiving       = "Archiving"
	reasonArchiveFailed   = "ArchiveFailed"
	reasonArchiveTimedOut = "ArchiveTimedOut"
	reasonLogLost         = "LogLost"

	reasonSpecChanged = "SpecChanged"
	ReasonDriverLost  = "DriverLost"

	reasonDriverStartTimeout    = "DriverStartTimeout"
	reasonExecutorsReadyTimeout = "ExecutorsReadyTimeout"
	reasonRunTimeout            = "RunTimeout"
)

// reason is one line of the table of reasons.
type reason struct {
	Name string
	// In says where it appears: "<condition>=<status>", or InAttempts.
	In []string
	// Meaning is a sentence without its period.
	Meaning string
	// Remedy is what to do; empty if there is nothing to do.
	Remedy string
	// Foreign marks a word of Kubernetes that is passed on as it is.
	Foreign bool
}

// InAttempts stands for status.attempts[].reason.
const InAttempts = "attempts"

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
	logsArchivedTrue    = v1beta2.ConditionLogsArchived + "=True"
	logsArchivedFalse   = v1beta2.ConditionLogsArchived + "=False"
	uiReadyTrue         = v1beta2.ConditionUIReady + "=True"
	uiReadyFalse        = v1beta2.ConditionUIReady + "=False"
)

func places(list ...string) []string { return list }

// Reasons is every reason that the status of an application can give, but for
// reasons of Kubernetes that are not known yet. A test prints it to
// docs/conditions.md; docs/troubleshooting.md has the remedies in full.
var Reasons = []reason{
	// Submission.
	{Name: reasonSubmitted, In: places(submittedTrue), Meaning: "the driver pod and its dependents exist"},
	{Name: ReasonRefused, In: places(submittedFalse, InAttempts), Meaning: "the API server refused an object of the submission, or the objects cannot be built from the spec",
		Remedy: "fix the cause in the message; then edit the spec, or wait for the next submission by the restart policy"},
	{Name: ReasonQuotaExceeded, In: places(submittedFalse, stalledTrue, InAttempts), Meaning: "the driver pod exceeds a ResourceQuota of the namespace. While the application is stalled, the operator tries again for 2 minutes; then the submission is refused",
		Remedy: "wait until other applications end, reduce the requests, or raise the quota; for further submissions, set restartPolicy.onSubmissionFailureRetries"},
	{Name: ReasonSubmitterStarting, In: places(submittedFalse), Meaning: "the operator is about to create a Job that runs spark-submit"},
	{Name: ReasonSubmitterRunning, In: places(submittedFalse), Meaning: "a Job runs spark-submit"},
	{Name: ReasonInvalidObject, In: places(submittedFalse, stalledTrue), Meaning: "the object cannot be decoded, because a field has the wrong type",
		Remedy: "correct the field in the message"},
	{Name: ReasonInvalidSpec, In: places(submittedFalse, stalledTrue), Meaning: "the spec has invalid fields, or fields that contradict each other",
		Remedy: "correct the fields in the message; the edit starts a new run"},
	{Name: reasonRerun, In: places(submittedFalse), Meaning: "the last run has ended, and the operator is about to submit the next run"},
	{Name: reasonSuspended, In: places(submittedFalse, InAttempts), Meaning: "spec.suspend is true; a suspended attempt does not count",
		Remedy: "set spec.suspend to false, or wait until the queueing system does"},

	// The driver.
	{Name: diagnosis.ReasonDriverPending, In: places(driverReadyFalse), Meaning: "the driver pod is starting, and no problem is known; if the pod waits for a scheduler other than the default one, the message names it"},
	{Name: reasonDriverRunning, In: places(driverReadyTrue), Meaning: "the driver is running"},
	{Name: reasonDriverUnknown, In: places(driverReadyUnknown), Meaning: "the node of the driver does not report",
		Remedy: "check the node: kubectl describe node"},
	{Name: reasonDriverDisrupted, In: places(driverReadyTrue, driverReadyFalse, driverReadyUnknown), Meaning: "the driver is being evicted (for example by a node drain) or preempted",
		Remedy: "set spec.driverPodDisruptionBudget, or allow retries in restartPolicy.infrastructureFailures"},
	{Name: ReasonNodeLost, In: places(driverReadyUnknown, InAttempts), Meaning: "the node of the driver no longer exists, or has not reported for --node-loss-grace-period",
		Remedy: "check the node; allow retries in restartPolicy.infrastructureFailures"},
	{Name: reasonDriverEnded, In: places(driverReadyFalse), Meaning: "the driver has ended; the condition Completed and status.attempts show how"},

	{Name: diagnosis.ReasonUnschedulable, In: places(driverReadyFalse, stalledTrue), Meaning: "the driver pod is unschedulable; the message is from the scheduler. The application is stalled only after 5 minutes, because an autoscaler needs time",
		Remedy: "reduce the requests, add nodes, or correct the node selector, tolerations or claims"},
	{Name: diagnosis.ReasonSchedulingGated, In: places(driverReadyFalse), Meaning: "a queueing system has set scheduling gates on the driver pod",
		Remedy: "find out from the queueing system why it does not admit the pod"},
	{Name: diagnosis.ReasonNoScheduler, In: places(driverReadyFalse, stalledTrue), Meaning: "no scheduler has processed the driver pod; the message names the scheduler that it waits for",
		Remedy: "install or start that scheduler, correct spec.batchScheduler or schedulerName, or enable batch scheduling in the operator"},
	{Name: diagnosis.ReasonImagePulling, In: places(driverReadyFalse), Meaning: "the node has been pulling an image of the driver for longer than 15 s",
		Remedy: "wait; if it takes too long, use a smaller image or a registry closer to the node"},
	{Name: diagnosis.ReasonImagePullFailed, In: places(driverReadyFalse, stalledTrue, InAttempts), Meaning: "the node cannot pull an image of the driver",
		Remedy: "correct spec.image, push the image, or correct spec.imagePullSecrets; with imagePullPolicy Never, the image must exist on the node"},
	{Name: diagnosis.ReasonInvalidImageName, In: places(driverReadyFalse, stalledTrue, InAttempts), Meaning: "an image reference is invalid",
		Remedy: "correct spec.image, or the image in the message"},
	{Name: diagnosis.ReasonContainerConfig, In: places(driverReadyFalse, stalledTrue, InAttempts), Meaning: "a Secret or ConfigMap for the environment of a container does not exist, or lacks a key",
		Remedy: "create the object in the message; the driver then starts automatically"},
	{Name: diagnosis.ReasonContainerCreation, In: places(driverReadyFalse, stalledTrue, InAttempts), Meaning: "the container runtime cannot create a container of the driver",
		Remedy: "read the message; it is from the container runtime"},
	{Name: diagnosis.ReasonVolumeFailed, In: places(driverReadyFalse, stalledTrue), Meaning: "a volume of the driver cannot be mounted, usually because a Secret, ConfigMap or claim does not exist",
		Remedy: "create the object in the message; the driver then starts automatically"},
	{Name: diagnosis.ReasonSandboxFailed, In: places(driverReadyFalse, stalledTrue), Meaning: "the node cannot create the sandbox of the driver pod, because its network or its container runtime fails",
		Remedy: "check the network plugin and the container runtime of the node"},

	// Executors.
	{Name: reasonEnoughExecutors, In: places(executorsReadyTrue), Meaning: "at least as many executors are running as the application starts with"},
	{Name: reasonTooFewExecutors, In: places(executorsReadyFalse), Meaning: "fewer executors are running than the application starts with"},
	{Name: reasonNoExecutors, In: places(executorsReadyFalse), Meaning: "no executor is running one minute after the driver started",
		Remedy: "fix the problem of the pending executor pod in the message; if no executor pod exists, read the driver's log"},
	{Name: reasonExecutorsCrashing, In: places(executorsReadyFalse), Meaning: "fewer executors are running than the application starts with, and many have failed: at least three, and at least as many as it starts with",
		Remedy: "the message describes how the last one ended; after OOMKilled, raise executor.memoryOverhead; after Error, read its log"},
	{Name: reasonExecutorsLost, In: places(executorsReadyFalse), Meaning: "fewer executors are running than the application started with"},

	// The end.
	{Name: reasonSucceeded, In: places(completedTrue), Meaning: "the application completed"},
	{Name: reasonFailed, In: places(completedFalse), Meaning: "the application failed, and no further run follows",
		Remedy: "read the message, the reason and the logTail of the last attempt"},
	{Name: diagnosis.ReasonDriverFailed, In: places(InAttempts), Meaning: "the driver's container ended with an exit code other than 0, and its status contains no reason",
		Remedy: "read logTail and the driver's log"},
	{Name: ReasonDriverLost, In: places(InAttempts), Meaning: "the driver pod was deleted, but not by the operator",
		Remedy: "find out who deletes pods: a node drain, a cleanup job, or a user"},
	{Name: diagnosis.ReasonStatusMissing, In: places(InAttempts), Meaning: "the driver pod failed without a status of its container",
		Remedy: "check the node and the events of the pod"},
	{Name: diagnosis.ReasonInitFailed, In: places(driverReadyFalse, stalledTrue, InAttempts), Meaning: "an init container of the driver failed",
		Remedy: "fix the init container in the message; its log is in logTail"},
	{Name: reasonDriverStartTimeout, In: places(InAttempts), Meaning: "the driver did not start within timeouts.driverStartSeconds and was stopped",
		Remedy: "find out what kept the driver from starting, or allow more time"},
	{Name: reasonExecutorsReadyTimeout, In: places(InAttempts), Meaning: "not all executors started within timeouts.executorsReadySeconds, and the driver was stopped",
		Remedy: "find out what kept the executors from starting, or allow more time"},
	{Name: reasonRunTimeout, In: places(InAttempts), Meaning: "the driver ran longer than timeouts.runSeconds and was stopped",
		Remedy: "read logTail; if the application is only slow, allow more time"},
	{Name: reasonSpecChanged, In: places(InAttempts), Meaning: "an edit of the spec needed a new run"},

	// What stands in the way.
	{Name: ReasonRetrying, In: places(stalledTrue, uiReadyFalse), Meaning: "requests to the API server keep failing; the operator tries again",
		Remedy: "fix the cause in the message; if the API server is the cause, wait"},
	{Name: reasonStuck, In: places(stalledTrue), Meaning: "the application has exceeded the time limit of its state, and the operator knows no more specific reason",
		Remedy: "check what the message names"},
	{Name: ReasonCacheBehind, In: places(stalledTrue), Meaning: "the caches of the operator are behind the API server",
		Remedy: "wait; if it persists, check the operator's log and the load of the API server"},
	{Name: ReasonOldDriver, In: places(stalledTrue), Meaning: "a driver of an earlier submission has not ended, so the next driver must not start",
		Remedy: "recover its node; if you are sure that the driver has ended, force-delete its pod"},
	{Name: ReasonDriverNameUsed, In: places(stalledTrue), Meaning: "a pod of an earlier incarnation of the application has the name of the driver pod",
		Remedy: "wait for the garbage collector, or delete the pod"},
	{Name: ReasonNameInUse, In: places(stalledTrue), Meaning: "an object of an earlier incarnation of the application, or an object that is being deleted, has a name that the submission needs",
		Remedy: "wait for the garbage collector; if the message names a finalizer, find out why its controller does not remove it"},
	{Name: reasonNotPermitted, In: places(stalledTrue), Meaning: "the operator lacks a permission that the submission needs. It tries again for 2 minutes; then the submission is refused",
		Remedy: "if the API server has just started, wait; otherwise grant the operator the permission in the message"},
	{Name: reasonKindNotServed, In: places(stalledTrue), Meaning: "the API server does not serve the kind of an object of the submission. The operator tries again for 2 minutes; then the submission is refused",
		Remedy: "if the API server has just started, wait; otherwise install the CRD or API server of this kind"},
	{Name: reasonReferenceNotFound, In: places(stalledTrue), Meaning: "the driver pod refers to a ServiceAccount, PriorityClass, RuntimeClass or similar object that does not exist. The operator tries again for 1 minute; then the submission is refused",
		Remedy: "create the object in the message; the submission then continues automatically"},
	{Name: reasonAdmissionDenied, In: places(stalledTrue), Meaning: "an admission policy, a webhook, a LimitRange or Pod Security Admission denies an object of the submission. The operator tries again for 1 minute; then the submission is refused",
		Remedy: "correct the spec, or the policy in the message"},
	{Name: ReasonDriverHidden, In: places(stalledTrue), Meaning: "the driver pod has lost a label that the operator needs to find it",
		Remedy: "restore the label in the message"},
	{Name: ReasonSubmitterEnding, In: places(stalledTrue), Meaning: "the Job that ran spark-submit for an earlier submission is being deleted",
		Remedy: "wait; if it persists, check the Job for a finalizer"},

	// The web UI.
	{Name: reasonUIReady, In: places(uiReadyTrue), Meaning: "the Service of the web UI and its Ingress or HTTPRoute exist as specified"},
	{Name: reasonUIFailed, In: places(uiReadyFalse), Meaning: "the Service, Ingress or HTTPRoute of the web UI cannot be created; the run continues without it",
		Remedy: "fix the cause in the message; the operator tries again every 30 s"},

	// The archive of logs.
	{Name: reasonArchived, In: places(logsArchivedTrue), Meaning: "the logs of the run are in the bucket"},
	{Name: reasonArchiving, In: places(logsArchivedFalse), Meaning: "the run has ended, and its logs are being copied"},
	{Name: reasonArchiveFailed, In: places(logsArchivedFalse), Meaning: "the last try to copy a log failed; the log archiver tries again as long as the pod exists",
		Remedy: "fix the cause in the message: bucket, credentials, permissions or network of the log archiver"},
	{Name: reasonArchiveTimedOut, In: places(logsArchivedFalse), Meaning: "the log archiver has not reported within the deadline; the pods are no longer kept for it",
		Remedy: "check whether the log archiver runs and watches the namespace; its log shows what it waits for"},
	{Name: reasonLogLost, In: places(logsArchivedFalse), Meaning: "the driver pod was deleted before its log was archived; the bucket may contain a part of it",
		Remedy: "check what deletes the pod; the operator itself waits for the archive"},

	// Words of Kubernetes about the end of a container or pod.
	{Name: "Error", Foreign: true, In: places(InAttempts), Meaning: "the driver's container ended with an exit code other than 0",
		Remedy: "read logTail and the driver's log"},
	{Name: "OOMKilled", Foreign: true, In: places(InAttempts), Meaning: "the driver's container used more memory than its limit",
		Remedy: "raise spec.driver.memoryOverhead or spec.driver.memory"},
	{Name: "StartError", Foreign: true, In: places(InAttempts), Meaning: "the container runtime could not start the driver's container",
		Remedy: "read the message; typical causes are a missing command or directory in the image, and a bad mount"},
	{Name: "ContainerCannotRun", Foreign: true, In: places(InAttempts), Meaning: "the container runtime could not start the driver's container",
		Remedy: "read the message; typical causes are a missing command or directory in the image, and a bad mount"},
	{Name: "ContainerStatusUnknown", Foreign: true, In: places(InAttempts), Meaning: "the kubelet lost track of the driver's container",
		Remedy: "check the node and the events of the pod"},
	{Name: "DeadlineExceeded", Foreign: true, In: places(InAttempts), Meaning: "the pod ran longer than its activeDeadlineSeconds",
		Remedy: "raise activeDeadlineSeconds in the pod template"},
	{Name: "Evicted", Foreign: true, In: places(InAttempts), Meaning: "the node ran out of memory, disk space or process IDs and evicted the driver",
		Remedy: "request what the driver really uses; check what else uses the node's resources"},
	{Name: "Preempting", Foreign: true, In: places(InAttempts), Meaning: "the kubelet removed the driver to make room for a critical pod",
		Remedy: "give the driver a higher priorityClassName"},
	{Name: "Terminated", Foreign: true, In: places(InAttempts), Meaning: "the node of the driver was shut down", Remedy: "allow retries in the restart policy"},
	{Name: "NodeShutdown", Foreign: true, In: places(InAttempts), Meaning: "the node was shutting down when it received the driver", Remedy: "allow retries in the restart policy"},
	{Name: "NodeAffinity", Foreign: true, In: places(InAttempts), Meaning: "the node rejected the driver, because the labels of the node changed", Remedy: "check the node selector and the labels of the node"},
	{Name: "OutOfcpu", Foreign: true, In: places(InAttempts), Meaning: "the node had no CPU left when it received the driver", Remedy: "allow retries in the restart policy"},
	{Name: "OutOfmemory", Foreign: true, In: places(InAttempts), Meaning: "the node had no memory left when it received the driver", Remedy: "allow retries in the restart policy"},
	{Name: "OutOfpods", Foreign: true, In: places(InAttempts), Meaning: "the node had its maximum number of pods when it received the driver", Remedy: "allow retries in the restart policy"},
	{Name: "UnexpectedAdmissionError", Foreign: true, In: places(InAttempts), Meaning: "the node rejected the driver, usually because a device failed", Remedy: "check the device plugins of the node"},
	{Name: "PreemptionByScheduler", Foreign: true, In: places(InAttempts), Meaning: "the scheduler preempted the driver for a pod of higher priority", Remedy: "give the driver a higher priorityClassName"},
	{Name: "DeletionByTaintManager", Foreign: true, In: places(InAttempts), Meaning: "the node got a taint that the driver does not tolerate, for example because it is unreachable", Remedy: "check the node; if the taint is intended, add a toleration"},
	{Name: "EvictionByEvictionAPI", Foreign: true, In: places(InAttempts), Meaning: "the driver was evicted, for example by a node drain", Remedy: "set spec.driverPodDisruptionBudget, or allow retries in the restart policy"},
	{Name: "DeletionByPodGC", Foreign: true, In: places(InAttempts), Meaning: "the node of the driver no longer exists", Remedy: "allow retries in the restart policy"},
	{Name: "TerminationByKubelet", Foreign: true, In: places(InAttempts), Meaning: "the kubelet terminated the driver, because the node ran out of a resource or was shut down", Remedy: "request what the driver really uses; allow retries in the restart policy"},
}
