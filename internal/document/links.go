// SPDX-License-Identifier: Apache-2.0

package document

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
)

var (
	codeSpan    = regexp.MustCompile("`[^`]*`")
	inlineLink  = regexp.MustCompile(`\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)`)
	definition  = regexp.MustCompile(`(?m)^\[[^\]]+\]:\s+(\S+)`)
	htmlLink    = regexp.MustCompile(`(?:href|src)="([^"]+)"`)
	htmlAnchor  = regexp.MustCompile(`(?:id|name)="([^"]+)"`)
	linkText    = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
	otherScheme = regexp.MustCompile(`^[a-z][a-z0-9+.-]*:`)
)

// BrokenLinks returns a message for each relative link and anchor of a page that leads
// nowhere. Page is relative to root.
func BrokenLinks(root, page string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		return nil, err
	}
	var broken []string
	for _, target := range links(prose(string(text))) {
		if otherScheme.MatchString(target) {
			continue
		}
		path, anchor, _ := strings.Cut(target, "#")
		file := filepath.Join(root, page)
		if path != "" {
			file = filepath.Join(root, filepath.Dir(page), path)
		}
		if inside, err := filepath.Rel(root, file); err != nil || strings.HasPrefix(inside, "..") {
			broken = append(broken, fmt.Sprintf("%s: link %s leaves the repository", page, target))
			continue
		}
		if _, err := os.Stat(file); err != nil {
			broken = append(broken, fmt.Sprintf("%s: link %s: no such file", page, target))
			continue
		}
		if anchor == "" || !strings.HasSuffix(file, ".md") {
			continue
		}
		linked, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if !anchors(prose(string(linked)))[anchor] {
			broken = append(broken, fmt.Sprintf("%s: link %s: no such heading", page, target))
		}
	}
	return broken, nil
}

// prose returns a page without its blocks of code.
func prose(text string) string {
	var kept []string
	inBlock := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			inBlock = !inBlock
			continue
		}
		if !inBlock {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func links(text string) (targets []string) {
	text = codeSpan.ReplaceAllString(text, "")
	for _, pattern := range []*regexp.Regexp{inlineLink, definition, htmlLink} {
		for _, match := range pattern.FindAllStringSubmatch(text, -1) {
			targets = append(targets, match[1])
		}
	}
	return targets
}

// anchors returns the anchors that GitHub gives to the headings of a page, and those
// of its HTML.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(text) {
		heading := strings.TrimLeft(line, "#")
		if level := len(line) - len(heading); level >= 1 && level <= 6 && strings.HasPrefix(heading, " ") {
			name := slug(heading)
			unique := name
			for number := 1; all[unique]; number++ {
				unique = fmt.Sprintf("%s-%d", name, number)
			}
			all[unique] = true
		}
	}
	for _, match := range htmlAnchor.FindAllStringSubmatch(text, -1) {
		all[match[1]] = true
	}
	return all
}

func slug(heading string) string {
	heading = linkText.ReplaceAllString(strings.TrimSpace(heading), "$1")
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}
