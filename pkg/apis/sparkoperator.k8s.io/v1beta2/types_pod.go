// SPDX-License-Identifier: Apache-2.0

package v1beta2

import (
	corev1 "k8s.io/api/core/v1"
)

// SparkPodSpec is what driver and executor pods have in common.
type SparkPodSpec struct {
	// Template is the pod that Spark starts from. Typed fields win over it.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type:=object
	Template *corev1.PodTemplateSpec `json:"template,omitempty"`
	// Cores is the number of task slots and, unless coreRequest says otherwise, the
	// CPU request. Default 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Cores *int32 `json:"cores,omitempty"`
	// CoreLimit is the CPU limit, a Kubernetes quantity.
	// +optional
	CoreLimit *string `json:"coreLimit,omitempty"`
	// Memory is the JVM heap in Java notation, such as 512m or 4g. Default 1g.
	// +optional
	Memory *string `json:"memory,omitempty"`
	// MemoryLimit overrides the container's memory limit.
	// +optional
	MemoryLimit *string `json:"memoryLimit,omitempty"`
	// MemoryOverhead is the off-heap memory added to memory, in Java notation.
	// +optional
	MemoryOverhead *string `json:"memoryOverhead,omitempty"`
	// GPU asks for GPUs.
	// +optional
	GPU *GPUSpec `json:"gpu,omitempty"`
	// Image overrides the application's image.
	// +optional
	Image *string `json:"image,omitempty"`
	// ConfigMaps are mounted at the given paths.
	// +optional
	ConfigMaps []NamePath `json:"configMaps,omitempty"`
	// Secrets are mounted at the given paths.
	// +optional
	Secrets []SecretInfo `json:"secrets,omitempty"`
	// Env are environment variables.
	// +optional
	Env []corev1.EnvVar `json:"env,omitempty"`
	// EnvVars are environment variables with literal values. Deprecated: use env.
	// +optional
	EnvVars map[string]string `json:"envVars,omitempty"`
	// EnvFrom are sources of environment variables.
	// +optional
	EnvFrom []corev1.EnvFromSource `json:"envFrom,omitempty"`
	// EnvSecretKeyRefs are environment variables from Secrets. Deprecated: use env.
	// +optional
	EnvSecretKeyRefs map[string]NameKey `json:"envSecretKeyRefs,omitempty"`
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// VolumeMounts mount volumes of the application. A volume whose name starts with
	// spark-local-dir- becomes Spark scratch space.
	// +optional
	VolumeMounts []corev1.VolumeMount `json:"volumeMounts,omitempty"`
	// +optional
	Affinity *corev1.Affinity `json:"affinity,omitempty"`
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
	// PodSecurityContext is the security context of the pod.
	// +optional
	PodSecurityContext *corev1.PodSecurityContext `json:"podSecurityContext,omitempty"`
	// SecurityContext is the security context of the Spark container.
	// +optional
	SecurityContext *corev1.SecurityContext `json:"securityContext,omitempty"`
	// SchedulerName of the pod, unless batchScheduler is set.
	// +optional
	SchedulerName *string `json:"schedulerName,omitempty"`
	// Sidecars are further containers.
	// +optional
	Sidecars []corev1.Container `json:"sidecars,omitempty"`
	// +optional
	InitContainers []corev1.Container `json:"initContainers,omitempty"`
	// +optional
	HostNetwork *bool `json:"hostNetwork,omitempty"`
	// NodeSelector excludes the application's own.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// +optional
	DNSConfig *corev1.PodDNSConfig `json:"dnsConfig,omitempty"`
	// +optional
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds,omitempty"`
	// ServiceAccount is the name of the pod's service account.
	// +optional
	ServiceAccount *string `json:"serviceAccount,omitempty"`
	// +optional
	HostAliases []corev1.HostAlias `json:"hostAliases,omitempty"`
	// +optional
	ShareProcessNamespace *bool `json:"shareProcessNamespace,omitempty"`
}

// DriverSpec describes the driver pod.
type DriverSpec struct {
	SparkPodSpec `json:",inline"`

	// PodName is the name of the driver pod. Default <application>-driver.
	// +optional
	PodName *string `json:"podName,omitempty"`
	// CoreRequest is the CPU request, a Kubernetes quantity; overrides cores.
	// +optional
	CoreRequest *string `json:"coreRequest,omitempty"`
	// JavaOptions are further options of the driver's JVM.
	// +optional
	JavaOptions *string `json:"javaOptions,omitempty"`
	// Lifecycle of the Spark container.
	// +optional
	Lifecycle *corev1.Lifecycle `json:"lifecycle,omitempty"`
	// KubernetesMaster is the URL under which the driver reaches the API server.
	// +optional
	KubernetesMaster *string `json:"kubernetesMaster,omitempty"`
	// ServiceAnnotations of Spark's headless driver Service.
	// +optional
	ServiceAnnotations map[string]string `json:"serviceAnnotations,omitempty"`
	// ServiceLabels of Spark's headless driver Service.
	// +optional
	ServiceLabels map[string]string `json:"serviceLabels,omitempty"`
	// Ports are further container ports.
	// +optional
	Ports []Port `json:"ports,omitempty"`
	// +optional
	PriorityClassName *string `json:"priorityClassName,omitempty"`
}

// ExecutorSpec describes the executor pods.
type ExecutorSpec struct {
	SparkPodSpec `json:",inline"`

	// Instances is the number of executors. Default 1, unless dynamic allocation or
	// sparkConf says otherwise.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Instances *int32 `json:"instances,omitempty"`
	// CoreRequest is the CPU request, a Kubernetes quantity; overrides cores.
	// +optional
	CoreRequest *string `json:"coreRequest,omitempty"`
	// JavaOptions are further options of the executors' JVM.
	// +optional
	JavaOptions *string `json:"javaOptions,omitempty"`
	// Lifecycle of the Spark container.
	// +optional
	Lifecycle *corev1.Lifecycle `json:"lifecycle,omitempty"`
	// DeleteOnTermination says whether Spark deletes executor pods when they end.
	// +optional
	DeleteOnTermination *bool `json:"deleteOnTermination,omitempty"`
	// Ports are further container ports.
	// +optional
	Ports []Port `json:"ports,omitempty"`
	// +optional
	PriorityClassName *string `json:"priorityClassName,omitempty"`
}

// NamePath is the name of an object and the path at which it is mounted.
type NamePath struct {
	Name string `json:"name"`
	Path string `json:"path"`
}

// SecretType says how a mounted Secret is used.
type SecretType string

// Secret types with a meaning of their own; any other is only mounted.
const (
	// SecretTypeGCPServiceAccount sets GOOGLE_APPLICATION_CREDENTIALS to
	// <path>/key.json.
	SecretTypeGCPServiceAccount SecretType = "GCPServiceAccount"
	// SecretTypeHadoopDelegationToken sets HADOOP_TOKEN_FILE_LOCATION to
	// <path>/hadoop.token.
	SecretTypeHadoopDelegationToken SecretType = "HadoopDelegationToken"
	// SecretTypeGeneric is only mounted.
	SecretTypeGeneric SecretType = "Generic"
)

// SecretInfo is a Secret, the path at which it is mounted, and its use.
type SecretInfo struct {
	Name string `json:"name"`
	Path string `json:"path"`
	// +optional
	Type SecretType `json:"secretType,omitempty"`
}

// NameKey is the name of an object and a key in it.
type NameKey struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// Port is a container port.
type Port struct {
	Name          string `json:"name"`
	Protocol      string `json:"protocol"`
	ContainerPort int32  `json:"containerPort"`
}

// GPUSpec asks for GPUs.
type GPUSpec struct {
	// Name is the resource name, such as nvidia.com/gpu.
	Name string `json:"name"`
	// Quantity is the number of GPUs; 0 or less asks for none.
	Quantity int64 `json:"quantity"`
}
