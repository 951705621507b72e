// SPDX-License-Identifier: Apache-2.0

package crds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/yaml"
)

// FieldManager owns the fields of the CRDs.
const FieldManager = "spark-operator-crds"

// Resource is that of CRDs.
var Resource = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// Options say how CRDs are applied.
type Options struct {
	// DryRun asks the API server to check everything and to change nothing.
	DryRun bool
	// Timeout is how long a CRD may take until it is served.
	Timeout time.Duration
}

// Read returns the CRDs of a folder, one from each file.
func Read(files fs.FS) ([]*unstructured.Unstructured, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	var all []*unstructured.Unstructured
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		crd := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(text, &crd.Object); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		unstructured.RemoveNestedField(crd.Object, "status")
		all = append(all, crd)
	}
	return all, nil
}

// Apply brings the CRDs up to date and writes one line for each to out. Nothing is
// changed unless all of them can be: the error names each CRD that cannot.
func Apply(ctx context.Context, client dynamic.Interface, wanted []*unstructured.Unstructured, options Options, out io.Writer) error {
	crds := client.Resource(Resource)
	var refused []error
	for _, crd := range wanted {
		if _, err := look(ctx, crds, crd); err != nil {
			refused = append(refused, fmt.Errorf("%s: %w", crd.GetName(), err))
		}
	}
	if len(refused) > 0 {
		return errors.Join(refused...)
	}
	for _, crd := range wanted {
		if err := applyOne(ctx, crds, crd, options, out); err != nil {
			return fmt.Errorf("%s: %w", crd.GetName(), err)
		}
	}
	return nil
}

// decision is what is to be applied and over what.
type decision struct {
	crd       *unstructured.Unstructured
	installed *unstructured.Unstructured // nil for none
	kept      []string
}

func look(ctx context.Context, crds dynamic.ResourceInterface, wanted *unstructured.Unstructured) (*decision, error) {
	installed, err := crds.Get(ctx, wanted.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return &decision{crd: wanted.DeepCopy()}, nil
	}
	if err != nil {
		return nil, err
	}
	merged, kept, err := plan(installed, wanted)
	if err != nil {
		return nil, err
	}
	// Whoever changes it in between is not overwritten.
	merged.SetResourceVersion(installed.GetResourceVersion())
	return &decision{crd: merged, installed: installed, kept: kept}, nil
}

func applyOne(ctx context.Context, crds dynamic.ResourceInterface, wanted *unstructured.Unstructured, options Options, out io.Writer) error {
	var applied *unstructured.Unstructured
	var decided *decision
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		var err error
		if decided, err = look(ctx, crds, wanted); err != nil {
			return err
		}
		apply := metav1.ApplyOptions{FieldManager: FieldManager, Force: true}
		if options.DryRun {
			apply.DryRun = []string{metav1.DryRunAll}
		}
		applied, err = crds.Apply(ctx, wanted.GetName(), decided.crd, apply)
		return err
	})
	if err != nil {
		return err
	}
	result := "configured"
	switch {
	case decided.installed == nil:
		result = "created"
	case decided.installed.GetGeneration() == applied.GetGeneration():
		result = "unchanged"
	}
	if len(decided.kept) > 0 {
		result += ", keeps " + strings.Join(decided.kept, ", ")
	}
	if options.DryRun {
		result += " (dry run)"
	}
	if _, err := fmt.Fprintf(out, "%s %s\n", wanted.GetName(), result); err != nil {
		return err
	}
	if options.DryRun {
		return nil
	}
	return waitUntilServed(ctx, crds, wanted.GetName(), options.Timeout)
}

// waitUntilServed waits for the condition Established, without which the operator
// finds no resource to watch.
func waitUntilServed(ctx context.Context, crds dynamic.ResourceInterface, name string, timeout time.Duration) error {
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, timeout, true, func(ctx context.Context) (bool, error) {
		crd, err := crds.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		conditions, _, err := unstructured.NestedSlice(crd.Object, "status", "conditions")
		for _, item := range conditions {
			condition, _ := item.(map[string]any)
			if condition["type"] == "Established" && condition["status"] == "True" {
				return true, nil
			}
		}
		return false, err
	})
	if err != nil {
		return fmt.Errorf("applied, but the API server does not serve it: %w", err)
	}
	return nil
}
