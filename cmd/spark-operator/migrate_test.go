// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/migrate"
)

func sparkObject(kind, name string, spec map[string]any) *unstructured.Unstructured {
	version := v1beta2.SchemeGroupVersion
	if kind == "SparkConnect" {
		version = v1alpha1.SchemeGroupVersion
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": version.String(), "kind": kind,
		"metadata": map[string]any{"namespace": "jobs", "name": name}, "spec": spec,
	}}
}

func TestMigrateCheck(t *testing.T) {
	application := func(mode string) map[string]any {
		return map[string]any{
			"type": "Scala", "mode": mode, "sparkVersion": "4.0.4", "image": "spark:4.0.4", "mainClass": "a.B",
			"mainApplicationFile": "local:///a.jar", "driver": map[string]any{}, "executor": map[string]any{},
		}
	}
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
		v1beta2.SchemeGroupVersion.WithResource("sparkapplications"):          "SparkApplicationList",
		v1beta2.SchemeGroupVersion.WithResource("scheduledsparkapplications"): "ScheduledSparkApplicationList",
		v1alpha1.SchemeGroupVersion.WithResource("sparkconnects"):             "SparkConnectList",
	},
		sparkObject("SparkApplication", "good", application("cluster")),
		sparkObject("SparkApplication", "client", application("client")),
		sparkObject("ScheduledSparkApplication", "nightly", map[string]any{"schedule": "@daily", "template": application("cluster")}),
		sparkObject("SparkConnect", "notebook", map[string]any{"sparkVersion": "4.0.4", "image": "spark:4.0.4", "server": map[string]any{}, "executor": map[string]any{}}),
	)
	findings, err := checkCluster(t.Context(), client, "")
	if err != nil {
		t.Fatal(err)
	}
	var text, asJSON bytes.Buffer
	if err := writeFindings(&text, findings); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(text.String(), "\n")
	if len(lines) < 7 || !strings.HasPrefix(lines[1], "refused  SparkApplication") || !strings.Contains(lines[1], "spec.mode") ||
		!strings.HasPrefix(lines[2], "same") || lines[6] != "4 objects: 3 same, 0 with changes, 1 refused" {
		t.Errorf("text:\n%s", &text)
	}
	if err := writeFindingsJSON(&asJSON, findings); err != nil {
		t.Fatal(err)
	}
	var read []migrate.Finding
	if err := json.Unmarshal(asJSON.Bytes(), &read); err != nil || len(read) != 4 || read[0].Result != migrate.Refused {
		t.Errorf("%v, %+v", err, read)
	}
	for resource, tolerated := range map[string]bool{"sparkapplications": false, "scheduledsparkapplications": false, "sparkconnects": true} {
		client.PrependReactor("list", resource, func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewNotFound(schema.GroupResource{Resource: resource}, "")
		})
		findings, err := checkCluster(t.Context(), client, "")
		if tolerated && (err != nil || len(findings) != 3) || !tolerated && (err == nil || !strings.Contains(err.Error(), "list "+resource)) {
			t.Errorf("%s are not served: %v, %+v", resource, err, findings)
		}
		client.ReactionChain = client.ReactionChain[1:]
	}
	var none bytes.Buffer
	if err := writeFindingsJSON(&none, []migrate.Finding{}); err != nil || none.String() != "[]\n" {
		t.Errorf("no objects: %q", &none)
	}
}
