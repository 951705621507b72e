// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/crash"
)

// TestOperatorKilledBetweenWrites runs the crash matrix on a bare API server.
func TestOperatorKilledBetweenWrites(t *testing.T) {
	crash.RunMatrix(t, crash.Target{
		Config:         api.Config,
		Binary:         operatorBinary,
		Namespace:      newNamespace(t, "crash"),
		NewApplication: sparkPi,
	})
}

// TestOperatorKilledBetweenWritesOfAServer runs the crash matrix of Spark Connect servers.
func TestOperatorKilledBetweenWritesOfAServer(t *testing.T) {
	t.Parallel()
	crash.RunConnectMatrix(t, crash.ConnectTarget{Config: api.Config, Binary: operatorBinary, NewNamespace: newNamespace})
}

// TestOperatorKilledWhileLogsAreArchived runs the crash matrix of the log archive.
func TestOperatorKilledWhileLogsAreArchived(t *testing.T) {
	t.Parallel()
	crash.RunArchiveMatrix(t, crash.ArchiveTarget{Config: api.Config, Binary: operatorBinary, NewNamespace: newNamespace, NewApplication: sparkPi})
}

// sparkPi is an application that passes every check.
func sparkPi(name string) *v1beta2.SparkApplication {
	return &v1beta2.SparkApplication{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1beta2.SparkApplicationSpec{
			SparkVersion:        "4.3.0",
			Image:               ptr.To("example.com/spark:4.3.0"),
			MainClass:           ptr.To("org.apache.spark.examples.SparkPi"),
			MainApplicationFile: ptr.To("local:///opt/spark/examples/jars/spark-examples.jar"),
		},
	}
}
