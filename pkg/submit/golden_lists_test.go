// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	pendingFile    = "testdata/pending.txt"
	deviationsFile = "../../docs/deviations.md"
	// deviationsHeading starts the section that belongs to this package.
	deviationsHeading = "## spark-submit"
)

// run is one recorded case of one Spark version.
type run struct{ name, version string }

// deviation is a reviewed row of docs/deviations.md: where the cases may, and
// must, differ.
type deviation struct {
	line     int
	runs     []run
	patterns []pattern
	used     []bool
	seen     int
}

// pattern matches a difference: its path, and for refusals a part of the
// library's own message.
type pattern struct {
	text    string
	path    *regexp.Regexp
	message string
}

func (p pattern) matches(d difference) bool {
	return p.path.MatchString(d.path) && strings.Contains(d.got, p.message)
}

// covers reports whether each difference matches the row, and marks the
// patterns that did.
func (d *deviation) covers(differences []difference) (uncovered []difference) {
	for _, one := range differences {
		matched := false
		for i, p := range d.patterns {
			if p.matches(one) {
				d.used[i], matched = true, true
			}
		}
		if !matched {
			uncovered = append(uncovered, one)
		}
	}
	return uncovered
}

// parseVersions returns those of the recorded versions that a list such as
// "3.3, 4.0-4.2" names by their minor versions; "all" names each.
func parseVersions(list string, recorded []string) ([]string, error) {
	if list == "all" {
		return recorded, nil
	}
	var versions []string
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from := slices.IndexFunc(recorded, func(v string) bool { return strings.HasPrefix(v, first+".") })
		to := slices.IndexFunc(recorded, func(v string) bool { return strings.HasPrefix(v, last+".") })
		if from < 0 || to < from {
			return nil, fmt.Errorf("%q names no recorded versions (%s)", part, strings.Join(recorded, ", "))
		}
		versions = append(versions, recorded[from:to+1]...)
	}
	return versions, nil
}

// readPending returns the reasons of pending runs. A line is
// "case[@versions]: reason".
func readPending(t *testing.T, recorded []string, known map[run]bool) map[run]string {
	t.Helper()
	pending := map[run]string{}
	for number, line := range readLines(t, pendingFile) {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		names, reason, found := strings.Cut(line, ": ")
		name, list, limited := strings.Cut(names, "@")
		if !limited {
			list = "all"
		}
		versions, err := parseVersions(list, recorded)
		if !found || err != nil {
			t.Errorf("%s:%d: want \"case[@versions]: reason\": %v", pendingFile, number+1, err)
			continue
		}
		for _, version := range versions {
			one := run{name, version}
			if _, twice := pending[one]; twice || !known[one] {
				t.Errorf("%s:%d: case %s is listed twice or was not recorded with Spark %s", pendingFile, number+1, name, version)
			}
			pending[one] = reason
		}
	}
	return pending
}

// writePending lists what differs, versions with the same reason in one line.
func writePending(differing map[run]string, recorded []string) error {
	var lines []string
	names := map[string]bool{}
	for one := range differing {
		names[one.name] = true
	}
	for name := range names {
		byReason := map[string][]string{}
		for _, version := range recorded {
			if reason, differs := differing[run{name, version}]; differs {
				minor := version[:strings.LastIndex(version, ".")]
				byReason[reason] = append(byReason[reason], minor)
			}
		}
		for reason, versions := range byReason {
			list := "@" + strings.Join(versions, ",")
			if len(versions) == len(recorded) {
				list = ""
			}
			lines = append(lines, fmt.Sprintf("%s%s: %s\n", name, list, reason))
		}
	}
	slices.Sort(lines)
	const head = "# Recorded cases that Build does not yet reproduce: case[@versions]: first difference.\n" +
		"# Rewritten by: go test ./pkg/submit -run TestGoldens -update-pending\n"
	return os.WriteFile(pendingFile, []byte(head+strings.Join(lines, "")), 0o644)
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// readDeviations returns the rows of the table in docs/deviations.md:
//
//	| cases | versions | differs in | why |
//
// Cases are code spans. "Differs in" holds code spans, each the path of a
// difference with * for any characters and ? for one, "Spark refuses" where the library
// builds objects instead, or "refused here: <part of the library's message>".
func readDeviations(t *testing.T, recorded []string, known map[run]bool) map[run]*deviation {
	t.Helper()
	deviations := map[run]*deviation{}
	inSection := false
	for number, line := range readLines(t, deviationsFile) {
		if strings.HasPrefix(line, "## ") {
			inSection = line == deviationsHeading
		}
		if !inSection || !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		if len(cells) != 4 || strings.TrimSpace(cells[3]) == "" {
			t.Errorf("%s:%d: want four cells: cases, versions, differs in, why", deviationsFile, number+1)
			continue
		}
		row := &deviation{line: number + 1}
		versions, err := parseVersions(strings.TrimSpace(cells[1]), recorded)
		if err != nil {
			t.Errorf("%s:%d: %v", deviationsFile, number+1, err)
		}
		for _, span := range codeSpan.FindAllStringSubmatch(cells[2], -1) {
			row.patterns = append(row.patterns, parsePattern(span[1]))
		}
		row.used = make([]bool, len(row.patterns))
		for _, span := range codeSpan.FindAllStringSubmatch(cells[0], -1) {
			for _, version := range versions {
				one := run{span[1], version}
				if deviations[one] != nil || !known[one] {
					t.Errorf("%s:%d: case %s is listed twice or was not recorded with Spark %s", deviationsFile, number+1, one.name, version)
					continue
				}
				deviations[one] = row
				row.runs = append(row.runs, one)
			}
		}
	}
	return deviations
}

func parsePattern(span string) pattern {
	path, message := span, ""
	if text, ok := strings.CutPrefix(span, refusedHere+": "); ok {
		path, message = refusedHere, text
	}
	glob := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(path))
	return pattern{text: span, path: regexp.MustCompile("^" + glob + "$"), message: message}
}

func readLines(t *testing.T, file string) []string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(content), "\n")
}
