// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/webhook"
)

func text(t testing.TB, value any) string {
	t.Helper()
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func tree(t testing.TB, object []byte) map[string]any {
	t.Helper()
	var value map[string]any
	if err := json.Unmarshal(object, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// reviewOf is a request as the API server sends it to path.
func reviewOf(t testing.TB, path string, request *admissionv1.AdmissionRequest) []byte {
	t.Helper()
	if request.Kind.Kind == "" {
		request.Kind = metav1.GroupVersionKind{Group: "sparkoperator.k8s.io", Version: "v1beta2", Kind: "SparkApplication"}
		switch path {
		case webhook.PathMutateSchedule, webhook.PathValidateSchedule:
			request.Kind.Kind = "ScheduledSparkApplication"
		case webhook.PathMutateConnect, webhook.PathValidateConnect:
			request.Kind.Kind, request.Kind.Version = "SparkConnect", "v1alpha1"
		case webhook.PathMutatePod:
			request.Kind = metav1.GroupVersionKind{Version: "v1", Kind: "Pod"}
		}
	}
	return []byte(text(t, admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"}, Request: request,
	}))
}

func ask(t testing.TB, w *webhook.Webhook, path string, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	t.Helper()
	body, _, err := w.Review(path, reviewOf(t, path, request))
	if err != nil {
		t.Fatal(err)
	}
	var answered admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &answered); err != nil {
		t.Fatal(err)
	}
	if answered.APIVersion != "admission.k8s.io/v1" || answered.Kind != "AdmissionReview" || answered.Response.UID != request.UID {
		t.Fatalf("no answer to the request: %s", body)
	}
	return answered.Response
}

func review(t testing.TB, path string, request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
	t.Helper()
	return ask(t, webhook.New(webhook.Config{}), path, request)
}

func patched(t testing.TB, object []byte, response *admissionv1.AdmissionResponse) []byte {
	t.Helper()
	if len(response.Patch) == 0 {
		return object
	}
	patch, err := jsonpatch.DecodePatch(response.Patch)
	if err != nil {
		t.Fatal(err)
	}
	after, err := patch.Apply(object)
	if err != nil {
		t.Fatalf("%s: %v", response.Patch, err)
	}
	return after
}

// app is a manifest that is accepted; its spec and status are completed.
func app(spec, rest string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"sparkoperator.k8s.io/v1beta2","kind":"SparkApplication","metadata":{"name":"pi","namespace":"jobs"},`+
		`"spec":{"sparkVersion":"4.0.4","image":"spark","mainClass":"Main","mainApplicationFile":"local:///a.jar"%s}%s}`, spec, rest)
}

func update(before, after []byte) *admissionv1.AdmissionRequest {
	request := create(after)
	request.Operation = admissionv1.Update
	request.OldObject.Raw = before
	return request
}

func TestDefaultsAreStoredInNewApplicationsOnly(t *testing.T) {
	for state, want := range map[string]bool{"": true, "INVALIDATING": true, "RUNNING": false, "COMPLETED": false} {
		object := app("", `,"status":{"applicationState":{"state":"`+state+`"},"terminationTime":"2026-01-01t00:00:00z"}`)
		response := review(t, webhook.PathMutateApplication, update(object, object))
		if got := len(response.Patch) > 0; got != want || !response.Allowed {
			t.Errorf("state %q: patch %s", state, response.Patch)
		}
	}
}

func TestDefaultsKeepWhatWasGiven(t *testing.T) {
	object := app(`,"executor":{"instances":0},"restartPolicy":{"type":"Always","onFailureRetryInterval":9},"sparkConf":{"spark.driver.memory":"3g"},`+
		`"dynamicAllocation":{"enabled":true}`, "")
	got := tree(t, patched(t, object, review(t, webhook.PathMutateApplication, create(object))))["spec"]
	want := tree(t, app(`,"type":"Scala","mode":"cluster","driver":{"cores":1},"executor":{"cores":1,"instances":0,"memory":"1g"},`+
		`"restartPolicy":{"type":"Always","onFailureRetryInterval":9,"onSubmissionFailureRetryInterval":5},"sparkConf":{"spark.driver.memory":"3g"},`+
		`"dynamicAllocation":{"enabled":true,"shuffleTrackingEnabled":true}`, ""))["spec"]
	if text(t, got) != text(t, want) {
		t.Errorf("got\n%s\nwant\n%s", text(t, got), text(t, want))
	}
}

// A stored default would win over the properties that the operator has for everybody.
func TestDefaultsLeaveRoomForThoseOfTheOperator(t *testing.T) {
	w := webhook.New(webhook.Config{DefaultConf: map[string]string{"spark.executor.memory": "4g", "spark.executor.instances": "3"}})
	object := app(`,"sparkConf":{"a":"b"}`, "")
	got := tree(t, patched(t, object, ask(t, w, webhook.PathMutateApplication, create(object))))["spec"]
	want := tree(t, app(`,"type":"Scala","mode":"cluster","driver":{"cores":1,"memory":"1g"},"executor":{"cores":1},"restartPolicy":{"type":"Never"},"sparkConf":{"a":"b"}`, ""))["spec"]
	if text(t, got) != text(t, want) {
		t.Errorf("got\n%s\nwant\n%s", text(t, got), text(t, want))
	}
}

func TestRefusalNamesFieldAndReason(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		object []byte
		code   int32
		want   string
	}{
		"rule":                     {webhook.PathValidateApplication, app(`,"mode":"client"`, ""), 403, "spec.mode: Invalid value"},
		"type":                     {webhook.PathValidateApplication, app(`,"driver":{"cores":"one"}`, ""), 400, "spec.driver.cores: cannot unmarshal string into int32"},
		"type in a template":       {webhook.PathValidateApplication, app(`,"driver":{"template":{"spec":{"containers":[{"name":"a"},{"name":"b","ports":[{"containerPort":"x"}]}]}}}`, ""), 400, "spec.driver.template.spec.containers[1].ports[0].containerPort: cannot unmarshal string into int32"},
		"unknown field":            {webhook.PathValidateApplication, app(`,"driver":{"template":{"spec":{"containers":[{"name":"a","imagePolicy":"Always"}]}}}`, ""), 403, "spec.driver.template.spec.containers[0].imagePolicy: unknown field"},
		"another case":             {webhook.PathValidateApplication, app(`,"driver":{"Cores":1}`, ""), 403, "spec.driver.Cores: unknown field"},
		"quantity":                 {webhook.PathValidateApplication, app(`,"volumes":[{"name":"v","emptyDir":{"sizeLimit":"much"}}]`, ""), 400, "spec.volumes[0].emptyDir.sizeLimit: "},
		"several":                  {webhook.PathValidateApplication, app(`,"sparkConf":{"spark.master":"k8s://x","spark.kubernetes.authenticate.oauthToken":"t"}`, ""), 403, `sparkConf key "spark.master" is not allowed: this value is managed by the operator`},
		"namespace of the request": {webhook.PathValidateApplication, app(`,"sparkConf":{"spark.kubernetes.namespace":"jobs"}`, ""), 403, `must equal the application namespace "diff-jobs", got "jobs"`},
		"schedule":                 {webhook.PathValidateSchedule, []byte(`{"metadata":{"name":"pi"},"spec":{"schedule":"61 * * * *","template":{"mode":"client"}}}`), 403, "spec.template.mode: Invalid value"},
	} {
		t.Run(name, func(t *testing.T) {
			response := review(t, test.path, create(test.object))
			if response.Allowed || response.Result.Code != test.code || !strings.Contains(response.Result.Message, test.want) || strings.Contains(response.Result.Message, "\n") {
				t.Errorf("%s", text(t, response))
			}
		})
	}
}

// Whoever stored an application without a webhook has to be able to suspend, label and
// delete it once there is one.
func TestUpdatesAreRefusedForNewFaultsOnly(t *testing.T) {
	const bad = `,"driver":{"nodeSelector":{"a":"b"}},"nodeSelector":{"c":"d"}`
	for name, test := range map[string]struct {
		before, after []byte
		denied, warns string
	}{
		"label of a bad one":            {app(bad, ""), app(bad, `,"status":{}`), "", ""},
		"suspension of a bad one":       {app(bad, ""), app(bad+`,"suspend":true`, ""), "", "node selector cannot be defined at both"},
		"another fault":                 {app(bad, ""), app(bad+`,"mode":"client"`, ""), "spec.mode", ""},
		"first fault":                   {app("", ""), app(bad, ""), "node selector cannot be defined at both", ""},
		"unknown field that was there":  {app(`,"driver":{"x":1}`, ""), app(`,"driver":{"x":1},"suspend":true`, ""), "", "spec.driver.x: unknown field"},
		"undecodable before":            {app(`,"driver":{"cores":"x"}`, ""), app(`,"driver":{"cores":"x"},"suspend":true`, ""), "", "spec.driver.cores"},
		"undecodable now":               {app("", ""), app(`,"driver":{"cores":"x"}`, ""), "spec.driver.cores", ""},
		"end of a bad one in deletion":  {app("", ""), []byte(strings.Replace(string(app(bad, "")), `"name":"pi"`, `"name":"pi","deletionTimestamp":"2026-01-01T00:00:00Z"`, 1)), "", ""},
		"repair":                        {app(bad, ""), app("", ""), "", ""},
		"status is not reviewed":        {app("", ""), app("", `,"status":{"lastSubmissionAttemptTime":"x"}`), "", ""},
		"a time Go does not understand": {app("", ""), app(`,"suspend":true`, `,"status":{"terminationTime":"2026-01-01t00:00:00z"}`), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			response := review(t, webhook.PathValidateApplication, update(test.before, test.after))
			switch {
			case test.denied == "" && !response.Allowed:
				t.Errorf("refused: %s", response.Result.Message)
			case test.denied != "" && (response.Allowed || !strings.Contains(response.Result.Message, test.denied)):
				t.Errorf("%s, want a refusal with %q", text(t, response), test.denied)
			case test.denied != "" && test.before != nil && strings.Contains(string(test.before), "nodeSelector") && strings.Contains(response.Result.Message, "node selector"):
				t.Errorf("refused for what was there before: %s", response.Result.Message)
			}
			if !strings.Contains(strings.Join(response.Warnings, "\n"), test.warns) {
				t.Errorf("warnings %q, want %q", response.Warnings, test.warns)
			}
		})
	}
}

func TestWarningsNameWhatHasNoEffect(t *testing.T) {
	response := review(t, webhook.PathValidateApplication, create(app(`,"failureRetries":3,"executor":{"memoryLimit":"8g"},"monitoring":{}`, "")))
	all := strings.Join(response.Warnings, "\n")
	if !response.Allowed || !strings.Contains(all, "spec.failureRetries has no effect") || !strings.Contains(all, "spec.monitoring") {
		t.Errorf("%s", text(t, response))
	}
	if strings.Contains(all, "memoryLimit") {
		t.Errorf("this very webhook applies the memory limit: %q", response.Warnings)
	}
	schedule := review(t, webhook.PathValidateSchedule, create([]byte(`{"metadata":{"name":"pi"},"spec":{"schedule":"@daily","template":{"sparkVersion":"4.0.4","image":"i",`+
		`"mainClass":"M","mainApplicationFile":"local:///a.jar","failureRetries":1}}}`)))
	if !schedule.Allowed || !strings.Contains(strings.Join(schedule.Warnings, "\n"), "spec.template.failureRetries has no effect") {
		t.Errorf("%s", text(t, schedule))
	}
}

func TestWhatIsNoneOfOurBusinessPasses(t *testing.T) {
	bad := app(`,"mode":"client"`, "")
	elsewhere := webhook.New(webhook.Config{Watched: func(string) bool { return false }})
	if response := ask(t, elsewhere, webhook.PathValidateApplication, create(bad)); !response.Allowed {
		t.Errorf("namespace of others: %s", text(t, response))
	}
	selector, err := labels.Parse("team=a")
	if err != nil {
		t.Fatal(err)
	}
	chosen := webhook.New(webhook.Config{Selector: selector})
	if response := ask(t, chosen, webhook.PathValidateApplication, create(bad)); !response.Allowed {
		t.Errorf("application of another operator: %s", text(t, response))
	}
	ours := []byte(strings.Replace(string(bad), `"metadata":{`, `"metadata":{"labels":{"team":"a"},`, 1))
	if response := ask(t, chosen, webhook.PathValidateApplication, create(ours)); response.Allowed {
		t.Errorf("application with the label of this operator: %s", text(t, response))
	}
	deletion := create(nil)
	deletion.Operation = admissionv1.Delete
	if response := review(t, webhook.PathValidateApplication, deletion); !response.Allowed {
		t.Errorf("deletion: %s", text(t, response))
	}
	status := create(bad)
	status.SubResource = "status"
	if response := review(t, webhook.PathValidateApplication, status); !response.Allowed {
		t.Errorf("status: %s", text(t, response))
	}
	if response := review(t, webhook.PathMutateSchedule, create(bad)); !response.Allowed || len(response.Patch) > 0 {
		t.Errorf("schedules have no stored defaults: %s", text(t, response))
	}
}

// TestBadReviews: whatever is sent, there is an answer of one short line.
func TestBadReviews(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 200000) + "1" + strings.Repeat("}", 200000)
	good := string(reviewOf(t, webhook.PathValidateApplication, create(app("", ""))))
	for name, test := range map[string]struct{ path, body, want string }{
		"empty":         {webhook.PathValidateApplication, "", "the body is not an AdmissionReview"},
		"no JSON":       {webhook.PathValidateApplication, "kind: AdmissionReview", "the body is not an AdmissionReview"},
		"a list":        {webhook.PathValidateApplication, "[]", "the body is not an AdmissionReview"},
		"nothing":       {webhook.PathValidateApplication, "null", "send an AdmissionReview"},
		"old version":   {webhook.PathValidateApplication, strings.Replace(good, "admission.k8s.io/v1", "admission.k8s.io/v1beta1", 1), "send an AdmissionReview of admission.k8s.io/v1"},
		"another kind":  {webhook.PathValidateApplication, `{"apiVersion":"v1","kind":"` + strings.Repeat("x", 1<<20) + `"}`, "send an AdmissionReview"},
		"no request":    {webhook.PathValidateApplication, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}`, "has no request"},
		"no uid":        {webhook.PathValidateApplication, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}`, "has no uid"},
		"deep":          {webhook.PathValidateApplication, deep, "the body is not an AdmissionReview"},
		"unknown path":  {"/validate", good, "unknown path /validate; use one of /mutate--v1-pod, "},
		"wrong request": {webhook.PathValidateApplication, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":7}`, "the body is not an AdmissionReview"},
	} {
		body, _, err := webhook.New(webhook.Config{}).Review(test.path, []byte(test.body))
		if err == nil || body != nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 1024 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReviewOfAnotherKindIsRefused(t *testing.T) {
	for _, kind := range []metav1.GroupVersionKind{
		{Group: "sparkoperator.k8s.io", Version: "v1beta1", Kind: "SparkApplication"},
		{Group: "example.com", Version: "v1beta2", Kind: "SparkApplication"},
		{Version: "v1", Kind: "Pod"},
	} {
		request := create(app("", ""))
		request.Kind = kind
		response := review(t, webhook.PathValidateApplication, request)
		if response.Allowed || response.Result.Code != 400 || !strings.Contains(response.Result.Message, "this webhook reviews SparkApplication of sparkoperator.k8s.io/v1beta2, not "+kind.Kind) {
			t.Errorf("%+v: %s", kind, text(t, response))
		}
	}
	request := create(nil)
	if response := review(t, webhook.PathMutateApplication, request); response.Allowed || !strings.Contains(response.Result.Message, "has no object") {
		t.Errorf("no object: %s", text(t, response))
	}
}

// FuzzReview: no body and no object makes it panic, and every answer is well-formed.
func FuzzReview(f *testing.F) {
	for _, path := range webhook.New(webhook.Config{}).Paths() {
		f.Add(path, string(app(`,"driver":{"template":{"spec":{"containers":[{}]}}}`, "")), "{}")
		f.Add(path, executorPod, "null")
		f.Add(path, marked(f, executorPod, limited()), "null")
	}
	w := webhook.New(webhook.Config{Application: func(string, string) *v1beta2.SparkApplication { return &v1beta2.SparkApplication{} }})
	f.Fuzz(func(t *testing.T, path, object, old string) {
		if !json.Valid([]byte(object)) || !json.Valid([]byte(old)) {
			_, _, _ = w.Review(path, []byte(object))
			return
		}
		body, _, err := w.Review(path, reviewOf(t, path, update([]byte(old), []byte(object))))
		if err == nil && !json.Valid(body) {
			t.Errorf("no JSON: %s", body)
		}
		body, _, err = w.Review(path, reviewOf(t, path, create([]byte(object))))
		if err != nil {
			return
		}
		var answered admissionv1.AdmissionReview
		if err := json.Unmarshal(body, &answered); err != nil {
			t.Fatal(err)
		}
		if object != "null" && len(answered.Response.Patch) > 0 {
			patched(t, []byte(object), answered.Response)
		}
	})
}
