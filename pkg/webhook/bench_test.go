// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"testing"

	"github.com/spark-operator/spark-operator/pkg/webhook"
)

// BenchmarkReview has the reviews that an application and an executor cost, without the
// network.
func BenchmarkReview(b *testing.B) {
	w := webhook.New(webhook.Config{})
	object := app(`,"driver":{"cores":1,"memory":"1g","serviceAccount":"spark"},"executor":{"cores":1,"instances":2,"memory":"1g"},"sparkConf":{"spark.eventLog.enabled":"true"}`, "")
	for name, path := range map[string]string{
		"mutate-application": webhook.PathMutateApplication, "validate-application": webhook.PathValidateApplication, "mutate-pod": webhook.PathMutatePod,
	} {
		request := create(object)
		if path == webhook.PathMutatePod {
			request = create([]byte(marked(b, executorPod, limited())))
		}
		body := reviewOf(b, path, request)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := w.Review(path, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
