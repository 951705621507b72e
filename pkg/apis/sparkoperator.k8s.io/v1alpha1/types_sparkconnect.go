// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true
// +kubebuilder:metadata:annotations="api-approved.kubernetes.io=https://github.com/kubeflow/spark-operator/pull/1298"
// +kubebuilder:resource:scope=Namespaced,shortName=sparkconn,singular=sparkconnect
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:JSONPath=.metadata.creationTimestamp,name=Age,type=date
// +kubebuilder:printcolumn:JSONPath=.status.state,name=Status,type=string
// +kubebuilder:printcolumn:JSONPath=.status.server.podName,name=PodName,type=string
// +kubebuilder:printcolumn:JSONPath=.status.stopReason,name=Stopped,type=string
// +kubebuilder:printcolumn:JSONPath=.status.endpoint,name=Endpoint,type=string,priority=1

// SparkConnect is a Spark Connect server with its executors, to which clients connect
// with SparkSession.builder.remote.
// +kubebuilder:validation:XValidation:rule=`oldSelf.hasValue() || self.metadata.name.size() <= 56`,messageExpression=`'metadata.name: invalid SparkConnect name "' + self.metadata.name + '": must be at most 56 characters so that the derived Service name "' + self.metadata.name + '-server" does not exceed the DNS-1035 label length limit (63 characters)'`,optionalOldSelf=true
type SparkConnect struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	// Specification of the server, and when it runs.
	Spec SparkConnectSpec `json:"spec"`
	// State of the server, written by the operator.
	// +optional
	Status SparkConnectStatus `json:"status,omitempty,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
// +kubebuilder:object:root=true

// SparkConnectList is a list of SparkConnects.
type SparkConnectList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []SparkConnect `json:"items"`
}

// SparkConnectSpec is what the user asks for. The operator never writes it.
type SparkConnectSpec struct {
	// Version of Spark in the image, such as 4.1.4. At least 3.4. It selects how the objects of the server are built.
	SparkVersion string `json:"sparkVersion"`
	// Container image of server and executors, unless the Spark containers of their templates set one.
	// +optional
	Image *string `json:"image,omitempty"`
	// Hadoop properties, as a map from name to value. Each is passed to Spark as spark.hadoop.NAME.
	// +optional
	// +kubebuilder:validation:MaxProperties=20000
	HadoopConf map[string]string `json:"hadoopConf,omitempty"`
	// Spark properties, as a map from name to value. Fields of this spec take precedence over properties.
	// +optional
	// +kubebuilder:validation:MaxProperties=20000
	SparkConf map[string]string `json:"sparkConf,omitempty"`
	// The server, which is the driver of all sessions.
	Server ServerSpec `json:"server"`
	// The executors that all sessions share.
	Executor ExecutorSpec `json:"executor"`
	// Dynamic allocation of executors.
	// +optional
	DynamicAllocation *v1beta2.DynamicAllocation `json:"dynamicAllocation,omitempty"`

	// Whether the server is stopped. True deletes the server pod and keeps this object and its Service; false starts the
	// server. Default false.
	// +optional
	Suspend *bool `json:"suspend,omitempty"`
	// Time without activity, such as 30m, after which the server stops. At least 1m, and not above maxAge. Jobs, running
	// operations and streaming queries are activity; an open session alone is not. Needs the web UI of Spark
	// (spark.ui.enabled) and Spark 3.5 or newer. Default: no limit.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self.size() > 1000 || self.matches('^[+]?(0|([0-9]*[.]?[0-9]*(ns|us|µs|μs|ms|s|m|h))+)$')`,message=`must be a duration such as 30m, and not negative`
	IdleTimeout *metav1.Duration `json:"idleTimeout,omitempty"`
	// Age of the server pod, such as 24h, at which the server stops even if sessions are open. At least 1m. Default: no
	// limit.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self.size() > 1000 || self.matches('^[+]?(0|([0-9]*[.]?[0-9]*(ns|us|µs|μs|ms|s|m|h))+)$')`,message=`must be a duration such as 24h, and not negative`
	MaxAge *metav1.Duration `json:"maxAge,omitempty"`
	// What happens when idleTimeout or maxAge is reached: Suspend stops the server and keeps this object, Delete deletes
	// this object. A stopped server starts again when the annotation sparkoperator.k8s.io/wake gets a new value, or when the
	// spec changes. Default Suspend.
	// +optional
	OnStop StopAction `json:"onStop,omitempty"`
	// Seconds after which this object is deleted once its server has stopped or failed. Default: it is kept.
	// +optional
	// +kubebuilder:validation:Minimum=0
	TimeToLiveSeconds *int64 `json:"timeToLiveSeconds,omitempty"`
	// What a change of the spec means for a running server: Manual leaves the server as it is and sets the condition
	// UpToDate to False, Recreate replaces the server, which ends all sessions. Default Manual.
	// +optional
	UpdatePolicy UpdatePolicy `json:"updatePolicy,omitempty"`
	// Number of consecutive failures of the server after which it is not restarted. A server that was ready for ten
	// minutes resets the count. Default: no limit.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MaxRestarts *int32 `json:"maxRestarts,omitempty"`

	// Token that clients have to present. Needs Spark 4.0. Default: everyone who reaches the server can use it.
	// +optional
	Authentication *Authentication `json:"authentication,omitempty"`
	// Ingress or GRPCRoute by which clients outside of the cluster reach the server. Default: none.
	// +optional
	Route *Route `json:"route,omitempty"`
}

// ServerSpec is the server pod and its Service.
type ServerSpec struct {
	SparkPodSpec `json:",inline"`

	// Service by which clients reach the server. Its name, labels, annotations and spec are used; the operator sets the
	// selector, and adds the ports of the server that it lacks. Default: a Service of type ClusterIP with the name
	// NAME-server.
	// +optional
	Service *corev1.Service `json:"service,omitempty"`
	// Service account of the server pod, which creates the executors, unless the template sets one. Default: the
	// service account of the template, otherwise the default of the operator.
	// +optional
	ServiceAccount *string `json:"serviceAccount,omitempty"`
}

// ExecutorSpec is what the executors are.
type ExecutorSpec struct {
	SparkPodSpec `json:",inline"`

	// Number of executors. Default 2 without dynamic allocation, as in Spark.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Instances *int32 `json:"instances,omitempty"`
}

// SparkPodSpec is what server and executors have in common.
type SparkPodSpec struct {
	// Number of task slots, and the CPU request unless the template sets one. At least 1. Default 1, unless sparkConf
	// sets spark.driver.cores or spark.executor.cores.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Cores *int32 `json:"cores,omitempty"`
	// Heap of the JVM in Spark's notation, such as 512m or 2g. The memory of the pod is larger by Spark's overhead.
	// Default 1g, unless sparkConf sets spark.driver.memory or spark.executor.memory.
	// +optional
	Memory *string `json:"memory,omitempty"`
	// Pod template that Spark starts from. The API server does not validate it.
	// +optional
	// +kubebuilder:pruning:PreserveUnknownFields
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type:=object
	Template *corev1.PodTemplateSpec `json:"template,omitempty"`
}

// StopAction defines what happens to a SparkConnect whose server is idle or too old.
// +kubebuilder:validation:Enum=Suspend;Delete
type StopAction string

// Stop actions.
const (
	// StopSuspend keeps the object and its Service.
	StopSuspend StopAction = "Suspend"
	// StopDelete deletes the object.
	StopDelete StopAction = "Delete"
)

// UpdatePolicy defines what a change of the spec means for a running server.
// +kubebuilder:validation:Enum=Manual;Recreate
type UpdatePolicy string

// Update policies.
const (
	// UpdateManual leaves a running server as it is.
	UpdateManual UpdatePolicy = "Manual"
	// UpdateRecreate replaces a running server.
	UpdateRecreate UpdatePolicy = "Recreate"
)
