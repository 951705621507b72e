// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
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
		for _, variable := range typed {
			container.Env = SetEnv(container.Env, variable)
		}
	}
	for _, source := range e.EnvFrom {
		if !slices.ContainsFunc(container.EnvFrom, func(have corev1.EnvFromSource) bool {
			return equality.Semantic.DeepEqual(have, source)
		}) {
			container.EnvFrom = append(container.EnvFrom, source)
		}
	}
}

// EffectiveEnv returns the role's variables, each name once, with those that lead
// Spark to hadoopConfigMap and sparkConfigMap, which win over the user's.
func (f *Fields) EffectiveEnv() []corev1.EnvVar {
	env := make([]corev1.EnvVar, 0, len(f.Env)+2)
	for _, variable := range f.Env {
		if f.confDir(variable.Name) == "" {
			env = SetEnv(env, variable)
		}
	}
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
	next := 0
	for _, have := range env {
		i := slices.IndexFunc(typed, func(t corev1.EnvVar) bool { return t.Name == have.Name })
		if i < 0 {
			continue
		}
		if i != next || !equality.Semantic.DeepEqual(have, typed[i]) {
			return false
		}
		next++
	}
	return next == len(typed)
}

// SetEnv makes variable the only one of its name. A variable replaces its
// predecessor in place, so that others that refer to it as $(NAME) still see it;
// one that itself refers to others goes to the end, behind all of them.
func SetEnv(env []corev1.EnvVar, variable corev1.EnvVar) []corev1.EnvVar {
	same := func(have corev1.EnvVar) bool { return have.Name == variable.Name }
	first := slices.IndexFunc(env, same)
	if first < 0 {
		return append(env, variable)
	}
	if strings.Contains(variable.Value, "$(") {
		return append(slices.DeleteFunc(env, same), variable)
	}
	env[first] = variable
	rest := slices.DeleteFunc(env[first+1:], same)
	return env[:first+1+len(rest)]
}
