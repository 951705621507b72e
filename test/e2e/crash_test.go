// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/crash"
)

// TestOperatorKilledBetweenWrites runs the crash matrix on the real node.
func TestOperatorKilledBetweenWrites(t *testing.T) {
	crash.RunMatrix(t, crash.Target{
		Config:    cluster.config,
		Binary:    cluster.operatorBinary,
		Namespace: crashNamespace,
		NewApplication: func(name string) *v1beta2.SparkApplication {
			app := sparkPi(name, "1")
			app.Spec.Image = ptr.To("localhost/there-is-no-such-image:1")
			app.Spec.Driver.ServiceAccount = nil // the namespace has only the default one
			return app
		},
	})
}
