// SPDX-License-Identifier: Apache-2.0

package redact

import (
	"regexp"
	"slices"
	"strings"
)

// token is a credential that is known by the form that its issuer gives it. The
// forms are those that the issuers document.
type token struct {
	// marks are texts of which each such token holds one. Without any of them in a
	// text, the expression is not tried.
	marks []string
	form  pattern
}

func newToken(marks, form string) token {
	return token{strings.Fields(marks), pattern{regexp.MustCompile(form)}}
}

var knownTokens = []token{
	newToken("AKIA ASIA AROA AIDA", `\b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{16}\b`), // AWS
	newToken("ghp_ gho_ ghs_ ghu_ ghr_", `\bgh[opsur]_[0-9A-Za-z]{20,}`),       // GitHub
	newToken("github_pat_", `\bgithub_pat_[0-9A-Za-z_]{20,}`),
	newToken("glpat- gldt- glrt- glptt- glcbt- glsoat- glft- glimt- glagent-", `\bgl(?:pat|dt|rt|ptt|cbt|soat|ft|imt|agent)-[0-9A-Za-z_-]{16,}`), // GitLab
	newToken("xox", `\bxox[a-z](?:\.[a-z]+)?-[0-9A-Za-z-]{10,}`),                                                                                 // Slack
	newToken("xapp-", `\bxapp-[0-9A-Za-z-]{10,}`),
	newToken("hooks.slack.com", `(\bhooks\.slack\.com/(?:services|workflows)/)[0-9A-Za-z/_-]{10,}`),
	newToken("AIza", `\bAIza[0-9A-Za-z_-]{30,}`), // Google
	newToken("ya29.", `\bya29\.[0-9A-Za-z_-]{10,}`),
	newToken("GOCSPX-", `\bGOCSPX-[0-9A-Za-z_-]{20,}`),
	newToken("sk-", `\bsk-[0-9A-Za-z_-]{20,}`),                            // OpenAI, Anthropic
	newToken("k_live_ k_test_", `\b[sr]k_(?:live|test)_[0-9A-Za-z]{10,}`), // Stripe
	newToken("whsec_", `\bwhsec_[0-9A-Za-z+/=]{20,}`),
	newToken("SG.", `\bSG\.[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{16,}`), // SendGrid
	newToken("npm_", `\bnpm_[0-9A-Za-z]{30,}`),                      // registries of packages
	newToken("pypi-", `\bpypi-[0-9A-Za-z_-]{40,}`),
	newToken("dckr_", `\bdckr_[a-z]+_[0-9A-Za-z_-]{20,}`),
	newToken("hf_", `\bhf_[0-9A-Za-z]{30,}`),                                        // Hugging Face
	newToken("dapi", `\bdapi[0-9a-f]{32}(?:-\d)?\b`),                                // Databricks
	newToken("dop_v1_ doo_v1_ dor_v1_", `\bdo[opr]_v1_[0-9a-f]{40,}`),               // DigitalOcean
	newToken("hvs. hvb. hvr.", `\bhv[sbr]\.[0-9A-Za-z_-]{20,}`),                     // Vault
	newToken("shpat_ shpca_ shppa_ shpss_", `\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}`), // Shopify
	newToken("Q~", `[0-9A-Za-z_~.-]{3}\dQ~[0-9A-Za-z_~.-]{30,}`),                    // Azure
	newToken("AGE-SECRET-KEY-1", `\bAGE-SECRET-KEY-1[0-9A-Z]{50,}`),                 // age
	// JWT, whole or cut off.
	newToken("eyJ", `\beyJ[0-9A-Za-z_-]{8,}(?:\.[0-9A-Za-z_-]*){1,4}|\beyJ[0-9A-Za-z_+/=-]{40,}`),
}

// tokens hides all of them.
func tokens(text string) string {
	for i := range knownTokens {
		if slices.ContainsFunc(knownTokens[i].marks, func(mark string) bool { return strings.Contains(text, mark) }) {
			text = knownTokens[i].form.replace(text)
		}
	}
	return text
}
