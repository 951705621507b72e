// SPDX-License-Identifier: Apache-2.0

package sparkconf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What cannot import this package agrees with it on the versions of Spark.
func TestReleases(t *testing.T) {
	if !slices.IsSortedFunc(Releases(), Version.CompareMinor) || len(Releases()) != len(strings.Fields(releases)) {
		t.Errorf("releases %v are not in order", Releases())
	}
	for _, version := range Releases() {
		if version.String() == "" || version.Minor() == "0.0" {
			t.Errorf("release %v cannot be read", version)
		}
	}
	recordings, err := filepath.Glob("../submit/testdata/spark-*.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	var recorded []string
	for _, file := range recordings {
		recorded = append(recorded, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "spark-"), ".json.gz"))
	}
	if got := strings.Join(recorded, " "); got != releases {
		t.Errorf("recordings are of %s, releases are %s", got, releases)
	}
	oldest, newest := OldestRelease(), NewestRelease()
	for file, want := range map[string]string{
		"../../hack/images/spark.go": `defaultSpark = "` + newest.Minor() + `"`,
		"../../Makefile":             "SPARK_VERSION ?= " + newest.String() + "\n",
		"../../docs/submission.md":   "Versions " + oldest.Minor() + " to " + newest.Minor() + " are known",
		"../../examples/README.md":   "localhost/spark:" + newest.String(),
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %q", file, want)
		}
	}
}
