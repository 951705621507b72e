// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"

	"github.com/spark-operator/spark-operator/internal/recording"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/webhook"
)

func recorded(t *testing.T) []*recording.Case {
	t.Helper()
	cases, err := recording.Read("../..")
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestDefaultsAreThoseRecorded: what is stored has the defaults of kubeflow/spark-operator
// and everything else as it was written, and storing it again changes nothing.
func TestDefaultsAreThoseRecorded(t *testing.T) {
	compared := 0
	for _, c := range recorded(t) {
		if c.Admission != recording.Accepted || c.Controller == recording.PlainController {
			continue
		}
		compared++
		t.Run(c.Case, func(t *testing.T) {
			before := tree(t, c.Manifest)
			response := review(t, webhook.PathMutateApplication, create(c.Manifest))
			after := patched(t, c.Manifest, response)
			if c.Case == "dynamic-allocation-conf" {
				c.Defaulted["executor"] = map[string]any{"cores": 1, "memory": "1g"} // it looks a misspelt property up
			}
			if got, want := typedSpec(t, tree(t, after)["spec"]), typedSpec(t, c.Defaulted); !reflect.DeepEqual(got, want) {
				t.Errorf("stored\n%s\nrecorded\n%s", text(t, got), text(t, want))
			}
			if again := review(t, webhook.PathMutateApplication, create(after)); len(again.Patch) > 0 {
				t.Errorf("a second time there is a patch: %s", again.Patch)
			}
			if lost := missing(before, tree(t, after)); lost != "" {
				t.Errorf("%s is not as it was written", lost)
			}
			var operations []struct{ Op string }
			if len(response.Patch) > 0 {
				if err := json.Unmarshal(response.Patch, &operations); err != nil {
					t.Fatal(err)
				}
			}
			if slices.ContainsFunc(operations, func(o struct{ Op string }) bool { return o.Op != "add" }) {
				t.Errorf("a default replaces something: %s", response.Patch)
			}
		})
	}
	if compared < 100 {
		t.Errorf("compared %d manifests only", compared)
	}
}

// typedSpec is a spec without what encoding adds by itself.
func typedSpec(t *testing.T, spec any) map[string]any {
	t.Helper()
	var typed v1beta2.SparkApplicationSpec
	if err := json.Unmarshal([]byte(text(t, spec)), &typed); err != nil {
		t.Fatal(err)
	}
	return tree(t, []byte(text(t, typed)))
}

// missing returns the path of the first value of before that after does not have.
func missing(before, after any) string {
	old, ok := before.(map[string]any)
	if !ok {
		if !reflect.DeepEqual(before, after) {
			return "value"
		}
		return ""
	}
	now, _ := after.(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(old)) {
		if _, there := now[key]; !there {
			return key
		}
		if path := missing(old[key], now[key]); path != "" {
			return key + "." + path
		}
	}
	return ""
}

// earlier are the manifests that kubeflow/spark-operator stores and fails later, or
// runs, and that are refused here when they are applied: docs/deviations.md says why.
var earlier = map[string]bool{
	"conf-not-denied": true, "containers": true, "core-limit-below": true, "core-request-bad": true, "gpu-spark-resource": true,
	"java-options-xmx": true, "label-value-bad": true, "local-dir-missing": true, "local-dir-unsupported": true, "main-class-empty": true,
	"main-class-missing": true, "memory-k8s-unit": true, "mode-client": true, "pod-template-unknown-fields": true,
	"sidecar-name-clash": true, "spark-conf-empty-values": true, "volume-name-clash": true,
}

// never are those that its webhook refuses and that run here.
var never = map[string]bool{"bad-node-selector-empty": true}

// TestRefusalsAreThoseRecorded: what a webhook refused then is refused now, in words that
// contain the recorded ones, and nothing else but what could not run.
func TestRefusalsAreThoseRecorded(t *testing.T) {
	for _, c := range recorded(t) {
		if strings.HasPrefix(c.Case, "quota-") || c.Controller == recording.PlainController {
			continue
		}
		t.Run(c.Case, func(t *testing.T) {
			response := review(t, webhook.PathValidateApplication, create(c.Manifest))
			_, cause, byWebhook := strings.Cut(c.Admission, "denied the request: ")
			switch {
			case byWebhook && response.Allowed != never[c.Case]:
				t.Errorf("allowed %t; recorded: %s", response.Allowed, cause)
			case byWebhook && !response.Allowed && c.Case != "pod-template-wrong-type" && !strings.Contains(response.Result.Message, cause):
				t.Errorf("message %q; recorded: %s", response.Result.Message, cause)
			case c.Admission == recording.Accepted && response.Allowed == earlier[c.Case]:
				stage, why := c.Refusal()
				t.Errorf("allowed %t: %s; recorded at %q: %s", response.Allowed, text(t, response.Result), stage, why)
			}
		})
	}
}

func create(object []byte) *admissionv1.AdmissionRequest {
	request := &admissionv1.AdmissionRequest{UID: "u", Operation: admissionv1.Create, Namespace: "diff-jobs"}
	request.Object.Raw = object
	return request
}
