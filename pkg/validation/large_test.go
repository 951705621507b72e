// SPDX-License-Identifier: Apache-2.0

package validation_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/decode"
)

// entries says how the entries of a large list differ from each other. Of maps
// only the values are concerned: keys differ.
type entries int

const (
	allDifferent entries = iota // another merge key each
	allEqual                    // the same entry again and again
	oneKey                      // the same merge key and another content each
	entryKinds
)

// largeList is a list, map or text of the schema, to be filled.
type largeList struct {
	path string
	// countsValues is set for lists and maps.
	countsValues bool
	// fill makes the list n entries long, in an application that has nothing else. A
	// text gets n times the text of the kind.
	fill func(app *v1beta2.SparkApplication, n int, kind entries)
}

// repeated are texts whose starts or separators come again and again.
var repeated = [entryKinds]string{"x", "$(${", "-a /b,c:d.e=f;"}

// largeLists returns every list, map and text of an application's labels,
// annotations and spec, those in the first entry of a list included. They come from
// the Go types, so that a new field is among them.
func largeLists() []largeList {
	var found []largeList
	app := reflect.TypeFor[v1beta2.SparkApplication]()
	for _, name := range []string{"Spec", "ObjectMeta"} {
		root, _ := app.FieldByName(name)
		walkType(root.Type, strings.ToLower(name[:4]), func(v reflect.Value) reflect.Value {
			return v.FieldByName(name)
		}, 0, &found)
	}
	return found
}

// walkType finds the lists below a type. at returns the value of the type in an
// application and makes what leads to it.
func walkType(typ reflect.Type, path string, at func(app reflect.Value) reflect.Value, depth int, found *[]largeList) {
	if depth > 12 || opaque(typ) {
		return
	}
	switch typ.Kind() {
	case reflect.Pointer:
		walkType(typ.Elem(), path, func(app reflect.Value) reflect.Value {
			pointer := at(app)
			if pointer.IsNil() {
				pointer.Set(reflect.New(typ.Elem()))
			}
			return pointer.Elem()
		}, depth+1, found)
	case reflect.Struct:
		for i := range typ.NumField() {
			field := typ.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if !field.IsExported() || name == "-" || field.Name == "ManagedFields" || typ == reflect.TypeFor[metav1.ObjectMeta]() && depth == 0 && bounded[field.Name] {
				continue
			}
			below := path
			if name != "" {
				below += "." + name
			}
			walkType(field.Type, below, func(app reflect.Value) reflect.Value { return at(app).Field(i) }, depth+1, found)
		}
	case reflect.String:
		*found = append(*found, largeList{path, false, func(app *v1beta2.SparkApplication, n int, kind entries) {
			at(reflect.ValueOf(app).Elem()).SetString(strings.Repeat(repeated[kind], n))
		}})
	case reflect.Slice:
		*found = append(*found, largeList{path, true, func(app *v1beta2.SparkApplication, n int, kind entries) {
			list := at(reflect.ValueOf(app).Elem())
			list.Set(reflect.MakeSlice(typ, n, n))
			for i := range n {
				fillValue(list.Index(i), i, kind, 0)
			}
		}})
		walkType(typ.Elem(), path+"[]", func(app reflect.Value) reflect.Value {
			list := at(app)
			if list.Len() == 0 {
				list.Set(reflect.MakeSlice(typ, 1, 1))
				fillValue(list.Index(0), 0, allDifferent, 0)
			}
			return list.Index(0)
		}, depth+1, found)
	case reflect.Map:
		*found = append(*found, largeList{path, true, func(app *v1beta2.SparkApplication, n int, kind entries) {
			entries := reflect.MakeMapWithSize(typ, n)
			for i := range n {
				value := reflect.New(typ.Elem()).Elem()
				fillValue(value, i, kind, 0)
				entries.SetMapIndex(reflect.ValueOf(fmt.Sprintf("k%d", i)).Convert(typ.Key()), value)
			}
			at(reflect.ValueOf(app).Elem()).Set(entries)
		}})
	}
}

// bounded are texts of metadata whose length the API server bounds.
var bounded = map[string]bool{"Name": true, "GenerateName": true, "Namespace": true, "SelfLink": true, "UID": true, "ResourceVersion": true}

// opaque reports types that are a scalar in JSON.
func opaque(typ reflect.Type) bool {
	switch typ {
	case reflect.TypeFor[resource.Quantity](), reflect.TypeFor[metav1.Time](), reflect.TypeFor[intstr.IntOrString](), reflect.TypeFor[[]byte]():
		return true
	}
	return false
}

// fillValue gives a value short contents: every scalar of a struct, and what is
// below pointers only where it is small.
func fillValue(v reflect.Value, i int, kind entries, depth int) {
	number := i
	if kind == allEqual {
		number = 0
	}
	switch {
	case v.Type() == reflect.TypeFor[resource.Quantity]():
		v.Set(reflect.ValueOf(*resource.NewQuantity(int64(number+1), resource.DecimalSI)))
		return
	case opaque(v.Type()):
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("n%d", number))
	case reflect.Int32, reflect.Int64:
		v.SetInt(int64(number%65535 + 1))
	case reflect.Pointer:
		if elem := v.Type().Elem(); elem.Kind() == reflect.String || elem.Kind() == reflect.Int32 || elem.Kind() == reflect.Int64 {
			v.Set(reflect.New(elem))
			fillValue(v.Elem(), i, kind, depth+1)
		}
	case reflect.Struct:
		for f := range v.NumField() {
			field := v.Type().Field(f)
			if !field.IsExported() {
				continue
			}
			of := kind
			if kind == oneKey && isMergeKey(field.Name) {
				of = allEqual
			}
			// The first text is the key in nearly all types; few others, so that there is
			// room for many entries.
			if f < 3 || field.Anonymous || isMergeKey(field.Name) {
				fillValue(v.Field(f), i, of, depth+1)
			}
		}
	}
}

func isMergeKey(field string) bool {
	switch field {
	case "Name", "MountPath", "IP", "Key", "TopologyKey", "DevicePath", "ContainerPort":
		return true
	}
	return false
}

// plainApplication is one that can be submitted.
func plainApplication() *v1beta2.SparkApplication {
	app := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "n", UID: "u"}}
	app.Spec = v1beta2.SparkApplicationSpec{
		SparkVersion: "4.1.4", Image: ptr.To("i"), MainClass: ptr.To("c.M"), MainApplicationFile: ptr.To("local:///a.jar"),
	}
	return app
}

// largeApplication is a plain one with one list of about size bytes in JSON, but no more
// values than are decoded.
func largeApplication(t testing.TB, list largeList, size int, kind entries) (*v1beta2.SparkApplication, int) {
	t.Helper()
	measure := func(n int) (length, values int) {
		app := plainApplication()
		list.fill(app, n, kind)
		text, err := json.Marshal(app)
		if err != nil {
			t.Fatal(err)
		}
		return len(text), bytes.Count(text, []byte{','}) + bytes.Count(text, []byte{'{'})
	}
	const few = 100
	length, values := measure(few)
	twice, twiceValues := measure(2 * few)
	n := size / max((twice-length)/few, 1)
	if each := (twiceValues - values) / few; each > 0 && list.countsValues {
		n = min(n, (decode.MaxSpecValues-values)/each)
	}
	app := plainApplication()
	list.fill(app, n, kind)
	if spec := &app.Spec; len(spec.Driver.VolumeMounts) == 0 && strings.HasPrefix(list.path, "spec.volumes") {
		// Volumes are looked for by who mounts them.
		for i := range min(n, 1000) {
			mount := corev1.VolumeMount{Name: fmt.Sprintf("n%d", i), MountPath: fmt.Sprintf("/n%d", i)}
			spec.Driver.VolumeMounts = append(spec.Driver.VolumeMounts, mount)
			spec.Executor.VolumeMounts = append(spec.Executor.VolumeMounts, mount)
		}
	}
	return app, n
}
