// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

// validate returns why an application is refused before anything is created;
// empty if it is not.
func validate(app *v1beta2.SparkApplication) string {
	errs := validation.ValidateSparkApplication(app)
	if len(errs) == 0 {
		return ""
	}
	return oneLine(errs.ToAggregate().Error())
}
