// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// normalize brings an object as built and one as stored to a common form: what
// the API server adds by itself is taken away or filled in on both sides, and
// what has no order is sorted. It changes the object.
func normalize(object map[string]any) {
	delete(object, "apiVersion")
	delete(object, "status")
	metadata := child(object, "metadata")
	for _, key := range []string{"uid", "generation", "creationTimestamp", "finalizers"} {
		delete(metadata, key)
	}
	for _, key := range []string{"labels", "annotations"} {
		if values, _ := metadata[key].(map[string]any); len(values) == 0 {
			delete(metadata, key)
		}
	}
	spec, _ := object["spec"].(map[string]any)
	switch object["kind"] {
	case "Pod":
		normalizePod(spec)
	case "Service":
		normalizeService(spec)
	case "PersistentVolumeClaim":
		fill(spec, map[string]any{"volumeMode": "Filesystem"})
	}
}

// fill sets defaults where there is no value.
func fill(object, defaults map[string]any) {
	for key, value := range defaults {
		if _, set := object[key]; !set {
			object[key] = value
		}
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
	fill(spec, map[string]any{
		"type": "ClusterIP", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
		"ipFamilies": []any{"IPv4"}, "ipFamilyPolicy": "SingleStack",
	})
	if spec["type"] != "ClusterIP" {
		fill(spec, map[string]any{"externalTrafficPolicy": "Cluster"})
	}
	if spec["type"] == "LoadBalancer" {
		fill(spec, map[string]any{"allocateLoadBalancerNodePorts": true})
	}
	for _, port := range elements(spec, "ports", nil) {
		delete(port, "nodePort")
		fill(port, map[string]any{"protocol": "TCP", "targetPort": port["port"]})
	}
}

func normalizePod(spec map[string]any) {
	delete(spec, "priority")
	delete(spec, "preemptionPolicy")
	fill(spec, map[string]any{
		"restartPolicy": "Always", "terminationGracePeriodSeconds": float64(30), "dnsPolicy": "ClusterFirst",
		"schedulerName": "default-scheduler", "securityContext": map[string]any{}, "enableServiceLinks": true,
		"serviceAccountName": "default",
	})
	fill(spec, map[string]any{"serviceAccount": spec["serviceAccountName"]})
	elements(spec, "tolerations", func(toleration map[string]any) bool {
		key, _ := toleration["key"].(string)
		return strings.HasPrefix(key, "node.kubernetes.io/") && toleration["tolerationSeconds"] == float64(300)
	})
	for _, volume := range elements(spec, "volumes", isTokenVolume) {
		normalizeVolume(volume)
	}
	hostNetwork := spec["hostNetwork"] == true
	for _, list := range []string{"initContainers", "containers"} {
		for _, container := range elements(spec, list, nil) {
			normalizeContainer(container, hostNetwork)
		}
	}
}

func isTokenVolume(volume map[string]any) bool {
	name, _ := volume["name"].(string)
	return strings.HasPrefix(name, "kube-api-access-")
}

func normalizeVolume(volume map[string]any) {
	for kind, defaults := range map[string]map[string]any{
		"configMap": {"defaultMode": float64(420)}, "secret": {"defaultMode": float64(420)},
		"projected": {"defaultMode": float64(420)}, "downwardAPI": {"defaultMode": float64(420)},
		"hostPath": {"type": ""},
	} {
		if source, ok := volume[kind].(map[string]any); ok {
			fill(source, defaults)
			for _, projection := range append(elements(source, "sources", nil), source) {
				if token, ok := projection["serviceAccountToken"].(map[string]any); ok {
					fill(token, map[string]any{"expirationSeconds": float64(3600)})
				}
				if downward, ok := projection["downwardAPI"].(map[string]any); ok {
					fieldRefs(downward)
				}
			}
			fieldRefs(source)
		}
	}
	if ephemeral, ok := volume["ephemeral"].(map[string]any); ok {
		template := child(ephemeral, "volumeClaimTemplate")
		if metadata := child(template, "metadata"); metadata["creationTimestamp"] == nil {
			delete(metadata, "creationTimestamp")
		}
		fill(child(template, "spec"), map[string]any{"volumeMode": "Filesystem"})
	}
}

// fieldRefs fills in the version of downward API references.
func fieldRefs(source map[string]any) {
	for _, item := range elements(source, "items", nil) {
		if ref, ok := item["fieldRef"].(map[string]any); ok {
			fill(ref, map[string]any{"apiVersion": "v1"})
		}
	}
}

func normalizeContainer(container map[string]any, hostNetwork bool) {
	image, _ := container["image"].(string)
	policy := "IfNotPresent"
	if _, tag, tagged := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":"); !tagged || tag == "latest" {
		policy = "Always"
	}
	fill(container, map[string]any{
		"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "imagePullPolicy": policy,
		"resources": map[string]any{},
	})
	elements(container, "volumeMounts", isTokenVolume)
	for _, port := range elements(container, "ports", nil) {
		fill(port, map[string]any{"protocol": "TCP"})
		if hostNetwork {
			fill(port, map[string]any{"hostPort": port["containerPort"]})
		}
	}
	for _, variable := range elements(container, "env", nil) {
		if from, ok := variable["valueFrom"].(map[string]any); ok {
			if ref, ok := from["fieldRef"].(map[string]any); ok {
				fill(ref, map[string]any{"apiVersion": "v1"})
			}
			if ref, ok := from["resourceFieldRef"].(map[string]any); ok {
				fill(ref, map[string]any{"divisor": "0"})
			}
			continue
		}
		fill(variable, map[string]any{"value": ""})
		if text, _ := variable["value"].(string); variable["name"] == "SPARK_LOCAL_DIRS" {
			dirs := strings.Split(text, ",")
			slices.Sort(dirs)
			variable["value"] = strings.Join(dirs, ",")
		}
	}
	for _, name := range []string{"livenessProbe", "readinessProbe", "startupProbe"} {
		if probe, ok := container[name].(map[string]any); ok {
			fill(probe, map[string]any{
				"timeoutSeconds": float64(1), "periodSeconds": float64(10), "successThreshold": float64(1), "failureThreshold": float64(3),
			})
		}
	}
	resources := child(container, "resources")
	limits, _ := resources["limits"].(map[string]any)
	requests := child(resources, "requests")
	fill(requests, limits)
	if len(requests) == 0 {
		delete(resources, "requests")
	}
	for _, list := range []map[string]any{limits, requests} {
		for _, name := range slices.Collect(maps.Keys(list)) {
			if quantity, err := resource.ParseQuantity(fmt.Sprint(list[name])); err == nil {
				list[name] = quantity.String()
			}
		}
	}
}
