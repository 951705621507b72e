// SPDX-License-Identifier: Apache-2.0

// Package servedschema compares the CRDs that the API server serves with the status
// fields that the operator writes.
//
// The API server drops fields that a CRD does not have, without an error. Helm never
// replaces a CRD, so the usual migration from kubeflow/spark-operator leaves its CRDs in
// place, and the operator loses what it must remember from one sync to the next.
package servedschema

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/openapi"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Remedy is the command that updates the CRDs.
const Remedy = "helm show crds CHART | kubectl apply --server-side --force-conflicts -f -"

// Checker knows which status fields the API server drops.
type Checker struct {
	client  openapi.Client
	missing atomic.Pointer[[]string]
}

// New returns a checker that has not read the schemas yet.
func New(client openapi.Client) *Checker { return &Checker{client: client} }

// Missing are the fields that the API server drops, such as
// SparkApplication.status.attempts; none as long as Check has found none.
func (c *Checker) Missing() []string {
	if missing := c.missing.Load(); missing != nil {
		return *missing
	}
	return nil
}

// Err says in one line which fields are missing and what to do; nil if none is.
func (c *Checker) Err() error {
	missing := c.Missing()
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("the installed CRDs lack %s, so the API server drops them: there are no conditions and no history of attempts, "+
		"and a restart of the operator loses what they hold; bring the CRDs up to date: %s", strings.Join(missing, ", "), Remedy)
}

// Check reads the schemas and logs the missing fields, each time again. If a server does
// not publish schemas, Check reports nothing.
//
// The hash in the address of a schema does not say whether it has changed: for a while
// after the change of a CRD the index has the hash of one version with the content of
// another (seen with Kubernetes 1.36).
func (c *Checker) Check(ctx context.Context) {
	logger := klog.FromContext(ctx)
	if err := c.read(); err != nil {
		logger.Error(err, "Cannot read the schemas of the CRDs to check their status fields")
	}
	if err := c.Err(); err != nil {
		logger.Error(err, "Some features of the operator do not work")
	}
}

func (c *Checker) read() error {
	paths, err := c.client.Paths()
	if err != nil {
		return fmt.Errorf("list schemas: %w", err)
	}
	var missing []string
	for _, version := range []schema.GroupVersion{v1beta2.SchemeGroupVersion, v1alpha1.SchemeGroupVersion} {
		group, served := paths["apis/"+version.String()]
		switch {
		case !served && version == v1alpha1.SchemeGroupVersion:
			continue // the CRD of SparkConnect need not be installed
		case !served:
			return fmt.Errorf("no schema of %s", version)
		}
		document, err := group.Schema("application/json")
		if err != nil {
			return fmt.Errorf("schema of %s: %w", version, err)
		}
		lacking, err := missingFields(document, version)
		if err != nil {
			return err
		}
		missing = append(missing, lacking...)
	}
	if before := c.Missing(); len(before) > 0 && len(missing) == 0 {
		klog.Background().Info("The CRDs have all status fields now")
	}
	c.missing.Store(&missing)
	return nil
}

// property is a schema as far as it says what is kept.
type property struct {
	Kinds      []schema.GroupVersionKind `json:"x-kubernetes-group-version-kind"`
	Preserve   bool                      `json:"x-kubernetes-preserve-unknown-fields"`
	Properties map[string]*property      `json:"properties"`
	Items      *property                 `json:"items"`
	AllOf      []*property               `json:"allOf"`
}

// statuses are the statuses that the operator writes, by kind.
var statuses = map[schema.GroupVersionKind]reflect.Type{
	v1beta2.SchemeGroupVersion.WithKind("SparkApplication"):          reflect.TypeFor[v1beta2.SparkApplicationStatus](),
	v1beta2.SchemeGroupVersion.WithKind("ScheduledSparkApplication"): reflect.TypeFor[v1beta2.ScheduledSparkApplicationStatus](),
	v1alpha1.SchemeGroupVersion.WithKind("SparkConnect"):             reflect.TypeFor[v1alpha1.SparkConnectStatus](),
}

// missingFields returns the fields of all statuses that an OpenAPI v3 document of a version
// of this API group lacks. It ignores a kind that the document does not have at all.
func missingFields(document []byte, version schema.GroupVersion) ([]string, error) {
	var parsed struct {
		Components struct {
			Schemas map[string]*property `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(document, &parsed); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", version, err)
	}
	var missing []string
	found := 0
	for _, object := range parsed.Components.Schemas {
		if object == nil || len(object.Kinds) != 1 || object.Kinds[0].GroupVersion() != version {
			continue
		}
		status, ours := statuses[object.Kinds[0]]
		if !ours {
			continue
		}
		found++
		missing = append(missing, lacking(object.Properties["status"], status, object.Kinds[0].Kind+".status")...)
	}
	if found == 0 {
		return nil, errors.New("the schema has none of our kinds")
	}
	slices.Sort(missing)
	return missing, nil
}

// lacking returns the paths of the fields of a type that a schema does not have. Of a
// field that is missing those below are not named.
func lacking(has *property, wanted reflect.Type, path string) []string {
	for wanted.Kind() == reflect.Pointer {
		wanted = wanted.Elem()
	}
	switch {
	case has == nil:
		return []string{path}
	case has.Preserve:
		return nil
	case wanted == reflect.TypeFor[metav1.Time]():
		return nil
	case wanted.Kind() == reflect.Slice && has.Items != nil:
		return lacking(has.Items, wanted.Elem(), path+"[]")
	case wanted.Kind() != reflect.Struct:
		return nil
	}
	var missing []string
	for field := range wanted.Fields() {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case name == "" && (field.Anonymous || options == "inline"):
			missing = append(missing, lacking(has, field.Type, path)...)
		case name != "":
			missing = append(missing, lacking(has.property(name), field.Type, path+"."+name)...)
		}
	}
	return missing
}

// property returns the schema of a field; nil for none.
func (p *property) property(name string) *property {
	if own := p.Properties[name]; own != nil {
		return own
	}
	for _, part := range p.AllOf {
		if part != nil {
			if own := part.property(name); own != nil {
				return own
			}
		}
	}
	return nil
}
