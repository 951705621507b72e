// SPDX-License-Identifier: Apache-2.0

// Package migration runs the released controller of kubeflow/spark-operator and this
// operator in turn on one real kube-apiserver with etcd. There is no node: test/sim plays
// the kubelet, and this program stands in for the spark-submit that kubeflow's controller
// runs.
package migration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spark-operator/spark-operator/test/sim"
)

// What all tests share; set by TestMain before any of them.
var (
	api            *sim.API
	operatorBinary string
	kubeflowBinary = os.Getenv("KUBEFLOW_OPERATOR")
	kubeflowCRDs   = os.Getenv("KUBEFLOW_CRDS")
)

func TestMain(m *testing.M) {
	if calls := os.Getenv(callsVariable); calls != "" {
		if err := submitAsSpark(context.Background(), calls, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if kubeflowBinary == "" || kubeflowCRDs == "" {
		fmt.Fprintln(os.Stderr, "KUBEFLOW_OPERATOR and KUBEFLOW_CRDS are not set: run these tests through `make test-migration`")
		os.Exit(1)
	}
	controlPlane := sim.ControlPlane()
	controlPlane.CRDs = []string{kubeflowCRDs}
	sim.Main(m, sim.Setup{
		ControlPlane: controlPlane,
		Ready: func(_ context.Context, started *sim.API, binary string) error {
			api, operatorBinary = started, binary
			return nil
		},
	})
}

// kubeflow is a running controller of kubeflow/spark-operator.
type kubeflow struct {
	command *exec.Cmd
	log     string
}

// startKubeflow runs the controller, whose spark-submit is this program: it appends each
// call to the file calls.
func startKubeflow(t *testing.T, calls, namespace string) *kubeflow {
	t.Helper()
	folder := t.TempDir()
	home, logFile := filepath.Join(folder, "spark"), filepath.Join(folder, "kubeflow.log")
	self, err := os.Executable()
	if err == nil {
		err = os.MkdirAll(filepath.Join(home, "bin"), 0o755)
	}
	if err == nil {
		err = os.Symlink(self, filepath.Join(home, "bin", "spark-submit"))
	}
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(logFile)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	k := &kubeflow{log: logFile, command: exec.Command(kubeflowBinary, "controller", "start",
		"--namespaces", namespace, "--metrics-bind-address", "0", "--health-probe-bind-address", "0", "--zap-encoder", "console")}
	// Where spark-submit finds the API server; the address is not used.
	k.command.Env = append(os.Environ(), "KUBECONFIG="+api.Kubeconfig, "SPARK_HOME="+home, callsVariable+"="+calls,
		"KUBERNETES_SERVICE_HOST=127.0.0.1", "KUBERNETES_SERVICE_PORT=443")
	k.command.Stdout, k.command.Stderr = log, log
	k.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := k.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = k.stop()
		if text, err := os.ReadFile(logFile); err == nil && t.Failed() {
			lines := strings.Split(string(text), "\n")
			t.Logf("log of kubeflow/spark-operator:\n%s", strings.Join(lines[max(0, len(lines)-60):], "\n"))
		}
	})
	return k
}

// stop ends the controller as Kubernetes does. It may be repeated.
func (k *kubeflow) stop() error {
	if k.command.ProcessState != nil {
		return nil
	}
	if err := k.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	err := k.command.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil // whatever its exit code is
	}
	return err
}
