// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestThreeCommands: helm repo add, helm repo update and helm install, as everybody
// types them, with a Helm repository as `make package` makes it.
func TestThreeCommands(t *testing.T) {
	folder, home := t.TempDir(), t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(folder)))
	defer server.Close()
	run := func(command string) string {
		t.Helper()
		words := strings.Fields(command)
		process := exec.CommandContext(t.Context(), program(t, words[0]), words[1:]...)
		process.Env = []string{"HOME=" + home, "KUBECONFIG=" + filepath.Join(home, "none"), "PATH=" + os.Getenv("PATH")}
		var output bytes.Buffer
		process.Stdout, process.Stderr = &output, &output
		if err := process.Run(); err != nil {
			t.Fatalf("%s: %v: %s", command, err, &output)
		}
		return output.String()
	}
	run("helm package " + chart + " --destination " + folder)
	run("helm repo index " + folder + " --url " + server.URL)

	run("helm repo add spark-operator " + server.URL)
	run("helm repo update")
	output := run("helm install spark-operator spark-operator/spark-operator --namespace spark-operator --create-namespace --dry-run=client")
	for _, want := range []string{"STATUS: pending-install", "kind: Deployment", "NOTES:"} {
		if !strings.Contains(output, want) {
			t.Errorf("no %q in the output of helm install", want)
		}
	}
	if found := run("helm search repo spark-operator"); !strings.Contains(found, "spark-operator/spark-operator") {
		t.Errorf("helm search: %s", found)
	}
}
