// SPDX-License-Identifier: Apache-2.0

package ui

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

const (
	// defaultWebPort is the port of the web UI Service where sparkUIOptions are
	// given without one, whatever spark.ui.port is.
	defaultWebPort = 4040
	// defaultWebPortName is the name of that port.
	defaultWebPortName = "spark-driver-ui-port"
)

// webService builds the Service of the web UI. It exists also with
// spark.ui.enabled=false, as clients read its name from the status.
func (b *builder) webService() (*corev1.Service, error) {
	name := boundedName(b.app.Name, "ui-svc")
	if err := checkServiceName(name); err != nil {
		return nil, fmt.Errorf("metadata.name: %w", err)
	}
	target, err := webTargetPort(b.app.Spec.SparkConf)
	if err != nil {
		return nil, err
	}
	options := b.app.Spec.SparkUIOptions
	port := target
	if options == nil {
		options = &v1beta2.SparkUIConfiguration{}
	} else {
		port = ptr.Deref(options.ServicePort, defaultWebPort)
	}
	service, err := b.service(serviceOptions{
		name:        name,
		port:        port,
		targetPort:  target,
		portName:    cmp.Or(ptr.Deref(options.ServicePortName, ""), defaultWebPortName),
		serviceType: options.ServiceType,
		labels:      options.ServiceLabels,
		annotations: options.ServiceAnnotations,
	})
	if err != nil {
		return nil, fmt.Errorf("spec.sparkUIOptions.%w", err)
	}
	return service, nil
}

// webTargetPort is the port on which the driver serves the web UI.
func webTargetPort(conf map[string]string) (int32, error) {
	port, _, err := sparkconf.New(conf, nil, sparkconf.Version{}).Int(sparkconf.UIPort)
	if err != nil {
		return 0, fmt.Errorf("spec.sparkConf: %w", err)
	}
	if len(validation.IsValidPortNum(int(port))) > 0 {
		return 0, fmt.Errorf("spec.sparkConf: %s=%d: a Service needs a fixed port from 1 to 65535", sparkconf.UIPort, port)
	}
	return port, nil
}

// driverService builds the Service of one entry of driverIngressOptions.
func (b *builder) driverService(entry *v1beta2.DriverIngressConfiguration) (*corev1.Service, error) {
	if entry.ServicePort == nil {
		return nil, errors.New("servicePort: is required; set the port on which the driver listens")
	}
	port := *entry.ServicePort
	name := boundedName(b.app.Name, fmt.Sprintf("driver-%d", port))
	if err := checkServiceName(name); err != nil {
		return nil, fmt.Errorf("servicePort: %w", err)
	}
	return b.service(serviceOptions{
		name:        name,
		port:        port,
		targetPort:  port,
		portName:    cmp.Or(ptr.Deref(entry.ServicePortName, ""), fmt.Sprintf("driver-ing-%d", port)),
		serviceType: entry.ServiceType,
		labels:      entry.ServiceLabels,
		annotations: entry.ServiceAnnotations,
	})
}

// checkServiceName refuses what no API server takes as the name of a Service. One
// that begins with a digit is valid by default since Kubernetes 1.36, so the server decides.
func checkServiceName(name string) error {
	if reasons := validation.IsDNS1123Label(name); len(reasons) > 0 {
		return fmt.Errorf("%s is not a valid name of a Service: %s; use an application name without dots", name, strings.Join(reasons, ", "))
	}
	return nil
}

// serviceOptions is what distinguishes one Service from another.
type serviceOptions struct {
	name             string
	port, targetPort int32
	portName         string
	serviceType      *corev1.ServiceType
	labels           map[string]string
	annotations      map[string]string
}

// service builds a Service of the driver. The error starts with the name of the
// field that the API server would refuse.
func (b *builder) service(o serviceOptions) (*corev1.Service, error) {
	if reasons := validation.IsValidPortNum(int(o.port)); len(reasons) > 0 {
		return nil, fmt.Errorf("servicePort: %d is not a port: %s", o.port, strings.Join(reasons, ", "))
	}
	if reasons := validation.IsDNS1123Label(o.portName); len(reasons) > 0 {
		return nil, fmt.Errorf("servicePortName: %q cannot name the port of a Service: %s", o.portName, strings.Join(reasons, ", "))
	}
	return &corev1.Service{
		ObjectMeta: b.objectMeta(o.name, o.labels, o.annotations),
		Spec: corev1.ServiceSpec{
			Type: ptr.Deref(o.serviceType, corev1.ServiceTypeClusterIP),
			// Not by submission id: the Service stays valid from one run to the next.
			Selector: map[string]string{
				v1beta2.LabelSparkAppName: b.app.Name,
				v1beta2.LabelSparkRole:    v1beta2.SparkRoleDriver,
			},
			Ports: []corev1.ServicePort{{
				Name:       o.portName,
				Protocol:   corev1.ProtocolTCP,
				Port:       o.port,
				TargetPort: intstr.FromInt32(o.targetPort),
			}},
		},
	}, nil
}

// objectMeta is the metadata of an object of the run. The operator's own labels
// win over the user's, as it finds its objects by them.
func (b *builder) objectMeta(name string, labels, annotations map[string]string) metav1.ObjectMeta {
	all := make(map[string]string, len(labels)+2)
	maps.Copy(all, labels)
	all[v1beta2.LabelSparkAppName] = b.app.Name
	all[v1beta2.LabelSubmissionID] = b.run.SubmissionID
	return metav1.ObjectMeta{
		Name:        name,
		Namespace:   b.app.Namespace,
		Labels:      all,
		Annotations: maps.Clone(annotations),
		OwnerReferences: []metav1.OwnerReference{
			*metav1.NewControllerRef(b.app, v1beta2.SchemeGroupVersion.WithKind("SparkApplication")),
		},
	}
}

// boundedName is <app>-<suffix>. Where that exceeds a DNS label, the
// application's name is cut and followed by the start of the MD5 sum of the
// whole, which keeps names of different applications apart; MD5 because clients
// compute the same name.
func boundedName(app, suffix string) string {
	const hashLength = 8
	preferred := app + "-" + suffix
	if len(preferred) <= validation.DNS1123LabelMaxLength {
		return preferred
	}
	sum := md5.Sum([]byte(preferred))
	kept := validation.DNS1123LabelMaxLength - len("-") - hashLength - len("-") - len(suffix)
	return app[:kept] + "-" + hex.EncodeToString(sum[:])[:hashLength] + "-" + suffix
}
