// SPDX-License-Identifier: Apache-2.0

package run

import (
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// buildParams returns what a submission needs besides the application.
func (r *Runner) buildParams(app *v1beta2.SparkApplication, s *lifecycle.Submission) (translate.Params, error) {
	scheduler, err := r.settings.BatchScheduling.schedulerOf(app)
	return translate.Params{
		SubmissionID: s.ID,
		Master:       r.settings.Master,
		DefaultConf:  r.settings.DefaultConf,
		ServiceLinks: r.settings.ServiceLinks,
		PodWebhook:   r.settings.PodWebhook,
		SubmitTime:   s.Time,
		Scheduler:    scheduler,

		MonitoringConfigName: s.MonitoringConfig,
	}, err
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
