// SPDX-License-Identifier: Apache-2.0

// Command releasecheck checks what make package has made: the SBOM names the modules of
// the program, each of them has a licence, and none has a known vulnerability that the
// program reaches.
//
// Usage: go run ./hack/releasecheck FOLDER
//
// VULN_DB is another database of vulnerabilities than that of Go.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "releasecheck:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, arguments []string) error {
	if len(arguments) != 1 {
		return errors.New("usage: releasecheck FOLDER")
	}
	for _, sbom := range []string{"sbom.cdx.json", "log-archiver-sbom.cdx.json"} {
		if err := inventory(out, arguments[0], sbom); err != nil {
			return err
		}
	}
	for _, program := range []string{"cmd/spark-operator", "cmd/log-archiver"} {
		if err := vulnerabilities(out, program, "bin/govulncheck", os.Getenv("VULN_DB")); err != nil {
			return err
		}
	}
	return nil
}

// project is the module of the operator, which is a component of the log archiver. Its licence is that of the release.
const project = "github.com/spark-operator/spark-operator"

// inventory compares the SBOM with the list of licences.
func inventory(out io.Writer, folder, name string) error {
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return fmt.Errorf("SBOM: %w; run make package", err)
	}
	var sbom struct {
		BOMFormat  string `json:"bomFormat"`
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(text, &sbom); err != nil || sbom.BOMFormat != "CycloneDX" || len(sbom.Components) == 0 {
		return fmt.Errorf("%s is not a CycloneDX SBOM with components: %w", name, err)
	}
	list, err := os.ReadFile(filepath.Join(folder, "licenses.tsv"))
	if err != nil {
		return fmt.Errorf("licences: %w; run make package", err)
	}
	licensed := map[string]bool{}
	for line := range strings.Lines(string(list)) {
		if fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(fields) == 3 && fields[2] != "" {
			licensed[fields[0]+" "+fields[1]] = true
		}
	}
	var missing []string
	for _, component := range sbom.Components {
		module := component.Name + " " + component.Version
		if strings.HasPrefix(component.Name, ".") || strings.Contains(component.Version, "devel") {
			return fmt.Errorf("%s names the module %s, which no scanner knows", name, module)
		}
		if !licensed[module] && component.Name != "std" && component.Name != project {
			missing = append(missing, module)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("licenses.tsv lacks the licence of %s", strings.Join(missing, ", "))
	}
	_, err = fmt.Fprintf(out, "%s: %d modules, each with a licence\n", name, len(sbom.Components))
	return err
}

// unreachable is how govulncheck reports that it has no database.
const unreachable = "fetching vulnerabilities:"

// found is the exit code of govulncheck for vulnerabilities.
const found = 3

// vulnerabilities runs govulncheck on the program. Without a database there is nothing to
// find out: it says so, and this is no failure.
func vulnerabilities(out io.Writer, folder, program, database string) error {
	arguments := []string{"-C", folder, "."}
	if database != "" {
		arguments = append([]string{"-db", database}, arguments...)
	}
	command := exec.Command(program, arguments...)
	var messages bytes.Buffer
	command.Stdout, command.Stderr = out, &messages
	err := command.Run()
	message := strings.TrimSpace(messages.String())
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == found {
		return errors.New("the program has known vulnerabilities; see above")
	}
	if err != nil && strings.Contains(message, unreachable) {
		_, err = fmt.Fprintf(out, "Vulnerabilities: SKIPPED, the database cannot be reached: %s\n", message)
		return err
	}
	if err != nil {
		return fmt.Errorf("govulncheck: %w: %s", err, message)
	}
	_, err = fmt.Fprintln(out, "Vulnerabilities: none that the program reaches")
	return err
}
