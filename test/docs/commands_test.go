// SPDX-License-Identifier: Apache-2.0

// Package docs executes the commands that the documentation shows, against a real API
// server.
package docs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/spark-operator/spark-operator/hack/localcluster/build"
	"github.com/spark-operator/spark-operator/internal/document"
	"github.com/spark-operator/spark-operator/test/sim"
)

// Set by TestMain before any test.
var (
	api            *sim.API
	operatorBinary string
)

func TestMain(m *testing.M) {
	options := sim.ControlPlane()
	// It admits nothing before a controller has counted, and no controller runs.
	options.APIServerFlags["disable-admission-plugins"] = "ResourceQuota"
	sim.Main(m, sim.Setup{
		ControlPlane: options,
		Ready: func(ctx context.Context, started *sim.API, binary string) error {
			api, operatorBinary = started, binary
			return sim.CreateNamespace(ctx, api.Core, "jobs") // of docs/install.md
		},
	})
}

// executed are the sub-commands of kubectl that need no node and no operator. The
// others need a pod, or wait for what an operator does: the end-to-end tests run
// such applications.
var executed = []string{"annotate", "apply", "auth", "describe", "get", "patch"}

// existing are the objects that pages show without having created them.
var existing = map[string]string{
	"docs/monitoring.md":       "pi",
	"docs/concepts.md":         "spark-pi",
	"docs/conditions.md":       "spark-pi",
	"docs/logs-and-history.md": "spark-pi",
	"docs/schedules.md":        "nightly",
	"docs/troubleshooting.md":  "my-job",
}

// TestCommandsWork executes the commands of each page in their order, in a namespace
// of its own.
func TestCommandsWork(t *testing.T) {
	builder, err := build.New(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	programs, err := builder.Ensure(t.Context(), build.Kubernetes())
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for number, page := range document.Pages(t, sim.Repository) {
		var commands []document.Command
		for _, command := range document.Commands(page, document.Read(t, filepath.Join(sim.Repository, page))) {
			if isExecuted(command) {
				commands = append(commands, command)
			}
		}
		if len(commands) == 0 {
			continue
		}
		total += len(commands)
		t.Run(page, func(t *testing.T) {
			namespace := fmt.Sprintf("docs-%d", number)
			if err := sim.CreateNamespace(t.Context(), api.Core, namespace); err != nil {
				t.Fatal(err)
			}
			run := shell(t, programs, namespace)
			if name := existing[page]; name != "" {
				for _, example := range []string{"spark-pi", "scheduled-spark-pi"} {
					run(fmt.Sprintf("sed 's/^  name: %[1]s$/  name: %[2]s/' examples/%[1]s.yaml | kubectl apply -f -", example, name))
				}
			}
			for _, command := range commands {
				run(command.Text)
			}
		})
	}
	if total < 20 {
		t.Errorf("only %d commands", total)
	}
	t.Logf("%d commands", total)
}

// isExecuted says whether a command needs nothing but an API server. Those with --watch
// never end.
func isExecuted(command document.Command) bool {
	if command.Inline || command.Needs != "" {
		return false
	}
	for _, words := range document.Split(command.Text) {
		switch {
		case words[0] == "sed" || words[0] == "spark-operator" && !slices.Contains(words, "start"):
		case words[0] != "kubectl" || slices.Contains(words, "--watch") || slices.Contains(words, "spark-operator"):
			return false
		case !slices.Contains(executed, words[1]):
			return false
		}
	}
	return true
}

// shell returns a function that executes a command line where the files are that pages
// name, with kubectl and the operator in the PATH. The namespace is that of the
// kubeconfig.
func shell(t *testing.T, programs, namespace string) func(command string) {
	t.Helper()
	config, err := clientcmd.LoadFromFile(api.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.Contexts[config.CurrentContext].Namespace = namespace
	folder := t.TempDir()
	kubeconfig := filepath.Join(folder, "kubeconfig")
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"examples", "manifests"} {
		target, err := filepath.Abs(filepath.Join(sim.Repository, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	// The file that the README shows.
	_, manifest, _ := strings.Cut(document.Read(t, filepath.Join(sim.Repository, "README.md")), "```yaml\n")
	manifest, _, _ = strings.Cut(manifest, "```")
	if err := os.WriteFile(filepath.Join(folder, "spark-pi.yaml"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(text string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		command := exec.CommandContext(ctx, "bash", "-o", "pipefail", "-c", text)
		command.Dir = folder
		command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "HOME="+folder,
			"PATH="+programs+":"+filepath.Dir(operatorBinary)+":"+os.Getenv("PATH"))
		output, err := command.CombinedOutput()
		// kubectl auth can-i also fails if the answer is no.
		if err != nil && string(output) != "no\n" {
			t.Errorf("$ %s: %v\n%s", text, err, output)
			return
		}
		t.Logf("$ %s\n%s", text, output)
	}
}
