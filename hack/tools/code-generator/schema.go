// SPDX-License-Identifier: Apache-2.0

//go:build ignore

// Command schema prints the OpenAPI v2 definitions of the API types for
// applyconfiguration-gen.
package main

import (
	"encoding/json"
	"log"
	"os"

	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/spark-operator/spark-operator/hack/tools/code-generator/openapi"
)

func main() {
	definitions := spec.Definitions{}
	reference := func(name string) spec.Ref { return spec.MustCreateRef("#/definitions/" + name) }
	for name, definition := range openapi.GetOpenAPIDefinitions(reference) {
		schema := definition.Schema
		// Types such as IntOrString carry a separate schema for OpenAPI v2.
		if v2, ok := schema.Extensions[common.ExtensionV2Schema].(spec.Schema); ok {
			schema = v2
		}
		definitions[name] = schema
	}
	swagger := spec.Swagger{SwaggerProps: spec.SwaggerProps{
		Swagger:     "2.0",
		Info:        &spec.Info{InfoProps: spec.InfoProps{Title: "spark-operator", Version: "v1beta2"}},
		Definitions: definitions,
	}}
	if err := json.NewEncoder(os.Stdout).Encode(&swagger); err != nil {
		log.Fatal(err)
	}
}
