// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"regexp"
	"strings"
	"unicode"
)

// stems are what names of secrets contain, in any case, by their first letter. kindOf decides.
var stems = map[byte][]string{
	'a': {"auth"},
	'c': {"credential", "cookie"},
	'k': {"key"},
	'p': {"pass", "pwd"},
	's': {"secret", "sessionid", "sig", "sas"},
	't': {"token"},
}

// findStem returns where the first of them begins in a text, and where it ends; negative
// for none. A regular expression takes ten times as long, which counts with whole logs.
func findStem(text string) (start, end int) {
	for i := range len(text) {
		switch lower(text[i]) {
		case 'a', 'c', 'k', 'p', 's', 't':
			for _, stem := range stems[lower(text[i])] {
				if len(text)-i >= len(stem) && foldsTo(text[i:i+len(stem)], stem) {
					return i, i + len(stem)
				}
			}
		}
	}
	return -1, -1
}

// foldsTo reports whether a text is a word of lower-case letters in any case.
func foldsTo(text, word string) bool {
	for i := range len(word) {
		if lower(text[i]) != word[i] {
			return false
		}
	}
	return true
}

// lower maps letters to lower case, and nothing else to a letter.
func lower(c byte) byte { return c | 0x20 }

// assignments hides the values that follow names of secrets: name=value, name:
// value, "name": "value", --name value, <name>value</name>, (name,value) and what
// else connects the two.
func assignments(text string) string {
	var clean strings.Builder
	done := 0 // what is written to clean, and what no name begins before
	for from := 0; from < len(text); {
		start, end := findStem(text[from:])
		if start < 0 {
			break
		}
		start, end = from+start, from+end
		for start > max(from, done) && ofName(text[start-1]) {
			start--
		}
		for end < len(text) && ofName(text[end]) {
			end++
		}
		from = end
		kind := kindOf(text[start:end])
		if kind == harmless || afterComplaint(text[:start], text[start:end]) {
			continue
		}
		first, last := value(text, start, end, kind)
		if first >= last || keeps(text[first:last], text[start:end]) {
			continue
		}
		clean.WriteString(text[done:first])
		clean.WriteString(Mark)
		done, from = last, last
	}
	clean.WriteString(text[done:])
	return clean.String()
}

func ofName(c byte) bool {
	return c == '_' || c == '-' || c == '.' || c == '$' || c == '/' || c >= 0x80 ||
		c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// kind is how the value of a name ends.
type kind int

const (
	harmless  kind = iota
	secret         // a word, or what is in quotes
	password       // likewise; quotes alone may follow
	header         // all that follows in the line
	parameter      // a word, after an equal sign only
	encoded        // what is in quotes, after a name in quotes
)

// parts are the words of a name: spark.dbPassword has three.
var parts = regexp.MustCompile(`[A-Z]+[a-z0-9]*|[a-z0-9]+`)

// compounds are names of secrets, written without what parts their words.
var compounds = regexp.MustCompile(`passw|passphrase|pwd|secret|token|credential|(?:access|account|api|private|signing|encryption|shared|storage|auth|master|ssh|subscription|function|host|sas)key|accesssignature|sastoken`)

// benign are last words of names that describe a secret and do not contain it.
var benign = words(`manager provider providers class factory cache exception error failure filter handler service server client
	renewer identifier selector store reader writer loader util utils helper impl tokenizer parser interval timeout count length len size
	enabled enable disabled renewal file files path dir directory location type expiry expires expiration ttl lifetime format url uri
	endpoint port algorithm max min limit number java scala py go kt jar required supported policy mode version ref namespace
	tokens keys index alias aliases time date seconds millis ms env mount volume issuer audience scope scopes kind secrets
	validator generator listener module plugin auth2 name names rotation rotated rules prefix suffix field column columns`)

// complaints are words before or in a name by which a parser or service rejects it.
var complaints = words(`invalid expired missing unexpected unrecognized unknown extraneous mismatched illegal malformed`)

func words(list string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(list) {
		set[word] = true
	}
	return set
}

func kindOf(name string) kind {
	squeezed := strings.ToLower(strings.NewReplacer(".", "", "_", "", "-", "").Replace(name))
	list := parts.FindAllString(name, -1)
	if len(list) == 0 {
		return harmless
	}
	last, first := strings.ToLower(list[len(list)-1]), strings.ToLower(list[0])
	switch {
	case benign[last] || complaints[first]:
		return harmless
	case last == "cookie" || strings.HasSuffix(squeezed, "authorization"):
		return header
	case strings.Contains(squeezed, "passw") || strings.Contains(squeezed, "pwd") || strings.Contains(squeezed, "passphrase"):
		return password
	case compounds.MatchString(squeezed) && !strings.Contains(squeezed, "tokeniz"):
		return secret
	case last == "pass" || last == "sig" || last == "signature" || last == "jsessionid" || last == "sas" || last == "userpass" || last == "dbpass" || strings.Contains(name, ".sas."):
		return parameter
	case strings.ToLower(name) == "auth" || name == "_auth":
		return encoded
	}
	return harmless
}

// afterComplaint reports whether a name is what a message complains about: an
// unexpected token.
func afterComplaint(before, name string) bool {
	if !strings.EqualFold(name, "token") {
		return false
	}
	before = before[max(0, len(before)-32):]
	fields := strings.Fields(before)
	return len(fields) > 0 && complaints[strings.ToLower(fields[len(fields)-1])]
}

// Connections of a name with its value. Each begins after the name.
var (
	assigned  = regexp.MustCompile(`^(\\*["']?\]?)([ \t]*)(=>|->|:=|==?|:)[ \t]*`)
	elements  = regexp.MustCompile(`^(?:</name>\s*<value>|>)`)
	envValue  = regexp.MustCompile(`^\\*["']?[, \t\r\n]+\\*["']?(?i:value)\\*["']?[ \t]*[=:][ \t]*`)
	argument  = regexp.MustCompile(`^\\*["']?(?:[ \t]*,[ \t]*|[ \t]+)`)
	quoted    = regexp.MustCompile(`^[ \t]+(?:(?i:by)[ \t]+)?(\\*["'])`)
	scheme    = regexp.MustCompile(`^(?i:bearer|basic|token|negotiate|apikey)[ \t]+`)
	quoteMark = regexp.MustCompile(`^[BNRUbru]?\\*["']`)
)

// value returns where the value of a name begins and ends; the same twice for none.
func value(text string, start, end int, k kind) (first, last int) {
	rest := text[end:]
	rest = rest[:min(len(rest), 256)]
	switch match := assigned.FindStringSubmatchIndex(rest); {
	case k == encoded:
		if match == nil || match[3] == match[2] || !quoteMark.MatchString(rest[match[1]:]) {
			return 0, 0
		}
		return valueAt(text, text[:start], end+match[1], k)
	case match != nil:
		at, sign := end+match[1], rest[match[6]:match[7]]
		if sign == ":" && !opensValue(text, start, at, rest[match[2]:match[3]] != "", match[4] != match[5], match[7] != match[1]) {
			return 0, 0
		}
		if k == parameter && sign == ":" {
			return 0, 0
		}
		return valueAt(text, text[:start], at, k)
	}
	if start > 0 && text[start-1] == '<' || strings.HasPrefix(rest, "</name>") {
		if match := elements.FindStringIndex(rest); match != nil {
			at := end + match[1]
			length := strings.IndexAny(text[at:], "<\n")
			if length < 0 {
				length = len(text) - at
			}
			return at, at + length
		}
	}
	if match := envValue.FindStringIndex(rest); match != nil {
		return valueAt(text, text[:start], end+match[1], k)
	}
	dashed := text[start] == '-' && (start == 0 || !ofName(text[start-1]))
	if dashed || start > 0 && text[start-1] == '(' && strings.HasPrefix(rest, ",") {
		match := argument.FindStringIndex(rest)
		if match == nil || end+match[1] < len(text) && text[end+match[1]] == '-' {
			return 0, 0
		}
		return valueAt(text, text[:start], end+match[1], k)
	}
	if match := quoted.FindStringSubmatchIndex(rest); match != nil && k == password {
		return valueAt(text, text[:start], end+match[2], k)
	}
	return 0, 0
}

// opensValue reports whether a colon is followed by the value of the name before
// it, and does not end the name of the object of a message.
func opensValue(text string, start, at int, inQuotes, blankBefore, blankAfter bool) bool {
	valueInQuotes := quoteMark.MatchString(text[at:min(len(text), at+8)])
	if inQuotes {
		// "name": "value", and not: volume "db-secret" : timed out
		return valueInQuotes || !blankBefore && !isWord(text[at:])
	}
	if !blankAfter || valueInQuotes {
		return true
	}
	// failed to fetch a token: unexpected status
	prose := text[start:min(len(text), start+len("token:"))] == "token:" && isWord(text[at:]) &&
		start > 1 && text[start-1] == ' ' && unicode.IsLower(rune(text[start-2]))
	return !prose && !strings.ContainsAny(text[start:at-1], "/$")
}

// isWord reports whether a text begins with an ordinary word and goes on.
func isWord(text string) bool {
	length := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsLower(r) })
	return length > 0 && text[length] == ' '
}

// valueAt returns the value that begins at a place; before is what precedes its
// name.
func valueAt(text, before string, at int, k kind) (first, last int) {
	line := text[at:]
	if end := strings.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	line = strings.TrimSuffix(line, "\r")
	if mark := quoteMark.FindString(line); mark != "" {
		at += len(mark)
		inside := line[len(mark):]
		mark = strings.TrimLeft(mark, "BNRUbru")
		if s := scheme.FindString(inside); s != "" {
			at, inside = at+len(s), inside[len(s):]
		}
		return at, at + closing(inside, mark)
	}
	if s := scheme.FindString(line); s != "" && (k == header || k == secret) {
		at, line = at+len(s), line[len(s):]
	} else if k == header {
		return at, at + untilQuote(line, before)
	}
	return at, at + word(line)
}

// closing is where the quote that a mark opened is closed; without, the end.
func closing(inside, mark string) int {
	if len(mark) > 1 { // the whole text is in quotes
		if end := strings.Index(inside, mark); end >= 0 {
			return end
		}
		return len(inside)
	}
	for i := 0; i < len(inside); i++ {
		switch inside[i] {
		case '\\':
			i++
		case mark[0]:
			return i
		}
	}
	return len(inside)
}

// untilQuote is the length of a header: up to the quote in which it is, if it is.
func untilQuote(line string, before string) int {
	if before == "" || before[len(before)-1] != '"' && before[len(before)-1] != '\'' {
		return len(line)
	}
	end := strings.IndexByte(line, before[len(before)-1])
	if end < 0 {
		return len(line)
	}
	return len(strings.TrimRight(line[:end], `\`))
}

// separators end a value if something else follows them than more of the value.
const separators = `,;&)]}|"'<>`

// word is the length of a value without quotes. Passwords hold every character, so
// a separator ends it only where another one follows, a blank, another name with
// its value, or nothing.
func word(line string) int {
	nextName := -1 // where the name ends that was looked for last, to look once only
	for i := range len(line) {
		c := line[i]
		if c == ' ' || c == '\t' {
			return i
		}
		if c == '\\' && i+1 < len(line) && strings.IndexByte(`nrt"'`, line[i+1]) >= 0 {
			return i
		}
		if strings.IndexByte(separators, c) < 0 {
			continue
		}
		if i+1 == len(line) || line[i+1] == ' ' || line[i+1] == '\t' || strings.IndexByte(separators, line[i+1]) >= 0 || c == '"' && line[i+1] == ':' {
			return i
		}
		if i < nextName {
			continue
		}
		for nextName = i + 1; nextName < len(line) && ofName(line[nextName]); nextName++ {
		}
		if nextName < len(line) && nextName > i+1 && (line[nextName] == '=' || line[nextName] == ':' && c != '"' && c != '\'') {
			return i
		}
	}
	return len(line)
}

// reference finds values that name a secret without being one.
var reference = regexp.MustCompile(`^(?:\$\{[^}]*\}?|\$\([^)]*\)?|\*+(?:\(redacted\)?)?|\[?(?i:redacted|masked|hidden)\]?|<[^>]*>?|(?i:null|none|nil|true|false|undefined|unset|empty))$`)

func keeps(value, name string) bool {
	if value == Mark || strings.HasPrefix(value, Mark) && len(value) < len(Mark)+3 {
		return true
	}
	return reference.MatchString(value)
}
