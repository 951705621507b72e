// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestArguments(t *testing.T) {
	defaults := map[string]string{"secure-port": "1", "authorization-mode": "Node,RBAC", "disable-admission-plugins": "ServiceAccount"}
	got := arguments(defaults, map[string]string{
		"authorization-mode":        "AlwaysAllow",
		"disable-admission-plugins": RemoveFlag,
		"v":                         "4",
	})
	want := []string{"--authorization-mode=AlwaysAllow", "--secure-port=1", "--v=4"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if defaults["authorization-mode"] != "Node,RBAC" {
		t.Error("the defaults have been changed")
	}
}

func TestDefinitions(t *testing.T) {
	for name, test := range map[string]struct {
		manifest string
		want     int
	}{
		"one":                {"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n", 1},
		"comment and marker": {"# licence\n---\nkind: CustomResourceDefinition\nspec:\n  names:\n    kind: SparkApplication\n", 1},
		"two":                {"kind: CustomResourceDefinition\n--- # second\nkind: CustomResourceDefinition\n", 2},
		"JSON":               {`{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition"}`, 1},
		"something else":     {"kind: Kustomization\nresources: [a.yaml]\n", 0},
		"a list":             {"kind: CustomResourceDefinitionList\n", 0},
		"dashes in a text":   {"kind: CustomResourceDefinition\ndescription: |\n  a\n  ---\n  b\n", 1},
		"nothing":            {"", 0},
	} {
		if got := definitions([]byte(test.manifest)); len(got) != test.want {
			t.Errorf("%s: got %d definitions, want %d: %q", name, len(got), test.want, got)
		}
	}
}

func TestManifestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.yaml", "a.yml", "c.json", "README.md"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, err := manifestFiles(dir)
	if err != nil || len(files) != 3 || strings.Contains(strings.Join(files, " "), "README") {
		t.Errorf("got %v, %v", files, err)
	}
	single := filepath.Join(dir, "README.md")
	if files, err := manifestFiles(single); err != nil || !slices.Equal(files, []string{single}) {
		t.Errorf("got %v, %v", files, err)
	}
	if _, err := manifestFiles(filepath.Join(dir, "missing")); err == nil {
		t.Error("want an error for a path that does not exist")
	}
}

func TestFreePorts(t *testing.T) {
	first, second, err := freePorts()
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range []int{first, second} {
		if port < firstPort || port >= firstPort+portsCount {
			t.Errorf("port %d is out of the range", port)
		}
	}
	if first == second {
		t.Errorf("both ports are %d", first)
	}
}

func TestSweepRemovesOnlyFoldersOfDeadProcesses(t *testing.T) {
	parent := t.TempDir()
	folder := func(name string) string {
		path := filepath.Join(parent, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	dead := folder(directoryPrefix + "dead")
	living := folder(directoryPrefix + "living")
	other := folder("other")
	lock, err := lockDirectory(living)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()

	sweep(parent, time.Now())
	if _, err := os.Stat(dead); err != nil {
		t.Errorf("a folder that may be about to be locked is gone: %v", err)
	}
	sweep(parent, time.Now().Add(2*youngDirectory))
	if _, err := os.Stat(dead); err == nil {
		t.Error("the folder of a dead process is still there")
	}
	for _, path := range []string{living, other} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s is gone", path)
		}
	}
}
