// SPDX-License-Identifier: Apache-2.0

//go:build ignore

// Command pack turns directories of recorded cases into the compressed files
// that the tests read: one per Spark version for pkg/submit, one for the
// operator's cases in pkg/translate. Equal recordings give equal bytes.
//
//	go run hack/goldens/pack.go -spark DIR -operator DIR
//
// The Spark directory holds <version>/<case>.json, the operator's <case>.json.
// Each output is a JSON array with one case per line.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

func main() {
	spark := flag.String("spark", "", "directory with one directory of cases per Spark version")
	operator := flag.String("operator", "", "directory with the operator's cases")
	root := flag.String("root", ".", "root of the repository")
	flag.Parse()
	if err := run(*root, *spark, *operator); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(root, spark, operator string) error {
	if spark != "" {
		versions, err := filepath.Glob(filepath.Join(spark, "[0-9]*"))
		if err != nil {
			return err
		}
		for _, dir := range versions {
			out := filepath.Join(root, "pkg/submit/testdata", "spark-"+filepath.Base(dir)+".json.gz")
			if err := pack(dir, out); err != nil {
				return err
			}
		}
	}
	if operator == "" {
		return nil
	}
	version, err := operatorVersion(operator)
	if err != nil {
		return err
	}
	return pack(operator, filepath.Join(root, "pkg/translate/testdata", "operator-"+version+".json.gz"))
}

// operatorVersion reads the version from a case's "name vX.Y.Z".
func operatorVersion(dir string) (string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("no cases in %s: %w", dir, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		return "", err
	}
	var c struct {
		Operator string `json:"operator"`
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return "", fmt.Errorf("%s: %w", files[0], err)
	}
	_, version, found := strings.Cut(c.Operator, " v")
	if !found {
		return "", fmt.Errorf("%s: operator %q is not of the form \"name vX.Y.Z\"", files[0], c.Operator)
	}
	return version, nil
}

// pack writes the cases of dir, sorted by file name, to the file out.
func pack(dir, out string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no cases in %s", dir)
	}
	sort.Strings(files)
	var lines bytes.Buffer
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		separator := ",\n"
		if i == 0 {
			separator = "[\n"
		}
		lines.WriteString(separator)
		if err := json.Compact(&lines, text); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	lines.WriteString("\n]\n")

	var packed bytes.Buffer
	// The zero header carries neither a time nor a file name.
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(lines.Bytes()); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	fmt.Printf("%s: %d cases, %d KiB\n", out, len(files), packed.Len()/1024)
	return os.WriteFile(out, packed.Bytes(), 0o644)
}
