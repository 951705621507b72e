// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"strings"
	"unicode"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// maxDNSLabel is the longest name of a Service and the longest label value.
const maxDNSLabel = 63

// resourceNamePrefix is the common beginning of the names of a submission's
// objects (KubernetesConf.getResourceNamePrefix). It is not truncated.
func resourceNamePrefix(appName, id string, s switches) string {
	prefix := dashed(appName + "-" + id)
	if s.dropsLeadingDash {
		prefix = strings.TrimPrefix(prefix, "-")
	}
	if s.replacesFirstDigit && prefix != "" && prefix[0] >= '0' && prefix[0] <= '9' {
		prefix = "x" + prefix[1:]
	}
	return prefix
}

// appNameLabel is the value of the label spark-app-name; it may be empty
// (KubernetesConf.getAppNameLabel).
func appNameLabel(appName string) string {
	label := dashed(appName)
	if len(label) > maxDNSLabel {
		label = label[:maxDNSLabel]
	}
	return strings.TrimSuffix(strings.TrimPrefix(label, "-"), "-")
}

// dashed trims, lower-cases and replaces each run of characters other than
// lower-case ASCII letters and digits by one dash.
func dashed(text string) string {
	text = sparkconf.TrimSpace(text)
	var out strings.Builder
	out.Grow(len(text))
	dash := func() {
		if s := out.String(); s == "" || s[len(s)-1] != '-' {
			out.WriteByte('-')
		}
	}
	for _, r := range text {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			out.WriteByte(byte(r))
		case r >= 'A' && r <= 'Z':
			out.WriteByte(byte(r - 'A' + 'a'))
		case r == 'İ': // Java lower-cases it to an i and a combining dot
			out.WriteByte('i')
			dash()
		case unicode.ToLower(r) == 'k': // the Kelvin sign
			out.WriteByte('k')
		default:
			dash()
		}
	}
	return out.String()
}

// driverServiceName is prefix-driver-svc, or a short name with an id of its own
// where that is too long for a Service (KubernetesDriverConf.driverServiceName).
func driverServiceName(prefix, id string) (name string, shortened bool) {
	const suffix = "-driver-svc"
	if preferred := prefix + suffix; len(preferred) <= maxDNSLabel {
		return preferred, false
	}
	return "spark-" + id + suffix, true
}
