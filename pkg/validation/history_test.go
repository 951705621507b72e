// SPDX-License-Identifier: Apache-2.0

package validation_test

import (
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

func TestValidateHistory(t *testing.T) {
	const claimNeedsPath = "the claim is mounted at the path of dir; set dir to a URL such as file:///spark-events"
	for name, test := range map[string]struct {
		history v1beta2.History
		want    string // empty for no fault
	}{
		"empty":                   {v1beta2.History{}, ""},
		"empty texts":             {v1beta2.History{Dir: ptr.To(""), ClaimName: ptr.To("")}, ""},
		"off":                     {v1beta2.History{Enabled: ptr.To(false)}, ""},
		"bucket":                  {v1beta2.History{Dir: ptr.To("s3a://logs/spark-events")}, ""},
		"claim":                   {v1beta2.History{Dir: ptr.To("file:///spark-events"), ClaimName: ptr.To("spark-events")}, ""},
		"reference":               {v1beta2.History{Dir: ptr.To("${env:EVENTS}")}, ""},
		"relative":                {v1beta2.History{Dir: ptr.To("spark-events")}, `spec.history.dir: Invalid value: "spark-events": has no scheme; use a URL such as s3a://bucket/spark-events`},
		"password":                {v1beta2.History{Dir: ptr.To("s3a://key:secret@bucket/x")}, `spec.history.dir: Invalid value: "s3a://...@bucket/x": contains credentials`},
		"password with an @":      {v1beta2.History{Dir: ptr.To("s3a://key:top@secret@bucket/x")}, `spec.history.dir: Invalid value: "s3a://...@bucket/x": contains credentials`},
		"password with a slash":   {v1beta2.History{Dir: ptr.To("s3a://key:to/p@secret@bucket/x")}, `spec.history.dir: Invalid value: "s3a://...@bucket/x": `},
		"password, no slashes":    {v1beta2.History{Dir: ptr.To("s3a:key:secret@bucket/x")}, `spec.history.dir: Invalid value: "s3a://...@bucket/x": `},
		"claim for a bucket":      {v1beta2.History{Dir: ptr.To("s3a://logs"), ClaimName: ptr.To("c")}, claimNeedsPath},
		"claim without a path":    {v1beta2.History{ClaimName: ptr.To("c")}, claimNeedsPath},
		"claim for a reference":   {v1beta2.History{Dir: ptr.To("file:///${env:X}"), ClaimName: ptr.To("c")}, claimNeedsPath},
		"claim in capitals":       {v1beta2.History{Dir: ptr.To("file:///x"), ClaimName: ptr.To("C")}, "spec.history.claimName: Invalid value: \"C\": a lowercase RFC 1123 subdomain"},
		"claim of a single slash": {v1beta2.History{Dir: ptr.To("file:/x"), ClaimName: ptr.To("c")}, claimNeedsPath},
	} {
		app := newApplication(nil)
		app.Spec.History = &test.history
		faults := validation.ValidateSparkApplication(app)
		switch text := faults.ToAggregate(); {
		case test.want == "" && text != nil:
			t.Errorf("%s: %v", name, text)
		case test.want != "" && (len(faults) != 1 || !strings.Contains(text.Error(), test.want) || strings.Contains(text.Error(), "secret@")):
			t.Errorf("%s: %v, want %q", name, text, test.want)
		}
	}
}
