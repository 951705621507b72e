// SPDX-License-Identifier: Apache-2.0

//go:build integration

package controlplane

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spark-operator/spark-operator/hack/localcluster/kubeapi"
)

const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: sparks.example.com
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Spark, plural: sparks}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              cores: {type: integer, minimum: 1}
`

// One test, as one start serves all: each step needs what the one before left.
func TestEnv(t *testing.T) {
	crds := t.TempDir()
	if err := os.WriteFile(filepath.Join(crds, "sparks.yaml"), []byte(definition), 0o600); err != nil {
		t.Fatal(err)
	}
	env, err := Start(t.Context(), Options{CRDs: []string{crds}, APIServerFlags: map[string]string{"event-ttl": "2h"}})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Stop()
	client, err := env.Access.NewClient()
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	const sparks = "/apis/example.com/v1/namespaces/default/sparks"

	var version struct{ Major, Minor, GitVersion string }
	if err := client.Get(ctx, "/version", &version); err != nil {
		t.Fatal(err)
	}
	if version.Major != "1" || version.Minor != strings.Split(version.GitVersion, ".")[1] {
		t.Errorf("the server calls itself %+v", version)
	}
	if err := client.Create(ctx, sparks, "application/yaml", []byte("apiVersion: example.com/v1\nkind: Spark\nmetadata: {name: a}\nspec: {cores: 2}\n")); err != nil {
		t.Fatal(err)
	}
	err = client.Create(ctx, sparks, "application/yaml", []byte("apiVersion: example.com/v1\nkind: Spark\nmetadata: {name: b}\nspec: {cores: 0}\n"))
	var status *kubeapi.StatusError
	if !errors.As(err, &status) || status.Code != http.StatusUnprocessableEntity {
		t.Errorf("the schema is not enforced: %v", err)
	}
	pod := []byte("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n")
	if err := client.Create(ctx, "/api/v1/namespaces/default/pods", "application/yaml", pod); err != nil {
		t.Errorf("a pod is not admitted: %v", err)
	}

	for name, stop := range map[string]func() error{"killed": env.KillAPIServer, "stopped": env.StopAPIServer} {
		pid := env.APIServerPID()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if err := client.Get(ctx, "/readyz", nil); err == nil || env.APIServerPID() != 0 {
			t.Errorf("the API server still runs when %s", name)
		}
		if err := env.StartAPIServer(ctx); err != nil {
			t.Fatal(err)
		}
		if env.APIServerPID() == pid || env.APIServerPID() == 0 {
			t.Errorf("the API server has process id %d when started again, after %d", env.APIServerPID(), pid)
		}
		if err := client.Get(ctx, sparks+"/a", nil); err != nil {
			t.Errorf("the object is lost when %s: %v", name, err)
		}
	}
	if err := env.StartAPIServer(ctx); err == nil {
		t.Error("want an error for the start of a server that runs")
	}

	folder := filepath.Dir(env.Kubeconfig)
	for range 2 {
		if err := env.Stop(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", folder, err)
	}
	if env.EtcdPID() != 0 || env.APIServerPID() != 0 {
		t.Error("a stopped control plane has process ids")
	}
}

func TestStartReportsWhyAServerEnded(t *testing.T) {
	_, err := Start(t.Context(), Options{APIServerFlags: map[string]string{"no-such-flag": "1"}})
	if err == nil || !strings.Contains(err.Error(), "unknown flag: --no-such-flag") {
		t.Errorf("got %v", err)
	}
	left, globErr := filepath.Glob(filepath.Join(os.TempDir(), directoryPrefix+"*", "kube-apiserver.log"))
	if globErr != nil {
		t.Fatal(globErr)
	}
	for _, log := range left {
		if content, err := os.ReadFile(log); err == nil && strings.Contains(string(content), "no-such-flag") {
			t.Errorf("%s is still there", log)
		}
	}
}
