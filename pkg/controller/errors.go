// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// waitFor returns an error that says what has to happen first.
func waitFor(reason, format string, arguments ...any) error {
	return reconcile.WaitFor(reason, format, arguments...)
}

// refuse marks an error as one that no repetition removes.
func refuse(err error) error { return reconcile.Refuse(err) }

// refusalReason names a refusal that is final.
func refusalReason(err error) string {
	if reconcile.Awaited(err) == reconcile.QuotaExceeded {
		return reasonQuotaExceeded
	}
	return reasonRefused
}

// oneLine joins the lines of a text.
func oneLine(text string) string { return reconcile.OneLine(text) }
