// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// role is one of the two sorts of pods: its typed fields and the properties that
// they become.
type role struct {
	name podspec.Role
	*v1beta2.SparkPodSpec
	coreRequest, javaOptions *string
	keys                     roleKeys
	variables                map[string]bool // names in env: see defines
}

// defines reports whether the field env has a variable of the name.
func (r *role) defines(name string) bool {
	if r.variables == nil {
		r.variables = make(map[string]bool, len(r.Env))
		for i := range r.Env {
			r.variables[r.Env[i].Name] = true
		}
	}
	return r.variables[name]
}

// roleKeys are the properties of a role. Those that end in a dot are families.
type roleKeys struct {
	cores, memory, memoryOverhead             string
	image, requestCores, limitCores           string
	serviceAccount, javaOptions               string
	schedulerName                             string
	label, annotation, env, secret, secretKey string
	volume, nodeSelector                      string
}

func driverRole(app *v1beta2.SparkApplication) role {
	driver := &app.Spec.Driver
	return role{
		name:         podspec.Driver,
		SparkPodSpec: &driver.SparkPodSpec,
		coreRequest:  driver.CoreRequest, javaOptions: driver.JavaOptions,
		keys: roleKeys{
			cores: sparkconf.DriverCores, memory: sparkconf.DriverMemory, memoryOverhead: sparkconf.DriverMemoryOverhead,
			image: sparkconf.DriverContainerImage, requestCores: sparkconf.DriverRequestCores, limitCores: sparkconf.DriverLimitCores,
			serviceAccount: sparkconf.DriverServiceAccountName, javaOptions: sparkconf.DriverJavaOptions,
			schedulerName: sparkconf.DriverSchedulerName,
			label:         sparkconf.DriverLabelPrefix, annotation: sparkconf.DriverAnnotationPrefix, env: sparkconf.DriverEnvPrefix,
			secret: sparkconf.DriverSecretsPrefix, secretKey: sparkconf.DriverSecretKeyRefPrefix,
			volume: sparkconf.DriverVolumesPrefix, nodeSelector: sparkconf.DriverNodeSelectorPrefix,
		},
	}
}

func executorRole(app *v1beta2.SparkApplication) role {
	executor := &app.Spec.Executor
	return role{
		name:         podspec.Executor,
		SparkPodSpec: &executor.SparkPodSpec,
		coreRequest:  executor.CoreRequest, javaOptions: executor.JavaOptions,
		keys: roleKeys{
			cores: sparkconf.ExecutorCores, memory: sparkconf.ExecutorMemory, memoryOverhead: sparkconf.ExecutorMemoryOverhead,
			image: sparkconf.ExecutorContainerImage, requestCores: sparkconf.ExecutorRequestCores, limitCores: sparkconf.ExecutorLimitCores,
			serviceAccount: sparkconf.ExecutorServiceAccountName, javaOptions: sparkconf.ExecutorJavaOptions,
			schedulerName: sparkconf.ExecutorSchedulerName,
			label:         sparkconf.ExecutorLabelPrefix, annotation: sparkconf.ExecutorAnnotationPrefix, env: sparkconf.ExecutorEnvPrefix,
			secret: sparkconf.ExecutorSecretsPrefix, secretKey: sparkconf.ExecutorSecretKeyRefPrefix,
			volume: sparkconf.ExecutorVolumesPrefix, nodeSelector: sparkconf.ExecutorNodeSelectorPrefix,
		},
	}
}

// field is the path of a field of the role, for messages.
func (r *role) field(name string) string { return "spec." + string(r.name) + "." + name }
