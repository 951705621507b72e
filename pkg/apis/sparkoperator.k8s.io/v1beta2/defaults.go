// SPDX-License-Identifier: Apache-2.0

package v1beta2

import (
	"maps"
	"strings"

	"k8s.io/utils/ptr"
)

// Defaults that kubeflow/spark-operator sets in its webhook. This operator
// applies them to its own copy at every sync and never writes them into spec, so
// they hold without a webhook and GitOps tools see no difference.
const (
	// DefaultMemory is the JVM heap of driver and executor.
	DefaultMemory = "1g"
	// DefaultRetryIntervalSeconds is the base delay before a retry.
	DefaultRetryIntervalSeconds int64 = 5
	// DefaultRunHistoryLimit is how many finished runs of each kind a schedule keeps.
	DefaultRunHistoryLimit int32 = 1
	// DefaultStartingDeadlineSeconds is how late a run may start whose schedule skips
	// missed runs: long enough for a new version of the operator or the loss of its
	// node.
	DefaultStartingDeadlineSeconds int64 = 600
	// DefaultCatchUpLimit is how many missed runs are made up at most.
	DefaultCatchUpLimit int32 = 10
	// DefaultTimeZone is the operator's own time zone.
	DefaultTimeZone = "Local"
)

// SetDefaults_SparkApplication fills what the user left open. A property of
// spec.sparkConf stands for the field that sets it: what the user wrote beats a
// default. So a field that stands for a property and is not nil afterwards was
// given, or nothing else sets the property.
func SetDefaults_SparkApplication(app *SparkApplication) {
	spec := &app.Spec
	if spec.Type == "" {
		spec.Type = SparkApplicationTypeScala
	}
	if spec.Mode == "" {
		spec.Mode = DeployModeCluster
	}
	setRestartPolicyDefaults(&spec.RestartPolicy)
	setPodDefaults(&spec.Driver.SparkPodSpec, spec.SparkConf, "spark.driver.cores", "spark.driver.memory")
	setPodDefaults(&spec.Executor.SparkPodSpec, spec.SparkConf, "spark.executor.cores", "spark.executor.memory")
	if dynamic := spec.DynamicAllocation; dynamic != nil && dynamic.Enabled && dynamic.ShuffleTrackingEnabled == nil {
		if _, set := spec.SparkConf["spark.dynamicAllocation.shuffleTracking.enabled"]; !set {
			dynamic.ShuffleTrackingEnabled = ptr.To(true)
		}
	}
	if app.Labels[LabelKueueQueue] != "" && ptr.Deref(spec.Executor.Instances, 1) == 0 {
		// Kueue counts an unset number as 0, and writes that 0 when it stops the application.
		spec.Executor.Instances = nil
	}
	if spec.Executor.Instances == nil && spec.SparkConf["spark.executor.instances"] == "" && !dynamicAllocationEnabled(spec) {
		spec.Executor.Instances = ptr.To[int32](1)
	}
}

// SetObjectDefaultsOver fills what the user left open, as
// SetObjectDefaults_SparkApplication does, and takes further properties, such as
// the operator's own for all applications, for given: they beat the defaults, too.
func SetObjectDefaultsOver(app *SparkApplication, properties map[string]string) {
	if len(properties) == 0 {
		SetObjectDefaults_SparkApplication(app)
		return
	}
	own := app.Spec.SparkConf
	app.Spec.SparkConf = make(map[string]string, len(own)+len(properties))
	maps.Copy(app.Spec.SparkConf, properties)
	maps.Copy(app.Spec.SparkConf, own)
	SetObjectDefaults_SparkApplication(app)
	app.Spec.SparkConf = own
}

// SetDefaults_ScheduledSparkApplication fills what the user left open in the
// schedule. The template is left as it is: its defaults belong to the run.
func SetDefaults_ScheduledSparkApplication(app *ScheduledSparkApplication) {
	spec := &app.Spec
	if spec.TimeZone == "" {
		spec.TimeZone = DefaultTimeZone
	}
	if spec.ConcurrencyPolicy == "" {
		spec.ConcurrencyPolicy = ConcurrencyAllow
	}
	if spec.SuccessfulRunHistoryLimit == nil {
		spec.SuccessfulRunHistoryLimit = ptr.To(DefaultRunHistoryLimit)
	}
	if spec.FailedRunHistoryLimit == nil {
		spec.FailedRunHistoryLimit = ptr.To(DefaultRunHistoryLimit)
	}
	if spec.CatchUpPolicy == "" {
		spec.CatchUpPolicy = CatchUpSkip
	}
	if spec.CatchUpLimit == nil {
		spec.CatchUpLimit = ptr.To(DefaultCatchUpLimit)
	}
	if spec.StartingDeadlineSeconds == nil && spec.CatchUpPolicy == CatchUpSkip {
		spec.StartingDeadlineSeconds = ptr.To(DefaultStartingDeadlineSeconds)
	}
}

func setRestartPolicyDefaults(policy *RestartPolicy) {
	if policy.Type == "" {
		policy.Type = RestartPolicyNever
	}
	if policy.Type == RestartPolicyNever {
		return
	}
	if policy.OnFailureRetryInterval == nil {
		policy.OnFailureRetryInterval = ptr.To(DefaultRetryIntervalSeconds)
	}
	if policy.OnSubmissionFailureRetryInterval == nil {
		policy.OnSubmissionFailureRetryInterval = ptr.To(DefaultRetryIntervalSeconds)
	}
}

func setPodDefaults(pod *SparkPodSpec, conf map[string]string, coresKey, memoryKey string) {
	if _, set := conf[coresKey]; !set && pod.Cores == nil {
		pod.Cores = ptr.To[int32](1)
	}
	if _, set := conf[memoryKey]; !set && pod.Memory == nil {
		pod.Memory = ptr.To(DefaultMemory)
	}
}

func dynamicAllocationEnabled(spec *SparkApplicationSpec) bool {
	if spec.DynamicAllocation != nil && spec.DynamicAllocation.Enabled {
		return true
	}
	return strings.EqualFold(strings.TrimSpace(spec.SparkConf["spark.dynamicAllocation.enabled"]), "true")
}
