// SPDX-License-Identifier: Apache-2.0

package v1beta2

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:metadata:annotations="api-approved.kubernetes.io=https://github.com/kubeflow/spark-operator/pull/1298"
// +kubebuilder:resource:scope=Namespaced,shortName=sparkapp,singular=sparkapplication
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:JSONPath=.spec.suspend,name=Suspend,type=boolean
// +kubebuilder:printcolumn:JSONPath=.status.applicationState.state,name=Status,type=string
// +kubebuilder:printcolumn:JSONPath=.status.executionAttempts,name=Attempts,type=string
// +kubebuilder:printcolumn:JSONPath=.status.lastSubmissionAttemptTime,name=Start,type=string
// +kubebuilder:printcolumn:JSONPath=.status.terminationTime,name=Finish,type=string
// +kubebuilder:printcolumn:JSONPath=.metadata.creationTimestamp,name=Age,type=date
// +kubebuilder:printcolumn:JSONPath=`.status.conditions[?(@.type=="Stalled")].reason`,name=Stalled,type=string

// SparkApplication is one Spark job: what to run, with which driver and
// executors, and what to do when it ends.
type SparkApplication struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec SparkApplicationSpec `json:"spec"`
	// +optional
	Status SparkApplicationStatus `json:"status,omitempty,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true

// SparkApplicationList is a list of SparkApplications.
type SparkApplicationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []SparkApplication `json:"items"`
}

// SparkApplicationType is the language of an application.
// +kubebuilder:validation:Enum={Java,Python,Scala,R}
type SparkApplicationType string

// Languages of an application.
const (
	SparkApplicationTypeJava   SparkApplicationType = "Java"
	SparkApplicationTypeScala  SparkApplicationType = "Scala"
	SparkApplicationTypePython SparkApplicationType = "Python"
	SparkApplicationTypeR      SparkApplicationType = "R"
)

// DeployMode says where the driver runs.
// +kubebuilder:validation:Enum={cluster,client}
type DeployMode string

// Deploy modes. Only cluster is run: a driver never runs inside the operator.
const (
	DeployModeCluster DeployMode = "cluster"
	DeployModeClient  DeployMode = "client"
)

// SparkApplicationSpec is what the user asks for. The operator never writes it.
type SparkApplicationSpec struct {
	// Suspend holds the application back (true) or lets it run. Setting it on a
	// running application deletes its pods; clearing it submits anew.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`
	// Type is the language; it decides the default memory overhead. Default Scala.
	// +optional
	Type SparkApplicationType `json:"type,omitempty"`
	// SparkVersion is the version of Spark in the image, such as "4.1.4". It selects
	// how the driver's objects are built. Default: the newest supported one.
	// +optional
	SparkVersion string `json:"sparkVersion,omitempty"`
	// Mode is the deploy mode. Default cluster, the only one that is run.
	// +optional
	Mode DeployMode `json:"mode,omitempty"`
	// ProxyUser is the user the driver impersonates (spark-submit --proxy-user).
	// +optional
	ProxyUser *string `json:"proxyUser,omitempty"`
	// Image is the container image of driver and executors unless they name their own.
	// +optional
	Image *string `json:"image,omitempty"`
	// ImagePullPolicy is Always, Never or IfNotPresent.
	// +optional
	ImagePullPolicy *string `json:"imagePullPolicy,omitempty"`
	// ImagePullSecrets are names of Secrets for pulling the image.
	// +optional
	ImagePullSecrets []string `json:"imagePullSecrets,omitempty"`
	// MainClass is the class to run; for Java and Scala.
	// +optional
	MainClass *string `json:"mainClass,omitempty"`
	// MainApplicationFile is the URI of the JAR, Python or R file.
	MainApplicationFile *string `json:"mainApplicationFile"`
	// Arguments are passed to the application.
	// +optional
	Arguments []string `json:"arguments,omitempty"`
	// SparkConf are Spark properties.
	// +optional
	SparkConf map[string]string `json:"sparkConf,omitempty"`
	// HadoopConf are Hadoop properties; each becomes spark.hadoop.<key>.
	// +optional
	HadoopConf map[string]string `json:"hadoopConf,omitempty"`
	// SparkConfigMap names a ConfigMap with Spark configuration files, mounted at
	// /etc/spark/conf in driver and executors.
	// +optional
	SparkConfigMap *string `json:"sparkConfigMap,omitempty"`
	// HadoopConfigMap names a ConfigMap with Hadoop configuration files, mounted at
	// /etc/hadoop/conf in driver and executors.
	// +optional
	HadoopConfigMap *string `json:"hadoopConfigMap,omitempty"`
	// Volumes may be mounted by driver and executors through their volumeMounts.
	// +optional
	Volumes []corev1.Volume `json:"volumes,omitempty"`
	// Driver describes the driver pod.
	// +optional
	Driver DriverSpec `json:"driver,omitempty,omitzero"`
	// Executor describes the executor pods.
	// +optional
	Executor ExecutorSpec `json:"executor,omitempty,omitzero"`
	// Deps are the files and packages the application needs.
	// +optional
	Deps Dependencies `json:"deps,omitempty,omitzero"`
	// RestartPolicy says whether and how often to run again. Default Never.
	// +optional
	RestartPolicy RestartPolicy `json:"restartPolicy,omitempty,omitzero"`
	// NodeSelector applies to driver and executors; excludes their own.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// FailureRetries is accepted for compatibility and has no effect; use
	// restartPolicy.onFailureRetries.
	// +optional
	FailureRetries *int32 `json:"failureRetries,omitempty"`
	// RetryInterval is accepted for compatibility and has no effect; use
	// restartPolicy.onFailureRetryInterval.
	// +optional
	RetryInterval *int64 `json:"retryInterval,omitempty"`
	// PythonVersion is the major version of Python, "2" or "3".
	// +optional
	// +kubebuilder:validation:Enum={"2","3"}
	PythonVersion *string `json:"pythonVersion,omitempty"`
	// MemoryOverheadFactor is the share of memory added for the operating system
	// and other non-JVM memory: default 0.1, or 0.4 for Python and R.
	// +optional
	MemoryOverheadFactor *string `json:"memoryOverheadFactor,omitempty"`
	// Monitoring exposes the application's own metrics.
	// +optional
	Monitoring *MonitoringSpec `json:"monitoring,omitempty"`
	// BatchScheduler names the batch scheduler: volcano, yunikorn or a kube-scheduler
	// profile with coscheduling.
	// +optional
	BatchScheduler *string `json:"batchScheduler,omitempty"`
	// TimeToLiveSeconds is how long the object stays after the application ended.
	// +optional
	TimeToLiveSeconds *int64 `json:"timeToLiveSeconds,omitempty"`
	// BatchSchedulerOptions are settings for the batch scheduler.
	// +optional
	BatchSchedulerOptions *BatchSchedulerConfiguration `json:"batchSchedulerOptions,omitempty"`
	// SparkUIOptions describes Service and Ingress of the Spark UI.
	// +optional
	SparkUIOptions *SparkUIConfiguration `json:"sparkUIOptions,omitempty"`
	// DriverIngressOptions are further ports of the driver with Service and Ingress.
	// +optional
	DriverIngressOptions []DriverIngressConfiguration `json:"driverIngressOptions,omitempty"`
	// DynamicAllocation lets Spark scale the number of executors.
	// +optional
	DynamicAllocation *DynamicAllocation `json:"dynamicAllocation,omitempty"`
	// DriverPodDisruptionBudget asks for a PodDisruptionBudget of the driver, where
	// the operator allows it.
	// +optional
	DriverPodDisruptionBudget *bool `json:"driverPodDisruptionBudget,omitempty"`
	// Timeouts bound the phases of a run. Default: none.
	// +optional
	Timeouts *Timeouts `json:"timeouts,omitempty"`
	// CleanupPolicy says which pods are deleted at the end. Default: none that ended.
	// +optional
	CleanupPolicy *CleanupPolicy `json:"cleanupPolicy,omitempty"`
}

// RestartPolicyType says when an application runs again.
// +kubebuilder:validation:Enum={Never,Always,OnFailure}
type RestartPolicyType string

// Restart policies.
const (
	RestartPolicyNever     RestartPolicyType = "Never"
	RestartPolicyOnFailure RestartPolicyType = "OnFailure"
	RestartPolicyAlways    RestartPolicyType = "Always"
)

// RestartPolicy says whether, how often and after which delay an application runs
// again. N retries are N+1 attempts.
type RestartPolicy struct {
	// +optional
	Type RestartPolicyType `json:"type,omitempty"`
	// OnSubmissionFailureRetries limits the retries of a failed submission.
	// +optional
	// +kubebuilder:validation:Minimum=0
	OnSubmissionFailureRetries *int32 `json:"onSubmissionFailureRetries,omitempty"`
	// OnFailureRetries limits the retries of a failed run.
	// +optional
	// +kubebuilder:validation:Minimum=0
	OnFailureRetries *int32 `json:"onFailureRetries,omitempty"`
	// OnSubmissionFailureRetryInterval is the delay in seconds, multiplied by the
	// number of attempts made. Default 5.
	// +optional
	// +kubebuilder:validation:Minimum=1
	OnSubmissionFailureRetryInterval *int64 `json:"onSubmissionFailureRetryInterval,omitempty"`
	// OnFailureRetryInterval is the delay in seconds, multiplied by the number of
	// attempts made. Default 5.
	// +optional
	// +kubebuilder:validation:Minimum=1
	OnFailureRetryInterval *int64 `json:"onFailureRetryInterval,omitempty"`
	// Backoff makes the delays between runs double instead of growing linearly.
	// +optional
	Backoff *Backoff `json:"backoff,omitempty"`
	// NonRetryableExitCodes are exit codes of the driver after which the application
	// is not run again, whatever retries are left.
	// +optional
	// +listType=atomic
	NonRetryableExitCodes []int32 `json:"nonRetryableExitCodes,omitempty"`
	// InfrastructureFailures gives failures that are not the application's own retries
	// of their own. Default: they count like all others.
	// +optional
	InfrastructureFailures *InfrastructureFailurePolicy `json:"infrastructureFailures,omitempty"`
}

// BatchSchedulerConfiguration are settings for the batch scheduler.
type BatchSchedulerConfiguration struct {
	// Queue is the queue of the application's resources.
	// +optional
	Queue *string `json:"queue,omitempty"`
	// PriorityClassName is the priority class of the pod group.
	// +optional
	PriorityClassName *string `json:"priorityClassName,omitempty"`
	// Resources override what the pod group asks for; by default it is computed from
	// the pods.
	// +optional
	Resources corev1.ResourceList `json:"resources,omitempty"`
}

// SparkUIConfiguration describes Service and Ingress of the Spark UI.
type SparkUIConfiguration struct {
	// ServicePort is the port of the Service. Default 4040.
	// +optional
	ServicePort *int32 `json:"servicePort,omitempty"`
	// ServicePortName is the name of that port. Default spark-driver-ui-port.
	// +optional
	ServicePortName *string `json:"servicePortName,omitempty"`
	// ServiceType is the type of the Service. Default ClusterIP.
	// +optional
	ServiceType *corev1.ServiceType `json:"serviceType,omitempty"`
	// +optional
	ServiceAnnotations map[string]string `json:"serviceAnnotations,omitempty"`
	// +optional
	ServiceLabels map[string]string `json:"serviceLabels,omitempty"`
	// +optional
	IngressAnnotations map[string]string `json:"ingressAnnotations,omitempty"`
	// +optional
	IngressTLS []networkingv1.IngressTLS `json:"ingressTLS,omitempty"`
}

// DriverIngressConfiguration describes Service and Ingress of one further port of
// the driver.
type DriverIngressConfiguration struct {
	// ServicePort is the port of Service and driver; unique in the list.
	ServicePort *int32 `json:"servicePort"`
	// ServicePortName is the name of that port.
	ServicePortName *string `json:"servicePortName"`
	// +optional
	ServiceType *corev1.ServiceType `json:"serviceType,omitempty"`
	// +optional
	ServiceAnnotations map[string]string `json:"serviceAnnotations,omitempty"`
	// +optional
	ServiceLabels map[string]string `json:"serviceLabels,omitempty"`
	// IngressURLFormat is the URL; {{$appName}}, {{$appNamespace}} and {{$appId}} are
	// replaced.
	// +optional
	IngressURLFormat string `json:"ingressURLFormat,omitempty"`
	// +optional
	IngressAnnotations map[string]string `json:"ingressAnnotations,omitempty"`
	// +optional
	IngressTLS []networkingv1.IngressTLS `json:"ingressTLS,omitempty"`
}

// Dependencies are files and packages an application needs.
type Dependencies struct {
	// +optional
	Jars []string `json:"jars,omitempty"`
	// +optional
	Files []string `json:"files,omitempty"`
	// +optional
	PyFiles []string `json:"pyFiles,omitempty"`
	// Packages are Maven coordinates (groupId:artifactId:version), resolved by the driver.
	// +optional
	Packages []string `json:"packages,omitempty"`
	// ExcludePackages are groupId:artifactId left out when packages are resolved.
	// +optional
	ExcludePackages []string `json:"excludePackages,omitempty"`
	// Repositories are further Maven repositories.
	// +optional
	Repositories []string `json:"repositories,omitempty"`
	// +optional
	Archives []string `json:"archives,omitempty"`
}

// MonitoringSpec exposes the application's own metrics.
type MonitoringSpec struct {
	// ExposeDriverMetrics says whether the driver serves metrics.
	ExposeDriverMetrics bool `json:"exposeDriverMetrics"`
	// ExposeExecutorMetrics says whether the executors serve metrics.
	ExposeExecutorMetrics bool `json:"exposeExecutorMetrics"`
	// MetricsProperties is the text of Spark's metrics.properties.
	// +optional
	MetricsProperties *string `json:"metricsProperties,omitempty"`
	// MetricsPropertiesFile is the path of such a file in the image.
	// +optional
	MetricsPropertiesFile *string `json:"metricsPropertiesFile,omitempty"`
	// Prometheus adds the JMX exporter as a Java agent.
	// +optional
	Prometheus *PrometheusSpec `json:"prometheus,omitempty"`
}

// PrometheusSpec configures the JMX exporter.
type PrometheusSpec struct {
	// JmxExporterJar is the path of the exporter's JAR in the image.
	JmxExporterJar string `json:"jmxExporterJar"`
	// Port of the exporter's HTTP server. Default 8090.
	// +optional
	// +kubebuilder:validation:Minimum=1024
	// +kubebuilder:validation:Maximum=49151
	Port *int32 `json:"port,omitempty"`
	// PortName is the name of the container port. Default jmx-exporter.
	// +optional
	PortName *string `json:"portName,omitempty"`
	// ConfigFile is the path of the exporter's configuration in the image.
	// +optional
	ConfigFile *string `json:"configFile,omitempty"`
	// Configuration is the text of the exporter's configuration.
	// +optional
	Configuration *string `json:"configuration,omitempty"`
}

// DynamicAllocation lets Spark scale the number of executors.
type DynamicAllocation struct {
	// +optional
	Enabled bool `json:"enabled,omitempty"`
	// +optional
	InitialExecutors *int32 `json:"initialExecutors,omitempty"`
	// +optional
	MinExecutors *int32 `json:"minExecutors,omitempty"`
	// +optional
	MaxExecutors *int32 `json:"maxExecutors,omitempty"`
	// ShuffleTrackingEnabled makes dynamic allocation work without an external shuffle
	// service. Default true.
	// +optional
	ShuffleTrackingEnabled *bool `json:"shuffleTrackingEnabled,omitempty"`
	// ShuffleTrackingTimeout in milliseconds is how long an executor with shuffle data
	// is kept.
	// +optional
	ShuffleTrackingTimeout *int64 `json:"shuffleTrackingTimeout,omitempty"`
}
