// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
)

// TestGoldenComparisonReportsEveryChange makes sure that the normalization does not hide
// anything: recordings compared with themselves are equal, and each value of a
// recording that is changed is reported.
func TestGoldenComparisonReportsEveryChange(t *testing.T) {
	inspected := map[string]bool{
		"netpol-all-objects": true, "template-full": true, "env-driver": true, "secret-mounts": true,
		"local-dir-conf": true, "local-volume-two": true, "steps-volcano-template": true, "vol-pvc-ondemand-labels": true,
	}
	goldens, _ := readGoldens(t)
	for _, c := range goldens["4.3.0"] {
		if inspected[c.Case] {
			t.Run(c.Case, func(t *testing.T) { inspect(t, c) })
		}
	}
}

func inspect(t *testing.T, c *goldenCase) {
	in, ended := commandLine(c)
	if ended != nil {
		t.Fatal(ended.reason)
	}
	in = c.withIDs(in)
	recorded := func() []request {
		requests, _, err := recordedRequests(c.clone())
		if err != nil {
			t.Fatal(err)
		}
		return requests
	}
	asBuilt := func() []request {
		requests := recorded()
		newNormalizer(c, in).recorded(requests, requests)
		for _, r := range requests {
			if data, ok := r.field("data").(map[string]any); ok && data["spark.properties"] != nil {
				lines := strings.SplitN(text(data["spark.properties"]), "\n", 3)
				lines[1] = in.SubmitTime.Format("#" + javaDate)
				data["spark.properties"] = strings.Join(lines, "\n")
			}
		}
		return requests
	}
	for _, d := range compareRequests(c, in, recorded(), asBuilt()) {
		t.Errorf("the recording differs from itself: %v", d)
	}

	inspected := 0
	for i, r := range asBuilt() {
		var places []string
		leaves(r.kind(), r.body, func(place string, _ func(any)) { places = append(places, place) })
		inspected += len(places)
		for _, target := range places {
			want, got := recorded()[i:i+1], asBuilt()[i:i+1]
			leaves(r.kind(), got[0].body, func(place string, set func(any)) {
				if place == target {
					set("changed")
				}
			})
			if len(compareRequests(c, in, want, got)) == 0 {
				t.Errorf("a change of %s is not seen", target)
			}
		}
	}
	if inspected < 50 {
		t.Errorf("only %d values in the recording", inspected)
	}
}

// namespaceInBody is compared through the path of the request alone.
const namespaceInBody = "/metadata/namespace"

// leaves calls visit for every value of a tree that is neither an object nor a
// list, with a function that replaces it.
func leaves(place string, tree any, visit func(place string, set func(any))) {
	each := func(place string, value any, set func(any)) {
		switch value.(type) {
		case map[string]any, []any:
			leaves(place, value, visit)
		default:
			if !strings.HasSuffix(place, namespaceInBody) {
				visit(place, set)
			}
		}
	}
	switch node := tree.(type) {
	case map[string]any:
		for key, value := range node {
			each(place+"/"+key, value, func(v any) { node[key] = v })
		}
	case []any:
		for i, value := range node {
			each(fmt.Sprintf("%s/%d", place, i), value, func(v any) { node[i] = v })
		}
	}
}

// clone returns a copy whose bodies may be modified.
func (c *goldenCase) clone() *goldenCase {
	copied := *c
	copied.Requests = slices.Clone(c.Requests)
	for i := range copied.Requests {
		copied.Requests[i].Body = runtime.DeepCopyJSON(c.Requests[i].Body)
	}
	return &copied
}
