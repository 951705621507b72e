// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/spark-operator/spark-operator/test/sim/faultproxy"
	"github.com/spark-operator/spark-operator/test/sim/operator"
	"github.com/spark-operator/spark-operator/test/sim/rights"
)

// Program returns the path of bin/name, which the Makefile builds.
func Program(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(Repository, "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run `make bin/%s`", err, name)
	}
	return path
}

// StartOperator runs the operator's binary outside the cluster, watching one
// namespace, and returns a function that kills it with SIGKILL and waits for its
// end. That is safe to call more than once; the end of the test calls it, too, and
// prints the end of the operator's log if the test failed.
func StartOperator(t *testing.T, binary, kubeconfig, namespace string, flags ...string) (kill func()) {
	t.Helper()
	process, err := operator.Start(operator.Options{
		Binary: binary, Kubeconfig: kubeconfig, Log: filepath.Join(t.TempDir(), "operator.log"),
		Flags: append([]string{"--namespaces", namespace}, flags...),
		Env:   []string{"KUBE_CACHE_MUTATION_DETECTOR=true"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		process.Kill()
		if log := process.Log(); strings.Contains(log, "WARNING: DATA RACE") {
			t.Errorf("data race in the operator:\n%s", log)
		} else if t.Failed() {
			t.Logf("operator log:\n%s", process.Tail(40))
		}
	})
	return process.Kill
}

// StartLimitedOperator does the same for an operator that may do what its flags need, and
// nothing else.
func StartLimitedOperator(t *testing.T, api *API, binary, namespace string, flags ...string) (kill func()) {
	t.Helper()
	account := rights.Process{
		Binary: binary, Namespace: metav1.NamespaceDefault, Name: "operator-of-" + namespace,
		Command: []string{"controller", "start"}, Flags: append([]string{"--namespaces", namespace}, flags...),
	}
	if err := account.Grant(t.Context(), api.Core); err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := account.ActAs(api.Kubeconfig, kubeconfig); err != nil {
		t.Fatal(err)
	}
	return StartOperator(t, binary, kubeconfig, namespace, flags...)
}

// StartProxy starts a proxy before the API server of config, and returns a kubeconfig for
// it. It ends with the test.
func StartProxy(t *testing.T, config *rest.Config) (proxy *faultproxy.Proxy, kubeconfig string) {
	t.Helper()
	proxy, err := faultproxy.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	if kubeconfig, err = proxy.WriteKubeconfig(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	return proxy, kubeconfig
}
