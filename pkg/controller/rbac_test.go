// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"os"
	"regexp"
	"strings"
	"testing"

	clienttesting "k8s.io/client-go/testing"
)

// chartRules matches a rule of the chart from its resources on; the verbs follow.
var chartRules = regexp.MustCompile(`(?m)^ +resources: \[(.*)\]\n(?: +resourceNames: .*\n)? +verbs: \[(.*)\]`)

// granted returns what the chart lets the controller do, as "verb resource".
func granted(t *testing.T) map[string]bool {
	t.Helper()
	rights := map[string]bool{}
	for _, file := range []string{"_rules.tpl", "rbac.yaml"} {
		text, err := os.ReadFile("../../charts/spark-operator/templates/controller/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range chartRules.FindAllStringSubmatch(string(text), -1) {
			for resource := range strings.SplitSeq(rule[1], ", ") {
				for verb := range strings.SplitSeq(rule[2], ", ") {
					rights[verb+" "+resource] = true
				}
			}
		}
	}
	if !rights["create pods"] || !rights["get nodes"] {
		t.Fatalf("the rules of the chart cannot be read: %v", rights)
	}
	return rights
}

// wantGranted checks that the chart grants what the controller did in a test.
func (c *cluster) wantGranted() {
	rights := granted(c.t)
	for _, list := range [][]clienttesting.Action{c.kube.Actions(), c.spark.Actions()} {
		for _, action := range list {
			right := action.GetVerb() + " " + action.GetResource().Resource
			if sub := action.GetSubresource(); sub != "" {
				right += "/" + sub
			}
			if !rights[right] {
				c.t.Errorf("the chart does not grant: %s", right)
			}
			rights[right] = true // reported once
		}
	}
}
