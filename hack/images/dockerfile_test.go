// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDockerfileBuildsBothPrograms: the folders of all packages of a program are copied to
// the builder and not ignored, and the labels are those of the images that are built here.
func TestDockerfileBuildsBothPrograms(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	dockerfile, ignored := read("Dockerfile"), read(".dockerignore")
	for program, description := range programs() {
		for _, want := range []string{
			`title="` + program + `"`, `description="` + description + `"`, `source="` + sourceURL + `"`,
			`ENTRYPOINT ["/usr/bin/` + program + `"]`, "-o /image/usr/bin/" + program + " ",
		} {
			if !strings.Contains(dockerfile, want) {
				t.Errorf("the Dockerfile does not contain %s", want)
			}
		}
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "s3only", "-f", `{{if not .Standard}}{{.Dir}}{{end}}`, ".")
		list.Dir = filepath.Join(root, "cmd", program)
		list.Stderr = os.Stderr
		packages, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		for dir := range strings.Lines(string(packages)) {
			name, err := filepath.Rel(root, strings.TrimSpace(dir))
			if err != nil || strings.HasPrefix(name, "..") {
				continue // of another module
			}
			folder, _, _ := strings.Cut(name, "/")
			if !strings.Contains(dockerfile, "\nCOPY "+folder+"/ "+folder+"/\n") || !strings.Contains(ignored, "\n!"+folder+"\n") {
				t.Errorf("%s needs %s, which the Dockerfile does not copy, or .dockerignore hides", program, name)
			}
		}
	}
}
