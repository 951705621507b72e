// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// editEnv adds env and envFrom to the Spark container.
func (e *edit) editEnv() {
	container := e.container()
	for _, variable := range e.Env {
		container.Env = SetEnv(container.Env, variable)
	}
	for _, source := range e.EnvFrom {
		if !slices.ContainsFunc(container.EnvFrom, func(have corev1.EnvFromSource) bool {
			return equality.Semantic.DeepEqual(have, source)
		}) {
			container.EnvFrom = append(container.EnvFrom, source)
		}
	}
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
