// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"slices"
	"strings"
)

// normalize takes from an object as stored what the API server drew, and what its
// version or that of Spark may change. It changes the object.
func normalize(object map[string]any) {
	delete(object, "status")
	metadata := child(object, "metadata")
	for _, key := range []string{"uid", "generation", "creationTimestamp", "resourceVersion", "managedFields"} {
		delete(metadata, key)
	}
	for _, key := range []string{"labels", "annotations"} {
		child(metadata, key) // so that each of them is a difference
	}
	spec, _ := object["spec"].(map[string]any)
	switch object["kind"] {
	case "Pod":
		normalizePod(spec)
	case "Service":
		normalizeService(spec)
	}
}

// child returns the object under a key and adds an empty one if there is none.
func child(object map[string]any, key string) map[string]any {
	value, ok := object[key].(map[string]any)
	if !ok {
		value = map[string]any{}
		object[key] = value
	}
	return value
}

// elements returns the objects of a list; those for which drop holds are removed
// from it.
func elements(object map[string]any, key string, drop func(map[string]any) bool) (kept []map[string]any) {
	list, _ := object[key].([]any)
	list = slices.DeleteFunc(list, func(element any) bool {
		object, ok := element.(map[string]any)
		return ok && drop != nil && drop(object)
	})
	if len(list) == 0 {
		delete(object, key)
		return nil
	}
	object[key] = list
	for _, element := range list {
		if object, ok := element.(map[string]any); ok {
			kept = append(kept, object)
		}
	}
	return kept
}

func normalizeService(spec map[string]any) {
	delete(spec, "clusterIPs")
	if spec["clusterIP"] != "None" {
		delete(spec, "clusterIP")
	}
	for _, port := range elements(spec, "ports", nil) {
		delete(port, "nodePort")
	}
}

func normalizePod(spec map[string]any) {
	elements(spec, "tolerations", func(toleration map[string]any) bool {
		key, _ := toleration["key"].(string)
		return strings.HasPrefix(key, "node.kubernetes.io/") && toleration["tolerationSeconds"] == float64(300)
	})
	elements(spec, "volumes", isTokenVolume)
	for _, list := range []string{"initContainers", "containers"} {
		for _, container := range elements(spec, list, nil) {
			normalizeContainer(container)
		}
	}
}

func isTokenVolume(volume map[string]any) bool {
	name, _ := volume["name"].(string)
	return strings.HasPrefix(name, "kube-api-access-")
}

func normalizeContainer(container map[string]any) {
	elements(container, "volumeMounts", isTokenVolume)
	for _, variable := range elements(container, "env", nil) {
		if text, _ := variable["value"].(string); variable["name"] == "SPARK_LOCAL_DIRS" {
			dirs := strings.Split(text, ",")
			slices.Sort(dirs) // Spark's order changes from run to run
			variable["value"] = strings.Join(dirs, ",")
		}
	}
}
