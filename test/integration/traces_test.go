// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/spark-operator/spark-operator/test/sim"
)

// TestTracesReachACollector: the OpenTelemetry Collector receives each submission as a tree
// whose trace id is the submission id of the status. Without the collector, applications are
// submitted as before.
func TestTracesReachACollector(t *testing.T) {
	t.Parallel()
	const namespace = "traces"
	newNamespace(t, namespace)
	address := freeAddress(t)
	spans, stop := startCollector(t, address)
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace, "--otlp-traces-endpoint=http://"+address)
	createApplication(t, namespace, "pi")
	waitSubmitted(t, namespace, "pi")

	app, err := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Get(t.Context(), "pi", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	trace := strings.ReplaceAll(app.Status.SubmissionID, "-", "")
	want := []string{"build objects", "create configmaps", "create networkpolicies", "create pods", "create services", "submission", "update sparkapplications/status"}
	var got map[string]span
	err = wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		got = spans()[trace]
		return len(got) >= len(want), nil
	})
	if names := slices.Sorted(maps.Keys(got)); err != nil || !slices.Equal(names, want) {
		t.Fatalf("trace %s has the spans %q, want %q", trace, names, want)
	}
	for name, s := range got {
		if parent := got["submission"].id; (name == "submission") != (s.parent == "") || name != "submission" && s.parent != parent {
			t.Errorf("span %s has the parent %q, the submission is %q", name, s.parent, parent)
		}
	}

	stop()
	createApplication(t, namespace, "later")
	waitSubmitted(t, namespace, "later")
}

// span is one that the collector got.
type span struct{ id, parent string }

var spanLines = regexp.MustCompile(`(?m)^ +Trace ID +: (\w+)\n +Parent ID +: (\w*)\n +ID +: (\w+)\n +Name +: (.+)$`)

// startCollector returns what the collector got so far, by trace and name, and a function
// that ends it.
func startCollector(t *testing.T, address string) (spans func() map[string]map[string]span, stop func()) {
	t.Helper()
	folder := t.TempDir()
	config, output := filepath.Join(folder, "config.yaml"), filepath.Join(folder, "output")
	text := fmt.Sprintf(`
receivers: {otlp: {protocols: {http: {endpoint: %q}}}}
exporters: {debug: {verbosity: detailed, use_internal_logger: false}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [debug]}}
`, address)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(output)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, sim.Program(t, "otelcol"), "--config", config)
	command.Stdout, command.Stderr = file, file
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		cancel()
		_ = command.Wait()
	}
	read := func() string {
		content, err := os.ReadFile(output)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	t.Cleanup(func() {
		stop()
		_ = file.Close()
		if t.Failed() {
			t.Logf("collector:\n%s", read())
		}
	})
	return func() map[string]map[string]span {
		traces := map[string]map[string]span{}
		for _, m := range spanLines.FindAllStringSubmatch(read(), -1) {
			if traces[m[1]] == nil {
				traces[m[1]] = map[string]span{}
			}
			traces[m[1]][m[4]] = span{id: m[3], parent: m[2]}
		}
		return traces
	}, stop
}
