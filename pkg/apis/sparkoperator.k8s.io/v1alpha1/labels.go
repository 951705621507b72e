// SPDX-License-Identifier: Apache-2.0

package v1alpha1

const (
	// LabelConnectName is the name of the SparkConnect on its pods, ConfigMap and
	// Services.
	LabelConnectName = "sparkoperator.k8s.io/connect-name"

	// SparkRoleConnectServer is the value of the label spark-role on server pods. In all
	// other respects a server pod is a driver pod of Spark.
	SparkRoleConnectServer = "connect-server"

	// AnnotationWake on a SparkConnect starts a server that was stopped because of its
	// age: any value that differs from the one before.
	AnnotationWake = "sparkoperator.k8s.io/wake"

	// PortName is the name of the port of Spark Connect in the Service.
	PortName = "spark-connect-server"
	// DefaultPort is the port of Spark Connect in the Service, and in the server pod
	// unless the property spark.connect.grpc.binding.port sets another one.
	DefaultPort int32 = 15002
)
