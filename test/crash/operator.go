// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// StartOperator runs the operator's binary outside the cluster, watching one
// namespace, and returns a function that kills it with SIGKILL and waits for its
// end. That is safe to call more than once; the end of the test calls it, too, and
// prints the end of the operator's log if the test failed.
func StartOperator(t *testing.T, binary, kubeconfig, namespace string, flags ...string) (kill func()) {
	t.Helper()
	logFile, err := os.CreateTemp(t.TempDir(), "operator-*.log")
	if err != nil {
		t.Fatal(err)
	}
	arguments := append([]string{"controller", "start", "--kubeconfig", kubeconfig, "--namespaces", namespace,
		"--metrics-bind-address", "0", "--health-probe-bind-address", "0"}, flags...)
	command := exec.Command(binary, arguments...)
	command.Stdout, command.Stderr = logFile, logFile
	command.Env = append(os.Environ(), "KUBE_CACHE_MUTATION_DETECTOR=true")
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait()
		close(ended)
	}()
	kill = func() {
		_ = command.Process.Kill()
		<-ended
	}
	t.Cleanup(func() {
		kill()
		text, err := os.ReadFile(logFile.Name())
		if err == nil && strings.Contains(string(text), "WARNING: DATA RACE") {
			t.Errorf("data race in the operator:\n%s", text)
		} else if err == nil && t.Failed() {
			lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
			t.Logf("operator log:\n%s", strings.Join(lines[max(0, len(lines)-40):], "\n"))
		}
		_ = logFile.Close()
	})
	return kill
}
