// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// complete fills in what the API server would add to an object as built. It is an
// imitation, for comparisons without a server; it changes the object.
func complete(object map[string]any) {
	spec, _ := object["spec"].(map[string]any)
	elements(child(object, "metadata"), "ownerReferences", func(owner map[string]any) bool {
		uid, _ := owner["uid"].(string)
		return !strings.HasPrefix(uid, "<") // the garbage collector does not find it
	})
	switch object["kind"] {
	case "Pod":
		completePod(spec)
	case "Service":
		completeService(spec)
	case "NetworkPolicy":
		fill(spec, map[string]any{"policyTypes": []any{"Ingress"}})
	case "PersistentVolumeClaim":
		fill(spec, map[string]any{"volumeMode": "Filesystem"})
		fill(child(object, "metadata"), map[string]any{"finalizers": []any{"kubernetes.io/pvc-protection"}})
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

func completeService(spec map[string]any) {
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
		fill(port, map[string]any{"protocol": "TCP", "targetPort": port["port"]})
	}
}

func completePod(spec map[string]any) {
	fill(spec, map[string]any{
		"restartPolicy": "Always", "terminationGracePeriodSeconds": float64(30), "dnsPolicy": "ClusterFirst",
		"schedulerName": "default-scheduler", "securityContext": map[string]any{}, "enableServiceLinks": true,
		"serviceAccountName": "default",
	})
	fill(spec, map[string]any{"serviceAccount": spec["serviceAccountName"]})
	for _, volume := range elements(spec, "volumes", nil) {
		completeVolume(volume)
	}
	hostNetwork := spec["hostNetwork"] == true
	for _, list := range []string{"initContainers", "containers"} {
		for _, container := range elements(spec, list, nil) {
			completeContainer(container, hostNetwork)
		}
	}
}

func completeVolume(volume map[string]any) {
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

func completeContainer(container map[string]any, hostNetwork bool) {
	image, _ := container["image"].(string)
	policy := "IfNotPresent"
	if _, tag, tagged := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":"); !tagged || tag == "latest" {
		policy = "Always"
	}
	fill(container, map[string]any{
		"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "imagePullPolicy": policy,
		"resources": map[string]any{},
	})
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
