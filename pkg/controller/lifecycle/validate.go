// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

// Validate returns why an application is refused before anything is created;
// empty if it is not.
func Validate(app *v1beta2.SparkApplication) string {
	errs, _ := validation.ValidateStoredSparkApplication(app)
	if len(errs) == 0 {
		return ""
	}
	return reconcile.OneLine(errs.ToAggregate().Error())
}

// ToleratedFaults returns, for warnings, what admission would have refused and what
// is submitted nevertheless.
func ToleratedFaults(app *v1beta2.SparkApplication) []string {
	_, tolerable := validation.ValidateStoredSparkApplication(app)
	warnings := make([]string, 0, len(tolerable))
	for _, err := range tolerable {
		warnings = append(warnings, reconcile.OneLine(err.Error()))
	}
	return warnings
}
