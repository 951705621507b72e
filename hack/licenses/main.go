// SPDX-License-Identifier: Apache-2.0

// Command licenses writes the licences of all modules that are linked into the programs
// of some modules, which their authors ask for where binaries are distributed.
//
// Usage: go run ./hack/licenses LIST TEXTS MODULE [MODULE...]
//
// LIST becomes a table of module, version and files; TEXTS holds the files themselves.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// module is what `go list` says about one.
type module struct {
	Path, Version, Dir string
	Main               bool
	Replace            *struct{ Version string }
}

// own says whether the module is of this repository: that of the program, or one that a folder replaces.
func (m *module) own() bool { return m.Main || m.Replace != nil && m.Replace.Version == "" }

// legal are the names of files that have to go along with a binary.
var legal = regexp.MustCompile(`(?i)^(licen[cs]e|notice|copying|patents)([.-].*)?$`)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) < 3 {
		return errors.New("usage: licenses LIST TEXTS MODULE [MODULE...] (folders)")
	}
	modules := map[string]module{}
	for _, folder := range arguments[2:] {
		if err := linked(folder, modules); err != nil {
			return err
		}
	}
	var list, texts strings.Builder
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		m := modules[path]
		files, err := legalFiles(m.Dir)
		if err != nil {
			return err
		}
		if len(files) == 0 {
			return fmt.Errorf("%s %s has no licence in %s", m.Path, m.Version, m.Dir)
		}
		fmt.Fprintf(&list, "%s\t%s\t%s\n", m.Path, m.Version, strings.Join(files, ", "))
		for _, file := range files {
			text, err := os.ReadFile(filepath.Join(m.Dir, file))
			if err != nil {
				return err
			}
			fmt.Fprintf(&texts, "==== %s %s: %s\n\n%s\n", m.Path, m.Version, file, text)
		}
	}
	return errors.Join(
		os.WriteFile(arguments[0], []byte(list.String()), 0o644),
		os.WriteFile(arguments[1], []byte(texts.String()), 0o644))
}

// linked adds the modules of the packages that the programs of a module are made of, by
// path and version.
func linked(folder string, modules map[string]module) error {
	packages := "./..."
	if folder == "." {
		packages = "./cmd/..."
	}
	output, err := exec.Command("go", "-C", folder, "list", "-deps", "-json=Module", packages).Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var found struct{ Module *module }
		switch err := decoder.Decode(&found); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("go list: %w", err)
		}
		if found.Module != nil && !found.Module.own() {
			modules[found.Module.Path+" "+found.Module.Version] = *found.Module
		}
	}
}

func legalFiles(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		if !entry.IsDir() && legal.MatchString(entry.Name()) {
			files = append(files, entry.Name())
		}
	}
	return files, nil
}
