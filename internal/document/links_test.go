// SPDX-License-Identifier: Apache-2.0

package document

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// TestLinksLeadSomewhere: every relative link of every page names a file, and every
// anchor a heading.
func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range Pages(t, root) {
		broken, err := BrokenLinks(root, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range broken {
			t.Error(message)
		}
	}
}

func TestBrokenLinksAreFound(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"page.md": "# A `b`: c_d\n## Again\n## Again\n```\n# no heading\n[no](link)\n```\n" +
			"[a](#a-b-c_d) [b](other.md#here) [c](#again-1) `[d](none)` <a href=\"other.md\">e</a> [f](https://example.com/none) [g](other.md \"title\")\n" +
			"[h](none.md) [i](#again-2) [j](other.md#none) [k](../up.md) [l](#no-heading)\n[m]: none-either.md\n",
		"other.md": "<a id=\"here\"></a>\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := BrokenLinks(folder, "page.md")
	want := []string{
		"page.md: link none.md: no such file",
		"page.md: link #again-2: no such heading",
		"page.md: link other.md#none: no such heading",
		"page.md: link ../up.md leaves the repository",
		"page.md: link #no-heading: no such heading",
		"page.md: link none-either.md: no such file",
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestIndexIsComplete: docs/README.md leads to every page of docs/, and
// examples/README.md to every example.
func TestIndexIsComplete(t *testing.T) {
	for index, pattern := range map[string][]string{
		"docs/README.md":     {"docs/*.md", "docs/*/*.md"},
		"examples/README.md": {"examples/*.yaml"},
	} {
		linked := links(prose(Read(t, filepath.Join(root, index))))
		for _, pattern := range pattern {
			files, err := filepath.Glob(filepath.Join(root, pattern))
			if err != nil || len(files) == 0 {
				t.Fatalf("%s: %v", pattern, err)
			}
			for _, file := range files {
				name, err := filepath.Rel(filepath.Join(root, filepath.Dir(index)), file)
				if err != nil {
					t.Fatal(err)
				}
				if name != "README.md" && !slices.ContainsFunc(linked, func(link string) bool {
					path, _, _ := strings.Cut(link, "#")
					return path == name
				}) {
					t.Errorf("%s has no link to %s", index, name)
				}
			}
		}
	}
}
