// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	kubeerrors "k8s.io/kube-openapi/pkg/validation/errors"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	"sigs.k8s.io/yaml"
)

// crdSchema is the structural schema of the CustomResourceDefinition, checked by
// the library that the API server uses.
type crdSchema struct{ validator *validate.SchemaValidator }

func readSchema(t *testing.T) *crdSchema {
	t.Helper()
	text, err := os.ReadFile("../../manifests/crd/sparkoperator.k8s.io_sparkapplications.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema json.RawMessage `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	schema := &spec.Schema{}
	if err := json.Unmarshal(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, schema); err != nil {
		t.Fatal(err)
	}
	return &crdSchema{validate.NewSchemaValidator(schema, nil, "", strfmt.Default)}
}

// refuse returns the API server's message for a manifest that the schema does
// not allow, otherwise "".
func (s *crdSchema) refuse(manifest []byte) (string, error) {
	var object map[string]any
	if err := json.Unmarshal(manifest, &object); err != nil {
		return "", err
	}
	var messages []string
	for _, problem := range s.validator.Validate(object).Errors {
		messages = append(messages, fieldMessage(problem))
	}
	slices.Sort(messages)
	if len(messages) == 0 {
		return "", nil
	}
	return fmt.Sprintf("SparkApplication.sparkoperator.k8s.io %q is invalid: %s", nameOf(object), strings.Join(messages, ", ")), nil
}

// fieldMessage words an error as the API server does.
func fieldMessage(problem error) string {
	var failed *kubeerrors.Validation
	if !errors.As(problem, &failed) {
		return problem.Error()
	}
	name := strings.TrimPrefix(failed.Name, ".")
	switch failed.Code() {
	case kubeerrors.RequiredFailCode:
		return name + ": Required value"
	case kubeerrors.EnumFailCode:
		values := make([]string, 0, len(failed.Values))
		for _, allowed := range failed.Values {
			values = append(values, fmt.Sprintf("%q", allowed))
		}
		return fmt.Sprintf("%s: Unsupported value: %q: supported values: %s", name, failed.Value, strings.Join(values, ", "))
	default:
		return fmt.Sprintf("%s: Invalid value: %v: %s", name, failed.Value, strings.TrimPrefix(failed.Error(), "."))
	}
}
