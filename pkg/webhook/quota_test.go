// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/webhook"
)

// limitedTo returns a webhook whose only quota allows that many pods, of which some are
// used.
func limitedTo(pods, used int64) *webhook.Webhook {
	return webhook.New(webhook.Config{Quotas: func(namespace string) []*corev1.ResourceQuota {
		if namespace != "diff-jobs" {
			return nil
		}
		return []*corev1.ResourceQuota{{
			ObjectMeta: metav1.ObjectMeta{Name: "team"},
			Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"pods": *resource.NewQuantity(pods, resource.DecimalSI)}},
			Status:     corev1.ResourceQuotaStatus{Used: corev1.ResourceList{"pods": *resource.NewQuantity(used, resource.DecimalSI)}},
		}}
	}})
}

func TestQuotas(t *testing.T) {
	const three, running = `,"executor":{"instances":3}`, `,"status":{"applicationState":{"state":"RUNNING"}}`
	const refusal = "spec: Forbidden: ResourceQuota team: pods: the application needs 4 (driver 1 + 3 executors of 1), but spec.hard is 2; reduce the requests or the executors, or raise the quota"
	for name, test := range map[string]struct {
		pods, used int64
		request    *admissionv1.AdmissionRequest
		denied     string
		warns      string // "" for no warning
	}{
		"never fits":                    {2, 0, create(app(three, "")), refusal, ""},
		"fits":                          {4, 0, create(app(three, "")), "", ""},
		"no room now":                   {4, 1, create(app(three, "")), "", "of which 1 is used; the application waits for room"},
		"its own pods are used":         {4, 4, update(app(three, running), app(three+`,"timeToLiveSeconds":9`, running)), "", ""},
		"suspended":                     {2, 0, create(app(three+`,"suspend":true`, "")), "", "the application needs 4"},
		"resumed":                       {2, 0, update(app(three+`,"suspend":true`, ""), app(three+`,"suspend":false`, "")), refusal, ""},
		"suspension":                    {2, 0, update(app(three, running), app(three+`,"suspend":true`, running)), "", "the application needs 4"},
		"spec stays":                    {2, 0, update(app(three, ""), app(three, running)), "", ""},
		"other edit":                    {2, 0, update(app(three, running), app(three+`,"timeToLiveSeconds":9`, running)), "", "the application needs 4"},
		"more executors":                {2, 0, update(app(`,"executor":{"instances":1}`, ""), app(three, "")), refusal, ""},
		"other faults come first":       {2, 0, create(app(three+`,"mode":"client"`, "")), "spec.mode: Invalid value", ""},
		"pods that cannot be built":     {2, 0, create(app(three+`,"sparkConf":{"spark.executor.memory":"1x"}`, "")), "the submission will be refused", ""},
		"an application being deleted":  {2, 0, update(app("", ""), []byte(strings.Replace(string(app(three, "")), `"name":"pi"`, `"name":"pi","deletionTimestamp":"2026-01-01T00:00:00Z"`, 1))), "", ""},
		"minimum of dynamic allocation": {2, 0, create(app(three+`,"dynamicAllocation":{"enabled":true,"minExecutors":1}`, "")), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			response := ask(t, limitedTo(test.pods, test.used), webhook.PathValidateApplication, test.request)
			all := strings.Join(response.Warnings, "\n")
			switch {
			case test.denied == "" && !response.Allowed:
				t.Errorf("refused: %s", response.Result.Message)
			case test.denied != "" && (response.Allowed || !strings.Contains(response.Result.Message, test.denied)):
				t.Errorf("%s, want a refusal with %q", text(t, response), test.denied)
			case test.warns == "" && strings.Contains(all, "ResourceQuota"), !strings.Contains(all, test.warns):
				t.Errorf("warnings %q, want %q", all, test.warns)
			}
		})
	}
	if response := review(t, webhook.PathValidateApplication, create(app(three, ""))); !response.Allowed {
		t.Errorf("quotas are not checked without the flag: %s", text(t, response))
	}
	elsewhere := create(app(three, ""))
	elsewhere.Namespace = "other"
	if response := ask(t, limitedTo(0, 0), webhook.PathValidateApplication, elsewhere); !response.Allowed {
		t.Errorf("quota of another namespace: %s", text(t, response))
	}
}

// A quota may be raised until a schedule is due.
func TestQuotasWarnAboutSchedules(t *testing.T) {
	object := []byte(`{"metadata":{"name":"pi"},"spec":{"schedule":"@daily","template":{"sparkVersion":"4.0.4","image":"i",` +
		`"mainClass":"M","mainApplicationFile":"local:///a.jar","executor":{"instances":3}}}}`)
	for pods, want := range map[int64]bool{2: true, 4: false} {
		response := ask(t, limitedTo(pods, 0), webhook.PathValidateSchedule, create(object))
		warned := strings.Contains(strings.Join(response.Warnings, "\n"), "spec.template: its runs are refused: ResourceQuota team: pods: the application needs 4 (driver 1 + 3 executors of 1)")
		if !response.Allowed || warned != want {
			t.Errorf("%d pods: %s", pods, text(t, response))
		}
	}
}
