// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// Ports of the Service, whatever the ports of the server are, and their names. They are
// those of kubeflow/spark-operator.
const (
	servicePortDriver       = 7078
	servicePortBlockManager = 7079
	servicePortUI           = 4040
)

// ConnectServiceName is the name of the Service of a server.
func ConnectServiceName(connect *v1alpha1.SparkConnect) string {
	if service := connect.Spec.Server.Service; service != nil && service.Name != "" {
		return service.Name
	}
	return ConnectServerName(connect)
}

// ConnectEndpoint is the URL by which clients in the cluster reach the server through its
// Service. Of a token it has a placeholder: the parameter "token" of clients would require
// TLS.
func ConnectEndpoint(connect *v1alpha1.SparkConnect) string {
	endpoint := fmt.Sprintf("sc://%s.%s.svc:%d", ConnectServiceName(connect), connect.Namespace, ConnectServicePort(connect))
	if connect.Spec.Authentication != nil {
		endpoint += "/;authorization=Bearer%20" + TokenPlaceholder
	}
	return endpoint
}

// ConnectServicePort is the port of the Service that leads to the server.
func ConnectServicePort(connect *v1alpha1.SparkConnect) int32 {
	return servicePort(connect, v1alpha1.PortName, v1alpha1.DefaultPort)
}

// ConnectWebPort is the port of the Service that leads to the web UI.
func ConnectWebPort(connect *v1alpha1.SparkConnect) int32 {
	return servicePort(connect, webPortName, servicePortUI)
}

const webPortName = "web-ui"

// servicePort is the number of a port of the Service, which the user may have given.
func servicePort(connect *v1alpha1.SparkConnect, name string, usually int32) int32 {
	if service := connect.Spec.Server.Service; service != nil {
		for i := range service.Spec.Ports {
			if service.Spec.Ports[i].Name == name {
				return service.Spec.Ports[i].Port
			}
		}
	}
	return usually
}

// readPorts reads the ports of the server from the properties with which it is started.
func (c *connectBuilder) readPorts() error {
	conf := sparkconf.New(c.run.Properties, nil, sparkconf.Version{})
	for _, port := range []struct {
		key     string
		usually int32
		to      *int32
	}{
		{sparkconf.DriverPort, servicePortDriver, &c.driver},
		{sparkconf.DriverBlockManagerPort, servicePortBlockManager, &c.blockManager},
		{sparkconf.UIPort, servicePortUI, &c.ui},
		{sparkconf.ConnectGRPCBindingPort, v1alpha1.DefaultPort, &c.grpc},
	} {
		*port.to = port.usually
		value, given := conf.Raw(port.key)
		if !given {
			continue
		}
		number, err := ConnectPort(value)
		if err != nil {
			return fmt.Errorf("spec.sparkConf[%s]: %q: %w", port.key, sparkconf.Excerpt(value, sparkconf.MaxValue), err)
		}
		*port.to = number
	}
	return nil
}

// ConnectPort reads a port of a server from a property. The Service leads to it, so it must
// not be one that Spark chooses.
func ConnectPort(value string) (int32, error) {
	number, ok := sparkconf.ParseInt(sparkconf.TrimSpace(value))
	if !ok || len(validation.IsValidPortNum(int(number))) > 0 {
		return 0, errors.New("the Service of the server needs a fixed port; use a number from 1 to 65535")
	}
	return number, nil
}

// service returns the Service by which clients reach the server: that of the spec with
// the selector and the ports of the server.
func (c *connectBuilder) service() *corev1.Service {
	given := &corev1.Service{}
	if own := c.connect.Spec.Server.Service; own != nil {
		given = own
	}
	service := &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{
			Name: ConnectServiceName(c.connect), Namespace: c.connect.Namespace,
			Labels: c.labels(given.Labels), Annotations: maps.Clone(given.Annotations),
			OwnerReferences: []metav1.OwnerReference{ConnectOwner(c.connect)},
		},
		Spec: *given.Spec.DeepCopy(),
	}
	// Not by version or submission: the Service stays valid from one server to the next.
	service.Spec.Selector = map[string]string{
		v1beta2.LabelLaunchedBySparkOperator: "true",
		v1alpha1.LabelConnectName:            c.connect.Name,
		v1beta2.LabelSparkRole:               v1alpha1.SparkRoleConnectServer,
	}
	for _, port := range []corev1.ServicePort{
		{Name: "driver-rpc", Port: servicePortDriver, TargetPort: intstr.FromInt32(c.driver)},
		{Name: "blockmanager", Port: servicePortBlockManager, TargetPort: intstr.FromInt32(c.blockManager)},
		{Name: webPortName, Port: servicePortUI, TargetPort: intstr.FromInt32(c.ui), AppProtocol: ptr.To("http")},
		{Name: v1alpha1.PortName, Port: v1alpha1.DefaultPort, TargetPort: intstr.FromInt32(c.grpc), AppProtocol: ptr.To("grpc")},
	} {
		service.Spec.Ports = addPort(service.Spec.Ports, port)
	}
	return service
}

// addPort adds a port that the user has not given: neither its name nor its number. The
// port of the user with that name leads to the server nevertheless.
func addPort(ports []corev1.ServicePort, port corev1.ServicePort) []corev1.ServicePort {
	port.Protocol = corev1.ProtocolTCP
	if i := slices.IndexFunc(ports, func(p corev1.ServicePort) bool { return p.Name == port.Name }); i >= 0 {
		if ports[i].TargetPort == (intstr.IntOrString{}) {
			ports[i].TargetPort = port.TargetPort
		}
		if ports[i].AppProtocol == nil {
			ports[i].AppProtocol = port.AppProtocol
		}
		return ports
	}
	if slices.ContainsFunc(ports, func(p corev1.ServicePort) bool {
		return p.Port == port.Port && (p.Protocol == "" || p.Protocol == corev1.ProtocolTCP)
	}) {
		return ports
	}
	return append(ports, port)
}
