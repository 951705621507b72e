// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/spark-operator/spark-operator/internal/fixture"
	"github.com/spark-operator/spark-operator/internal/recording"
	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim"
)

// manifest is an application or a schedule of some source.
type manifest struct {
	name string
	text []byte
	// reason is a key of admission.Reasons if the CRD does not refuse what the webhook
	// refuses.
	reason string
}

// in returns the object for a namespace.
func (m manifest) in(t *testing.T, namespace string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	// Properties may name the namespace of the recording.
	if err := json.Unmarshal(bytes.ReplaceAll(m.text, []byte(`"diff-jobs"`), []byte(`"`+namespace+`"`)), &object.Object); err != nil {
		t.Fatalf("%s: %v", m.name, err)
	}
	object.SetNamespace(namespace)
	return object
}

func resourceOf(object *unstructured.Unstructured) schema.GroupVersionResource {
	switch object.GetKind() {
	case "ScheduledSparkApplication":
		return schedules
	case "SparkConnect":
		return connects
	}
	return applications
}

// manifests are those of the recording, the examples, and generated ones, which leave any
// field with a default open.
func manifests(t *testing.T, generated int) []manifest {
	t.Helper()
	cases, err := recording.Read(sim.Repository)
	if err != nil {
		t.Fatal(err)
	}
	var all []manifest
	reasons := map[string]string{}
	for reason, names := range webhookOnly {
		for _, name := range names {
			reasons[name] = reason
		}
	}
	for _, c := range cases {
		all = append(all, manifest{c.Case, c.Manifest, reasons[c.Case]})
	}
	files, err := filepath.Glob(sim.Repository + "/examples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		all = append(all, sparkObjects(t, file)...)
	}
	if len(all) < len(cases)+10 {
		t.Fatalf("%d manifests with the examples, %d without", len(all), len(cases))
	}
	random := rand.New(rand.NewPCG(uint64(generated), 16))
	for i := range generated {
		name := fmt.Sprintf("generated-%d", i)
		all = append(all, manifest{name, fixture.PartialManifest(random, name), "submission"})
	}
	return all
}

// badManifests are those that some layer refuses, except for the largest ones.
func badManifests(t *testing.T) []manifest {
	t.Helper()
	collection, err := admission.BadManifests()
	if err != nil {
		t.Fatal(err)
	}
	var all []manifest
	for _, bad := range collection {
		if strings.HasPrefix(bad.Name, "size of ") {
			continue
		}
		text, err := bad.Object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, manifest{bad.Name, text, bad.CRD})
	}
	return all
}

// sparkObjects are the applications and schedules of a file.
func sparkObjects(t *testing.T, file string) []manifest {
	t.Helper()
	reader, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var found []manifest
	decoder := yaml.NewYAMLOrJSONDecoder(reader, 4096)
	for {
		var object map[string]any
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if version, _ := object["apiVersion"].(string); !strings.HasPrefix(version, "sparkoperator.k8s.io/") {
			continue
		}
		text, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, manifest{filepath.Base(file), text, ""})
	}
}
