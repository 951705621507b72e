// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"time"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// timeToLive returns when a finished application is to be deleted; false if it
// stays. The time counts from the end of the driver. Zero or less in the spec
// means at once; the operator's default applies if the spec says nothing, and
// zero there means that applications stay.
func timeToLive(app *v1beta2.SparkApplication, byDefault time.Duration) (expires time.Time, limited bool) {
	ended := app.Status.TerminationTime
	if ended.IsZero() {
		return time.Time{}, false
	}
	switch seconds := app.Spec.TimeToLiveSeconds; {
	case seconds != nil:
		return ended.Add(bounded(max(*seconds, 0), 1)), true
	case byDefault > 0:
		return ended.Add(byDefault), true
	}
	return time.Time{}, false
}
