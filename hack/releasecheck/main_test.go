// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestEveryModuleOfTheSBOMHasALicence(t *testing.T) {
	const sbom = `{"bomFormat":"CycloneDX","components":[{"name":"a","version":"v1"},{"name":"b","version":"v2"},{"name":"std","version":"go1"}]}`
	for name, test := range map[string]struct{ sbom, licenses, want string }{
		"complete":            {sbom, "a\tv1\tLICENSE\nb\tv2\tLICENSE, NOTICE\n", ""},
		"no licence":          {sbom, "a\tv1\tLICENSE\nb\tv2\t\n", "lacks the licence of b v2"},
		"another version":     {sbom, "a\tv0\tLICENSE\nb\tv2\tLICENSE\n", "lacks the licence of a v1"},
		"no components":       {`{"bomFormat":"CycloneDX"}`, "", "not a CycloneDX SBOM"},
		"no SBOM at all":      {"x", "", "not a CycloneDX SBOM"},
		"nothing is licensed": {sbom, "", "lacks the licence of a v1, b v2"},
		"the project itself":  {`{"bomFormat":"CycloneDX","components":[{"name":"a","version":"v1"},{"name":"github.com/spark-operator/spark-operator","version":"v3"},{"name":"std","version":"go1"}]}`, "a\tv1\tLICENSE\n", ""},
		"a folder":            {`{"bomFormat":"CycloneDX","components":[{"name":"../..","version":"(devel)"}]}`, "", "names the module ../.. (devel)"},
		"no version":          {`{"bomFormat":"CycloneDX","components":[{"name":"a","version":"(devel)"}]}`, "a\t(devel)\tLICENSE\n", "names the module a (devel)"},
	} {
		folder := t.TempDir()
		write(t, filepath.Join(folder, "sbom.cdx.json"), test.sbom, 0o600)
		write(t, filepath.Join(folder, "licenses.tsv"), test.licenses, 0o600)
		var out strings.Builder
		err := inventory(&out, folder, "sbom.cdx.json")
		if test.want == "" && (err != nil || out.String() != "sbom.cdx.json: 3 modules, each with a licence\n") || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, %q", name, err, out.String())
		}
	}
	if err := inventory(&strings.Builder{}, t.TempDir(), "sbom.cdx.json"); err == nil || !strings.Contains(err.Error(), "run make package") {
		t.Errorf("without a release: %v", err)
	}
}

// TestVulnerabilities: a vulnerability and a broken scan fail; only a database that cannot
// be reached is no failure, with a message.
func TestVulnerabilities(t *testing.T) {
	for name, test := range map[string]struct{ script, want, err string }{
		"none":        {"exit 0", "Vulnerabilities: none", ""},
		"one":         {"echo GO-2026-1; exit 3", "GO-2026-1", "has known vulnerabilities"},
		"no database": {`echo 'govulncheck: fetching vulnerabilities: Get "https://vuln.go.dev": no such host' >&2; exit 1`, "SKIPPED, the database cannot be reached: govulncheck: fetching vulnerabilities: Get", ""},
		"broken":      {"echo no such package >&2; exit 1", "", "exit status 1: no such package"},
		"another one": {`[ "$1 $2" = "-db file:///db" ] || exit 1`, "Vulnerabilities: none", ""},
	} {
		script := filepath.Join(t.TempDir(), "govulncheck")
		write(t, script, "#!/bin/sh\n"+test.script+"\n", 0o700)
		var out strings.Builder
		err := vulnerabilities(&out, ".", script, "file:///db")
		if !strings.Contains(out.String(), test.want) || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s: %v, %q", name, err, out.String())
		}
	}
}
