// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// uriScheme returns the scheme of a URI as java.net.URI sees it, "" for a
// relative reference. The error has the form of a URISyntaxException.
func uriScheme(text string) (string, error) {
	scheme, _, absolute := strings.Cut(text, ":")
	if slash := strings.IndexAny(scheme, "/?#"); slash >= 0 {
		absolute = false // the colon belongs to a path
	}
	if !absolute {
		scheme = ""
	} else if at := strings.IndexFunc(scheme, notSchemeRune); at >= 0 || scheme == "" || !isLetter(rune(scheme[0])) {
		return "", fmt.Errorf("Illegal character in scheme name at index %d: %s", max(at, 0), text) //nolint:staticcheck // Java's text
	}
	if at := strings.IndexFunc(text, illegalInURI); at >= 0 {
		return "", fmt.Errorf("Illegal character in path at index %d: %s", at, text) //nolint:staticcheck // Java's text
	}
	return scheme, nil
}

func isLetter(r rune) bool { return r|0x20 >= 'a' && r|0x20 <= 'z' }

func notSchemeRune(r rune) bool {
	return !isLetter(r) && (r < '0' || r > '9') && !strings.ContainsRune("+-.", r)
}

// illegalInURI reports what java.net.URI accepts nowhere. Other characters
// beyond ASCII are allowed unless they are blanks or control characters.
func illegalInURI(r rune) bool {
	if r <= unicode.MaxASCII {
		return r <= ' ' || r == 0x7f || strings.ContainsRune("\"<>\\^`{|}", r)
	}
	return unicode.IsControl(r) || unicode.IsSpace(r)
}

// resolveURI returns text if it is a URI with a scheme, and the file URI of the
// path otherwise (Utils.resolveURI).
func (in *Input) resolveURI(text string) string {
	scheme, err := uriScheme(text)
	if err == nil && scheme != "" {
		return text
	}
	name, fragment := text, ""
	if err == nil {
		// In a valid reference "#" begins a fragment; otherwise it is part of
		// the file name.
		if before, after, found := strings.Cut(text, "#"); found {
			name, fragment = before, "#"+after
			if unescaped, err := url.PathUnescape(name); err == nil {
				name = unescaped
			}
		}
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

func quotedInPath(r rune) bool { return illegalInURI(r) || strings.ContainsRune("%?#[]", r) }

// isLocalURI reports whether the file is in the image (Utils.isLocalUri).
func isLocalURI(uri string) bool { return strings.HasPrefix(uri, "local:") }

// isClientLocal reports whether a resolved URI is a file of the submitter, which
// would have to be uploaded (KubernetesUtils.isLocalAndResolvable).
func isClientLocal(uri string) bool {
	if uri == sparkInternal {
		return false
	}
	scheme, err := uriScheme(uri)
	return err != nil || scheme == "" || scheme == "file"
}

// filePath returns the path of a file or local URI, or of a plain path.
func filePath(uri string) string {
	for _, scheme := range []string{"file:", "local:"} {
		if rest, ok := strings.CutPrefix(uri, scheme); ok {
			uri = rest
			if authority, ok := strings.CutPrefix(rest, "//"); ok {
				slash := strings.IndexByte(authority, '/')
				if slash < 0 {
					return ""
				}
				uri = authority[slash:]
			}
			break
		}
	}
	uri, _, _ = strings.Cut(uri, "#")
	if unescaped, err := url.PathUnescape(uri); err == nil {
		return unescaped
	}
	return uri
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
