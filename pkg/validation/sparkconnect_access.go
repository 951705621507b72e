// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"fmt"
	"net/netip"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
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

// validateRoute refuses what no Ingress and no GRPCRoute can be made of.
func (c *connectValidator) validateRoute() {
	given := c.spec.Route
	if given == nil {
		return
	}
	at := c.root.Child("route")
	c.validateHost(at.Child("host"), given.Host)
	if given.UIHost != "" {
		c.validateHost(at.Child("uiHost"), given.UIHost)
	}
	if given.UIHost != "" && given.UIHost == given.Host {
		c.invalid(at.Child("uiHost"), given.UIHost, "must differ from spec.route.host; the web UI needs a host of its own")
	}
	refuse := func(name, text string) { c.faults.Add(field.Forbidden(at.Child(name), text)) }
	switch given.Type {
	case v1alpha1.RouteIngress:
		if len(given.ParentRefs) > 0 {
			refuse("parentRefs", "is for the type GRPCRoute only; remove it, or use spec.route.class")
		}
		for _, name := range []struct{ field, value string }{{"class", given.Class}, {"tlsSecretName", given.TLSSecretName}} {
			if reasons := validation.IsDNS1123Subdomain(name.value); name.value != "" && len(reasons) > 0 {
				c.invalid(at.Child(name.field), head(name.value), "not the name of an object: %s", strings.Join(reasons, ", "))
			}
		}
	case v1alpha1.RouteGRPC:
		if given.Class != "" {
			refuse("class", "is for the type Ingress only; remove it")
		}
		if given.TLSSecretName != "" {
			refuse("tlsSecretName", "is for the type Ingress only; the listener of the Gateway has the certificate")
		}
		c.validateGateways(at.Child("parentRefs"), given.ParentRefs)
	default:
		c.faults.Add(field.NotSupported(at.Child("type"), given.Type, []v1alpha1.RouteType{v1alpha1.RouteGRPC, v1alpha1.RouteIngress}))
	}
}

func (c *connectValidator) validateHost(at *field.Path, host string) {
	if _, err := netip.ParseAddr(host); err == nil || len(validation.IsDNS1123Subdomain(host)) > 0 {
		c.invalid(at, head(host), "not the name of a host; use one such as connect.example.com, without port and wildcard")
	}
}

func (c *connectValidator) validateGateways(at *field.Path, gateways []v1beta2.RouteGateway) {
	if len(gateways) == 0 {
		c.faults.Add(field.Required(at, "name a Gateway"))
	}
	for i := range gateways {
		of := &gateways[i]
		for _, name := range []struct {
			field, value string
			reasons      []string
			optional     bool
		}{
			{"name", of.Name, validation.IsDNS1123Subdomain(of.Name), false},
			{"namespace", of.Namespace, validation.IsDNS1123Label(of.Namespace), true},
			{"sectionName", of.SectionName, validation.IsDNS1123Subdomain(of.SectionName), true},
		} {
			if len(name.reasons) > 0 && (name.value != "" || !name.optional) {
				c.invalid(at.Index(i).Child(name.field), head(name.value), "%s", strings.Join(name.reasons, ", "))
			}
		}
	}
}
