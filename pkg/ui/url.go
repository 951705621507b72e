// SPDX-License-Identifier: Apache-2.0

package ui

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// address is an evaluated URL template.
type address struct {
	// text is the whole URL with its scheme.
	text string
	// host is that of an Ingress rule: lower-case and without a port, which a
	// rule cannot have; empty matches any host.
	host string
	// path has no slash at its end; empty is the root.
	path string
}

var (
	placeholder = regexp.MustCompile(`{{\s*\$([A-Za-z]+)\s*}}`)
	scheme      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
)

// evaluateURL replaces {{$appName}}, {{$appNamespace}} and {{$appId}} and takes
// the result apart. Without a scheme it is host[:port][/path] over http.
func evaluateURL(format, name, namespace, id string) (address, error) {
	if format == "" {
		return address{}, errors.New(`is empty; set a URL such as "{{$appName}}.example.com"`)
	}
	text, err := fill(format, name, namespace, id)
	if err != nil {
		return address{}, err
	}
	if !scheme.MatchString(text) {
		text = "http://" + text
	}
	parsed, err := url.Parse(text)
	if err != nil {
		return address{}, fmt.Errorf("%q is not a URL of the form [scheme://]host[:port][/path]: %w", format, err)
	}
	if parsed.RawQuery != "" || parsed.Fragment != "" || parsed.User != nil {
		return address{}, fmt.Errorf("%q has a user, query or fragment; an Ingress supports only host and path", format)
	}
	host := strings.ToLower(parsed.Hostname())
	if err := checkHost(host); err != nil {
		return address{}, fmt.Errorf("%q: %w", format, err)
	}
	return address{text: text, host: host, path: strings.TrimRight(parsed.Path, "/")}, nil
}

// fill replaces {{$appName}}, {{$appNamespace}} and {{$appId}}.
func fill(format, name, namespace, id string) (string, error) {
	values := map[string]string{"appName": name, "appNamespace": namespace, "appId": id}
	text := placeholder.ReplaceAllStringFunc(format, func(match string) string {
		if value, known := values[placeholder.FindStringSubmatch(match)[1]]; known {
			return value
		}
		return match
	})
	if strings.Contains(text, "{{") {
		return "", fmt.Errorf("%q has a placeholder other than {{$appName}}, {{$appNamespace}} and {{$appId}}", format)
	}
	return text, nil
}

// HistoryURL returns the address at which a Spark history server shows a run, from a
// template with the placeholders of the other URLs. The id is the one that Spark gave to the
// run; without it, all runs would have the same address.
func HistoryURL(format, name, namespace, id string) (string, error) {
	text, err := fill(format, name, namespace, id)
	if err != nil {
		return "", err
	}
	if parsed, err := url.Parse(text); err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" || parsed.User != nil {
		return "", fmt.Errorf("%q is not a URL of the form https://host/history/{{$appId}}/jobs/", format)
	}
	if other, err := fill(format, name, namespace, id+"-"); err != nil || other == text {
		return "", fmt.Errorf("%q does not contain {{$appId}}, so all runs would have one address; use https://host/history/{{$appId}}/jobs/", format)
	}
	return text, nil
}

// checkHost refuses what the API server refuses in an Ingress rule.
func checkHost(host string) error {
	if host == "" {
		return nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return fmt.Errorf("host %s is an IP address; an Ingress rule needs a DNS name or no host", host)
	}
	reasons := validation.IsDNS1123Subdomain(host)
	if strings.HasPrefix(host, "*.") {
		reasons = validation.IsWildcardDNS1123Subdomain(host)
	}
	if len(reasons) > 0 {
		return fmt.Errorf("host %q is not a DNS name: %s", host, strings.Join(reasons, ", "))
	}
	return nil
}
