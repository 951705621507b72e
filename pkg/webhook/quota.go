// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/quota"
)

// compareWithQuotas returns as faults why an application can never fit the quotas of its
// namespace. Where other pods use the room, and while the application is suspended,
// these are warnings.
func (w *Webhook) compareWithQuotas(app *v1beta2.SparkApplication, state v1beta2.ApplicationStateType) (faults, warnings []string) {
	compared := w.quotaVerdict(app)
	warnings = compared.Perhaps
	if state == v1beta2.ApplicationStateNew || state == v1beta2.ApplicationStateSuspended { // otherwise its own pods may use the room
		warnings = append(warnings, compared.Now...)
	}
	never := refusals("spec: Forbidden: ", compared.Never)
	if app.Spec.Suspend != nil && *app.Spec.Suspend {
		return nil, append(warnings, never...)
	}
	return never, warnings
}

// compareRunsWithQuotas returns the warnings for a schedule: quotas may change until it
// is due.
func (w *Webhook) compareRunsWithQuotas(app *v1beta2.ScheduledSparkApplication, faulty bool) []string {
	if faulty {
		return nil
	}
	run := &v1beta2.SparkApplication{Spec: app.Spec.Template}
	run.Namespace, run.Name = app.Namespace, app.Name
	compared := w.quotaVerdict(run)
	return append(compared.Perhaps, refusals("spec.template: its runs are refused: ", compared.Never)...)
}

// quotaVerdict compares an application with the quotas of its namespace. Why its pods
// cannot be built is a warning of package validation.
func (w *Webhook) quotaVerdict(app *v1beta2.SparkApplication) quota.Verdict {
	if w.config.Quotas == nil {
		return quota.Verdict{}
	}
	quotas := w.config.Quotas(app.Namespace)
	if len(quotas) == 0 {
		return quota.Verdict{}
	}
	need, err := quota.Of(app, w.config.DefaultConf)
	if err != nil {
		return quota.Verdict{}
	}
	return need.Compare(quotas)
}

// refusals puts the place before texts and the remedy behind them.
func refusals(place string, texts []string) []string {
	for i := range texts {
		texts[i] = place + texts[i] + "; reduce the requests or the executors, or raise the quota"
	}
	return texts
}
