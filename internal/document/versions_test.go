// SPDX-License-Identifier: Apache-2.0

package document

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// TestCompatibilityIsWhatTestsRunWith compares the versions of docs/compatibility.md, and the
// Kubernetes that the chart requires, with the files that say what the tests run with.
func TestCompatibilityIsWhatTestsRunWith(t *testing.T) {
	find := func(file, pattern string) string {
		match := regexp.MustCompile(pattern).FindStringSubmatch(Read(t, root+"/"+file))
		if match == nil {
			t.Fatalf("%s has no line %s", file, pattern)
		}
		return match[1]
	}
	const components, kubernetes = "hack/localcluster/components/", `(?m)^\tk8s\.io/kubernetes v(\S+)`
	newest, oldest := find(components+"kubernetes/go.mod", kubernetes), find(components+"kubernetes-oldest/go.mod", kubernetes)
	major, rest, _ := strings.Cut(oldest, ".")
	minor, _, _ := strings.Cut(rest, ".")
	if want, got := ">="+major+"."+minor+".0-0", find("charts/spark-operator/Chart.yaml", `(?m)^kubeVersion: "(.*)"$`); got != want {
		t.Errorf("kubeVersion of the chart is %q, but the oldest Kubernetes of the tests is %s: want %q", got, oldest, want)
	}
	page := Read(t, root+"/docs/compatibility.md")
	for _, release := range sparkconf.Releases() {
		if !strings.Contains(page, release.String()) {
			t.Errorf("docs/compatibility.md lacks Spark %s, of which there is a recording", release)
		}
	}
	for first, want := range map[string][]string{
		"Kubernetes": {newest, oldest},
		"Spark": {
			find("Makefile", `(?m)^SPARK_VERSION \?= (\S+)$`),
			find("Makefile", `(?m)^SPARK41_VERSION \?= (\S+)$`),
			find("Makefile", `(?m)^SPARK35_VERSION \?= (\S+)$`),
		},
		"Helm": {find("hack/tools/helm/go.mod", `(?m)^\thelm\.sh/helm/v4 v(\S+)`)},
	} {
		_, rows := Table(t, root+"/docs/compatibility.md", first)
		var got []string
		for _, row := range rows {
			got = append(got, row[0])
		}
		if !slices.Equal(got, want) {
			t.Errorf("docs/compatibility.md, table %s: %q, but the tests run with %q", first, got, want)
		}
	}
}
