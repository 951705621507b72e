// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// TestAllWarningsReachTheUser: the recorder sends one event of those that differ only
// in their note, so all warnings are in one.
func TestAllWarningsReachTheUser(t *testing.T) {
	c := newCluster(t)
	content, err := os.ReadFile("testdata/several-warnings.yaml")
	if err != nil {
		t.Fatal(err)
	}
	app := newApplication("warns")
	if err := yaml.UnmarshalStrict(content, app); err != nil {
		t.Fatal(err)
	}
	c.addApplication(app)
	if _, err := c.start().settle("warns"); err != nil {
		t.Fatal(err)
	}
	c.wantState("warns", v1beta2.ApplicationStateSubmitted)
	var found []string
	for _, event := range c.events {
		if strings.Contains(event, "SubmissionWarning") {
			found = append(found, event)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d events: %q", len(found), found)
	}
	for _, field := range []string{"pythonVersion", "failureRetries", "retryInterval", "dynamicAllocation", "memoryLimit", "nope"} {
		if !strings.Contains(found[0], field) {
			t.Errorf("%q says nothing about %s", found[0], field)
		}
	}
}

// TestJoinWithin: each text shows, and short ones are whole.
func TestJoinWithin(t *testing.T) {
	long := strings.Repeat("ä", 700)
	for name, texts := range map[string][]string{
		"all fit":          {"one", "two"},
		"one is long":      {"one", "A" + long, "two"},
		"several are long": {"A" + long, "one", "B" + long, "C" + long},
		"there are many":   strings.Split(strings.Repeat("some text that is a warning about a field,", 60), ","),
		"none":             nil,
	} {
		got := joinWithin(texts, 1000)
		if len(got) > 1000 || !utf8.ValidString(got) {
			t.Errorf("%s: %d bytes", name, len(got))
		}
		for _, text := range texts {
			if len(texts) < 10 && !strings.Contains(got, text[:3]) || len(text) < 10 && !strings.Contains(got, text) {
				t.Errorf("%s: %q does not show in %q", name, text[:3], got)
			}
		}
	}
	if got := fmt.Sprint(joinWithin([]string{"one", "two"}, 100)); got != "one; two" {
		t.Error(got)
	}
}
