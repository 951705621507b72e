// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// refusalReason names a refusal that is final.
func refusalReason(err error) string {
	if reconcile.Awaited(err) == reconcile.QuotaExceeded {
		return reasonQuotaExceeded
	}
	return reasonRefused
}
