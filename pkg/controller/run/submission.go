// SPDX-License-Identifier: Apache-2.0

package run

import (
	"strings"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// buildParams returns what a submission needs besides the application.
func (r *Runner) buildParams(app *v1beta2.SparkApplication, s *lifecycle.Submission) (translate.Params, error) {
	scheduler, err := r.settings.BatchScheduling.schedulerOf(app)
	archiveDriver, archiveExecutors := r.settings.LogArchive.Wants(app)
	return translate.Params{
		SubmissionID: s.ID,
		Master:       r.settings.Master,
		DefaultConf:  r.settings.DefaultConf,
		History:      r.settings.History,
		ServiceLinks: r.settings.ServiceLinks,
		PodWebhook:   r.settings.PodWebhook,
		SubmitTime:   s.Time,

		ArchiveDriverLog: archiveDriver, ArchiveExecutorLogs: archiveExecutors,

		Scheduler: scheduler,

		MonitoringConfigName: s.MonitoringConfig,
	}, err
}

// historyURL returns where the history server shows a run; empty if it does not. The server
// reads the directory of the operator, if that has one.
func (r *Runner) historyURL(app *v1beta2.SparkApplication, sparkApplicationID string) string {
	if r.settings.HistoryURLFormat == "" || sparkApplicationID == "" {
		return ""
	}
	dir := translate.EventLogDir(app, r.settings.DefaultConf, r.settings.History)
	if dir == "" || r.settings.History.Dir != "" && strings.TrimSuffix(dir, "/") != strings.TrimSuffix(r.settings.History.Dir, "/") {
		return ""
	}
	address, _ := ui.HistoryURL(r.settings.HistoryURLFormat, app.Name, app.Namespace, sparkApplicationID) // was checked at the start
	return address
}

func (r *Runner) adopt(pod *podview.Pod, s *lifecycle.Submission) (*podview.Pod, error) {
	if pod.DeletionTimestamp != nil {
		return nil, reconcile.WaitFor(lifecycle.ReasonOldDriver, "driver pod %s was deleted before its submission was complete", pod.Name)
	}
	s.Adopted = true
	return pod, nil
}

// notPermanent hides that an error is permanent, because something else has to be
// done first; the submission is tried again and then refused.
func notPermanent(err error) error {
	return reconcile.WaitFor(lifecycle.ReasonRetrying, "%s", err.Error())
}

// refusalReason names a refusal that is final.
func refusalReason(err error) string {
	if reconcile.Awaited(err) == reconcile.QuotaExceeded {
		return lifecycle.ReasonQuotaExceeded
	}
	return lifecycle.ReasonRefused
}
