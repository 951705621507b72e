// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"slices"
	"strings"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// A Denial is an entry of the denial list of spec.sparkConf. The admission policies of
// the chart are generated from the same list.
type Denial struct {
	// Key is the full name of a property, or the beginning of the names of several.
	Key string
	// Prefix is true if Key is the beginning of names.
	Prefix bool
	// Unless is the beginning of the values that are allowed; empty if no value is.
	Unless string
	// Reason completes the message: what to do instead.
	Reason string
}

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

// denials is the list. kubeflow/spark-operator denies the tokens; what a submitter
// would take from its own files and pass on to the tenant's driver, or use itself, is
// denied here as well. Files inside the driver
// (spark.kubernetes.authenticate.driver.mounted.*) are the tenant's own.
var denials = []Denial{
	{Key: sparkconf.DriverServiceAccountName, Reason: reasonServiceAccount},
	{Key: sparkconf.ExecutorServiceAccountName, Reason: reasonServiceAccount},

	{Key: sparkconf.AuthSubmissionPrefix, Prefix: true, Reason: reasonCredentials},
	{Key: "spark.kubernetes.authenticate.oauthToken", Reason: reasonCredentials},
	{Key: "spark.kubernetes.authenticate.driver.oauthToken", Reason: reasonCredentials},
	{Key: "spark.kubernetes.authenticate.executor.oauthToken", Reason: reasonCredentials},
	{Key: "spark.kubernetes.authenticate.oauthTokenFile", Reason: reasonCredentials},
	{Key: "spark.kubernetes.authenticate.driver.oauthTokenFile", Reason: reasonCredentials},
	{Key: "spark.kubernetes.authenticate.executor.oauthTokenFile", Reason: reasonCredentials},
	{Key: "spark.kubernetes.authenticate.driver.caCertFile", Reason: reasonCredentials},
	{Key: "spark.kubernetes.authenticate.driver.clientKeyFile", Reason: reasonCredentials},
	{Key: "spark.kubernetes.authenticate.driver.clientCertFile", Reason: reasonCredentials},

	{Key: sparkconf.Master, Reason: reasonManaged},
	{Key: "spark.kubernetes.driver.master", Reason: reasonManaged},

	{Key: sparkconf.ContainerImage, Reason: reasonImage},
	{Key: sparkconf.DriverContainerImage, Reason: reasonImage},
	{Key: sparkconf.ExecutorContainerImage, Reason: reasonImage},

	{Key: sparkconf.DriverPodTemplateFile, Reason: reasonDriverTemplate},
	{Key: sparkconf.ExecutorPodTemplateFile, Reason: reasonExecutorTemplate},
	{Key: sparkconf.KerberosKrb5Path, Reason: reasonFile},
	{Key: sparkconf.PodGroupTemplateFile, Reason: reasonFile},
	{Key: sparkconf.Keytab, Unless: "local:", Reason: reasonFile},
}

// Denials returns the denial list of spec.sparkConf, which depends on nothing but the
// property. [ValidateSparkApplication] also denies a namespace other than the
// application's.
func Denials() []Denial { return slices.Clone(denials) }

// deniedByKey and deniedByPrefix are the list as it is looked up.
var deniedByKey, deniedByPrefix = func() (map[string]Denial, []Denial) {
	byKey, byPrefix := make(map[string]Denial, len(denials)), []Denial(nil)
	for _, denial := range denials {
		if denial.Prefix {
			byPrefix = append(byPrefix, denial)
		} else {
			byKey[denial.Key] = denial
		}
	}
	return byKey, byPrefix
}()

// deniedValue returns why a property is denied that has the value; empty if it is not.
func deniedValue(key, value string) string {
	denial, found := deniedByKey[key]
	if !found {
		if i := slices.IndexFunc(deniedByPrefix, func(d Denial) bool { return strings.HasPrefix(key, d.Key) }); i >= 0 {
			denial = deniedByPrefix[i]
		}
	}
	if denial.Unless != "" && strings.HasPrefix(value, denial.Unless) {
		return ""
	}
	return denial.Reason
}

// tolerated reports whether a property does no more than the field that should be
// given instead. The field wins if both are given.
func tolerated(reason string) bool { return reason == reasonImage || reason == reasonServiceAccount }
