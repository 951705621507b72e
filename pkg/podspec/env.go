// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// editEnv adds env, envFrom and the directories of the ConfigMaps to the Spark
// container.
func (e *edit) editEnv() {
	container := e.container()
	for _, variable := range e.Env {
		if dir := e.confDir(variable.Name); dir != "" && variable.Value != dir {
			e.warn(e.path("env").String() + ": " + variable.Name + " has no effect: a ConfigMap of the application sets it to " + dir)
		}
	}
	if typed := e.EffectiveEnv(); !hasEnv(container.Env, typed) {
		container.Env = MergeEnv(container.Env, typed)
	}
	if len(e.EnvFrom) > 0 {
		container.EnvFrom = union(container.EnvFrom, e.EnvFrom, keyOfEnvFrom)
	}
}

// envFromKey is a whole source of variables: they have no merge key, equal ones
// are one.
type envFromKey struct {
	prefix            string
	configMap, secret objectKey
}

// objectKey is a reference to an object; the zero value is none.
type objectKey struct {
	given    bool
	name     string
	optional string // true, false or empty
}

func keyOfEnvFrom(source corev1.EnvFromSource) envFromKey {
	key := envFromKey{prefix: source.Prefix}
	if ref := source.ConfigMapRef; ref != nil {
		key.configMap = keyOfObject(ref.Name, ref.Optional)
	}
	if ref := source.SecretRef; ref != nil {
		key.secret = keyOfObject(ref.Name, ref.Optional)
	}
	return key
}

func keyOfObject(name string, optional *bool) objectKey {
	key := objectKey{given: true, name: name}
	if optional != nil {
		key.optional = strconv.FormatBool(*optional)
	}
	return key
}

// EffectiveEnv returns the role's variables, each name once, with those that lead
// Spark to hadoopConfigMap and sparkConfigMap, which win over the user's.
func (f *Fields) EffectiveEnv() []corev1.EnvVar {
	given := f.Env
	if f.HadoopConfigMap != "" || f.SparkConfigMap != "" {
		given = slices.DeleteFunc(slices.Clone(given), func(v corev1.EnvVar) bool { return f.confDir(v.Name) != "" })
	}
	env := MergeEnv(nil, given)
	for _, name := range []string{EnvHadoopConfDir, EnvSparkConfDir} {
		if dir := f.confDir(name); dir != "" {
			env = append(env, corev1.EnvVar{Name: name, Value: dir})
		}
	}
	return env
}

// confDir is the directory to which the variable leads because of a ConfigMap of
// the application, or "".
func (f *Fields) confDir(name string) string {
	switch {
	case name == EnvHadoopConfDir && f.HadoopConfigMap != "":
		return HadoopConfDir
	case name == EnvSparkConfDir && f.SparkConfigMap != "":
		return SparkConfDir
	}
	return ""
}

// hasEnv reports whether env has all of typed, in their order and no others of
// their names.
func hasEnv(env, typed []corev1.EnvVar) bool {
	at := make(map[string]int, len(typed))
	for i := range typed {
		at[typed[i].Name] = i
	}
	next := 0
	for _, have := range env {
		i, known := at[have.Name]
		if !known {
			continue
		}
		if i != next || !equality.Semantic.DeepEqual(have, typed[i]) {
			return false
		}
		next++
	}
	return next == len(typed)
}

// MergeEnv returns env with the variables of more, one after the other, each the
// only one of its name. A variable replaces its predecessor in place, so that
// others that refer to it as $(NAME) still see it; one that itself refers to
// others goes to the end, behind all of them. The result is a list of its own.
func MergeEnv(env, more []corev1.EnvVar) []corev1.EnvVar {
	set := make(map[string]bool, len(more))
	for i := range more {
		set[more[i].Name] = true
	}
	merged := make([]corev1.EnvVar, 0, len(env)+len(more))
	at := make(map[string]int, len(more)) // in merged
	for _, variable := range env {
		if set[variable.Name] {
			if _, repeated := at[variable.Name]; repeated {
				continue
			}
			at[variable.Name] = len(merged)
		}
		merged = append(merged, variable)
	}
	moved := make(map[int]bool) // left its place for the end
	for _, variable := range more {
		i, there := at[variable.Name]
		if there && !strings.Contains(variable.Value, "$(") {
			merged[i] = variable
			continue
		}
		if there {
			moved[i] = true
		}
		at[variable.Name] = len(merged)
		merged = append(merged, variable)
	}
	if len(moved) == 0 {
		return merged
	}
	kept := merged[:0]
	for i, variable := range merged {
		if !moved[i] {
			kept = append(kept, variable)
		}
	}
	return kept
}
