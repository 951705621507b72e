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
// +kubebuilder:validation:XValidation:rule=`oldSelf.hasValue() || self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')`,messageExpression=`'metadata.name: invalid SparkConnect name "' + self.metadata.name + '": use lower case letters, digits and -, with a letter first and no - at the end, because the derived Service name has this form'`,optionalOldSelf=true
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
// +kubebuilder:validation:XValidation:rule=`!((oldSelf.hasValue() ? [oldSelf.value(), self] : [self]).map(s, has(s.executor) && has(s.executor.instances) && s.executor.instances == 0 && !(has(s.dynamicAllocation) && has(s.dynamicAllocation.enabled) && s.dynamicAllocation.enabled) && !(has(s.sparkConf) && 'spark.dynamicAllocation.enabled' in s.sparkConf)) in [[true], [false, true]])`,message=`Spark needs at least 1 executor without dynamic allocation; set 1 or more, or enable spec.dynamicAllocation with minExecutors 0`,fieldPath=`.executor.instances`,optionalOldSelf=true
// +kubebuilder:validation:XValidation:rule=`!((oldSelf.hasValue() ? [oldSelf.value(), self] : [self]).map(s, has(s.authentication) && has(s.sparkVersion) && s.sparkVersion.size() <= 1000 && s.sparkVersion.matches('^[vV]?[0-3]([.][0-9]{1,3}){0,2}(-[0-9A-Za-z.+_-]*)?$')) in [[true], [false, true]])`,message=`Spark before 4.0 does not check tokens; use Spark 4.0 or newer, or remove the field`,fieldPath=`.authentication`,optionalOldSelf=true
// +kubebuilder:validation:XValidation:rule=`!((oldSelf.hasValue() ? [oldSelf.value(), self] : [self]).map(s, has(s.authentication) && has(s.sparkConf) && 'spark.connect.authenticate.token' in s.sparkConf) in [[true], [false, true]])`,message=`Spark would use the property spark.connect.authenticate.token and not the Secret; remove the property`,fieldPath=`.authentication`,optionalOldSelf=true
// +kubebuilder:validation:XValidation:rule=`!((oldSelf.hasValue() ? [oldSelf.value(), self] : [self]).map(s, has(s.idleTimeout) && has(s.sparkConf) && 'spark.ui.enabled' in s.sparkConf && s.sparkConf['spark.ui.enabled'].size() <= 1000 && s.sparkConf['spark.ui.enabled'].lowerAscii() == 'false') in [[true], [false, true]])`,message=`needs the web UI, which spec.sparkConf[spark.ui.enabled] turns off; remove the property, or use spec.maxAge`,fieldPath=`.idleTimeout`,optionalOldSelf=true
// +kubebuilder:validation:XValidation:rule=`!((oldSelf.hasValue() ? [oldSelf.value(), self] : [self]).map(s, has(s.idleTimeout) && has(s.sparkVersion) && s.sparkVersion.size() <= 1000 && s.sparkVersion.matches('^[vV]?3[.]4([.][0-9]{1,3})?(-[0-9A-Za-z.+_-]*)?$')) in [[true], [false, true]])`,message=`Spark 3.4 does not show whether its server is in use; use Spark 3.5 or newer, or spec.maxAge`,fieldPath=`.idleTimeout`,optionalOldSelf=true
// +kubebuilder:validation:XValidation:rule=`!((oldSelf.hasValue() ? [oldSelf.value(), self] : [self]).map(s, has(s.idleTimeout) && has(s.maxAge) && [s.idleTimeout, s.maxAge].all(d, d.size() <= 1000 && d.matches('^[+]?([0-9]{1,5}(ms|s|m|h)){1,2}$')) && duration(s.idleTimeout) > duration(s.maxAge)) in [[true], [false, true]])`,message=`must not be above spec.maxAge, which stops the server before`,fieldPath=`.idleTimeout`,optionalOldSelf=true
type SparkConnectSpec struct {
	// Version of Spark in the image, such as 4.1.4. At least 3.4. It selects how the objects of the server are built.
	// +kubebuilder:validation:XValidation:rule=`self.size() > 1000 || self.trim().size() > 0`,message=`sparkVersion is required; set the Spark version of the image, such as 4.1.4`,reason=FieldValueRequired
	// +kubebuilder:validation:XValidation:rule=`self.size() > 1000 || !self.matches('^[vV]?([0-2]([.][0-9]{1,3}){0,2}|3[.][0-3]([.][0-9]{1,3})?)(-[0-9A-Za-z.+_-]*)?$')`,message=`Spark Connect exists since Spark 3.4; use an image with a newer version`
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
	// +kubebuilder:validation:XValidation:rule=`['spark.master', 'spark.kubernetes.driver.master'].all(k, !(k in self))`,messageExpression=`'sparkConf key "' + ['spark.master', 'spark.kubernetes.driver.master'].filter(k, k in self)[0] + '" is not allowed: this value is managed by the operator; remove the key'`,reason=FieldValueForbidden
	// +kubebuilder:validation:XValidation:rule=`['oauthToken', 'oauthTokenFile', 'driver.oauthToken', 'driver.oauthTokenFile', 'executor.oauthToken', 'executor.oauthTokenFile', 'driver.caCertFile', 'driver.clientKeyFile', 'driver.clientCertFile'].all(k, !('spark.kubernetes.authenticate.' + k in self))`,messageExpression=`'sparkConf key "' + 'spark.kubernetes.authenticate.' + ['oauthToken', 'oauthTokenFile', 'driver.oauthToken', 'driver.oauthTokenFile', 'executor.oauthToken', 'executor.oauthTokenFile', 'driver.caCertFile', 'driver.clientKeyFile', 'driver.clientCertFile'].filter(k, 'spark.kubernetes.authenticate.' + k in self)[0] + '" is not allowed: authentication credentials are managed by the operator; remove the key'`,reason=FieldValueForbidden
	// +kubebuilder:validation:XValidation:rule=`!self.exists(k, k.startsWith('spark.kubernetes.authenticate.submission.'))`,message=`sparkConf keys spark.kubernetes.authenticate.submission.* are not allowed: authentication credentials are managed by the operator; remove the key`,reason=FieldValueForbidden
	// +kubebuilder:validation:XValidation:rule=`['driver', 'executor'].all(k, !('spark.kubernetes.' + k + '.podTemplateFile' in self))`,messageExpression=`'sparkConf key "spark.kubernetes.' + ['driver', 'executor'].filter(k, 'spark.kubernetes.' + k + '.podTemplateFile' in self)[0] + '.podTemplateFile" is not allowed: it names a file of the submitter; set the pod template in spec.server.template or spec.executor.template'`,reason=FieldValueForbidden
	// +kubebuilder:validation:XValidation:rule=`['spark.kubernetes.kerberos.krb5.path', 'spark.kubernetes.scheduler.volcano.podGroupTemplateFile'].all(k, !(k in self))`,messageExpression=`'sparkConf key "' + ['spark.kubernetes.kerberos.krb5.path', 'spark.kubernetes.scheduler.volcano.podGroupTemplateFile'].filter(k, k in self)[0] + '" is not allowed: it names a file of the submitter; mount the file into the pods and name it with local:// or in the application instead'`,reason=FieldValueForbidden
	// +kubebuilder:validation:XValidation:rule=`!('spark.kerberos.keytab' in self) || self['spark.kerberos.keytab'].startsWith('local:')`,message=`sparkConf key "spark.kerberos.keytab" is not allowed: it names a file of the submitter; mount the file into the pods and name it with local:// or in the application instead`,reason=FieldValueForbidden
	// +kubebuilder:validation:XValidation:rule=`['spark.connect.grpc.binding.port', 'spark.driver.port', 'spark.driver.blockManager.port', 'spark.ui.port'].all(k, !(k in self) || self[k].matches('[1-9$]'))`,message=`the Service of the server needs a fixed port; set spark.connect.grpc.binding.port, spark.driver.port, spark.driver.blockManager.port and spark.ui.port to numbers from 1 to 65535`
	SparkConf map[string]string `json:"sparkConf,omitempty"`
	// The server, which is the driver of all sessions.
	Server ServerSpec `json:"server"`
	// The executors that all sessions share.
	Executor ExecutorSpec `json:"executor"`
	// Dynamic allocation of executors.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`!has(self.enabled) || !self.enabled || !has(self.initialExecutors) || self.initialExecutors >= 0`,message=`must be non-negative`,fieldPath=`.initialExecutors`
	// +kubebuilder:validation:XValidation:rule=`!has(self.enabled) || !self.enabled || !has(self.initialExecutors) || !has(self.minExecutors) || self.initialExecutors >= self.minExecutors`,message=`dynamicAllocation.initialExecutors cannot be less than dynamicAllocation.minExecutors`,fieldPath=`.initialExecutors`
	// +kubebuilder:validation:XValidation:rule=`!has(self.enabled) || !self.enabled || !has(self.initialExecutors) || !has(self.maxExecutors) || self.initialExecutors <= self.maxExecutors`,message=`dynamicAllocation.initialExecutors cannot be greater than dynamicAllocation.maxExecutors`,fieldPath=`.initialExecutors`
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
	// +kubebuilder:validation:XValidation:rule=`self.size() > 1000 || !self.matches('^[+]?([0-9]{1,5}(ms|s|m|h)){1,2}$') || duration(self) >= duration('1m')`,message=`must be at least 1m`
	IdleTimeout *metav1.Duration `json:"idleTimeout,omitempty"`
	// Age of the server pod, such as 24h, at which the server stops even if sessions are open. At least 1m. Default: no
	// limit.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`self.size() > 1000 || self.matches('^[+]?(0|([0-9]*[.]?[0-9]*(ns|us|µs|μs|ms|s|m|h))+)$')`,message=`must be a duration such as 24h, and not negative`
	// +kubebuilder:validation:XValidation:rule=`self.size() > 1000 || !self.matches('^[+]?([0-9]{1,5}(ms|s|m|h)){1,2}$') || duration(self) >= duration('1m')`,message=`must be at least 1m`
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
	// +kubebuilder:validation:XValidation:rule=`!has(self.spec) || !has(self.spec.type) || self.spec.type != 'ExternalName'`,message=`it does not lead to the server; use ClusterIP, NodePort or LoadBalancer`,fieldPath=`.spec.type`
	// +kubebuilder:validation:XValidation:rule=`!has(self.metadata) || !has(self.metadata.name) || self.metadata.name.size() == 0 || self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')`,message=`not a valid name of a Service: use at most 63 lower case letters, digits and -, with a letter first and no - at the end`,fieldPath=`.metadata.name`
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
	// +kubebuilder:validation:XValidation:rule=`self == '' || self.size() > 1000 || self.matches('^[\\x00- ]*[0-9]+[a-zA-Z\\x{212a}]*[\\x00- ]*$')`,message=`not an amount of memory in the notation of Spark; use a value such as 512m or 2g`
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
