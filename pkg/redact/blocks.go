// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"regexp"
	"strings"
)

// privateBlocks finds what is in PEM blocks: whole ones, and those of which a log
// shows the beginning or the end alone. Line breaks may be written as \n.
var privateBlocks = pattern{regexp.MustCompile(strings.Join([]string{
	`(-----BEGIN [0-9A-Z ]+-----)(?:[^-]|-[^-])*-----END [0-9A-Z ]+-----`,
	`(-----BEGIN [0-9A-Z ]+-----)(?:\s|\\+[nr]|[0-9A-Za-z+/=]{16,})+`,
	`(?m)^(?:[0-9A-Za-z+/=]{1,80}[ \t]*\r?\n)+-----END [0-9A-Z ]+-----`,
}, "|"))}

// authority is where a URL names a user: up to the first blank or quote.
var authority = regexp.MustCompile(`://[^\s:/@"'<>]*:[^\s"'<>]*@`)

// userInfo hides the password of user:password@host in URLs. It may hold any
// character that does not end the URL; a port and a path with an @ are none.
func userInfo(text string) string {
	var clean strings.Builder
	done := 0
	for _, match := range authority.FindAllStringIndex(text, -1) {
		colon := match[0] + len("://") + strings.IndexByte(text[match[0]+len("://"):match[1]], ':')
		rest := text[colon+1 : match[1]]
		end := strings.IndexByte(rest, '@')
		if slash := strings.IndexAny(rest, "/?#"); slash >= 0 && slash < end {
			if slash > 0 && digits(rest[:slash]) {
				continue // a port
			}
			end = len(rest) - 1
		} else if slash >= 0 {
			end = strings.LastIndexByte(rest[:slash], '@')
		} else {
			end = len(rest) - 1
		}
		if end == 0 {
			continue
		}
		clean.WriteString(text[done : colon+1])
		clean.WriteString(Mark)
		done = colon + 1 + end
	}
	clean.WriteString(text[done:])
	return clean.String()
}

// account finds user/password@host, as Oracle's clients write it.
var account = regexp.MustCompile(`(?:^|[\s:"'=(,])([0-9A-Za-z_$#.-]+/)([^\s/@"']+)@((?://)?[0-9A-Za-z_][0-9A-Za-z_.-]*)`)

// accountBeforeHost hides the password of user/password@host. A Kerberos principal,
// the digest or version of an image and the identity of a Java object look alike.
func accountBeforeHost(text string) string {
	var clean strings.Builder
	done := 0
	for _, match := range account.FindAllStringSubmatchIndex(text, -1) {
		secret, host := text[match[4]:match[5]], text[match[6]:match[7]]
		if text[match[5]+1:match[7]] == "sha256" || strings.HasPrefix(host, "sha512") || secret == "_HOST" || principal(host) || identity(host) || secret == Mark {
			continue
		}
		clean.WriteString(text[done:match[4]])
		clean.WriteString(Mark)
		done = match[5]
	}
	clean.WriteString(text[done:])
	return clean.String()
}

// principal reports whether a name is a realm of Kerberos: EXAMPLE.COM.
func principal(host string) bool {
	return strings.Contains(host, ".") && host == strings.ToUpper(host) && !digits(strings.ReplaceAll(host, ".", ""))
}

// identity reports whether what follows an @ is a hash of Java or a version.
func identity(host string) bool {
	name := strings.Trim(host, ".")
	if strings.Count(name, ".") == 3 && digits(strings.ReplaceAll(name, ".", "")) {
		return false // an address
	}
	return name != "" && name[0] >= '0' && name[0] <= '9' || len(name) <= 8 && strings.Trim(name, "0123456789abcdef") == "" && strings.ContainsAny(name, "0123456789")
}

func digits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }
