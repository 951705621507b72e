// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// effect is what an edit of a field of the spec leads to.
type effect int

const (
	// rerun: what runs is not what the spec asks for any more; the run is replaced.
	rerun effect = iota
	// atOnce: the running application is treated by the new value from now on.
	atOnce
	// newExecutors: only placement of executors is concerned. A rerun, unless the
	// feature gate PartialRestart says that it waits for the next run.
	newExecutors
	// noEffect: the field is only read by older versions.
	noEffect
)

// specField is a field of the spec and what its change leads to. Fields of driver
// and executor stand on their own.
type specField struct {
	path   string
	effect effect
	// clear empties the field; nil for those that lead to a rerun.
	clear func(*v1beta2.SparkApplicationSpec)
}

// specFields are all fields of SparkApplicationSpec, DriverSpec and ExecutorSpec.
// A field that is missing here fails a test.
var specFields = []specField{
	{"suspend", atOnce, func(s *v1beta2.SparkApplicationSpec) { s.Suspend = nil }},
	{"timeToLiveSeconds", atOnce, func(s *v1beta2.SparkApplicationSpec) { s.TimeToLiveSeconds = nil }},
	{"restartPolicy", atOnce, func(s *v1beta2.SparkApplicationSpec) { s.RestartPolicy = v1beta2.RestartPolicy{} }},
	{"sparkUIOptions", atOnce, func(s *v1beta2.SparkApplicationSpec) { s.SparkUIOptions = nil }},
	{"driverIngressOptions", atOnce, func(s *v1beta2.SparkApplicationSpec) { s.DriverIngressOptions = nil }},
	{"driverPodDisruptionBudget", atOnce, func(s *v1beta2.SparkApplicationSpec) { s.DriverPodDisruptionBudget = nil }},
	{"progress", atOnce, func(s *v1beta2.SparkApplicationSpec) { s.Progress = nil }},
	{"timeouts", atOnce, func(s *v1beta2.SparkApplicationSpec) { s.Timeouts = nil }},
	{"logArchive", atOnce, func(s *v1beta2.SparkApplicationSpec) { s.LogArchive = nil }}, // from the next run on
	{"cleanupPolicy", atOnce, func(s *v1beta2.SparkApplicationSpec) { s.CleanupPolicy = nil }},

	{"executor.affinity", newExecutors, func(s *v1beta2.SparkApplicationSpec) { s.Executor.Affinity = nil }},
	{"executor.nodeSelector", newExecutors, func(s *v1beta2.SparkApplicationSpec) { s.Executor.NodeSelector = nil }},
	{"executor.priorityClassName", newExecutors, func(s *v1beta2.SparkApplicationSpec) { s.Executor.PriorityClassName = nil }},
	{"executor.schedulerName", newExecutors, func(s *v1beta2.SparkApplicationSpec) { s.Executor.SchedulerName = nil }},
	{"executor.tolerations", newExecutors, func(s *v1beta2.SparkApplicationSpec) { s.Executor.Tolerations = nil }},

	{"failureRetries", noEffect, func(s *v1beta2.SparkApplicationSpec) { s.FailureRetries = nil }},
	{"retryInterval", noEffect, func(s *v1beta2.SparkApplicationSpec) { s.RetryInterval = nil }},

	{"arguments", rerun, nil},
	{"batchScheduler", rerun, nil},
	{"batchSchedulerOptions", rerun, nil},
	{"deps", rerun, nil},
	{"dynamicAllocation", rerun, nil},
	{"hadoopConf", rerun, nil},
	{"hadoopConfigMap", rerun, nil},
	{"history", rerun, nil},
	{"image", rerun, nil},
	{"imagePullPolicy", rerun, nil},
	{"imagePullSecrets", rerun, nil},
	{"mainApplicationFile", rerun, nil},
	{"mainClass", rerun, nil},
	{"memoryOverheadFactor", rerun, nil},
	{"mode", rerun, nil},
	{"monitoring", rerun, nil},
	{"nodeSelector", rerun, nil},
	{"proxyUser", rerun, nil},
	{"pythonVersion", rerun, nil},
	{"sparkConf", rerun, nil},
	{"sparkConfigMap", rerun, nil},
	{"sparkVersion", rerun, nil},
	{"type", rerun, nil},
	{"volumes", rerun, nil},

	{"driver.affinity", rerun, nil},
	{"driver.annotations", rerun, nil},
	{"driver.configMaps", rerun, nil},
	{"driver.coreLimit", rerun, nil},
	{"driver.coreRequest", rerun, nil},
	{"driver.cores", rerun, nil},
	{"driver.dnsConfig", rerun, nil},
	{"driver.env", rerun, nil},
	{"driver.envFrom", rerun, nil},
	{"driver.envSecretKeyRefs", rerun, nil},
	{"driver.envVars", rerun, nil},
	{"driver.gpu", rerun, nil},
	{"driver.hostAliases", rerun, nil},
	{"driver.hostNetwork", rerun, nil},
	{"driver.image", rerun, nil},
	{"driver.initContainers", rerun, nil},
	{"driver.javaOptions", rerun, nil},
	{"driver.kubernetesMaster", rerun, nil},
	{"driver.labels", rerun, nil},
	{"driver.lifecycle", rerun, nil},
	{"driver.memory", rerun, nil},
	{"driver.memoryLimit", rerun, nil},
	{"driver.memoryOverhead", rerun, nil},
	{"driver.nodeSelector", rerun, nil},
	{"driver.podName", rerun, nil},
	{"driver.podSecurityContext", rerun, nil},
	{"driver.ports", rerun, nil},
	{"driver.priorityClassName", rerun, nil},
	{"driver.schedulerName", rerun, nil},
	{"driver.secrets", rerun, nil},
	{"driver.securityContext", rerun, nil},
	{"driver.serviceAccount", rerun, nil},
	{"driver.serviceAnnotations", rerun, nil},
	{"driver.serviceLabels", rerun, nil},
	{"driver.shareProcessNamespace", rerun, nil},
	{"driver.sidecars", rerun, nil},
	{"driver.template", rerun, nil},
	{"driver.terminationGracePeriodSeconds", rerun, nil},
	{"driver.tolerations", rerun, nil},
	{"driver.volumeMounts", rerun, nil},

	{"executor.annotations", rerun, nil},
	{"executor.configMaps", rerun, nil},
	{"executor.coreLimit", rerun, nil},
	{"executor.coreRequest", rerun, nil},
	{"executor.cores", rerun, nil},
	{"executor.deleteOnTermination", rerun, nil},
	{"executor.dnsConfig", rerun, nil},
	{"executor.env", rerun, nil},
	{"executor.envFrom", rerun, nil},
	{"executor.envSecretKeyRefs", rerun, nil},
	{"executor.envVars", rerun, nil},
	{"executor.gpu", rerun, nil},
	{"executor.hostAliases", rerun, nil},
	{"executor.hostNetwork", rerun, nil},
	{"executor.image", rerun, nil},
	{"executor.initContainers", rerun, nil},
	{"executor.instances", rerun, nil},
	{"executor.javaOptions", rerun, nil},
	{"executor.labels", rerun, nil},
	{"executor.lifecycle", rerun, nil},
	{"executor.memory", rerun, nil},
	{"executor.memoryLimit", rerun, nil},
	{"executor.memoryOverhead", rerun, nil},
	{"executor.podSecurityContext", rerun, nil},
	{"executor.ports", rerun, nil},
	{"executor.secrets", rerun, nil},
	{"executor.securityContext", rerun, nil},
	{"executor.serviceAccount", rerun, nil},
	{"executor.shareProcessNamespace", rerun, nil},
	{"executor.sidecars", rerun, nil},
	{"executor.template", rerun, nil},
	{"executor.terminationGracePeriodSeconds", rerun, nil},
	{"executor.volumeMounts", rerun, nil},
}

// specHashVersion starts every hash. Raise it when the meaning of the hash
// changes: hashes of another version are replaced and never compared, so an
// upgrade of the operator restarts nothing.
const specHashVersion = "1-"

// HashSpec returns the hash of those parts of a defaulted spec whose change leads
// to a rerun.
func HashSpec(spec *v1beta2.SparkApplicationSpec, partialRestart bool) (string, error) {
	// Defaults and the functions below set fields of this copy and nothing behind them.
	app := v1beta2.SparkApplication{Spec: *spec}
	relevant := &app.Spec
	if dynamic := relevant.DynamicAllocation; dynamic != nil {
		relevant.DynamicAllocation = dynamic.DeepCopy()
	}
	// A field that the operator's default properties left open counts as if there were
	// none: a change of these properties restarts nothing.
	v1beta2.SetDefaults_SparkApplication(&app)
	for _, field := range specFields {
		if field.effect == rerun || field.effect == newExecutors && !partialRestart {
			continue
		}
		field.clear(relevant)
	}
	text, err := json.Marshal(relevant) // keys of maps are sorted
	if err != nil {
		return "", fmt.Errorf("hash spec: %w", err)
	}
	sum := sha256.Sum256(text)
	return specHashVersion + hex.EncodeToString(sum[:16]), nil
}

// ComparableHash reports whether a recorded hash can be compared with hashes of
// this version.
func ComparableHash(recorded string) bool {
	return strings.HasPrefix(recorded, specHashVersion) || recorded == undecodableSpec
}

// undecodableSpec is recorded in place of a hash for an application that failed
// because its spec could not be decoded. It differs from every hash, so correcting
// the spec is a change like any other.
const undecodableSpec = "undecodable"
