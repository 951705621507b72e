// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// Params is what a submission needs besides the application. Only SubmissionID,
// Master and SubmitTime have to be set.
type Params struct {
	// SubmissionID is status.submissionID, a UUID. Every random-looking name of
	// the submission is derived from it.
	SubmissionID string
	// Master is the API server as the driver reaches it: k8s://https://host:port.
	Master string
	// SubmitTime becomes spark.app.submitTime.
	SubmitTime time.Time

	// DefaultConf are properties below everything the application sets.
	DefaultConf map[string]string
	// ServiceLinks leaves it to Kubernetes' default whether the variables of every
	// Service of the namespace are put into the containers. Otherwise they are not,
	// unless the template of the pod says so.
	ServiceLinks bool
	// UIProxyBase is the path of the UI behind the Ingress, such as
	// "/jobs/pi"; empty if the UI is served at the root or has no Ingress.
	UIProxyBase string
	// MonitoringConfigName is the name of the exporter's ConfigMap; empty for
	// <application>-prom-conf.
	MonitoringConfigName string
	// PodWebhook says that executor pods pass through this operator's webhook, which
	// applies what the driver overrides (podspec.Fields.Complete).
	PodWebhook bool
	// ArchiveDriverLog and ArchiveExecutorLogs mark the pods whose logs are archived.
	ArchiveDriverLog, ArchiveExecutorLogs bool
	// Scheduler is the application's batch scheduler; nil if none is used.
	Scheduler batchscheduler.Scheduler

	// History is where event logs go that spec.history leaves open.
	History History

	// preview says that defaults of the operator are not known: see Preview.
	preview bool
	// nameLabel is the label of pods with the name of the object to which they belong;
	// empty for that of applications.
	nameLabel string
}

// Run is everything that one submission creates.
type Run struct {
	submit.Objects

	// ExecutorTemplate is the executor pod template as the ConfigMap carries it. It
	// has no requests for CPU and memory of its own: see ExecutorResources.
	ExecutorTemplate *corev1.PodTemplateSpec
	// ExecutorResources are the resources that Spark will give to the Spark
	// container of each executor.
	ExecutorResources corev1.ResourceRequirements
	// Executors is how many executors Spark will ask for at the start.
	Executors int32
	// LeastExecutors is how many of them Spark never gives up: the minimum of dynamic
	// allocation, otherwise all.
	LeastExecutors int32
	// Groups are the batch scheduler's objects. They belong to the application and
	// have to exist before the driver pod.
	Groups []batchscheduler.Group
	// MonitoringConfig holds the configuration of the metrics exporter; nil if none
	// is needed. It belongs to the application and has to exist before the driver
	// pod can start.
	MonitoringConfig *corev1.ConfigMap
	// Warnings are one-line texts about fields and properties that have no effect
	// or were replaced, those of package submit included.
	Warnings []string
}
