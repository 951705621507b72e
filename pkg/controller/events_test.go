// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"os"
	"strings"
	"testing"

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
