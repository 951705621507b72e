// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"regexp"
	"testing"
)

// The derivation must not change between releases: after an upgrade the
// controller has to find the objects of a submission that is under way.
func TestNewIDsAreStable(t *testing.T) {
	got := NewIDs("0f0e0d0c-0b0a-4090-8080-070605040302")
	want := IDs{
		App:       "spark-2b45573df4f8401296dee68a61f2a493",
		Resource:  "ccb5f2a7f6fde3b1",
		Service:   "e9946ebcf19cd6ed",
		ConfigMap: "b5e8d0b80bbfd17f",
		LocalDir:  "9b47cb26-678d-4191-8bf9-a8bb9ffdd5b3",
	}
	if got != want {
		t.Errorf("NewIDs = %#v, want %#v", got, want)
	}
}

func TestNewIDs(t *testing.T) {
	app := regexp.MustCompile(`^spark-[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$`)
	unique := regexp.MustCompile(`^[0-9a-f]{16}$`)
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := map[string]bool{}
	for _, submission := range []string{"", "a", "b", "7c2f3a52-5b2e-4f0f-9a43-6d1f6f1b2c3d"} {
		ids := NewIDs(submission)
		if !app.MatchString(ids.App) || !unique.MatchString(ids.Resource) || !unique.MatchString(ids.Service) ||
			!unique.MatchString(ids.ConfigMap) || !uuid.MatchString(ids.LocalDir) {
			t.Errorf("%q: %#v", submission, ids)
		}
		for _, id := range []string{ids.App, ids.Resource, ids.Service, ids.ConfigMap, ids.LocalDir} {
			if seen[id] {
				t.Errorf("%q: %s occurs twice", submission, id)
			}
			seen[id] = true
		}
		if NewIDs(submission) != ids {
			t.Errorf("%q: not repeatable", submission)
		}
	}
}
