// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"strings"
	"testing"

	"github.com/spark-operator/spark-operator/pkg/webhook"
)

// TestServersThatCannotStartAreRefused: a SparkConnect is judged by the rules of package
// validation, and by what would refuse its start.
func TestServersThatCannotStartAreRefused(t *testing.T) {
	const head = `{"apiVersion":"sparkoperator.k8s.io/v1alpha1","kind":"SparkConnect","metadata":{"name":"lab"},"spec":`
	for name, test := range map[string]struct{ spec, want string }{
		"valid":         {`{"sparkVersion":"4.3.0","image":"spark","server":{},"executor":{}}`, ""},
		"no image":      {`{"sparkVersion":"4.3.0","server":{},"executor":{}}`, "image must be specified"},
		"unknown field": {`{"sparkVersion":"4.3.0","image":"spark","server":{"core":1},"executor":{}}`, "spec.server.core: unknown field"},
		"wrong type":    {`{"sparkVersion":"4.3.0","image":"spark","server":{"cores":"two"},"executor":{}}`, "cannot be decoded"},
		"no quantity":   {`{"sparkVersion":"4.3.0","image":"spark","sparkConf":{"spark.kubernetes.driver.request.cores":"many"},"server":{},"executor":{}}`, "not an amount of CPU"},
	} {
		t.Run(name, func(t *testing.T) {
			response := review(t, webhook.PathValidateConnect, create([]byte(head+test.spec+"}")))
			switch {
			case test.want == "" && !response.Allowed:
				t.Errorf("refused: %s", response.Result.Message)
			case test.want != "" && (response.Allowed || !strings.Contains(response.Result.Message, test.want)):
				t.Errorf("%+v, want %q", response.Result, test.want)
			}
		})
	}
}
