// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/randfill"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// specPaths returns the JSON paths of all fields that an edit may concern: those
// of the spec, with driver and executor taken apart.
func specPaths(t *testing.T, visit func(path string, field reflect.Value), spec *v1beta2.SparkApplicationSpec) {
	t.Helper()
	var walk func(prefix string, value reflect.Value)
	walk = func(prefix string, value reflect.Value) {
		for i := range value.NumField() {
			name, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
			switch {
			case name == "":
				walk(prefix, value.Field(i)) // inlined
			case prefix == "" && (name == "driver" || name == "executor"):
				walk(name+".", value.Field(i))
			default:
				visit(prefix+name, value.Field(i))
			}
		}
	}
	walk("", reflect.ValueOf(spec).Elem())
}

// TestSpecFieldsAreComplete: whoever adds a field to the API has to say what
// changing it leads to.
func TestSpecFieldsAreComplete(t *testing.T) {
	listed := map[string]bool{}
	for _, field := range specFields {
		if listed[field.path] {
			t.Errorf("%s is listed twice", field.path)
		}
		listed[field.path] = true
		if (field.clear == nil) != (field.effect == rerun) {
			t.Errorf("%s: clear belongs to every field that does not lead to a rerun, and to no other", field.path)
		}
	}
	specPaths(t, func(path string, _ reflect.Value) {
		if !listed[path] {
			t.Errorf("%s is missing in specFields: does changing it need a new run?", path)
		}
		delete(listed, path)
	}, &v1beta2.SparkApplicationSpec{})
	for path := range listed {
		t.Errorf("%s is in specFields but not in the API", path)
	}
}

// TestHashFollowsTheTable changes each field, one at a time.
func TestHashFollowsTheTable(t *testing.T) {
	effects := map[string]effect{}
	for _, field := range specFields {
		effects[field.path] = field.effect
	}
	// The seed gives no field the value that is its default, which is no change.
	fill := randfill.NewWithSeed(3).NilChance(0).NumElements(1, 1).MaxDepth(6)
	hash := func(spec *v1beta2.SparkApplicationSpec, partialRestart bool) string {
		sum, err := HashSpec(spec, partialRestart)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	specPaths(t, func(path string, _ reflect.Value) {
		for _, partialRestart := range []bool{false, true} {
			base := newApplication("pi").Spec
			before := hash(&base, partialRestart)
			specPaths(t, func(other string, field reflect.Value) {
				if other == path {
					fill.Fill(field.Addr().Interface())
				}
			}, &base)
			after := hash(&base, partialRestart)
			want := effects[path] == rerun || effects[path] == newExecutors && !partialRestart
			if got := before != after; got != want {
				t.Errorf("%s, PartialRestart %t: hash changes %t, want %t", path, partialRestart, got, want)
			}
		}
	}, &v1beta2.SparkApplicationSpec{})
}

func TestHashChangesNothingElse(t *testing.T) {
	app := newApplication("pi")
	randfill.NewWithSeed(2).NilChance(0).NumElements(1, 2).MaxDepth(6).Fill(&app.Spec)
	before := app.DeepCopy()
	first, err := HashSpec(&app.Spec, true)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, app) {
		t.Error("hashing changed the spec")
	}
	if second, _ := HashSpec(&before.Spec, true); first != second {
		t.Error("equal specs, different hashes")
	}
}

// TestHashIsStable pins the hash of one spec. If this fails, the hash of every
// application changes with the next version of the operator: raise
// specHashVersion, so that hashes of different versions are not compared.
func TestHashIsStable(t *testing.T) {
	app := newApplication("pi", func(app *v1beta2.SparkApplication) {
		app.Spec.SparkConf = map[string]string{"spark.a": "1", "spark.b": "2"}
		app.Spec.Driver.Memory = ptr.To("512m")
		app.Spec.Volumes = []corev1.Volume{{Name: "v"}}
	})
	v1beta2.SetObjectDefaults_SparkApplication(app)
	got, err := HashSpec(&app.Spec, false)
	if err != nil {
		t.Fatal(err)
	}
	if want := "1-31cdd2a908675c7041635eae8cbee1ff"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

// TestHashIgnoresDefaultProperties: whoever changes the operator's default properties
// restarts no application by that.
func TestHashIgnoresDefaultProperties(t *testing.T) {
	plain, overridden := newApplication("pi"), newApplication("pi")
	plain.Spec.DynamicAllocation = &v1beta2.DynamicAllocation{Enabled: true}
	plain.DeepCopyInto(overridden)
	v1beta2.SetObjectDefaults_SparkApplication(plain)
	v1beta2.SetObjectDefaultsOver(overridden, map[string]string{
		"spark.driver.memory": "3g", "spark.driver.cores": "2", "spark.executor.memory": "3g", "spark.executor.cores": "2",
		"spark.executor.instances": "4", "spark.dynamicAllocation.shuffleTracking.enabled": "false",
	})
	if overridden.Spec.Driver.Memory != nil || overridden.Spec.DynamicAllocation.ShuffleTrackingEnabled != nil {
		t.Fatalf("the properties have no effect: %+v", overridden.Spec)
	}
	before := overridden.DeepCopy()
	want, err := HashSpec(&plain.Spec, false)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := HashSpec(&overridden.Spec, false); err != nil || got != want {
		t.Errorf("hash %s, %v; want %s", got, err, want)
	}
	if !reflect.DeepEqual(before, overridden) {
		t.Error("hashing changed the spec")
	}
}

func BenchmarkHashSpec(b *testing.B) {
	app := newApplication("pi")
	v1beta2.SetObjectDefaults_SparkApplication(app)
	for b.Loop() {
		if _, err := HashSpec(&app.Spec, false); err != nil {
			b.Fatal(err)
		}
	}
}
