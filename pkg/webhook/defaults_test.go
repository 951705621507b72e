// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/spark-operator/spark-operator/internal/fixture"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/webhook"
)

// TestStoredDefaultsAreThoseOfTheController: the controller sees the same application, and
// builds the same objects, whether the webhook has stored defaults or not. The properties
// that the operator has for all applications do not change that.
func TestStoredDefaultsAreThoseOfTheController(t *testing.T) {
	const seed = 16
	random := rand.New(rand.NewPCG(seed, seed))
	type input struct {
		name     string
		manifest []byte
		given    map[string]string
	}
	var inputs []input
	for _, c := range recorded(t) {
		inputs = append(inputs, input{c.Case, c.Manifest, nil}, input{c.Case + ", given properties", c.Manifest, fixture.Properties(random)})
	}
	for i := range 1000 {
		inputs = append(inputs, input{fmt.Sprint("generated ", i), fixture.PartialManifest(random, "pi"), fixture.Properties(random)})
	}
	compared := 0
	for _, in := range inputs {
		without, ok := assumed(in.manifest, in.given)
		if !ok {
			continue // does not fit its type: nothing is stored
		}
		compared++
		w := webhook.New(webhook.Config{DefaultConf: in.given})
		stored := patched(t, in.manifest, ask(t, w, webhook.PathMutateApplication, create(in.manifest)))
		with, ok := assumed(stored, in.given)
		if !ok || !reflect.DeepEqual(with, without) {
			t.Errorf("%s, given %v:\nmanifest %s\nwith    %s\nwithout %s", in.name, in.given, in.manifest, text(t, with), text(t, without))
			continue
		}
		built, refusal := translate.Preview(without, in.given)
		builtWith, refusalWith := translate.Preview(with, in.given)
		if !reflect.DeepEqual(built, builtWith) || fmt.Sprint(refusal) != fmt.Sprint(refusalWith) {
			t.Errorf("%s: the objects differ: %v, %v", in.name, refusal, refusalWith)
		}
		if again := ask(t, w, webhook.PathMutateApplication, create(stored)); len(again.Patch) > 0 {
			t.Errorf("%s: a second time there is a patch: %s", in.name, again.Patch)
		}
	}
	if compared < 1300 {
		t.Errorf("compared %d manifests only", compared)
	}
}

// assumed is the application as the controller sees it; false if it cannot be decoded.
func assumed(manifest []byte, given map[string]string) (*v1beta2.SparkApplication, bool) {
	app := &v1beta2.SparkApplication{}
	if json.Unmarshal(manifest, app) != nil {
		return nil, false
	}
	v1beta2.SetObjectDefaultsOver(app, given)
	return app, true
}
