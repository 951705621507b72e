// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"bufio"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/spark-operator/spark-operator/pkg/submit"
)

var objectsFile = flag.String("objects", "", "write the objects built for every recorded case to this file: {case, spark, object} per line")

// TestObjectsOfGoldens builds every recorded call as a controller does, with ids
// derived from a submission id, and checks what holds for all objects: each is
// complete enough to be sent, is in the namespace of the driver pod and, after
// Own, belongs to it. With -objects it writes them for the integration test that
// shows them to a real API server.
func TestObjectsOfGoldens(t *testing.T) {
	var out *json.Encoder
	if *objectsFile != "" {
		file, err := os.Create(*objectsFile)
		if err != nil {
			t.Fatal(err)
		}
		buffer := bufio.NewWriter(file)
		t.Cleanup(func() {
			if err := buffer.Flush(); err != nil {
				t.Error(err)
			}
			if err := file.Close(); err != nil {
				t.Error(err)
			}
		})
		out = json.NewEncoder(buffer)
	}
	goldens, _ := readGoldens(t)
	submissions, sent := 0, 0
	for version, cases := range goldens {
		for _, c := range cases {
			in, ended := commandLine(c)
			if ended != nil {
				continue
			}
			// The same for all cases, so that equal objects are easy to find.
			in.IDs = submit.NewIDs("0f0e0d0c-0b0a-4090-8080-070605040302")
			in.SubmitTime = time.Unix(0, 0).UTC()
			objects, err := submit.Build(in)
			if err != nil {
				continue // TestGoldens judges refusals
			}
			submissions++
			const podUID = "11111111-2222-4333-8444-555555555555"
			requests, err := builtRequests(objects, podUID, false)
			if err != nil {
				t.Fatalf("%s %s: %v", version, c.Case, err)
			}
			for _, r := range requests {
				sent++
				checkSendable(t, version+" "+c.Case, r, objects.Driver.Namespace, podUID)
				if out == nil {
					continue
				}
				if err := out.Encode(map[string]any{"case": c.Case, "spark": version, "object": r.body}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if submissions == 0 {
		t.Fatal("no recording is a submission")
	}
	t.Logf("%d objects of %d submissions", sent, submissions)
}

func checkSendable(t *testing.T, where string, r request, namespace, podUID string) {
	t.Helper()
	where += ": " + r.kind() + " " + r.name()
	if text(r.field("apiVersion")) == "" || r.kind() == "" {
		t.Errorf("%s: apiVersion or kind is missing", where)
	}
	if r.name() == "" && r.kind() != "Pod" {
		t.Errorf("%s: no name", where)
	}
	if got := text(r.field("metadata", "namespace")); got != namespace {
		t.Errorf("%s: namespace %q, the driver's is %q", where, got, namespace)
	}
	owners, _ := r.field("metadata", "ownerReferences").([]any)
	if r.kind() == "Pod" || r.kind() == "PodGroup" && len(owners) == 0 {
		return // a PodGroup comes before the pod and once more after it
	}
	if len(owners) == 1 {
		if owner, ok := owners[0].(map[string]any); ok && owner["uid"] == podUID {
			return
		}
	}
	t.Errorf("%s: owners %v", where, owners)
}
