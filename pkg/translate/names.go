// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// DriverPodName is the name of the application's driver pod:
// spec.driver.podName, else the property spark.kubernetes.driver.pod.name of
// spec.sparkConf, else <application>-driver. It is the same for every submission
// of the application.
func DriverPodName(app *v1beta2.SparkApplication) string {
	if name := app.Spec.Driver.PodName; name != nil && *name != "" {
		return *name
	}
	if name := app.Spec.SparkConf[sparkconf.DriverPodName]; name != "" {
		return name
	}
	return app.Name + "-driver"
}
