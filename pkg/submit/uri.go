// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// uriScheme checks text as java.net.URI does and returns its scheme, "" for a
// relative reference. The error has the text of a URISyntaxException. Other
// than Java it does not parse the authority: hosts are the driver's business.
func uriScheme(text string) (string, error) {
	fail := func(reason string, at int) (string, error) {
		// Java counts UTF-16 units.
		return "", &Error{Message: fmt.Sprintf("%s at index %d: %s", reason, utf16Length(text[:at]), text)}
	}
	scheme, rest := "", text
	if end := strings.IndexAny(text, ":/?#"); end >= 0 && text[end] == ':' {
		scheme, rest = text[:end], text[end+1:]
		switch at := strings.IndexFunc(scheme, notSchemeRune); {
		case scheme == "":
			return fail("Expected scheme name", 0)
		case !isLetter(rune(scheme[0])):
			return fail("Illegal character in scheme name", 0)
		case at >= 0:
			return fail("Illegal character in scheme name", at)
		case rest == "" || rest[0] == '#':
			return fail("Expected scheme-specific part", end+1)
		}
	}

	part, brackets := "path", false
	switch {
	case scheme != "" && rest[0] != '/':
		part, brackets = "opaque part", true
	case strings.HasPrefix(rest, "//"):
		part, brackets = "authority", true
	}
	offset := len(text) - len(rest)
	if part == "authority" && len(rest) == 2 {
		return fail("Expected authority", offset+2)
	}
	for i, r := range rest {
		switch {
		case part == "authority" && r == '/' && i > 1:
			part, brackets = "path", false
		case r == '#' && part != "fragment":
			part, brackets = "fragment", true
		case r == '?' && (part == "path" || part == "authority"):
			part, brackets = "query", true
		case r == '%' && !isEscape(rest[i:]):
			return fail("Malformed escape pair", offset+i)
		case illegalInURI(r), r == '#', (r == '[' || r == ']') && !brackets:
			if part == "authority" {
				i = 2 // Java points to its beginning
			}
			return fail("Illegal character in "+part, offset+i)
		}
	}
	return scheme, nil
}

func isLetter(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' }

func notSchemeRune(r rune) bool {
	return !isLetter(r) && (r < '0' || r > '9') && !strings.ContainsRune("+-.", r)
}

// isEscape reports whether text begins with a percent-encoded byte.
func isEscape(text string) bool {
	return len(text) > 2 && isHex(text[1]) && isHex(text[2])
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

// illegalInURI reports what java.net.URI accepts nowhere. Characters beyond
// ASCII are allowed unless they are blanks or control characters.
func illegalInURI(r rune) bool {
	if r <= unicode.MaxASCII {
		switch r {
		case '"', '<', '>', '\\', '^', '`', '{', '|', '}', 0x7f:
			return true
		}
		return r <= ' '
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Z, r)
}

// resolveURI returns text if it is a URI with a scheme, and the file URI of the
// path otherwise (Utils.resolveURI).
func (in *Input) resolveURI(text string) string {
	scheme, err := uriScheme(text)
	if err == nil && scheme != "" {
		return text
	}
	name, fragment := text, ""
	// In a valid reference "#" begins a fragment; otherwise all is a file name.
	if before, after, found := strings.Cut(text, "#"); err == nil && found {
		path, _, _ := strings.Cut(before, "?")
		name, fragment = unescapePath(path), "#"+after
	}
	return "file:" + encodePath(in.absolute(name)) + fragment
}

// encodePath quotes what may not stand in the path of a URI, as
// java.io.File.toURI does. Letters beyond ASCII stay.
func encodePath(path string) string {
	if strings.IndexFunc(path, quotedInPath) < 0 {
		return path
	}
	var out strings.Builder
	for _, r := range path {
		if !quotedInPath(r) {
			out.WriteRune(r)
			continue
		}
		for _, b := range []byte(string(r)) {
			fmt.Fprintf(&out, "%%%02X", b)
		}
	}
	return out.String()
}

func quotedInPath(r rune) bool {
	switch r {
	case '%', '?', '#', '[', ']':
		return true
	}
	return illegalInURI(r)
}

// unescapePath undoes percent-encoding; text that is not well encoded stays.
func unescapePath(path string) string {
	if unescaped, err := url.PathUnescape(path); err == nil {
		return unescaped
	}
	return path
}

// isLocalURI reports whether the file is in the image (Utils.isLocalUri).
func isLocalURI(uri string) bool { return strings.HasPrefix(uri, "local:") }

// isClientLocal reports whether a resolved URI is a file of the submitter, which
// would have to be uploaded (KubernetesUtils.isLocalAndResolvable).
func isClientLocal(uri string) bool {
	if uri == SparkInternal {
		return false
	}
	scheme, err := uriScheme(uri)
	return err != nil || scheme == "" || scheme == "file"
}

// filePath returns the path of a file or local URI, or of a plain path.
func filePath(uri string) string {
	path := uri
	for _, scheme := range []string{"file:", "local:"} {
		if rest, found := strings.CutPrefix(uri, scheme); found {
			path = rest
			break
		}
	}
	if rest, found := strings.CutPrefix(path, "//"); found && path != uri {
		_, after, _ := strings.Cut(rest, "/") // behind the authority
		path = "/" + after
	}
	path, _, _ = strings.Cut(path, "#")
	path, _, _ = strings.Cut(path, "?")
	return unescapePath(path)
}

// javaSplit is java.lang.String.split with a single character: trailing empty
// parts are dropped, but the empty text has one part.
func javaSplit(text string, separator byte) []string {
	if text == "" {
		return []string{""}
	}
	parts := strings.Split(text, string(separator))
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	return parts
}
