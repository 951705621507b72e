// SPDX-License-Identifier: Apache-2.0

package v1beta2

// Labels on objects that belong to an application. They are part of the API:
// Kueue, Airflow, dashboards and scripts select by them.
const (
	// LabelSparkAppName is the name of the SparkApplication.
	LabelSparkAppName = "sparkoperator.k8s.io/app-name"
	// LabelSubmissionID is status.submissionID of the submission an object belongs to.
	LabelSubmissionID = "sparkoperator.k8s.io/submission-id"
	// LabelLaunchedBySparkOperator is "true" on driver and executor pods; the operator
	// watches only pods that have it.
	LabelLaunchedBySparkOperator = "sparkoperator.k8s.io/launched-by-spark-operator"
	// LabelMutatedBySparkOperator is "true" on pods of a role without a pod template.
	LabelMutatedBySparkOperator = "sparkoperator.k8s.io/mutated-by-spark-operator"
	// LabelCompleteExecutor is "true" on executor pods that the webhook completes from
	// AnnotationExecutorFields; the API server calls it for no others. It removes both.
	LabelCompleteExecutor = "sparkoperator.k8s.io/complete-executor"
	// LabelCreatedBySparkOperator is "true" on ConfigMaps and Services of the operator.
	LabelCreatedBySparkOperator = "sparkoperator.k8s.io/created-by-spark-operator"
	// LabelScheduledSparkAppName is the name of the ScheduledSparkApplication on its runs.
	LabelScheduledSparkAppName = "sparkoperator.k8s.io/scheduled-app-name"

	// LabelLogArchive is "true" on pods whose log the log archiver keeps: see
	// spec.logArchive.
	LabelLogArchive = "sparkoperator.k8s.io/log-archive"

	// LabelSparkRole is set by Spark: driver or executor.
	LabelSparkRole = "spark-role"
	// LabelSparkApplicationSelector is set by Spark: its own application id.
	LabelSparkApplicationSelector = "spark-app-selector"
	// LabelSparkExecutorID is set by Spark: the number of the executor.
	LabelSparkExecutorID = "spark-exec-id"
	// LabelSparkVersion is set by Spark: its version.
	LabelSparkVersion = "spark-version"

	// LabelPrefixKueue is the prefix of labels that never reach the pods, because Kueue
	// would queue them a second time.
	LabelPrefixKueue = "kueue.x-k8s.io/"
	// LabelKueueQueue is the local queue in which Kueue queues an application; without
	// it Kueue ignores the application.
	LabelKueueQueue = LabelPrefixKueue + "queue-name"
)

// Annotations.
const (
	// AnnotationRunNow on a ScheduledSparkApplication asks for a run besides the
	// schedule: any value that differs from the one before.
	AnnotationRunNow = "sparkoperator.k8s.io/run-now"
	// AnnotationScheduledTime on a run of a schedule is the time of the schedule that
	// it was started for, as RFC 3339.
	AnnotationScheduledTime = "sparkoperator.k8s.io/scheduled-time"
	// AnnotationExecutorFields on an executor pod has those fields of spec.executor, as
	// JSON, that the driver overrides.
	AnnotationExecutorFields = "sparkoperator.k8s.io/executor-fields"
)

// Annotations that the log archiver sets on pods with LabelLogArchive.
const (
	// AnnotationLogURL is where the log of the pod is. Its presence means that all of
	// the log is there.
	AnnotationLogURL = "sparkoperator.k8s.io/log-url"
	// AnnotationLogArchiveError is why the last try to archive the log failed. It is
	// removed by the one that succeeds.
	AnnotationLogArchiveError = "sparkoperator.k8s.io/log-archive-error"
)

// Values of LabelSparkRole and names of Spark's containers.
const (
	SparkRoleDriver   = "driver"
	SparkRoleExecutor = "executor"
	// SparkRoleSubmitter is the pod in which the real spark-submit runs, where the
	// application asks for it.
	SparkRoleSubmitter = "submitter"

	// DriverContainerName is the Spark container of a driver pod.
	DriverContainerName = "spark-kubernetes-driver"
	// ExecutorContainerName is the Spark container of an executor pod.
	ExecutorContainerName = "spark-kubernetes-executor"
	// ExecutorContainerNameAlternative is the name some Spark versions give to it when
	// there is no template.
	ExecutorContainerNameAlternative = "executor"
)

// EnvSubmissionID is a variable of drivers that spark-submit makes in a Job: the value
// of LabelSubmissionID, which cannot be changed there.
const EnvSubmissionID = "SPARK_OPERATOR_SUBMISSION_ID"

// AnnotationSubmitter on an application chooses how it is submitted; on a driver
// pod it says how it was.
const AnnotationSubmitter = "sparkoperator.k8s.io/submitter"

// Values of AnnotationSubmitter.
const (
	// SubmitterNative is the submission that is built into the operator.
	SubmitterNative = "native"
	// SubmitterSparkSubmit runs the spark-submit of the application's image in a Job.
	SubmitterSparkSubmit = "spark-submit"
)

// Annotations of driver pods that describe a submission to a later reader, such
// as the operator after a crash.
const (
	// AnnotationSpecHash is the hash of the spec from which the pod was built.
	AnnotationSpecHash = "sparkoperator.k8s.io/spec-hash"
	// AnnotationGeneration is the generation of the application at that time.
	AnnotationGeneration = "sparkoperator.k8s.io/spec-generation"
	// AnnotationRunObjects names the objects that belong to the run and that the
	// end of the run makes useless.
	AnnotationRunObjects = "sparkoperator.k8s.io/run-objects"
)
