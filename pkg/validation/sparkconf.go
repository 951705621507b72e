// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// validateSparkConf denies properties that would take over what the operator
// answers for: identity, credentials, files, the cluster, the images.
func (v *validator) validateSparkConf() {
	at := v.root.Child("sparkConf")
	deny := func(key, reason string) {
		v.fail(field.Forbidden(at.Key(key), fmt.Sprintf("sparkConf key %q is not allowed: %s", key, reason)))
	}
	for _, key := range slices.Sorted(maps.Keys(v.spec.SparkConf)) {
		value := v.spec.SparkConf[key]
		if reason := deniedValue(key, value); tolerated(reason) {
			v.tolerable.Add(field.Forbidden(at.Key(key), fmt.Sprintf("sparkConf key %q is not allowed: %s", key, reason)))
		} else if reason != "" {
			deny(key, reason)
		} else if key == sparkconf.KubernetesNamespace && value != v.app.Namespace {
			deny(key, fmt.Sprintf("must equal the application namespace %q, got %q; remove the key", v.app.Namespace, value))
		}
	}
}

// DefaultProperty returns why a property cannot be a default for all applications;
// empty if it can.
func DefaultProperty(key, value string) string {
	switch key {
	case sparkconf.AppID, sparkconf.AppName, sparkconf.DriverPodName, sparkconf.ExecutorPodNamePrefix, sparkconf.KubernetesNamespace,
		sparkconf.SubmitDeployMode, sparkconf.WaitForAppCompletion:
		return "it belongs to a single application, and the operator sets it; remove the key"
	}
	if !strings.HasPrefix(key, "spark.") {
		return "it is no property of Spark, whose names begin with spark.; remove the key"
	}
	if reason := deniedValue(key, value); !tolerated(reason) {
		return reason
	}
	return ""
}
