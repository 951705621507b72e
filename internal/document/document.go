// SPDX-License-Identifier: Apache-2.0

// Package document is for tests that print pages of docs/ from the code, or compare
// the code with what a page says. Its flag -update rewrites the printed pages.
package document

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the printed pages of docs/ instead of comparing them")

// Compare compares a printed page with the stored one, or stores it.
func Compare(t *testing.T, file, page string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if Read(t, file) != page {
		directory, _ := os.Getwd()
		t.Errorf("%s differs from the code; in %s, run: go test -run '^%s$' -update", file, directory, t.Name())
	}
}

// Read returns the text of a page.
func Read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Table returns the cells of the table of a page whose first column has that header.
func Table(t *testing.T, file, first string) (header []string, rows [][]string) {
	t.Helper()
	for line := range strings.Lines(Read(t, file)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case cells[0] == first:
			header = cells
		case header == nil || strings.HasPrefix(cells[0], "---"):
		case len(cells) != len(header): // the end of the table
			return header, rows
		default:
			rows = append(rows, cells)
		}
	}
	return header, rows
}
