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

// Why a property is denied. The first four begin with texts of
// kubeflow/spark-operator.
const (
	reasonServiceAccount   = "configure the service account via the CRD spec instead"
	reasonCredentials      = "authentication credentials are managed by the operator; remove the key"
	reasonManaged          = "this value is managed by the operator; remove the key"
	reasonImage            = "use the image field on the CRD instead"
	reasonDriverTemplate   = "it names a file of the submitter; set the pod template in spec.driver.template"
	reasonExecutorTemplate = "it names a file of the submitter; set the pod template in spec.executor.template"
	reasonFile             = "it names a file of the submitter; mount the file into the pods and name it with local:// or in the " +
		"application instead"
)

// denied are the properties that are denied by their full key.
func denied(key string) string {
	switch key {
	case sparkconf.DriverServiceAccountName, sparkconf.ExecutorServiceAccountName:
		return reasonServiceAccount
	case sparkconf.Master, "spark.kubernetes.driver.master":
		return reasonManaged
	case sparkconf.ContainerImage, sparkconf.DriverContainerImage, sparkconf.ExecutorContainerImage:
		return reasonImage
	case sparkconf.DriverPodTemplateFile:
		return reasonDriverTemplate
	case sparkconf.ExecutorPodTemplateFile:
		return reasonExecutorTemplate
	case sparkconf.KerberosKrb5Path, sparkconf.PodGroupTemplateFile:
		return reasonFile
	}
	return ""
}

// tolerated reports whether a property does no more than the field that should be
// given instead. The field wins if both are given.
func tolerated(reason string) bool { return reason == reasonImage || reason == reasonServiceAccount }

// deniedCredential reports whether the property gives or names credentials for
// the API server. kubeflow/spark-operator denies the tokens; what a submitter
// would take from its own files and pass on to the tenant's driver, or use
// itself, is denied here as well. Files inside the driver
// (spark.kubernetes.authenticate.driver.mounted.*) are the tenant's own.
func deniedCredential(key string) bool {
	if strings.HasPrefix(key, sparkconf.AuthSubmissionPrefix) {
		return true
	}
	rest, ok := strings.CutPrefix(key, "spark.kubernetes.authenticate.")
	if !ok {
		return false
	}
	switch rest {
	case "oauthToken", "driver.oauthToken", "executor.oauthToken",
		"oauthTokenFile", "driver.oauthTokenFile", "executor.oauthTokenFile",
		"driver.caCertFile", "driver.clientKeyFile", "driver.clientCertFile":
		return true
	}
	return false
}

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

// deniedValue returns why a property is denied that has the value; empty if it is not.
func deniedValue(key, value string) string {
	if deniedCredential(key) {
		return reasonCredentials
	}
	if key == sparkconf.Keytab && !strings.HasPrefix(value, "local:") {
		return reasonFile
	}
	return denied(key)
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
