// SPDX-License-Identifier: Apache-2.0

// Package docs executes the commands that the documentation shows, against a real API
// server.
package docs

import (
	"context"
	"errors"
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
	options := sim.ControlPlane("testdata/monitoring.yaml")
	// It admits nothing before a controller has counted, and no controller runs.
	options.APIServerFlags["disable-admission-plugins"] = "ResourceQuota"
	sim.Main(m, sim.Setup{
		ControlPlane: options,
		Ready: func(ctx context.Context, started *sim.API, binary string) error {
			api, operatorBinary = started, binary
			return errors.Join(
				sim.CreateNamespace(ctx, api.Core, "jobs"), // of docs/install.md
				sim.CreateNamespace(ctx, api.Core, "spark-operator"),
			)
		},
	})
}

// executed are the sub-commands of kubectl that need no node and no operator. wait returns because the test sets what the
// command waits for.
var executed = []string{"annotate", "apply", "auth", "describe", "get", "patch", "wait"}

// onPods are those that need a pod. The test checks that the Deployment that they name exists.
var onPods = []string{"exec", "logs", "port-forward"}

// existing are the objects that pages show without having created them.
var existing = map[string]string{
	"docs/monitoring.md":       "pi",
	"docs/concepts.md":         "spark-pi",
	"docs/conditions.md":       "spark-pi",
	"docs/logs-and-history.md": "spark-pi",
	"docs/schedules.md":        "nightly",
	"docs/troubleshooting.md":  "my-job",
	"docs/usage.md":            "spark-pi",
}

// elsewhere are the commands that other tests and continuous integration execute, or their equivalent, by their beginning.
var elsewhere = map[string]string{
	"curl -s localhost:8080/metrics":                                       "test/integration: TestPrometheus",
	"kind create cluster":                                                  "needs docker",
	"kubectl get lease spark-operator-controller-lock":                     "test/chart: TestNames",
	"kubectl logs spark-pi-driver":                                         "test/e2e: TestSparkPiCompletes",
	"kubectl port-forward service/spark-pi-ui-svc":                         "test/e2e: TestUIUnderASubPath",
	"kubectl --namespace jobs port-forward service/spark-operator-history": "test/e2e: TestHistory",
}

// TestEveryCommandIsExecutedOrMarked: a command that no test executes stands behind a line "Needs …:".
func TestEveryCommandIsExecutedOrMarked(t *testing.T) {
	used := map[string]bool{}
	for _, page := range document.Pages(t, sim.Repository) {
	command:
		for _, command := range document.Commands(page, document.Read(t, filepath.Join(sim.Repository, page))) {
			if command.Inline || command.Needs != "" || isExecuted(command) {
				continue
			}
			for beginning := range elsewhere {
				if strings.HasPrefix(command.Text, beginning) {
					used[beginning] = true
					continue command
				}
			}
			t.Errorf("%s: no test executes it: write a line \"Needs …:\" before the block, or name its test in elsewhere", command)
		}
	}
	for beginning, where := range elsewhere {
		if !used[beginning] {
			t.Errorf("no page shows %q", beginning)
		}
		folder, name, isTest := strings.Cut(where, ": ")
		if !isTest {
			continue
		}
		files, err := filepath.Glob(filepath.Join(sim.Repository, folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(file string) bool {
			return strings.Contains(document.Read(t, file), "\nfunc "+name+"(t *testing.T)")
		}) {
			t.Errorf("%s has no test %s", folder, name)
		}
	}
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
	repository := serveChart(t)
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
				in := namespace
				if page == "docs/usage.md" {
					in = "jobs" // that of its commands
				}
				for _, example := range []string{"spark-pi", "scheduled-spark-pi"} {
					run(fmt.Sprintf("sed 's/^  name: %[1]s$/  name: %[2]s/' examples/%[1]s.yaml | kubectl apply --namespace %[3]s -f -", example, name, in))
				}
			}
			prepareHelm(t, run, repository, commands)
			for _, command := range commands {
				if strings.HasPrefix(command.Text, "kubectl wait ") {
					satisfy(t, namespace, command.Text)
				}
				run(executable(command.Text, repository))
			}
		})
	}
	if total < 60 {
		t.Errorf("only %d commands", total)
	}
	t.Logf("%d commands", total)
}

// TestInstallationsWithKubectl tries the commands of the table in docs/install.md, which would replace each other, one
// after the other as a dry run of the API server.
func TestInstallationsWithKubectl(t *testing.T) {
	builder, err := build.New(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	programs, err := builder.Ensure(t.Context(), build.Kubernetes())
	if err != nil {
		t.Fatal(err)
	}
	run := shell(t, programs, "default")
	run("kubectl kustomize manifests/base > install.yaml") // as hack/package.sh makes it
	_, rows := document.Table(t, filepath.Join(sim.Repository, "docs/install.md"), "Command")
	if len(rows) < 5 {
		t.Errorf("only %d commands", len(rows))
	}
	for _, row := range rows {
		run(strings.Trim(row[0], "`") + " --dry-run=server")
	}
}

// isExecuted says whether a command needs nothing but an API server.
func isExecuted(command document.Command) bool {
	if command.Inline || command.Needs != "" {
		return false
	}
	for _, words := range document.Split(command.Text) {
		switch words[0] {
		case "grep", "helm", "sed", "yq":
		case "spark-operator":
			if slices.Contains(words, "start") && !slices.Contains(words, "auth-check") {
				return false
			}
		case "kubectl":
			verb := kubectlVerb(words)
			onDeployment := slices.Contains(onPods, verb) && slices.ContainsFunc(words, isDeployment)
			if !onDeployment && !slices.Contains(executed, verb) || slices.Contains(words, "lease") {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// kubectlVerb returns the sub-command, which may stand behind the namespace.
func kubectlVerb(words []string) string {
	if len(words) > 3 && (words[1] == "-n" || words[1] == "--namespace") {
		return words[3]
	}
	return words[1]
}

func isDeployment(word string) bool {
	kind, _, found := strings.Cut(word, "/")
	return found && (kind == "deploy" || kind == "deployment")
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
	for _, name := range []string{"charts", "examples", "manifests"} {
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
	// The values of the old chart, in docs/migrate.md.
	if err := os.WriteFile(filepath.Join(folder, "FILE"), []byte("webhook: {enable: true}\nspark: {jobNamespaces: [default]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	helm := filepath.Dir(sim.Program(t, "helm"))
	return func(text string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute) // the end of a test also runs commands
		defer cancel()
		command := exec.CommandContext(ctx, "bash", "-o", "pipefail", "-c", text)
		command.Dir = folder
		command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig, "HOME="+folder,
			"PATH="+programs+":"+filepath.Dir(operatorBinary)+":"+helm+":"+os.Getenv("PATH"))
		output, err := command.CombinedOutput()
		// kubectl auth can-i also fails if the answer is no.
		if err != nil && string(output) != "no\n" {
			t.Errorf("$ %s: %v\n%s", text, err, output)
			return
		}
		t.Logf("$ %s\n%s", text, output)
	}
}
