// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"slices"
	"strings"
	"testing"
)

// The expectations were produced by java.net.URI.
func TestURIScheme(t *testing.T) {
	for text, want := range map[string]string{
		"/a%20b": "", "foo:bar": "foo", "a:b:c": "a", "http://h/é": "http", "//h/p": "", "?q": "", "": "",
		"http://[::1]:80/x": "http", "a/b:c": "", "http://h:port/x": "http", "s3a://my_bucket/x?a[b]": "s3a",
		"local:///x#y": "local", "file:/x": "file", "x+y.z-1:o": "x+y.z-1", "s3a://#a": "s3a",
	} {
		if got, err := uriScheme(text); err != nil || got != want {
			t.Errorf("uriScheme(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"a b":              "Illegal character in path at index 1: a b",
		"http://x/a|b":     "Illegal character in path at index 10: http://x/a|b",
		"1a:b":             "Illegal character in scheme name at index 0: 1a:b",
		" local:/x":        "Illegal character in scheme name at index 0:  local:/x",
		"x#y z":            "Illegal character in fragment at index 3: x#y z",
		"%zz":              "Malformed escape pair at index 0: %zz",
		":x":               "Expected scheme name at index 0: :x",
		"file:":            "Expected scheme-specific part at index 5: file:",
		"s3a://":           "Expected authority at index 6: s3a://",
		"http://h/a[b]":    "Illegal character in path at index 10: http://h/a[b]",
		"\u00a0x":          "Illegal character in path at index 0: \u00a0x",
		"é😀 ":              "Illegal character in path at index 3: é😀 ",
		"a?b c":            "Illegal character in query at index 3: a?b c",
		"x:o p":            "Illegal character in opaque part at index 3: x:o p",
		"http://a b/c":     "Illegal character in authority at index 7: http://a b/c",
		"a##b":             "Illegal character in fragment at index 2: a##b",
		"aé:b":             "Illegal character in scheme name at index 1: aé:b",
		"/opt/my file.yml": "Illegal character in path at index 7: /opt/my file.yml",
	} {
		if got, err := uriScheme(text); err == nil || err.Error() != want {
			t.Errorf("uriScheme(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestResolveURI(t *testing.T) {
	in := &Input{WorkingDir: "/opt/case"}
	for text, want := range map[string]string{
		"local:///x.jar":      "local:///x.jar",
		"s3a://b/k#env":       "s3a://b/k#env",
		"x.jar":               "file:/opt/case/x.jar",
		"../x.jar":            "file:/opt/x.jar",
		"/a/./b.jar":          "file:/a/b.jar",
		"my file.txt":         "file:/opt/case/my%20file.txt",
		"a.zip#env":           "file:/opt/case/a.zip#env",
		"a b.zip#env":         "file:/opt/case/a%20b.zip%23env",
		"/a?b[c]%zz":          "file:/a%3Fb%5Bc%5D%25zz",
		"/é":                  "file:/é",
		" local:///y.jar":     "file:/opt/case/%20local:/y.jar",
		"http://h/a b":        "file:/opt/case/http:/h/a%20b",
		"spark.jar?x=1#y":     "file:/opt/case/spark.jar#y",
		"file:///opt/x%20y.R": "file:///opt/x%20y.R",
	} {
		if got := in.resolveURI(text); got != want {
			t.Errorf("resolveURI(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestFilePath(t *testing.T) {
	for uri, want := range map[string]string{
		"file:/a/b%20c": "/a/b c", "file:///a": "/a", "file://host/a": "/a", "file://host": "/", "local:///a#f": "/a",
		"/a/b": "/a/b", "a?b": "a", "file:a%zz": "a%zz",
	} {
		if got := filePath(uri); got != want {
			t.Errorf("filePath(%q) = %q, want %q", uri, got, want)
		}
	}
}

func TestIsClientLocal(t *testing.T) {
	for uri, want := range map[string]bool{
		"file:/a": true, "/a": true, "a b": true, "local:///a": false, "https://h/a": false, SparkInternal: false,
	} {
		if got := isClientLocal(uri); got != want {
			t.Errorf("isClientLocal(%q) = %v", uri, got)
		}
	}
}

// The expectations were produced by java.lang.String.split.
func TestJavaSplit(t *testing.T) {
	for text, want := range map[string][]string{
		"a,b,,": {"a", "b"}, "": {""}, ",": {}, ",,a": {"", "", "a"}, ",a,": {"", "a"}, "a": {"a"},
	} {
		if got := javaSplit(text, ','); !slices.Equal(got, want) {
			t.Errorf("javaSplit(%q) = %q, want %q", text, got, want)
		}
	}
}

// The expectations were produced by Java's UTF-8 decoder.
func TestReplaceMalformed(t *testing.T) {
	for text, want := range map[string]string{
		"a\xffb":               "a?b",
		"\xe2\x82":             "?",
		"\xe2\x82a":            "?a",
		"\xf0\x9f\x98":         "?",
		"\xf0\x9f\x98x":        "?x",
		"\xc3":                 "?",
		"\xc3\x28":             "?(",
		"\xed\xa0\x80":         "?",
		"\xed\xbf":             "?",
		"\xed\xa0\x28":         "?(",
		"\xf4\x90":             "??",
		"\xf5\x80\x80\x80":     "????",
		"\xf8\x88":             "??",
		"\x80\x80":             "??",
		"\xf0\x82\x82\xac":     "????",
		"ok é 😀":               "ok é 😀",
		"\xe2\x28\xa1":         "?(?",
		"\xf0\x90\x28\xbc\xff": "?(??",
	} {
		got := strings.ReplaceAll(replaceMalformed([]byte(text)), "\uFFFD", "?")
		if got != want {
			t.Errorf("replaceMalformed(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzURI(f *testing.F) {
	for _, seed := range []string{"local:///a.jar", " a:b", "file:///%20#x", "é?[", "http://h:1/%zz"} {
		f.Add(seed)
	}
	in := &Input{WorkingDir: "/w"}
	f.Fuzz(func(t *testing.T, text string) {
		resolved := in.resolveURI(text)
		if scheme, err := uriScheme(resolved); err != nil || scheme == "" {
			t.Errorf("%q resolves to %q: %q, %v", text, resolved, scheme, err)
		}
		if again := in.resolveURI(resolved); again != resolved {
			t.Errorf("%q resolves to %q, then to %q", text, resolved, again)
		}
		filePath(text)
	})
}
