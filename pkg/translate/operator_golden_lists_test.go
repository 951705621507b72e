// SPDX-License-Identifier: Apache-2.0

package translate_test

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
	deviationsHeading = "## Operator"
	// everyCase in the first cell of a row stands for all cases.
	everyCase = "every case"
)

// deviation is a reviewed row of docs/deviations.md: where the cases may, and
// must, differ.
type deviation struct {
	line     int
	cases    []string // nil for every case
	patterns []pattern
	differs  map[string]bool // by case
}

// pattern matches a difference by its path and, if it has a text, by what this
// project gives.
type pattern struct {
	span string
	path *regexp.Regexp
	got  string
	used bool
}

func (p *pattern) matches(d difference) bool {
	return p.path.MatchString(d.path) && strings.Contains(d.got, p.got)
}

// deviations are all rows.
type deviations struct {
	everywhere []*deviation
	byCase     map[string][]*deviation
}

// covers removes the differences that the rows allow, marks what matched, and
// reports whether a row for this very case was needed.
func (d *deviations) covers(name string, differences []difference) (left []difference, own bool) {
	for _, one := range differences {
		covered := false
		for _, row := range d.byCase[name] {
			if row.cover(name, one) {
				covered, own = true, true
			}
		}
		for _, general := range d.everywhere {
			covered = general.cover(name, one) || covered
		}
		if !covered {
			left = append(left, one)
		}
	}
	return left, own
}

func (d *deviation) cover(name string, one difference) bool {
	covered := false
	for i := range d.patterns {
		if d.patterns[i].matches(one) {
			d.patterns[i].used, covered = true, true
		}
	}
	if covered {
		d.differs[name] = true
	}
	return covered
}

// unused returns complaints about rows that claim more than there is.
func (d *deviations) unused() (complaints []string) {
	rows := map[*deviation]bool{}
	for _, row := range d.everywhere {
		rows[row] = true
	}
	for _, list := range d.byCase {
		for _, row := range list {
			rows[row] = true
		}
	}
	for row := range rows {
		for _, name := range row.cases {
			if !row.differs[name] {
				complaints = append(complaints, fmt.Sprintf("%s:%d: case %s no longer differs", deviationsFile, row.line, name))
			}
		}
		for _, p := range row.patterns {
			if !p.used {
				complaints = append(complaints, fmt.Sprintf("%s:%d: nothing differs in %q", deviationsFile, row.line, p.span))
			}
		}
	}
	slices.Sort(complaints)
	return complaints
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// readDeviations returns the rows of the table below deviationsHeading:
//
//	| cases | differs in | why |
//
// Cases are code spans, or "every case". "Differs in" holds code spans, each the
// path of a difference with * for any characters, where needed followed by a
// colon, a space and a part of what this project gives.
func readDeviations(t *testing.T, known map[string]bool) *deviations {
	t.Helper()
	all := &deviations{byCase: map[string][]*deviation{}}
	inSection := false
	for number, line := range readLines(t, deviationsFile) {
		if strings.HasPrefix(line, "## ") {
			inSection = line == deviationsHeading
		}
		if !inSection || !strings.HasPrefix(line, "| `") && !strings.HasPrefix(line, "| "+everyCase) {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		if len(cells) != 3 || strings.TrimSpace(cells[2]) == "" {
			t.Errorf("%s:%d: want three cells: cases, differs in, why", deviationsFile, number+1)
			continue
		}
		row := &deviation{line: number + 1, differs: map[string]bool{}}
		for _, span := range codeSpan.FindAllStringSubmatch(cells[1], -1) {
			row.patterns = append(row.patterns, parsePattern(span[1]))
		}
		if strings.TrimSpace(cells[0]) == everyCase {
			all.everywhere = append(all.everywhere, row)
			continue
		}
		for _, span := range codeSpan.FindAllStringSubmatch(cells[0], -1) {
			if !known[span[1]] {
				t.Errorf("%s:%d: case %s was not recorded", deviationsFile, number+1, span[1])
				continue
			}
			all.byCase[span[1]] = append(all.byCase[span[1]], row)
			row.cases = append(row.cases, span[1])
		}
	}
	return all
}

func parsePattern(span string) pattern {
	path, got, _ := strings.Cut(span, ": ")
	glob := strings.ReplaceAll(regexp.QuoteMeta(path), `\*`, `.*`)
	return pattern{span: span, path: regexp.MustCompile("^" + glob + "$"), got: got}
}

// readPending returns the reasons of pending cases. A line is "case: reason".
func readPending(t *testing.T, known map[string]bool) map[string]string {
	t.Helper()
	pending := map[string]string{}
	for number, line := range readLines(t, pendingFile) {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, found := strings.Cut(line, ": ")
		if _, twice := pending[name]; twice || !found || !known[name] {
			t.Errorf("%s:%d: want \"case: reason\", each recorded case once", pendingFile, number+1)
		}
		pending[name] = reason
	}
	return pending
}

// writePending lists what differs with its first difference.
func writePending(differing map[string]string) error {
	const head = "# Recorded cases that this project does not yet reproduce: case: first difference.\n" +
		"# Rewritten by: go test ./pkg/translate -run TestOperatorGoldens -update-pending\n"
	lines := make([]string, 0, len(differing))
	for name, reason := range differing {
		lines = append(lines, name+": "+strings.ReplaceAll(reason, "\n", `\n`)+"\n")
	}
	slices.Sort(lines)
	return os.WriteFile(pendingFile, []byte(head+strings.Join(lines, "")), 0o644)
}

func readLines(t *testing.T, file string) []string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(content), "\n")
}
