// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	deviationsFile = "docs/deviations.md"
	// deviationsHeading starts the section with the rows.
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

// pattern matches a difference by its path and by what this project gives.
type pattern struct {
	span      string
	path, got *regexp.Regexp
	used      bool
}

func (p *pattern) matches(d Difference) bool {
	return p.path.MatchString(d.Path) && p.got.MatchString(unquote(d.Got))
}

// Deviations are the rows of docs/deviations.md about kubeflow/spark-operator.
type Deviations struct {
	everywhere []*deviation
	byCase     map[string][]*deviation
}

// Explain removes the differences that the rows allow, marks what matched, and
// reports whether a row for this very case was needed.
func (d *Deviations) Explain(name string, differences []Difference) (left []Difference, own bool) {
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

func (d *deviation) cover(name string, one Difference) bool {
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

// Unused returns complaints about rows that claim more than there is. Compared says
// which cases were compared completely; only of these a row can claim too much. A
// row about every case is judged if all were.
func (d *Deviations) Unused(compared func(name string) bool, all bool) (complaints []string) {
	rows := map[*deviation]bool{}
	if all {
		for _, row := range d.everywhere {
			rows[row] = true
		}
	}
	for _, list := range d.byCase {
		for _, row := range list {
			rows[row] = true
		}
	}
	for row := range rows {
		judged := true
		for _, name := range row.cases {
			switch {
			case !compared(name):
				judged = false
			case !row.differs[name]:
				complaints = append(complaints, fmt.Sprintf("%s:%d: case %s no longer differs", deviationsFile, row.line, name))
			}
		}
		for _, p := range row.patterns {
			if judged && !p.used {
				complaints = append(complaints, fmt.Sprintf("%s:%d: nothing differs in %q", deviationsFile, row.line, p.span))
			}
		}
	}
	slices.Sort(complaints)
	return complaints
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// ReadDeviations returns the rows of a checkout, in the table below deviationsHeading:
//
//	| cases | differs in | why |
//
// Cases are code spans, or "every case". "Differs in" holds code spans: the path of
// a difference, a colon, a space, and all that this project gives there; * stands
// for any characters. Rows that cannot be read are the error.
func ReadDeviations(repository string, cases []*Case) (*Deviations, error) {
	content, err := os.ReadFile(filepath.Join(repository, deviationsFile))
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, c := range cases {
		known[c.Case] = true
	}
	all := &Deviations{byCase: map[string][]*deviation{}}
	inSection := false
	var wrong []error
	for number, line := range strings.Split(string(content), "\n") {
		if strings.HasPrefix(line, "## ") {
			inSection = line == deviationsHeading
		}
		if !inSection || !strings.HasPrefix(line, "| `") && !strings.HasPrefix(line, "| "+everyCase) {
			continue
		}
		if err := all.add(number+1, line, known); err != nil {
			wrong = append(wrong, fmt.Errorf("%s:%d: %w", deviationsFile, number+1, err))
		}
	}
	return all, errors.Join(wrong...)
}

func (d *Deviations) add(number int, line string, known map[string]bool) error {
	cells := strings.Split(strings.Trim(line, "|"), " | ")
	if len(cells) != 3 || strings.TrimSpace(cells[2]) == "" {
		return errors.New("want three cells: cases, differs in, why")
	}
	row := &deviation{line: number, differs: map[string]bool{}}
	for _, span := range codeSpan.FindAllStringSubmatch(cells[1], -1) {
		path, got, found := strings.Cut(span[1], ": ")
		if !found {
			return fmt.Errorf("%q does not say what this operator does: want \"path: value\"", span[1])
		}
		row.patterns = append(row.patterns, pattern{span: span[1], path: glob(path), got: glob(got)})
	}
	if strings.TrimSpace(cells[0]) == everyCase {
		d.everywhere = append(d.everywhere, row)
		return nil
	}
	for _, span := range codeSpan.FindAllStringSubmatch(cells[0], -1) {
		if !known[span[1]] {
			return fmt.Errorf("case %s was not recorded", span[1])
		}
		d.byCase[span[1]] = append(d.byCase[span[1]], row)
		row.cases = append(row.cases, span[1])
	}
	return nil
}

// glob matches a whole text, with * for any characters.
func glob(text string) *regexp.Regexp {
	return regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, `.*`) + "$")
}
