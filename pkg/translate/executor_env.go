// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// envApplicationID is the variable with the id of the application in every pod of
// Spark (ENV_APPLICATION_ID).
const envApplicationID = "SPARK_APPLICATION_ID"

// keepEnv makes the variables of executors win over those that the driver appends
// to the template's: of two with the same name the kubelet takes the last.
//
// A variable whose value refers to others goes into the template and not into
// spark.executorEnv: the driver sends these properties to Python workers as they
// are written, while only the kubelet knows what they refer to. What they refer to
// is defined before them.
//
// It returns the variables that Spark overrides in any case.
func (b *builder) keepEnv(r *role, fields *podspec.Fields, pod *corev1.PodSpec) (overridden []corev1.EnvVar) {
	container := &pod.Containers[b.sparkContainer(pod, podspec.Executor)]
	for i := range container.Env {
		container.Env[i].Value = b.resolveEnv(r, container.Env[i].Value)
	}
	removed := make(map[string]bool)
	for _, variable := range fields.EffectiveEnv() {
		variable.Value = b.resolveEnv(r, variable.Value)
		// A reference to a Secret is appended after everything else.
		delete(b.values, r.keys.secretKey+variable.Name)
		_, appended := b.values[r.keys.env+variable.Name]
		early := isEarlyExecutorEnv(variable.Name)
		unknown := b.refersToDriver(r, variable.Value)
		switch {
		case b.isLateExecutorEnv(variable.Name), variable.ValueFrom != nil && early:
			overridden = append(overridden, variable)
			if !b.params.PodWebhook {
				b.warn("spec.executor.env: " + variable.Name + " has no effect: Spark sets it itself")
			}
		case early, unknown != "", variable.ValueFrom == nil && appended && !podspec.Expands(variable.Value):
			b.set(r.keys.env+variable.Name, variable.Value)
			removed[variable.Name] = true
		case appended:
			delete(b.values, r.keys.env+variable.Name)
		}
	}
	moved := b.takeReferences(r)
	for name := range moved {
		removed[name] = true
	}
	container.Env = withoutEnv(container.Env, removed)
	d := definitions{conf: b.conf, role: r, known: b.executorVariable, late: b.isLateExecutorEnv, moved: moved, defined: make(map[string]bool, len(container.Env))}
	container.Env = d.define(container.Env)
	return overridden
}

// takeReferences takes those properties spark.executorEnv.* out that the kubelet
// has to expand.
func (b *builder) takeReferences(r *role) (moved map[string]string) {
	for _, p := range sparkconf.New(b.values, nil, b.version).WithPrefix(r.keys.env) {
		value := b.resolveEnv(r, p.Value)
		b.values[r.keys.env+p.Key] = value
		if !podspec.Expands(value) {
			continue
		}
		why := "Spark sets a variable of this name itself"
		if name := b.refersToDriver(r, value); name != "" {
			why = "only the driver knows " + name
		} else if !isEarlyExecutorEnv(p.Key) {
			if moved == nil {
				moved = make(map[string]string, 1)
			}
			moved[p.Key] = value
			delete(b.values, r.keys.env+p.Key)
			continue
		}
		b.warn(r.field("env") + ": Python workers see " + p.Key + " with its references unexpanded, as " + why +
			"; the JVM of the executor sees the expanded value")
	}
	return moved
}

// resolveEnv puts the application's id into a value that refers to it, where it is
// known in advance.
func (b *builder) resolveEnv(r *role, value string) string {
	if !strings.Contains(value, "$("+envApplicationID+")") || b.ids.App == "" {
		return value
	}
	_, own := b.values[r.keys.env+envApplicationID]
	if own || r.defines(envApplicationID) {
		return value // the user's wins over Spark's
	}
	return podspec.Resolve(value, func(name string) (string, bool) { return b.ids.App, name == envApplicationID })
}

// refersToDriver returns a variable to which the value refers and that only the
// driver can define; empty if there is none.
func (b *builder) refersToDriver(r *role, value string) string {
	for _, name := range podspec.References(value) {
		if _, own := b.values[r.keys.env+name]; own {
			continue
		}
		switch name {
		case "SPARK_USER", "SPARK_DRIVER_URL", "SPARK_EXECUTOR_CORES", "SPARK_EXECUTOR_MEMORY":
			return name
		}
	}
	return ""
}

// isEarlyExecutorEnv reports whether Spark gives the variable to executors before
// those of spark.executorEnv, which win over it.
func isEarlyExecutorEnv(name string) bool {
	switch name {
	case "SPARK_USER", "SPARK_DRIVER_URL", "SPARK_EXECUTOR_CORES", "SPARK_EXECUTOR_MEMORY", envApplicationID,
		"SPARK_CONF_DIR", "SPARK_EXECUTOR_ID", "SPARK_RESOURCE_PROFILE_ID",
		"SPARK_EXECUTOR_ATTRIBUTE_APP_ID", "SPARK_EXECUTOR_ATTRIBUTE_EXECUTOR_ID":
		return true
	}
	return false
}

// isLateExecutorEnv reports whether Spark gives the variable to executors after
// everything else.
func (b *builder) isLateExecutorEnv(name string) bool {
	switch name {
	case "SPARK_EXECUTOR_POD_IP", "SPARK_EXECUTOR_POD_NAME", "SPARK_LOCAL_DIRS":
		return true
	case "SPARK_CLASSPATH":
		return b.values["spark.executor.extraClassPath"] != ""
	}
	return strings.HasPrefix(name, "SPARK_JAVA_OPT_")
}

// executorVariable is what Spark sets a variable of executors to, from what the pod
// says about itself (BasicExecutorFeatureStep, KubernetesExecutorConf.labels).
func (b *builder) executorVariable(name string) (corev1.EnvVar, bool) {
	switch name {
	case "SPARK_EXECUTOR_ID", "SPARK_EXECUTOR_ATTRIBUTE_EXECUTOR_ID":
		return labelVariable(name, v1beta2.LabelSparkExecutorID), true
	case envApplicationID, "SPARK_EXECUTOR_ATTRIBUTE_APP_ID":
		return labelVariable(name, v1beta2.LabelSparkApplicationSelector), true
	case "SPARK_RESOURCE_PROFILE_ID":
		return labelVariable(name, "spark-exec-resourceprofile-id"), true
	case "SPARK_EXECUTOR_POD_NAME":
		return fieldVariable(name, "metadata.name"), true
	case "SPARK_EXECUTOR_POD_IP":
		return fieldVariable(name, "status.podIP"), true
	case "SPARK_CONF_DIR":
		return corev1.EnvVar{Name: name, Value: "/opt/spark/conf"}, true
	}
	return corev1.EnvVar{}, false
}

func labelVariable(name, label string) corev1.EnvVar {
	return fieldVariable(name, "metadata.labels['"+label+"']")
}

func fieldVariable(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: path}}}
}

// definitions puts before the variables of a template those that Spark appends to
// them and to which they refer. Spark defines them again, with the same values.
type definitions struct {
	*conf
	role *role
	// known are the variables of Spark that can be defined in advance.
	known func(name string) (corev1.EnvVar, bool)
	// late reports whether Spark sets a variable after those of the template.
	late func(name string) bool
	// moved are variables that were properties.
	moved map[string]string

	defined map[string]bool
	env     []corev1.EnvVar
}

func (d *definitions) define(env []corev1.EnvVar) []corev1.EnvVar {
	for _, variable := range env {
		d.add(variable)
	}
	for _, name := range slices.Sorted(maps.Keys(d.moved)) {
		if !d.defined[name] {
			d.add(corev1.EnvVar{Name: name, Value: d.moved[name]})
		}
	}
	return d.env
}

func (d *definitions) add(variable corev1.EnvVar) {
	d.defined[variable.Name] = true // before what it refers to, which may refer to it
	for _, name := range podspec.References(variable.Value) {
		if d.defined[name] {
			continue
		}
		if earlier, ok := d.lookup(name); ok {
			d.add(earlier)
		} else if d.late(name) {
			d.warn(d.role.field("env") + ": " + variable.Name + " keeps $(" + name + ") as it is written, because Spark sets " + name +
				" after it; write the value instead, or read " + name + " in the application")
		}
	}
	d.env = append(d.env, variable)
}

// lookup returns what a variable will be, except for those that stand in the
// template.
func (d *definitions) lookup(name string) (corev1.EnvVar, bool) {
	if value, ok := d.moved[name]; ok {
		return corev1.EnvVar{Name: name, Value: value}, true
	}
	if from, ok := d.values[d.role.keys.secretKey+name]; ok {
		secret, key, _ := strings.Cut(from, ":")
		return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key,
		}}}, true
	}
	if value, ok := d.values[d.role.keys.env+name]; ok {
		return corev1.EnvVar{Name: name, Value: value}, true
	}
	return d.known(name)
}

func withoutEnv(env []corev1.EnvVar, names map[string]bool) []corev1.EnvVar {
	return slices.DeleteFunc(env, func(have corev1.EnvVar) bool { return names[have.Name] })
}
