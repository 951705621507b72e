// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

const (
	// TokenVariable is the variable from which Spark 4.0 and newer read the token that
	// clients have to present.
	TokenVariable = "SPARK_CONNECT_AUTHENTICATE_TOKEN"
	// TokenProperty is the property for the same token. It takes precedence over the variable.
	TokenProperty = "spark.connect.authenticate.token"
	// TokenPropertyConflict says why the property is refused together with
	// spec.authentication.
	TokenPropertyConflict = "Spark would use this property and not the Secret of spec.authentication; remove one of them"

	// TokenPlaceholder stands for the token in the URL that clients use.
	TokenPlaceholder = "TOKEN"
)

// TokenProperties are the properties whose value is a token that everyone can read who may
// read the object, the ConfigMap or, for some, the web UI.
func TokenProperties() []string {
	return []string{TokenProperty, sparkconf.DriverEnvPrefix + TokenVariable, "spark.executorEnv." + TokenVariable}
}

// ConnectTokenName is the name of the Secret with a token that the operator generates.
func ConnectTokenName(connect *v1alpha1.SparkConnect) string { return connect.Name + "-token" }

// ConnectToken returns where the token of a server is; nil if it has none.
func ConnectToken(connect *v1alpha1.SparkConnect) *corev1.SecretKeySelector {
	given := connect.Spec.Authentication
	if given == nil {
		return nil
	}
	at := &corev1.SecretKeySelector{Key: v1alpha1.DefaultTokenKey}
	at.Name = ConnectTokenName(connect)
	if secret := given.TokenSecret; secret != nil {
		at.Name = secret.Name
		if secret.Key != "" {
			at.Key = secret.Key
		}
	}
	return at
}

// requireToken makes the server check the token of its clients. Executors do not get it.
func (c *connectBuilder) requireToken(container *corev1.Container) error {
	at := ConnectToken(c.connect)
	if at == nil {
		return nil
	}
	if _, given := c.run.Properties[TokenProperty]; given {
		return errors.New("spec.sparkConf[" + TokenProperty + "]: " + TokenPropertyConflict)
	}
	// Of two variables with one name, the kubelet would use the last.
	container.Env = slices.DeleteFunc(slices.Clone(container.Env), func(have corev1.EnvVar) bool { return have.Name == TokenVariable })
	container.Env = append(container.Env, corev1.EnvVar{Name: TokenVariable, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: at}})
	return nil
}

// tokenWarnings are about variables that the Secret of the token replaces.
func tokenWarnings(connect *v1alpha1.SparkConnect) (warnings []string) {
	if connect.Spec.Authentication == nil {
		return nil
	}
	given := templateContainer(connect.Spec.Server.Template, podspec.Driver, connect.Spec.SparkConf)
	if given != nil && slices.ContainsFunc(given.Env, func(have corev1.EnvVar) bool { return have.Name == TokenVariable }) {
		warnings = append(warnings, "spec.server.template: the variable "+TokenVariable+" has no effect: spec.authentication sets it; remove it")
	}
	return warnings
}

// ConnectRouteEndpoint is the URL by which clients reach the server through its route,
// which ends TLS on port 443.
func ConnectRouteEndpoint(connect *v1alpha1.SparkConnect) string {
	endpoint := "sc://" + connect.Spec.Route.Host + ":443/;use_ssl=true"
	if connect.Spec.Authentication != nil {
		endpoint += ";token=" + TokenPlaceholder
	}
	return endpoint
}
