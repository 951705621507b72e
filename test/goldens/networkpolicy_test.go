// SPDX-License-Identifier: Apache-2.0

package goldens

import (
	"encoding/json"
	"reflect"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/spark-operator/spark-operator/internal/recording"
	"github.com/spark-operator/spark-operator/test/sim"
)

// exposed is an application that has a NetworkPolicy with an open port. The
// recording was made with a Spark that had none.
const exposed = `{
	"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication",
	"metadata": {"name": "exposed", "namespace": "diff-policy"},
	"spec": {
		"type": "Scala", "image": "spark:4.3.0", "mainClass": "org.example.Main", "sparkVersion": "4.3.0",
		"mainApplicationFile": "local:///opt/spark/examples/jars/spark-examples.jar", "driver": {}, "executor": {},
		"monitoring": {"exposeDriverMetrics": false, "exposeExecutorMetrics": true, "prometheus": {"jmxExporterJar": "/jmx.jar", "port": 8090}}
	}
}`

// stored is the whole of its policy but for its name.
const stored = `{
	"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
	"metadata": {
		"name": "exposed-<prefix-id>-policy", "namespace": "diff-policy", "labels": {"spark-app-selector": "spark-<app-id>"},
		"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "exposed-driver", "uid": "<driver-pod-uid>", "controller": true}]
	},
	"spec": {
		"podSelector": {"matchLabels": {"spark-app-selector": "spark-<app-id>", "spark-role": "executor"}},
		"policyTypes": ["Ingress"],
		"ingress": [
			{"from": [{"podSelector": {"matchLabels": {"spark-app-selector": "spark-<app-id>"}}}]},
			{"ports": [{"port": 8090, "protocol": "TCP"}]}
		]
	}
}`

// TestNetworkPolicyIsStored: executors are reached by the pods of their application
// alone, and by anyone on the port of the metrics.
func TestNetworkPolicyIsStored(t *testing.T) {
	const namespace = "diff-policy"
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	r := &run{Case: &recording.Case{Case: "exposed", Manifest: json.RawMessage(exposed)}, namespace: namespace, seen: map[string]int{}}
	if r.create(t); r.refusal != nil {
		t.Fatal(r.refusal)
	}
	now := waitForRest(t, namespace)
	_, objects := r.objectsOf(t, now, now.apps["exposed"])
	var want map[string]any
	if err := json.Unmarshal([]byte(stored), &want); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, object := range objects {
		if object["kind"] != "NetworkPolicy" {
			continue
		}
		found++
		for _, drawn := range []string{"uid", "generation", "creationTimestamp", "resourceVersion", "managedFields"} {
			unstructured.RemoveNestedField(object, "metadata", drawn)
		}
		if !reflect.DeepEqual(object, want) {
			t.Errorf("stored %v, want %v", object, want)
		}
	}
	if found != 1 {
		t.Errorf("%d NetworkPolicies, want 1", found)
	}
}
