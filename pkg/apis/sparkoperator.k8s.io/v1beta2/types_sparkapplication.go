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
// +kubebuilder:printcolumn:JSONPath=.status.progress.summary,name=Progress,type=string
// +kubebuilder:printcolumn:JSONPath=.status.nextRetryTime,name=Next Retry,type=string,priority=1

// SparkApplication is one Spark job: what to run, with which driver and
// executors, and what to do when it ends.
// +kubebuilder:validation:XValidation:rule=`oldSelf.hasValue() || self.metadata.name.size() <= 63`,messageExpression=`'metadata.name: invalid SparkApplication name "' + self.metadata.name + '": must be no more than 63 characters'`,optionalOldSelf=true
type SparkApplication struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// What to run, and how.
	Spec SparkApplicationSpec `json:"spec"`
	// State of the application, written by the operator.
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

// DeployMode defines where the driver runs.
// +kubebuilder:validation:Enum={cluster,client}
type DeployMode string

// Deploy modes. Only cluster is run: a driver never runs inside the operator.
const (
	DeployModeCluster DeployMode = "cluster"
	DeployModeClient  DeployMode = "client"
)

// SparkApplicationSpec is what the user asks for. The operator never writes it.
// +kubebuilder:validation:XValidation:rule=`!((oldSelf.hasValue() ? [oldSelf.value(), self] : [self]).map(s, has(s.sparkVersion) && s.sparkVersion.size() <= 1000 && s.sparkVersion.matches('^[vV]?[0-2]([.][0-9]{1,3}){0,2}(-[0-9A-Za-z.+_-]*)?$') && (has(s.driver) && has(s.driver.template) || has(s.executor) && has(s.executor.template))) in [[true], [false, true]])`,message=`pod template feature requires Spark version 3.0.0 or higher; set the Spark version of the image, or remove the template`,fieldPath=`.sparkVersion`,optionalOldSelf=true
// +kubebuilder:validation:XValidation:rule=`!((oldSelf.hasValue() ? [oldSelf.value(), self] : [self]).map(s, has(s.driver) && has(s.driver.coreLimit) && s.driver.coreLimit.size() <= 1000 && isQuantity(s.driver.coreLimit) && (!has(s.driver.coreRequest) || s.driver.coreRequest.size() == 0) && has(s.driver.cores) && !(has(s.sparkConf) && 'spark.kubernetes.driver.request.cores' in s.sparkConf) && quantity(s.driver.coreLimit).sub(s.driver.cores).isLessThan(quantity('0'))) in [[true], [false, true]])`,message=`the request of cores must be less than or equal to cpu limit; raise the limit or lower coreRequest`,fieldPath=`.driver.coreLimit`,optionalOldSelf=true
// +kubebuilder:validation:XValidation:rule=`!((oldSelf.hasValue() ? [oldSelf.value(), self] : [self]).map(s, has(s.executor) && has(s.executor.coreLimit) && s.executor.coreLimit.size() <= 1000 && isQuantity(s.executor.coreLimit) && (!has(s.executor.coreRequest) || s.executor.coreRequest.size() == 0) && has(s.executor.cores) && !(has(s.sparkConf) && 'spark.kubernetes.executor.request.cores' in s.sparkConf) && quantity(s.executor.coreLimit).sub(s.executor.cores).isLessThan(quantity('0'))) in [[true], [false, true]])`,message=`the request of cores must be less than or equal to cpu limit; raise the limit or lower coreRequest`,fieldPath=`.executor.coreLimit`,optionalOldSelf=true
// +kubebuilder:validation:XValidation:rule=`!((oldSelf.hasValue() ? [oldSelf.value(), self] : [self]).map(s, has(s.mainApplicationFile) && s.mainApplicationFile.size() <= 32768 && s.mainApplicationFile.startsWith('local:') && !s.mainApplicationFile.matches('[.](py|R|r)$') && (!has(s.mainClass) || s.mainClass.size() == 0)) in [[true], [false, true]])`,message=`Failed to get main class in JAR with error 'No FileSystem for scheme "local"'.  Please specify one with --class. Set spec.mainClass`,fieldPath=`.mainClass`,reason=FieldValueRequired,optionalOldSelf=true
// +kubebuilder:validation:XValidation:rule=`!((oldSelf.hasValue() ? [oldSelf.value(), self] : [self]).map(s, has(s.imagePullPolicy) && s.imagePullPolicy.size() > 0 && !(s.imagePullPolicy in ['Always', 'IfNotPresent', 'Never']) && !(has(s.sparkConf) && 'spark.kubernetes.container.image.pullPolicy' in s.sparkConf)) in [[true], [false, true]])`,message=`use Always, IfNotPresent or Never`,fieldPath=`.imagePullPolicy`,optionalOldSelf=true
type SparkApplicationSpec struct {
	// Whether the application is suspended. True deletes the pods of a running application, and starts none. False
	// submits the application. Queueing systems such as Kueue set this field. Default false.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`
	// Language of the application: Java, Scala, Python or R. It decides the default of memoryOverheadFactor. Default
	// Scala.
	// +optional
	Type SparkApplicationType `json:"type,omitempty"`
	// Version of Spark in the image, such as 4.1.4. It selects how the objects of the driver are built; 3.3 to 4.3 are
	// known. Default: the version in the tag of the image, otherwise the newest known version.
	// +optional
	SparkVersion string `json:"sparkVersion,omitempty"`
	// Deploy mode. Only cluster is supported; client is refused, because the driver would run in the operator. Default
	// cluster.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self != 'client'`,message=`a driver never runs inside the operator; use cluster or remove it`
	Mode DeployMode `json:"mode,omitempty"`
	// User that the driver impersonates, as with spark-submit --proxy-user.
	// +optional
	ProxyUser *string `json:"proxyUser,omitempty"`
	// Container image of driver and executors, unless they set their own. Default: the property
	// spark.kubernetes.container.image in sparkConf.
	// +optional
	Image *string `json:"image,omitempty"`
	// When to pull the image: Always, Never or IfNotPresent. Default IfNotPresent.
	// +optional
	ImagePullPolicy *string `json:"imagePullPolicy,omitempty"`
	// Names of Secrets with credentials for pulling the image.
	// +optional
	// +kubebuilder:validation:MaxItems=1000
	ImagePullSecrets []string `json:"imagePullSecrets,omitempty"`
	// Class to run. Required for Java and Scala.
	// +optional
	MainClass *string `json:"mainClass,omitempty"`
	// URI of the JAR, Python file or R file to run, such as local:///opt/app/job.jar for a file in the image, or
	// s3a://bucket/job.py.
	// +kubebuilder:validation:MaxLength=32768
	MainApplicationFile *string `json:"mainApplicationFile"`
	// Arguments of the application.
	// +optional
	Arguments []string `json:"arguments,omitempty"`
	// Spark properties, as a map from name to value. Fields of this spec take precedence over properties. A property that
	// therefore has no effect causes a Warning event.
	// +optional
	// +kubebuilder:validation:MaxProperties=20000
	// +kubebuilder:validation:XValidation:rule=`['spark.master', 'spark.kubernetes.driver.master'].all(k, !(k in self))`,messageExpression=`'sparkConf key "' + ['spark.master', 'spark.kubernetes.driver.master'].filter(k, k in self)[0] + '" is not allowed: this value is managed by the operator; remove the key'`,reason=FieldValueForbidden
	// +kubebuilder:validation:XValidation:rule=`['oauthToken', 'oauthTokenFile', 'driver.oauthToken', 'driver.oauthTokenFile', 'executor.oauthToken', 'executor.oauthTokenFile', 'driver.caCertFile', 'driver.clientKeyFile', 'driver.clientCertFile'].all(k, !('spark.kubernetes.authenticate.' + k in self))`,messageExpression=`'sparkConf key "' + 'spark.kubernetes.authenticate.' + ['oauthToken', 'oauthTokenFile', 'driver.oauthToken', 'driver.oauthTokenFile', 'executor.oauthToken', 'executor.oauthTokenFile', 'driver.caCertFile', 'driver.clientKeyFile', 'driver.clientCertFile'].filter(k, 'spark.kubernetes.authenticate.' + k in self)[0] + '" is not allowed: authentication credentials are managed by the operator; remove the key'`,reason=FieldValueForbidden
	// +kubebuilder:validation:XValidation:rule=`!self.exists(k, k.startsWith('spark.kubernetes.authenticate.submission.'))`,message=`sparkConf keys spark.kubernetes.authenticate.submission.* are not allowed: authentication credentials are managed by the operator; remove the key`,reason=FieldValueForbidden
	// +kubebuilder:validation:XValidation:rule=`['driver', 'executor'].all(k, !('spark.kubernetes.' + k + '.podTemplateFile' in self))`,messageExpression=`'sparkConf key "spark.kubernetes.' + ['driver', 'executor'].filter(k, 'spark.kubernetes.' + k + '.podTemplateFile' in self)[0] + '.podTemplateFile" is not allowed: it names a file of the submitter; set the pod template in spec.driver.template or spec.executor.template'`,reason=FieldValueForbidden
	// +kubebuilder:validation:XValidation:rule=`['spark.kubernetes.kerberos.krb5.path', 'spark.kubernetes.scheduler.volcano.podGroupTemplateFile'].all(k, !(k in self))`,messageExpression=`'sparkConf key "' + ['spark.kubernetes.kerberos.krb5.path', 'spark.kubernetes.scheduler.volcano.podGroupTemplateFile'].filter(k, k in self)[0] + '" is not allowed: it names a file of the submitter; mount the file into the pods and name it with local:// or in the application instead'`,reason=FieldValueForbidden
	// +kubebuilder:validation:XValidation:rule=`!('spark.kerberos.keytab' in self) || self['spark.kerberos.keytab'].startsWith('local:')`,message=`sparkConf key "spark.kerberos.keytab" is not allowed: it names a file of the submitter; mount the file into the pods and name it with local:// or in the application instead`,reason=FieldValueForbidden
	// +kubebuilder:validation:XValidation:rule=`!('spark.kubernetes.executor.podNamePrefix' in self) || self['spark.kubernetes.executor.podNamePrefix'].contains('${') || self['spark.kubernetes.executor.podNamePrefix'].size() <= 237 && self['spark.kubernetes.executor.podNamePrefix'].matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message=`spark.kubernetes.executor.podNamePrefix must conform https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names and the value length <= 237`
	SparkConf map[string]string `json:"sparkConf,omitempty"`
	// Hadoop properties, as a map from name to value. Each is passed to Spark as spark.hadoop.NAME.
	// +optional
	// +kubebuilder:validation:MaxProperties=20000
	HadoopConf map[string]string `json:"hadoopConf,omitempty"`
	// Name of a ConfigMap with configuration files of Spark. It is mounted at /etc/spark/conf in driver and executors,
	// and SPARK_CONF_DIR points there.
	// +optional
	SparkConfigMap *string `json:"sparkConfigMap,omitempty"`
	// Name of a ConfigMap with configuration files of Hadoop. It is mounted at /etc/hadoop/conf in driver and
	// executors, and HADOOP_CONF_DIR points there.
	// +optional
	HadoopConfigMap *string `json:"hadoopConfigMap,omitempty"`
	// Volumes that driver and executors can mount with their volumeMounts.
	// +optional
	// +kubebuilder:validation:MaxItems=2000
	// +kubebuilder:validation:XValidation:rule=`self.all(v, (has(v.awsElasticBlockStore) ? 1 : 0) + (has(v.azureDisk) ? 1 : 0) + (has(v.azureFile) ? 1 : 0) + (has(v.cephfs) ? 1 : 0) + (has(v.cinder) ? 1 : 0) + (has(v.configMap) ? 1 : 0) + (has(v.csi) ? 1 : 0) + (has(v.downwardAPI) ? 1 : 0) + (has(v.emptyDir) ? 1 : 0) + (has(v.ephemeral) ? 1 : 0) + (has(v.fc) ? 1 : 0) + (has(v.flexVolume) ? 1 : 0) + (has(v.flocker) ? 1 : 0) + (has(v.gcePersistentDisk) ? 1 : 0) + (has(v.gitRepo) ? 1 : 0) + (has(v.glusterfs) ? 1 : 0) + (has(v.hostPath) ? 1 : 0) + (has(v.image) ? 1 : 0) + (has(v.iscsi) ? 1 : 0) + (has(v.nfs) ? 1 : 0) + (has(v.persistentVolumeClaim) ? 1 : 0) + (has(v.photonPersistentDisk) ? 1 : 0) + (has(v.portworxVolume) ? 1 : 0) + (has(v.projected) ? 1 : 0) + (has(v.quobyte) ? 1 : 0) + (has(v.rbd) ? 1 : 0) + (has(v.scaleIO) ? 1 : 0) + (has(v.secret) ? 1 : 0) + (has(v.storageos) ? 1 : 0) + (has(v.vsphereVolume) ? 1 : 0) <= 1)`,message=`a volume has one source; remove the others, or define a volume for each`
	Volumes []corev1.Volume `json:"volumes,omitempty"`
	// The driver pod.
	// +optional
	Driver DriverSpec `json:"driver,omitempty,omitzero"`
	// The executor pods.
	// +optional
	Executor ExecutorSpec `json:"executor,omitempty,omitzero"`
	// Files and packages that the application needs.
	// +optional
	Deps Dependencies `json:"deps,omitempty,omitzero"`
	// Whether, how often and after which delay the application runs again. Default: it does not run again.
	// +optional
	RestartPolicy RestartPolicy `json:"restartPolicy,omitempty,omitzero"`
	// Labels that a node must have to run driver or executors. Cannot be combined with a nodeSelector of the driver or
	// the executor.
	// +optional
	// +kubebuilder:validation:MaxProperties=2000
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// Has no effect; accepted for compatibility. Use restartPolicy.onFailureRetries.
	// +optional
	FailureRetries *int32 `json:"failureRetries,omitempty"`
	// Has no effect; accepted for compatibility. Use restartPolicy.onFailureRetryInterval.
	// +optional
	RetryInterval *int64 `json:"retryInterval,omitempty"`
	// Major version of Python: "2" or "3". Has no effect on images with one version of Python.
	// +optional
	// +kubebuilder:validation:Enum={"2","3"}
	PythonVersion *string `json:"pythonVersion,omitempty"`
	// Memory outside the JVM heap, as a fraction of memory such as "0.2". It is added to memory. Has no effect for a role
	// that sets memoryOverhead. Default 0.1 for Java and Scala, 0.4 for Python and R.
	// +optional
	MemoryOverheadFactor *string `json:"memoryOverheadFactor,omitempty"`
	// Metrics of driver and executors. Default: not exposed.
	// +optional
	Monitoring *MonitoringSpec `json:"monitoring,omitempty"`
	// Batch scheduler of the pods: volcano, yunikorn, or the name of a kube-scheduler profile with the coscheduling
	// plugin that the operator is configured with. Default: the operator's default, else none.
	// +optional
	BatchScheduler *string `json:"batchScheduler,omitempty"`
	// Seconds after its end at which the application is deleted, with its pods. Default: it is kept.
	// +optional
	TimeToLiveSeconds *int64 `json:"timeToLiveSeconds,omitempty"`
	// Settings for the batch scheduler.
	// +optional
	BatchSchedulerOptions *BatchSchedulerConfiguration `json:"batchSchedulerOptions,omitempty"`
	// Service and Ingress of the Spark web UI.
	// +optional
	SparkUIOptions *SparkUIConfiguration `json:"sparkUIOptions,omitempty"`
	// Further ports of the driver that get a Service and an Ingress of their own.
	// +optional
	// +kubebuilder:validation:MaxItems=200
	// +kubebuilder:validation:XValidation:rule=`[self.filter(i, has(i.servicePort)).map(i, i.servicePort)].all(ports, ports.all(port, ports.indexOf(port) == ports.lastIndexOf(port)))`,message=`DriverIngressOptions has duplicate ServicePort; list each port once`
	// +kubebuilder:validation:XValidation:rule=`[self.filter(i, has(i.ingressURLFormat) && i.ingressURLFormat != '').map(i, i.ingressURLFormat)].all(urls, urls.all(url, urls.indexOf(url) == urls.lastIndexOf(url)))`,message=`DriverIngressOptions has duplicate IngressURLFormat; use a different one for each port`
	DriverIngressOptions []DriverIngressConfiguration `json:"driverIngressOptions,omitempty"`
	// Dynamic allocation: Spark starts and stops executors according to the load. Default: disabled.
	// +optional
	DynamicAllocation *DynamicAllocation `json:"dynamicAllocation,omitempty"`
	// Whether to protect the driver pod from voluntary disruptions, such as the drain of its node, by a
	// PodDisruptionBudget. It must be enabled in the operator. Default false.
	// +optional
	DriverPodDisruptionBudget *bool `json:"driverPodDisruptionBudget,omitempty"`
	// Limits for the duration of each phase of a run. Default: no limits.
	// +optional
	Timeouts *Timeouts `json:"timeouts,omitempty"`
	// Shows the progress of the run in status.progress. The operator reads it from the web UI of the driver. Default: no
	// progress is shown.
	// +optional
	Progress *ProgressConfiguration `json:"progress,omitempty"`
	// Which pods to delete when the application ends. Default: pods that have ended are kept.
	// +optional
	CleanupPolicy *CleanupPolicy `json:"cleanupPolicy,omitempty"`
	// The event log of each run, for a Spark history server. Default: that of the operator, otherwise no event log.
	// +optional
	History *History `json:"history,omitempty"`
	// Which logs to copy to a bucket before their pods are deleted. Requires the log archiver. An edit takes effect with
	// the next run.
	// +optional
	LogArchive *LogArchive `json:"logArchive,omitempty"`
}

// RestartPolicyType defines when an application runs again.
// +kubebuilder:validation:Enum={Never,Always,OnFailure}
type RestartPolicyType string

// Restart policies.
const (
	RestartPolicyNever     RestartPolicyType = "Never"
	RestartPolicyOnFailure RestartPolicyType = "OnFailure"
	RestartPolicyAlways    RestartPolicyType = "Always"
)

// RestartPolicy defines whether, how often and after which delay an application runs
// again.
type RestartPolicy struct {
	// When to run again: Never, OnFailure (after a failure) or Always (after success as well). Default Never.
	// +optional
	Type RestartPolicyType `json:"type,omitempty"`
	// Number of times that a failed submission is retried, if type is OnFailure or Always. Default 0 with OnFailure, no
	// limit with Always.
	// +optional
	// +kubebuilder:validation:Minimum=0
	OnSubmissionFailureRetries *int32 `json:"onSubmissionFailureRetries,omitempty"`
	// Number of times that a failed run is retried, if type is OnFailure. Default 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	OnFailureRetries *int32 `json:"onFailureRetries,omitempty"`
	// Delay in seconds before a failed submission is retried, multiplied by the number of failed submissions. At least
	// 1. Default 5.
	// +optional
	// +kubebuilder:validation:Minimum=1
	OnSubmissionFailureRetryInterval *int64 `json:"onSubmissionFailureRetryInterval,omitempty"`
	// Delay in seconds before the application runs again, multiplied by the number of its runs. At least 1. Default 5.
	// See backoff for delays that double.
	// +optional
	// +kubebuilder:validation:Minimum=1
	OnFailureRetryInterval *int64 `json:"onFailureRetryInterval,omitempty"`
	// Delays that double with each failed run, up to a maximum, instead of growing linearly. Default: linear delays.
	// +optional
	Backoff *Backoff `json:"backoff,omitempty"`
	// Exit codes of the driver after which the application is not run again, even if retries are left.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=255
	// +kubebuilder:validation:items:Minimum=1
	// +kubebuilder:validation:items:Maximum=255
	NonRetryableExitCodes []int32 `json:"nonRetryableExitCodes,omitempty"`
	// Separate retries for failures of the infrastructure, such as an eviction or a lost node. They apply with every type,
	// also Never. Default: these failures use up the other retries.
	// +optional
	InfrastructureFailures *InfrastructureFailurePolicy `json:"infrastructureFailures,omitempty"`
}

// BatchSchedulerConfiguration are settings for the batch scheduler.
type BatchSchedulerConfiguration struct {
	// Queue of the batch scheduler. Default: the default queue of the scheduler.
	// +optional
	Queue *string `json:"queue,omitempty"`
	// Priority class of the pod group.
	// +optional
	PriorityClassName *string `json:"priorityClassName,omitempty"`
	// Resources that the pod group requests, as a map from resource name to quantity. Default: the sum of the requests
	// of driver and initial executors.
	// +optional
	// +kubebuilder:validation:MaxProperties=1000
	Resources corev1.ResourceList `json:"resources,omitempty"`
}

// SparkUIConfiguration describes Service, Ingress and HTTPRoute of the Spark UI.
type SparkUIConfiguration struct {
	// Port of the Service. Default: the port of the UI, 4040.
	// +optional
	ServicePort *int32 `json:"servicePort,omitempty"`
	// Name of the port of the Service. Default spark-driver-ui-port.
	// +optional
	ServicePortName *string `json:"servicePortName,omitempty"`
	// Type of the Service: ClusterIP, NodePort or LoadBalancer. Default ClusterIP.
	// +optional
	ServiceType *corev1.ServiceType `json:"serviceType,omitempty"`
	// Annotations of the Service.
	// +optional
	ServiceAnnotations map[string]string `json:"serviceAnnotations,omitempty"`
	// Labels of the Service, in addition to those of the operator.
	// +optional
	ServiceLabels map[string]string `json:"serviceLabels,omitempty"`
	// Annotations of the Ingress.
	// +optional
	IngressAnnotations map[string]string `json:"ingressAnnotations,omitempty"`
	// TLS settings of the Ingress.
	// +optional
	IngressTLS []networkingv1.IngressTLS `json:"ingressTLS,omitempty"`
	// Annotations of the HTTPRoute. Default: those of the operator.
	// +optional
	RouteAnnotations map[string]string `json:"routeAnnotations,omitempty"`
	// Gateways to which the HTTPRoute attaches. Default: those of the operator. They have an effect only if the operator
	// creates HTTPRoutes (--ui-route-url-format).
	// +optional
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	RouteGateways []RouteGateway `json:"routeGateways,omitempty"`
}

// RouteGateway names a Gateway of the Gateway API, and optionally one of its listeners.
type RouteGateway struct {
	// Namespace of the Gateway. Default: the namespace of the application.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
	// Name of the Gateway.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
	// Name of a listener of the Gateway. Default: all listeners that accept the route.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	SectionName string `json:"sectionName,omitempty"`
}

// DriverIngressConfiguration describes Service and Ingress of one further port of
// the driver.
// +kubebuilder:validation:XValidation:rule=`has(self.ingressURLFormat) && self.ingressURLFormat.size() > 0`,message=`DriverIngressOptions has empty IngressURLFormat; use a value such as {{$appName}}.example.com`,fieldPath=`.ingressURLFormat`,reason=FieldValueRequired
type DriverIngressConfiguration struct {
	// Port of the driver and of the Service. Unique in the list.
	ServicePort *int32 `json:"servicePort"`
	// Name of the port of the Service.
	ServicePortName *string `json:"servicePortName"`
	// Type of the Service: ClusterIP, NodePort or LoadBalancer. Default ClusterIP.
	// +optional
	ServiceType *corev1.ServiceType `json:"serviceType,omitempty"`
	// Annotations of the Service.
	// +optional
	ServiceAnnotations map[string]string `json:"serviceAnnotations,omitempty"`
	// Labels of the Service, in addition to those of the operator.
	// +optional
	ServiceLabels map[string]string `json:"serviceLabels,omitempty"`
	// Host and path of the Ingress, such as {{$appName}}.example.com. {{$appName}}, {{$appNamespace}} and {{$appId}}
	// are replaced by name, namespace and Spark application ID.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	IngressURLFormat string `json:"ingressURLFormat,omitempty"`
	// Annotations of the Ingress. Default: those of sparkUIOptions.
	// +optional
	IngressAnnotations map[string]string `json:"ingressAnnotations,omitempty"`
	// TLS settings of the Ingress. Default: those of sparkUIOptions.
	// +optional
	IngressTLS []networkingv1.IngressTLS `json:"ingressTLS,omitempty"`
}

// Dependencies are files and packages an application needs.
type Dependencies struct {
	// URIs of JARs to add to the class paths of driver and executors.
	// +optional
	// +kubebuilder:validation:MaxItems=10000
	Jars []string `json:"jars,omitempty"`
	// URIs of files to place in the working directory of each executor.
	// +optional
	// +kubebuilder:validation:MaxItems=10000
	Files []string `json:"files,omitempty"`
	// URIs of .py, .zip or .egg files to add to the Python path.
	// +optional
	// +kubebuilder:validation:MaxItems=10000
	PyFiles []string `json:"pyFiles,omitempty"`
	// Maven coordinates of packages, such as org.apache.spark:spark-avro_2.13:4.1.4. The driver downloads them with
	// their dependencies.
	// +optional
	// +kubebuilder:validation:MaxItems=10000
	Packages []string `json:"packages,omitempty"`
	// Dependencies of packages to leave out, as groupId:artifactId.
	// +optional
	// +kubebuilder:validation:MaxItems=10000
	ExcludePackages []string `json:"excludePackages,omitempty"`
	// URLs of Maven repositories to search in addition to Maven Central.
	// +optional
	// +kubebuilder:validation:MaxItems=10000
	Repositories []string `json:"repositories,omitempty"`
	// URIs of archives to extract into the working directory of each executor.
	// +optional
	// +kubebuilder:validation:MaxItems=10000
	Archives []string `json:"archives,omitempty"`
}

// MonitoringSpec exposes the application's own metrics.
type MonitoringSpec struct {
	// Whether the driver exposes metrics.
	ExposeDriverMetrics bool `json:"exposeDriverMetrics"`
	// Whether the executors expose metrics.
	ExposeExecutorMetrics bool `json:"exposeExecutorMetrics"`
	// Content of the file metrics.properties of Spark. Default: a configuration for JMX.
	// +optional
	MetricsProperties *string `json:"metricsProperties,omitempty"`
	// Path of a file metrics.properties in the image. Takes precedence over metricsProperties.
	// +optional
	MetricsPropertiesFile *string `json:"metricsPropertiesFile,omitempty"`
	// JMX exporter for Prometheus, which runs as a Java agent in driver and executors. Default: Spark serves the metrics.
	// +optional
	Prometheus *PrometheusSpec `json:"prometheus,omitempty"`
}

// PrometheusSpec configures the JMX exporter.
type PrometheusSpec struct {
	// Path of the JAR of the JMX exporter in the image.
	JmxExporterJar string `json:"jmxExporterJar"`
	// Port on which the exporter serves metrics, 1024 to 49151. Default 8090.
	// +optional
	// +kubebuilder:validation:Minimum=1024
	// +kubebuilder:validation:Maximum=49151
	Port *int32 `json:"port,omitempty"`
	// Name of the container port. Default jmx-exporter.
	// +optional
	PortName *string `json:"portName,omitempty"`
	// Path of a configuration file of the exporter in the image. Takes precedence over configuration.
	// +optional
	ConfigFile *string `json:"configFile,omitempty"`
	// Content of the configuration of the exporter. Default: a configuration for the metrics of Spark.
	// +optional
	Configuration *string `json:"configuration,omitempty"`
}

// DynamicAllocation lets Spark scale the number of executors.
// +kubebuilder:validation:XValidation:rule=`!has(self.enabled) || !self.enabled || !has(self.minExecutors) || self.minExecutors >= 0`,message=`must be at least 0`,fieldPath=`.minExecutors`
// +kubebuilder:validation:XValidation:rule=`!has(self.enabled) || !self.enabled || !has(self.maxExecutors) || self.maxExecutors >= 1`,message=`must be at least 1`,fieldPath=`.maxExecutors`
// +kubebuilder:validation:XValidation:rule=`!has(self.enabled) || !self.enabled || !has(self.minExecutors) || !has(self.maxExecutors) || self.minExecutors <= self.maxExecutors`,message=`dynamicAllocation.minExecutors cannot be greater than dynamicAllocation.maxExecutors`,fieldPath=`.minExecutors`
type DynamicAllocation struct {
	// Whether dynamic allocation is enabled. Default false.
	// +optional
	Enabled bool `json:"enabled,omitempty"`
	// Number of executors at the start. Default: minExecutors, or executor.instances if that is larger.
	// +optional
	InitialExecutors *int32 `json:"initialExecutors,omitempty"`
	// Smallest number of executors. Default 0.
	// +optional
	MinExecutors *int32 `json:"minExecutors,omitempty"`
	// Largest number of executors. Default: no limit.
	// +optional
	MaxExecutors *int32 `json:"maxExecutors,omitempty"`
	// Whether executors with shuffle data are kept, which makes an external shuffle service unnecessary. Default true.
	// +optional
	ShuffleTrackingEnabled *bool `json:"shuffleTrackingEnabled,omitempty"`
	// Milliseconds after which an idle executor is stopped even if it holds shuffle data. Default: no limit.
	// +optional
	ShuffleTrackingTimeout *int64 `json:"shuffleTrackingTimeout,omitempty"`
}
