// SPDX-License-Identifier: Apache-2.0

package v1beta2

import (
	corev1 "k8s.io/api/core/v1"
)

// SparkPodSpec is what driver and executor pods have in common.
type SparkPodSpec struct {
	// Pod template that Spark starts from. Spark properties take precedence over the template, and the other fields of
	// this role take precedence over both. The API server does not validate the template.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type:=object
	Template *corev1.PodTemplateSpec `json:"template,omitempty"`
	// Number of task slots, and the CPU request unless coreRequest is set. At least 1. Default 1, unless sparkConf sets
	// spark.driver.cores or spark.executor.cores.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Cores *int32 `json:"cores,omitempty"`
	// CPU limit of the Spark container, as a Kubernetes quantity such as 1200m. Default: no limit.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self == '' || self.size() > 1000 || isQuantity(self) && !quantity(self).isLessThan(quantity('0'))`,message=`not an amount of CPU; use a value such as 500m or 1.5`
	CoreLimit *string `json:"coreLimit,omitempty"`
	// Size of the JVM heap in Java notation, such as 512m or 4g. The memory request is the sum of memory and memoryOverhead.
	// Default 1g, unless sparkConf sets spark.driver.memory or spark.executor.memory.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self == '' || self.size() > 1000 || self.matches('^[\\x00- ]*[0-9]+[a-zA-Z\\x{212a}]*[\\x00- ]*$')`,message=`not an amount of memory in the notation of Spark; use a value such as 512m or 2g`
	Memory *string `json:"memory,omitempty"`
	// Memory limit of the Spark container, in Java notation or as a Kubernetes quantity, such as 2g or 2Gi. Default:
	// the memory request. For executors, only the webhook can set a limit other than the request.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self == '' || self.size() > 1000 || self.trim().matches('^[+]?[0-9.]+(?i:[a-z]{0,2}|e[+-]?[0-9]+[a-z]{0,2})$')`,message=`not an amount of memory; use a value such as 2g, 512m or 2Gi`
	MemoryLimit *string `json:"memoryLimit,omitempty"`
	// Memory outside the JVM heap that is added to memory, in Java notation such as 512m. Default: memoryOverheadFactor
	// times memory, at least 384m.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self == '' || self.size() > 1000 || self.matches('^-?[\\x00- ]*[0-9]+[a-zA-Z\\x{212a}]*[\\x00- ]*$')`,message=`not an amount of memory in the notation of Spark; use a value such as 512m or 1g`
	MemoryOverhead *string `json:"memoryOverhead,omitempty"`
	// GPUs of the Spark container. Default: none.
	// +optional
	GPU *GPUSpec `json:"gpu,omitempty"`
	// Container image of this role. Default: spec.image.
	// +optional
	Image *string `json:"image,omitempty"`
	// ConfigMaps to mount into the Spark container, each as a directory.
	// +optional
	// +kubebuilder:validation:MaxItems=2000
	ConfigMaps []NamePath `json:"configMaps,omitempty"`
	// Secrets to mount into the Spark container, each as a directory.
	// +optional
	// +kubebuilder:validation:MaxItems=2000
	Secrets []SecretInfo `json:"secrets,omitempty"`
	// Environment variables of the Spark container.
	// +optional
	// +kubebuilder:validation:MaxItems=10000
	// +kubebuilder:validation:XValidation:rule=`self.all(v, !has(v.name) || v.name.size() > 0)`,message=`environment variables must have a name`
	Env []corev1.EnvVar `json:"env,omitempty"`
	// Environment variables of the Spark container, as a map from name to value. Deprecated: use env.
	// +optional
	// +kubebuilder:validation:MaxProperties=10000
	EnvVars map[string]string `json:"envVars,omitempty"`
	// ConfigMaps and Secrets whose keys become environment variables of the Spark container.
	// +optional
	// +kubebuilder:validation:MaxItems=2000
	EnvFrom []corev1.EnvFromSource `json:"envFrom,omitempty"`
	// Environment variables of the Spark container whose values come from keys of Secrets, as a map from the name of
	// the variable. Deprecated: use env.
	// +optional
	// +kubebuilder:validation:MaxProperties=10000
	EnvSecretKeyRefs map[string]NameKey `json:"envSecretKeyRefs,omitempty"`
	// Labels of the pod, in addition to those of the application.
	// +optional
	// +kubebuilder:validation:MaxProperties=2000
	Labels map[string]string `json:"labels,omitempty"`
	// Annotations of the pod, in addition to those of the application.
	// +optional
	// +kubebuilder:validation:MaxProperties=2000
	Annotations map[string]string `json:"annotations,omitempty"`
	// Volumes of spec.volumes to mount into the Spark container. A volume whose name starts with spark-local-dir-
	// becomes scratch space of Spark.
	// +optional
	// +kubebuilder:validation:MaxItems=2000
	VolumeMounts []corev1.VolumeMount `json:"volumeMounts,omitempty"`
	// Affinity and anti-affinity rules for scheduling the pod.
	// +optional
	Affinity *corev1.Affinity `json:"affinity,omitempty"`
	// Taints of nodes that the pod tolerates.
	// +optional
	// +kubebuilder:validation:MaxItems=1000
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// Security context of the pod.
	// +optional
	PodSecurityContext *corev1.PodSecurityContext `json:"podSecurityContext,omitempty"`
	// Security context of the Spark container.
	// +optional
	SecurityContext *corev1.SecurityContext `json:"securityContext,omitempty"`
	// Scheduler of the pod. Has no effect if a batch scheduler is used. Default: the default scheduler of the cluster.
	// +optional
	SchedulerName *string `json:"schedulerName,omitempty"`
	// Containers that run beside the Spark container. When the Spark container of the driver ends, the run ends, even
	// if sidecars still run.
	// +optional
	// +kubebuilder:validation:MaxItems=500
	Sidecars []corev1.Container `json:"sidecars,omitempty"`
	// Containers that run, one after another, before the Spark container starts.
	// +optional
	// +kubebuilder:validation:MaxItems=500
	InitContainers []corev1.Container `json:"initContainers,omitempty"`
	// Whether the pod uses the network of its node. Default false.
	// +optional
	HostNetwork *bool `json:"hostNetwork,omitempty"`
	// Labels that a node must have to run the pod. Cannot be combined with spec.nodeSelector.
	// +optional
	// +kubebuilder:validation:MaxProperties=2000
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// DNS settings of the pod, merged with those of its DNS policy.
	// +optional
	DNSConfig *corev1.PodDNSConfig `json:"dnsConfig,omitempty"`
	// Seconds that the processes of the pod have to end before they are killed. Default 30.
	// +optional
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds,omitempty"`
	// Service account of the pod. The service account of the driver needs permission to create executor pods. Default:
	// the service account named default.
	// +optional
	ServiceAccount *string `json:"serviceAccount,omitempty"`
	// Lines to add to /etc/hosts of the pod.
	// +optional
	// +kubebuilder:validation:MaxItems=5000
	HostAliases []corev1.HostAlias `json:"hostAliases,omitempty"`
	// Whether the containers of the pod see each other's processes. Default false.
	// +optional
	ShareProcessNamespace *bool `json:"shareProcessNamespace,omitempty"`
}

// DriverSpec describes the driver pod.
// +kubebuilder:validation:XValidation:rule=`!((oldSelf.hasValue() ? [oldSelf.value(), self] : [self]).map(s, has(s.coreLimit) && s.coreLimit.size() <= 1000 && isQuantity(s.coreLimit) && has(s.coreRequest) && s.coreRequest.size() <= 1000 && isQuantity(s.coreRequest) && quantity(s.coreLimit).isLessThan(quantity(s.coreRequest))) in [[true], [false, true]])`,message=`the request must be less than or equal to cpu limit; raise the limit or lower coreRequest`,fieldPath=`.coreLimit`,optionalOldSelf=true
type DriverSpec struct {
	SparkPodSpec `json:",inline"`

	// Name of the driver pod. Default: NAME-driver, where NAME is the name of the application.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self == '' || self.size() <= 253 && self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message=`must be a DNS subdomain: at most 253 lower case letters, digits, - and ., with a letter or digit at both ends of each part`
	PodName *string `json:"podName,omitempty"`
	// CPU request of the Spark container, as a Kubernetes quantity such as 500m. Default: cores.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self == '' || self.size() > 1000 || isQuantity(self) && !quantity(self).isLessThan(quantity('0'))`,message=`not an amount of CPU; use a value such as 500m or 1.5`
	CoreRequest *string `json:"coreRequest,omitempty"`
	// Options of the driver's JVM, such as -XX:+UseG1GC. The heap size (-Xmx) is set by memory.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self.size() > 100000 || !self.matches('(^|\\s)["\']*-Xmx')`,messageExpression=`'Not allowed to specify max heap(Xmx) memory settings through java options (was ' + self + '). Use the corresponding --driver-memory or spark.driver.memory configuration instead. Set it by spec.driver.memory'`,message=`Not allowed to specify max heap(Xmx) memory settings through java options. Use the corresponding --driver-memory or spark.driver.memory configuration instead. Set it by spec.driver.memory`
	JavaOptions *string `json:"javaOptions,omitempty"`
	// Hooks that run after the Spark container starts and before it stops.
	// +optional
	Lifecycle *corev1.Lifecycle `json:"lifecycle,omitempty"`
	// URL under which the driver reaches the API server, such as https://10.0.0.1:443. Default: the Service
	// kubernetes.default.svc.
	// +optional
	KubernetesMaster *string `json:"kubernetesMaster,omitempty"`
	// Annotations of the headless Service of the driver.
	// +optional
	// +kubebuilder:validation:MaxProperties=2000
	ServiceAnnotations map[string]string `json:"serviceAnnotations,omitempty"`
	// Labels of the headless Service of the driver.
	// +optional
	// +kubebuilder:validation:MaxProperties=2000
	ServiceLabels map[string]string `json:"serviceLabels,omitempty"`
	// Container ports of the Spark container, in addition to those of Spark.
	// +optional
	// +kubebuilder:validation:MaxItems=5000
	Ports []Port `json:"ports,omitempty"`
	// Priority class of the driver pod. Default: the default priority class of the cluster.
	// +optional
	PriorityClassName *string `json:"priorityClassName,omitempty"`
}

// ExecutorSpec describes the executor pods.
// +kubebuilder:validation:XValidation:rule=`!((oldSelf.hasValue() ? [oldSelf.value(), self] : [self]).map(s, has(s.coreLimit) && s.coreLimit.size() <= 1000 && isQuantity(s.coreLimit) && has(s.coreRequest) && s.coreRequest.size() <= 1000 && isQuantity(s.coreRequest) && quantity(s.coreLimit).isLessThan(quantity(s.coreRequest))) in [[true], [false, true]])`,message=`the request must be less than or equal to cpu limit; raise the limit or lower coreRequest`,fieldPath=`.coreLimit`,optionalOldSelf=true
// +kubebuilder:validation:XValidation:rule=`!((oldSelf.hasValue() ? [oldSelf.value(), self] : [self]).map(s, has(s.labels) && ['spark-version', 'spark-exec-id', 'spark-app-selector', 'spark-app-name', 'spark-role', 'spark-exec-resourceprofile-id'].exists(k, k in s.labels)) in [[true], [false, true]])`,messageExpression=`'Custom executor labels cannot contain ' + ['spark-version', 'spark-exec-id', 'spark-app-selector', 'spark-app-name', 'spark-role', 'spark-exec-resourceprofile-id'].filter(k, k in self.labels)[0] + ' as it is reserved for Spark.; choose another key'`,fieldPath=`.labels`,optionalOldSelf=true
type ExecutorSpec struct {
	SparkPodSpec `json:",inline"`

	// Number of executors. Default 1, unless dynamic allocation is enabled or sparkConf sets spark.executor.instances.
	// 0 is valid only with dynamic allocation, and in an application with the label kueue.x-k8s.io/queue-name, where it
	// means the default: Kueue writes 0 when it stops an application that does not set the field. Kueue reserves quota
	// only for this number of executors, so set the field in applications with this label.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Instances *int32 `json:"instances,omitempty"`
	// CPU request of the Spark container, as a Kubernetes quantity such as 500m. Default: cores.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self == '' || self.size() > 1000 || isQuantity(self) && !quantity(self).isLessThan(quantity('0'))`,message=`not an amount of CPU; use a value such as 500m or 1.5`
	CoreRequest *string `json:"coreRequest,omitempty"`
	// Options of the JVM of each executor, such as -XX:+UseG1GC. The heap size (-Xmx) is set by memory.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self.size() > 100000 || !self.matches('(^|\\s)["\']*-Xmx')`,messageExpression=`'spark.executor.extraJavaOptions is not allowed to specify max heap memory settings (was \'' + self + '\'). Use spark.executor.memory instead. Set it by spec.executor.memory'`,message=`spark.executor.extraJavaOptions is not allowed to specify max heap memory settings. Use spark.executor.memory instead. Set it by spec.executor.memory`
	// +kubebuilder:validation:XValidation:rule=`self.size() > 100000 || !self.matches('(^|\\s)["\']*-Dspark')`,message=`spark.executor.extraJavaOptions is not allowed to set Spark options; set them in spec.sparkConf`
	JavaOptions *string `json:"javaOptions,omitempty"`
	// Hooks that run after the Spark container starts and before it stops. If spark.decommission.enabled is true, the
	// field has an effect only with the webhook.
	// +optional
	Lifecycle *corev1.Lifecycle `json:"lifecycle,omitempty"`
	// Whether Spark deletes the pod of an executor that has ended. Default true.
	// +optional
	DeleteOnTermination *bool `json:"deleteOnTermination,omitempty"`
	// Container ports of the Spark container, in addition to those of Spark.
	// +optional
	// +kubebuilder:validation:MaxItems=5000
	Ports []Port `json:"ports,omitempty"`
	// Priority class of the executor pods. Default: the default priority class of the cluster.
	// +optional
	PriorityClassName *string `json:"priorityClassName,omitempty"`
}

// NamePath is the name of an object and the path at which it is mounted.
type NamePath struct {
	// Name of the ConfigMap.
	Name string `json:"name"`
	// Directory in the container, as an absolute path.
	Path string `json:"path"`
}

// SecretType defines how a mounted Secret is used.
type SecretType string

// Secret types with a meaning of their own; any other is only mounted.
const (
	// SecretTypeGCPServiceAccount sets GOOGLE_APPLICATION_CREDENTIALS to key.json in
	// the mounted directory.
	SecretTypeGCPServiceAccount SecretType = "GCPServiceAccount"
	// SecretTypeHadoopDelegationToken sets HADOOP_TOKEN_FILE_LOCATION to hadoop.token
	// in the mounted directory.
	SecretTypeHadoopDelegationToken SecretType = "HadoopDelegationToken"
	// SecretTypeGeneric is only mounted.
	SecretTypeGeneric SecretType = "Generic"
)

// SecretInfo is a Secret, the path at which it is mounted, and its use.
type SecretInfo struct {
	// Name of the Secret.
	Name string `json:"name"`
	// Directory in the container, as an absolute path.
	Path string `json:"path"`
	// Use of the Secret: GCPServiceAccount sets GOOGLE_APPLICATION_CREDENTIALS to its key.json, HadoopDelegationToken
	// sets HADOOP_TOKEN_FILE_LOCATION to its hadoop.token. With any other value, such as Generic, the Secret is only
	// mounted.
	// +optional
	Type SecretType `json:"secretType,omitempty"`
}

// NameKey is the name of an object and a key in it.
type NameKey struct {
	// Name of the Secret.
	Name string `json:"name"`
	// Key in the Secret.
	Key string `json:"key"`
}

// Port is a container port.
type Port struct {
	// Name of the port, unique in the pod.
	// +kubebuilder:validation:XValidation:rule=`self.size() <= 15`,message=`must be no more than 15 characters`
	Name string `json:"name"`
	// Protocol of the port: TCP, UDP or SCTP.
	// +kubebuilder:validation:XValidation:rule=`self in ['', 'TCP', 'UDP', 'SCTP']`,message=`use TCP, UDP or SCTP`
	Protocol string `json:"protocol"`
	// Number of the port, 1 to 65535.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	ContainerPort int32 `json:"containerPort"`
}

// GPUSpec asks for GPUs.
type GPUSpec struct {
	// Name of the extended resource, such as nvidia.com/gpu.
	Name string `json:"name"`
	// Number of GPUs. 0 or less requests none.
	Quantity int64 `json:"quantity"`
}
