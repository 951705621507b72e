// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

var update = flag.Bool("update", false, "rewrite testdata/applications/*.golden.yaml")

// goldenApplications returns the defaulted applications of testdata/applications
// by name of the file.
func goldenApplications(t testing.TB) map[string]*v1beta2.SparkApplication {
	t.Helper()
	files, err := filepath.Glob("testdata/applications/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	apps := map[string]*v1beta2.SparkApplication{}
	for _, file := range files {
		if strings.HasSuffix(file, ".golden.yaml") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		app := &v1beta2.SparkApplication{}
		if err := yaml.UnmarshalStrict(text, app); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		app.UID = "0b0e6f0c-4c5e-4d0e-8a57-2f6b1f3f5a11"
		v1beta2.SetObjectDefaults_SparkApplication(app)
		apps[strings.TrimSuffix(filepath.Base(file), ".yaml")] = app
	}
	if len(apps) == 0 {
		t.Fatal("no applications")
	}
	return apps
}

// TestApplications compares everything that is made of whole applications with
// what was reviewed. Run it with -update after a change that is meant.
func TestApplications(t *testing.T) {
	for name, app := range goldenApplications(t) {
		t.Run(name, func(t *testing.T) {
			run, err := translate.Build(app, params())
			if err != nil {
				t.Fatal(err)
			}
			got, err := yaml.Marshal(render(run))
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", "applications", name+".golden.yaml")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("differs from %s:\n%s", file, differingLines(string(want), string(got)))
			}
		})
	}
}

// render is a run in the form of the golden files: without the texts that repeat
// what is shown beside them.
func render(run *translate.Run) any {
	configMaps := make([]*corev1.ConfigMap, 0, len(run.ConfigMaps))
	for _, configMap := range run.ConfigMaps {
		configMap = configMap.DeepCopy()
		for key := range configMap.Data {
			configMap.Data[key] = "…"
		}
		configMaps = append(configMaps, configMap)
	}
	return map[string]any{
		"warnings": run.Warnings, "properties": run.Properties, "driver": run.Driver, "service": run.Service,
		"networkPolicy": run.NetworkPolicy, "secrets": run.Secrets, "claims": run.Claims, "configMaps": configMaps,
		"executorTemplate": run.ExecutorTemplate, "executorResources": run.ExecutorResources, "executors": run.Executors,
	}
}

// differingLines lists the lines that only one of the texts has.
func differingLines(want, got string) string {
	count := map[string]int{}
	for line := range strings.SplitSeq(want, "\n") {
		count[line]++
	}
	var out strings.Builder
	for line := range strings.SplitSeq(got, "\n") {
		if count[line]--; count[line] < 0 {
			out.WriteString("+ " + line + "\n")
		}
	}
	for line, n := range count {
		if n > 0 {
			out.WriteString("- " + line + "\n")
		}
	}
	return out.String()
}

func BenchmarkBuild(b *testing.B) {
	for name, app := range goldenApplications(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := translate.Build(app, params()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
