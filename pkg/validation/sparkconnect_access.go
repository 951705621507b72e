// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/translate"
)

// maxToken is the longest token in bytes. Servers and proxies limit the headers of a
// request, usually to 8 KiB.
const maxToken = 4096

// ConnectTokenFault says why a text cannot be the token of a server; empty if it can. The
// answer does not contain the text.
func ConnectTokenFault(token []byte) string {
	switch {
	case len(token) == 0:
		return "is empty"
	case len(token) > maxToken:
		return fmt.Sprintf("is longer than %d bytes", maxToken)
	case strings.HasSuffix(string(token), "\n"):
		return "ends with a newline; create the Secret with --from-literal, or write the file without one"
	}
	for _, b := range token {
		switch {
		case b == '=' || b == ';':
			return fmt.Sprintf("contains %q, which separates parameters in the URL of clients", b)
		case b <= ' ' || b > '~':
			return "contains a blank, a control character or a character that is not ASCII, which no header can have"
		}
	}
	return ""
}

func (c *connectValidator) validateAuthentication() {
	given := c.spec.Authentication
	if given == nil {
		return
	}
	at := c.root.Child("authentication")
	if secret := given.TokenSecret; (secret != nil) == given.Generate {
		c.faults.Add(field.Forbidden(at, "set either tokenSecret, or generate to true; remove the field for a server without authentication"))
	} else if secret != nil {
		if reasons := validation.IsDNS1123Subdomain(secret.Name); len(reasons) > 0 {
			c.invalid(at.Child("tokenSecret", "name"), secret.Name, "%q is not the name of a Secret: %s", head(secret.Name), strings.Join(reasons, ", "))
		}
		if reasons := validation.IsConfigMapKey(secret.Key); secret.Key != "" && len(reasons) > 0 {
			c.invalid(at.Child("tokenSecret", "key"), secret.Key, "%q is not a key of a Secret: %s", head(secret.Key), strings.Join(reasons, ", "))
		}
	}
	if version := translate.SparkVersionOf(c.app); strings.TrimSpace(c.spec.SparkVersion) != "" && !version.AtLeast(4, 0) {
		c.faults.Add(field.Forbidden(at, fmt.Sprintf("Spark %s does not check tokens; use Spark 4.0 or newer, or remove the field", version)))
	}
	if _, given := c.spec.SparkConf[translate.TokenProperty]; given {
		c.faults.Add(field.Forbidden(c.root.Child("sparkConf").Key(translate.TokenProperty), translate.TokenPropertyConflict))
	}
}
