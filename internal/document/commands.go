// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Command is a command that a page shows.
type Command struct {
	// Page and Line are where it stands. Page is relative to the root of the
	// repository.
	Page string
	Line int
	// Text is the command, on one line and without its prompt.
	Text string
	// Needs is what the page says that the command needs, in the line
	// "Needs …:" before the block; empty for nothing but a cluster with the operator.
	Needs string
	// Inline is true in running text, where a command may be incomplete.
	Inline bool
}

func (c Command) String() string { return fmt.Sprintf("%s:%d: %s", c.Page, c.Line, c.Text) }

// Pages returns the paths of all Markdown files of a repository, relative to its
// root.
func Pages(t *testing.T, root string) []string {
	t.Helper()
	var pages []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && (name == "bin" || name == "dist" || strings.HasPrefix(name, ".") && name != ".github" && path != root) {
			return fs.SkipDir
		}
		if strings.HasSuffix(name, ".md") {
			page, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			pages = append(pages, filepath.ToSlash(page))
		}
		return nil
	})
	if err != nil || len(pages) == 0 {
		t.Fatalf("%s: %d pages: %v", root, len(pages), err)
	}
	return pages
}

// programs are those whose commands in running text count.
var programs = []string{"helm", "kubectl", "make", "spark-operator"}

var inlineCode = regexp.MustCompile("`([^`]+)`")

// Commands returns the commands of a page: the lines behind a prompt in blocks
// marked as console, and those of programs in running text.
func Commands(page, text string) []Command {
	var commands []Command
	fence, before, open := "", "", false
	paragraph, start := "", 0
	flush := func() {
		for _, match := range inlineCode.FindAllStringSubmatch(paragraph, -1) {
			if program, _, _ := strings.Cut(match[1], " "); slices.Contains(programs, program) {
				commands = append(commands, Command{Page: page, Line: start, Text: match[1], Inline: true})
			}
		}
		paragraph = ""
	}
	for i, line := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch marker, isFence := strings.CutPrefix(trimmed, "```"); {
		case isFence && fence == "":
			flush()
			fence = "```" + marker
		case isFence:
			fence, before, open = "", "", false
		case fence == "```console":
			command, prompt := strings.CutPrefix(trimmed, "$ ")
			switch {
			case open:
				commands[len(commands)-1].Text += " " + strings.TrimSuffix(trimmed, `\`)
			case prompt:
				commands = append(commands, Command{Page: page, Line: i + 1, Text: strings.TrimSuffix(command, `\`), Needs: needs(before)})
			}
			open = (open || prompt) && strings.HasSuffix(trimmed, `\`)
		case fence != "":
		case trimmed == "":
			flush()
		default:
			before = trimmed
			if paragraph == "" {
				start = i + 1
			}
			paragraph += trimmed + " "
		}
	}
	flush()
	return commands
}

// needs returns what a line "Needs …:" names.
func needs(line string) string {
	what, found := strings.CutPrefix(line, "Needs ")
	if !found || !strings.HasSuffix(what, ":") {
		return ""
	}
	return strings.TrimSuffix(what, ":")
}

// Split splits a command line into the commands that pipes, semicolons and && join,
// and each of them into its words, as a shell does. Comments, redirections and
// substitutions stay words; a comment ends the line.
func Split(line string) [][]string {
	all := [][]string{nil}
	var word strings.Builder
	inWord, quote := false, rune(0)
	end := func() {
		if inWord {
			all[len(all)-1] = append(all[len(all)-1], word.String())
		}
		word.Reset()
		inWord = false
	}
	next := func() {
		end()
		if len(all[len(all)-1]) > 0 {
			all = append(all, nil)
		}
	}
	escaped := false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == '#' && !inWord:
			next()
			return trimEmpty(all)
		case r == '|' || r == ';' || r == '&':
			next()
		case r == ' ' || r == '\t':
			end()
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	end()
	return trimEmpty(all)
}

func trimEmpty(all [][]string) [][]string {
	return slices.DeleteFunc(all, func(words []string) bool { return len(words) == 0 })
}
