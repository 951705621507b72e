// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/translate"
)

// validateHistory checks where the event log goes. Spark would refuse it when the driver
// has started.
func (v *validator) validateHistory() {
	h, at := v.spec.History, v.root.Child("history")
	if h == nil {
		return
	}
	dir, claim := ptr.Deref(h.Dir, ""), ptr.Deref(h.ClaimName, "")
	if dir != "" {
		if reason := translate.CheckEventLogDir(head(dir)); reason != "" {
			v.fail(field.Invalid(at.Child("dir"), withoutPassword(dir), reason))
			return
		}
	}
	if claim == "" {
		return
	}
	if problems := validation.IsDNS1123Subdomain(head(claim)); len(problems) > 0 {
		v.fail(field.Invalid(at.Child("claimName"), claim, problems[0]))
	}
	if !strings.HasPrefix(dir, "file:///") || hasReference(dir) {
		v.fail(field.Invalid(at.Child("claimName"), claim, "the claim is mounted at the path of dir; set dir to a URL such as file:///spark-events"))
	}
}

// withoutPassword returns a URL of which messages may show all. A password may contain what
// separates the parts of a URL.
func withoutPassword(dir string) string {
	end := strings.LastIndex(dir, "@")
	scheme, user, found := strings.Cut(dir[:max(end, 0)], ":")
	if !found || !strings.Contains(user, ":") {
		return dir
	}
	return scheme + "://..." + dir[end:]
}
