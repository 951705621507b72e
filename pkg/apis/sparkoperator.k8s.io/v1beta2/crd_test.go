// SPDX-License-Identifier: Apache-2.0

package v1beta2_test

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// crd is a generated CustomResourceDefinition.
type crd struct {
	file    string
	content map[string]any
	Spec    struct {
		Names    struct{ Kind string }
		Versions []struct {
			Name   string
			Schema struct{ OpenAPIV3Schema schema }
		}
	}
}

// schema is what the tests read of a structural schema.
type schema struct {
	Type                 string
	Description          string
	Format               string
	Pattern              string
	Enum                 []any
	Required             []string
	Minimum, Maximum     *float64
	MinLength, MaxLength *int64
	MinItems, MaxItems   *int64
	MaxProperties        *int64
	Nullable             bool
	Default              any
	Properties           map[string]schema
	Items                *schema
	AdditionalProperties *schema
	IntOrString          bool `json:"x-kubernetes-int-or-string"`
	PreserveUnknown      bool `json:"x-kubernetes-preserve-unknown-fields"`
}

func crds(t *testing.T) []crd {
	t.Helper()
	files, err := filepath.Glob("../../../../manifests/crd/sparkoperator.*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no CRDs: %v", err)
	}
	var all []crd
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c := crd{file: filepath.Base(file)}
		if err := yaml.Unmarshal(text, &c); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := yaml.Unmarshal(text, &c.content); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, c)
	}
	return all
}

// flatten lists a schema by path; [] stands for the items of a list and {} for the values of a map.
func flatten(s schema, path string, into map[string]schema) {
	into[path] = s
	for name, property := range s.Properties {
		flatten(property, strings.TrimPrefix(path+"."+name, "."), into)
	}
	if s.Items != nil {
		flatten(*s.Items, path+"[]", into)
	}
	if s.AdditionalProperties != nil {
		flatten(*s.AdditionalProperties, path+"{}", into)
	}
}

// schemas returns the schema of each kind by path.
func schemas(t *testing.T) map[string]map[string]schema {
	t.Helper()
	all := map[string]map[string]schema{}
	for _, c := range crds(t) {
		for _, version := range c.Spec.Versions {
			paths := map[string]schema{}
			flatten(version.Schema.OpenAPIV3Schema, "", paths)
			all[c.Spec.Names.Kind+"/"+version.Name] = paths
		}
	}
	return all
}

// kubectl apply stores the object as compact JSON in an annotation, and the API
// server refuses more than 256 KiB of annotations.
func TestCRDsFitIntoTheAnnotationOfKubectlApply(t *testing.T) {
	const limit = 256 << 10
	for _, c := range crds(t) {
		text, err := json.Marshal(c.content) // escapes as kubectl does
		if err != nil {
			t.Fatal(err)
		}
		size := len("kubectl.kubernetes.io/last-applied-configuration") + len(text) + len("\n")
		metadata, _ := c.content["metadata"].(map[string]any)
		annotations, _ := metadata["annotations"].(map[string]any)
		for key, value := range annotations {
			size += len(key) + len(fmt.Sprint(value))
		}
		t.Logf("%s: %d bytes, %d %% of %d", c.file, size, 100*size/limit, limit)
		if size > limit {
			t.Errorf("%s: kubectl apply would write %d bytes of annotations, the limit is %d", c.file, size, limit)
		}
	}
}

// foreign lists fields of this project with a type of Kubernetes below which no descriptions are generated.
var foreign = []string{
	"spec.volumes", "spec.driver.env", "spec.driver.envFrom", "spec.executor.affinity", "spec.executor.sidecars",
	"spec.driver.podSecurityContext", "spec.sparkUIOptions.ingressTLS", "status.conditions",
}

func TestEveryFieldOfOursHasADescriptionAndNoOther(t *testing.T) {
	paths := schemas(t)["SparkApplication/v1beta2"]
	if len(paths) == 0 {
		t.Fatal("no schema")
	}
	for _, path := range []string{
		"spec", "spec.restartPolicy", "spec.restartPolicy.type", "spec.restartPolicy.backoff.jitterPercent", "spec.driver.cores",
		"spec.executor.instances", "spec.executor.deleteOnTermination", "spec.driver.ports[].containerPort", "spec.driver.env", "status.attempts[].exitCode",
	} {
		if paths[path].Description == "" {
			t.Errorf("%s has no description", path)
		}
	}
	for path, s := range paths {
		within := slices.ContainsFunc(foreign, func(p string) bool {
			return strings.HasPrefix(path, p+".") || strings.HasPrefix(path, p+"[") || strings.HasPrefix(path, p+"{")
		})
		if within && s.Description != "" {
			t.Errorf("%s has a description of Kubernetes: %.40q", path, s.Description)
		}
		if strings.Contains(s.Description, "\n") {
			t.Errorf("the description of %s has line breaks, which kubectl does not wrap: %q", path, s.Description)
		}
	}
}

// fact is a row of testdata/crd-paths.tsv.gz, made of the CRDs of kubeflow/spark-operator.
type fact struct {
	kind, version, path, kindOfValue string
	constraints                      []string
}

func facts(t *testing.T) []fact {
	t.Helper()
	file, err := os.Open("testdata/crd-paths.tsv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var all []fact
	for lines := bufio.NewScanner(text); lines.Scan(); {
		columns := strings.Split(lines.Text(), "\t")
		if strings.HasPrefix(lines.Text(), "#") || len(columns) < 4 {
			continue
		}
		f := fact{kind: columns[0], version: columns[1], path: columns[2], kindOfValue: columns[3]}
		if len(columns) > 4 {
			f.constraints = constraintsOf(columns[4])
		}
		all = append(all, f)
	}
	return all
}

// constraintsOf splits the last column at blanks outside of brackets and quotes.
func constraintsOf(column string) []string {
	depth, quoted := 0, false
	return strings.FieldsFunc(column, func(r rune) bool {
		switch r {
		case '[':
			depth++
		case ']':
			depth--
		case '"':
			quoted = !quoted
		}
		return r == ' ' && depth == 0 && !quoted
	})
}

// Objects written for kubeflow/spark-operator stay valid, and keep all of their
// fields: its schemas are a part of ours.
func TestSchemasContainThoseOfKubeflow(t *testing.T) {
	ours := schemas(t)
	compared := map[string]int{}
	for _, f := range facts(t) {
		kind := f.kind + "/" + f.version
		paths, known := ours[kind]
		if !known {
			t.Fatalf("there is no CRD of %s", kind)
		}
		compared[kind]++
		s, found := paths[f.path]
		if !found {
			t.Errorf("%s: %s is missing", kind, f.path)
			continue
		}
		for _, difference := range stricter(s, f) {
			t.Errorf("%s: %s: %s", kind, f.path, difference)
		}
	}
	for kind := range ours {
		t.Logf("%s: %d paths of kubeflow/spark-operator, %d here", kind, compared[kind], len(ours[kind]))
		if least := map[string]int{"SparkConnect/v1alpha1": 100}[kind]; compared[kind] < cmp.Or(least, 2000) {
			t.Errorf("%s: only %d paths were compared", kind, compared[kind])
		}
	}
}

// stricter lists what our schema refuses, drops or fills in differently.
func stricter(ours schema, theirs fact) []string {
	var all []string
	differs := func(format string, arguments ...any) { all = append(all, fmt.Sprintf(format, arguments...)) }
	given := map[string]string{}
	for _, constraint := range theirs.constraints {
		key, value, _ := strings.Cut(constraint, "=")
		given[key] = value
	}
	_, intOrString := given["x-kubernetes-int-or-string"]
	_, preserve := given["x-kubernetes-preserve-unknown-fields"]
	_, nullable := given["nullable"]
	if ours.Type != theirs.kindOfValue || ours.IntOrString != intOrString {
		differs("type %q, int-or-string %v, but there %q, %v", ours.Type, ours.IntOrString, theirs.kindOfValue, intOrString)
	}
	if preserve && !ours.PreserveUnknown {
		differs("drops unknown fields")
	}
	if nullable && !ours.Nullable {
		differs("refuses null")
	}
	if format := strings.Trim(given["format"], `"`); ours.Format != "" && ours.Format != format {
		differs("format %q, but there %q", ours.Format, format)
	}
	for _, name := range ours.Required {
		if !slices.Contains(strings.Split(given["required"], ","), name) {
			differs("requires %s", name)
		}
	}
	if len(ours.Enum) > 0 {
		var values []any
		if err := json.Unmarshal([]byte(given["enum"]), &values); err != nil {
			differs("allows only %v", ours.Enum)
		}
		for _, value := range values {
			if !slices.Contains(ours.Enum, value) {
				differs("refuses %v", value)
			}
		}
	}
	if text, set := given["default"]; set || ours.Default != nil {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil || value != ours.Default {
			differs("default %v, but there %s", ours.Default, text)
		}
	}
	// The facts record none of these; only quantities have a pattern, which goes with their type. Rules refuse what
	// package validation refuses; the tests of test/webhook compare them with it on an API server.
	kubernetes := strings.Contains(theirs.path, "conditions[].") || strings.HasPrefix(theirs.path, "spec.server.service.") // their types, there too
	if !kubernetes && (ours.Pattern != "" && !ours.IntOrString || ours.MinLength != nil || ours.MinItems != nil) {
		differs("has a pattern or a minimum length")
	}
	// A port number has one range in all of Kubernetes.
	port := strings.HasSuffix(theirs.path, ".ports[].containerPort")
	if ours.Minimum != nil && !(number(given["minimum"]) >= *ours.Minimum) && !(port && *ours.Minimum == 1) {
		differs("minimum %v, but there %s", *ours.Minimum, given["minimum"])
	}
	if ours.Maximum != nil && !(number(given["maximum"]) <= *ours.Maximum) && !(port && *ours.Maximum == 65535) {
		differs("maximum %v, but there %s", *ours.Maximum, given["maximum"])
	}
	// Sizes bound the work of the operator. They are far above what a job can use.
	for _, size := range []*int64{ours.MaxItems, ours.MaxProperties, ours.MaxLength} {
		if size != nil && *size < smallestBound {
			differs("holds at most %d entries or characters", *size)
		}
	}
	return all
}

// smallestBound is the least that a bound on the size of a list, map or text may be.
const smallestBound = 200

// number is the value of a constraint; not a number if there is none, which no comparison holds for.
func number(text string) float64 {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return value
}
