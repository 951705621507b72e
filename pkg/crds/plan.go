// SPDX-License-Identifier: Apache-2.0

package crds

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// maxNamed is how many lost fields an error names.
const maxNamed = 5

// plan returns the CRD to apply over the installed one: the wanted one, with the
// versions that only the installed one has, whose names it also returns. It is an error
// if fields or the storage version would be lost.
func plan(installed, wanted *unstructured.Unstructured) (*unstructured.Unstructured, []string, error) {
	installedVersions, err := versions(installed)
	if err != nil {
		return nil, nil, err
	}
	wantedVersions, err := versions(wanted)
	if err != nil {
		return nil, nil, err
	}
	var lost, kept []string
	all := slices.Clone(wantedVersions)
	for _, version := range installedVersions {
		name, _, _ := unstructured.NestedString(version, "name")
		i := slices.IndexFunc(wantedVersions, func(other map[string]any) bool { return other["name"] == name })
		switch storage, _, _ := unstructured.NestedBool(version, "storage"); {
		case i >= 0:
			lost = append(lost, lostFields(schemaOf(version), schemaOf(wantedVersions[i]), "")...)
		case storage:
			return nil, nil, fmt.Errorf("it stores version %s, which this operator does not know: the installed CRD is newer; use the operator that it belongs to", name)
		default:
			all = append(all, version)
			kept = append(kept, name)
		}
	}
	if len(lost) > 0 {
		slices.Sort(lost)
		named := strings.Join(lost[:min(len(lost), maxNamed)], ", ")
		if more := len(lost) - maxNamed; more > 0 {
			named += fmt.Sprintf(" and %d more", more)
		}
		return nil, nil, fmt.Errorf("the installed CRD is newer: objects would lose %s; use the operator that it belongs to, or apply the older CRD with kubectl", named)
	}
	merged := wanted.DeepCopy()
	list := make([]any, len(all))
	for i := range all {
		list[i] = all[i]
	}
	if err := unstructured.SetNestedSlice(merged.Object, list, "spec", "versions"); err != nil {
		return nil, nil, err
	}
	return merged, kept, nil
}

func versions(crd *unstructured.Unstructured) ([]map[string]any, error) {
	list, _, err := unstructured.NestedSlice(crd.Object, "spec", "versions")
	if err != nil {
		return nil, err
	}
	found := make([]map[string]any, 0, len(list))
	for _, item := range list {
		version, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("spec.versions holds %T", item)
		}
		found = append(found, version)
	}
	return found, nil
}

func schemaOf(version map[string]any) map[string]any {
	schema, _, _ := unstructured.NestedMap(version, "schema", "openAPIV3Schema")
	return schema
}

// lostFields returns the paths that an installed schema keeps and the wanted one drops.
// Of a field that is lost those below are not named.
func lostFields(installed, wanted map[string]any, path string) []string {
	if wanted == nil {
		return []string{path}
	}
	if preserve, _ := wanted["x-kubernetes-preserve-unknown-fields"].(bool); preserve {
		return nil
	}
	var lost []string
	properties, _ := installed["properties"].(map[string]any)
	kept, _ := wanted["properties"].(map[string]any)
	values, _ := wanted["additionalProperties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		field, _ := properties[name].(map[string]any)
		other, ok := kept[name].(map[string]any)
		if !ok {
			other = values
		}
		lost = append(lost, lostFields(field, other, strings.TrimPrefix(path+"."+name, "."))...)
	}
	if items, ok := installed["items"].(map[string]any); ok {
		other, _ := wanted["items"].(map[string]any)
		lost = append(lost, lostFields(items, other, path+"[]")...)
	}
	if entries, ok := installed["additionalProperties"].(map[string]any); ok {
		lost = append(lost, lostFields(entries, values, path+".*")...)
	}
	if preserve, _ := installed["x-kubernetes-preserve-unknown-fields"].(bool); preserve && kept == nil && values == nil {
		lost = append(lost, path+".*")
	}
	return lost
}
