// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/decode"
	"github.com/spark-operator/spark-operator/pkg/validation"
	"github.com/spark-operator/spark-operator/pkg/webhook"
	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim"
)

var update = flag.Bool("update", false, "rewrite the table of docs/admission.md")

// layers is what each layer alone has against a manifest; empty if nothing.
type layers struct {
	crd, webhook, controller string
	// event is set if the controller runs the application and reports a fault.
	event bool
}

// judge shows a manifest to each layer alone.
func judge(t *testing.T, namespace string, object *unstructured.Unstructured) (l layers) {
	t.Helper()
	object = object.DeepCopy()
	object.SetNamespace(namespace)
	raw, err := object.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	l.crd = byCRD(t.Context(), object)
	if l.webhook, err = byWebhook(object, raw); err != nil {
		t.Fatal(err)
	}
	l.controller, l.event = byController(object.GetKind(), raw)
	return l
}

func isApplication(object *unstructured.Unstructured) bool {
	return object.GetKind() == "SparkApplication"
}

// byCRD asks an API server that has the CRDs and, in this namespace, no webhook.
func byCRD(ctx context.Context, object *unstructured.Unstructured) string {
	_, err := api.Dynamic.Resource(resourceOf(object)).Namespace(object.GetNamespace()).Create(ctx, object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return err.Error()
	}
	return ""
}

// byWebhook asks the webhook about an object that the CRD has not seen.
func byWebhook(object *unstructured.Unstructured, raw []byte) (string, error) {
	request := &admissionv1.AdmissionRequest{UID: "u", Operation: admissionv1.Create, Namespace: object.GetNamespace()}
	request.Kind = metav1.GroupVersionKind(object.GroupVersionKind())
	request.Object.Raw = raw
	review, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"}, Request: request,
	})
	if err != nil {
		return "", err
	}
	text, _, err := webhook.New(webhook.Config{}).Review(map[string]string{
		"SparkApplication": webhook.PathValidateApplication, "ScheduledSparkApplication": webhook.PathValidateSchedule,
		"SparkConnect": webhook.PathValidateConnect,
	}[object.GetKind()], review)
	if err != nil {
		return "", err
	}
	var answer admissionv1.AdmissionReview
	if err := json.Unmarshal(text, &answer); err != nil || answer.Response.Allowed {
		return "", err
	}
	return answer.Response.Result.Message, nil
}

// byController returns the reason in the status, and whether there is an event instead.
func byController(kind string, raw []byte) (reason string, event bool) {
	switch kind {
	case "SparkConnect":
		var connect v1alpha1.SparkConnect
		if _, err := decode.Strict(raw, &connect); err != nil {
			return err.Error(), false
		}
		faults, tolerable := validation.ValidateStoredSparkConnect(&connect)
		if len(faults) > 0 {
			return faults.ToAggregate().Error(), false
		}
		refused, _ := validation.ConnectStart(&connect)
		return refused, len(tolerable) > 0
	case "ScheduledSparkApplication":
		var schedule v1beta2.ScheduledSparkApplication
		if _, err := decode.Strict(raw, &schedule); err != nil {
			return err.Error(), false
		}
		faults, tolerable := validation.ValidateStoredScheduledSparkApplication(&schedule)
		if len(faults) > 0 {
			return faults.ToAggregate().Error(), false
		}
		refused, _ := validation.SubmissionOfRun(&schedule)
		return refused, len(tolerable) > 0
	}
	var app v1beta2.SparkApplication
	if _, err := decode.Strict(raw, &app); err != nil {
		return err.Error(), false
	}
	if reason = lifecycle.Validate(&app); reason != "" {
		return reason, false
	}
	for _, text := range validation.Warnings(&app) {
		if strings.HasPrefix(text, "the submission will be refused: ") {
			return text, false
		}
	}
	return "", len(lifecycle.ToleratedFaults(&app)) > 0
}

// Where the table is, and what surrounds it.
const (
	tableFile  = sim.Repository + "/docs/admission.md"
	tableStart = "<!-- TestLayers prints what follows. -->\n"
)

// TestLayers shows every bad manifest to the CRD, to the webhook and to the controller,
// each alone, and prints which of them refuses it.
func TestLayers(t *testing.T) {
	const namespace = "layers"
	if err := sim.CreateNamespace(t.Context(), api.Core, namespace); err != nil {
		t.Fatal(err)
	}
	collection, err := admission.BadManifests()
	if err != nil {
		t.Fatal(err)
	}
	table := &strings.Builder{}
	fmt.Fprint(table, tableStart, "\n| Manifest | CRD | Webhook | Controller | Why the CRD does not |\n|---|---|---|---|---|\n")
	for _, bad := range collection {
		l := judge(t, namespace, bad.Object)
		switch {
		case l.crd == "" && admission.Reasons[bad.CRD] == "":
			t.Errorf("%s: the CRD does not refuse it, and there is no reason (%q); webhook: %q", bad.Name, bad.CRD, l.webhook)
		case l.crd != "" && bad.CRD != "":
			t.Errorf("%s: the CRD refuses it, although %s: %s", bad.Name, admission.Reasons[bad.CRD], l.crd)
		case l.webhook == "" && l.controller == "" && !strings.Contains(l.crd, "is invalid"):
			t.Errorf("%s: nothing refuses it", bad.Name)
		case l.webhook == "" && l.controller != "" && bad.CRD != "operator":
			t.Errorf("%s: only the controller refuses it: %s", bad.Name, l.controller)
		}
		kind := map[string]string{"ScheduledSparkApplication": " (schedule)", "SparkConnect": " (server)"}[bad.Object.GetKind()]
		fmt.Fprintf(table, "| %s%s | %s | %s | %s | %s |\n", bad.Name, kind, cell(l.crd), cell(l.webhook), l.status(bad.Object), admission.Reasons[bad.CRD])
	}
	text, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(text), tableStart)
	if !found {
		t.Fatalf("%s has no line %q", tableFile, tableStart)
	}
	if *update {
		if err := os.WriteFile(tableFile, []byte(before+table.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if tableStart+after != table.String() {
		t.Errorf("%s is out of date: cd test && go test ./webhook -run 'TestLayers$' -update", tableFile)
	}
}

func cell(refusal string) string {
	if refusal == "" {
		return ""
	}
	return "refuses"
}

// status is what the controller does.
func (l layers) status(object *unstructured.Unstructured) string {
	switch {
	case l.controller != "" && object.GetKind() == "SparkConnect":
		return string(v1alpha1.SparkConnectStateFailed)
	case strings.HasPrefix(l.controller, "the submission will be refused"):
		return "SUBMISSION_FAILED"
	case l.controller != "" && isApplication(object):
		return "FAILED"
	case l.controller != "":
		return "FailedValidation"
	case l.event:
		return "runs, with an Event"
	}
	return "runs"
}
