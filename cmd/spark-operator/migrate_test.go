// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/migrate"
)

func sparkObject(kind, name string, spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v1beta2.SchemeGroupVersion.String(), "kind": kind,
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
	},
		sparkObject("SparkApplication", "good", application("cluster")),
		sparkObject("SparkApplication", "client", application("client")),
		sparkObject("ScheduledSparkApplication", "nightly", map[string]any{"schedule": "@daily", "template": application("cluster")}),
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
	if len(lines) < 6 || !strings.HasPrefix(lines[1], "refused  SparkApplication") || !strings.Contains(lines[1], "spec.mode") ||
		!strings.HasPrefix(lines[2], "same") || lines[5] != "3 objects: 2 same, 0 with changes, 1 refused" {
		t.Errorf("text:\n%s", &text)
	}
	if err := writeFindingsJSON(&asJSON, findings); err != nil {
		t.Fatal(err)
	}
	var read []migrate.Finding
	if err := json.Unmarshal(asJSON.Bytes(), &read); err != nil || len(read) != 3 || read[0].Result != migrate.Refused {
		t.Errorf("%v, %+v", err, read)
	}
	var none bytes.Buffer
	if err := writeFindingsJSON(&none, []migrate.Finding{}); err != nil || none.String() != "[]\n" {
		t.Errorf("no objects: %q", &none)
	}
}
