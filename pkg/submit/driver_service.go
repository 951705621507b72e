// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// driverService is DriverServiceFeatureStep: the headless service by whose name
// executors reach the driver.
type driverService struct {
	conf                     *driverConf
	name                     string
	shortened                bool
	driver, blockManager, ui int32
	connect                  int32
	ipFamilyPolicy           string
	ipFamilies               string
	publishNotReady          bool
}

func newDriverService(conf *driverConf) (featureStep, error) {
	if address, set := conf.Raw(sparkconf.DriverBindAddress); set {
		return nil, require(sparkconf.DriverBindAddress+" is not supported in Kubernetes mode, as the driver's bind "+
			"address is managed and set to the driver pod's IP address.", sparkconf.DriverBindAddress, address)
	}
	s := &driverService{conf: conf}
	s.name, s.shortened = driverServiceName(conf.prefix, conf.in.IDs.Service)
	var err error
	if conf.switches.serviceIPFamilies {
		if s.ipFamilyPolicy, _, err = conf.OneOf(sparkconf.DriverServiceIPFamilyPolicy,
			"SingleStack", "PreferDualStack", "RequireDualStack"); err != nil {
			return nil, err
		}
		if s.ipFamilies, _, err = conf.OneOf(sparkconf.DriverServiceIPFamilies,
			"IPv4", "IPv6", "IPv4,IPv6", "IPv6,IPv4"); err != nil {
			return nil, err
		}
	}
	if conf.switches.servicePublishNotReady {
		if s.publishNotReady, _, err = conf.Bool(sparkconf.DriverServicePublishNotReadyAddresses); err != nil {
			return nil, err
		}
	}
	if s.driver, err = conf.RawInt(sparkconf.DriverPort, defaultDriverPort); err != nil {
		return nil, err
	}
	// Unlike the container's port this one ignores spark.blockManager.port.
	if s.blockManager, err = conf.RawInt(sparkconf.DriverBlockManagerPort, defaultBlockManagerPort); err != nil {
		return nil, err
	}
	if s.ui, _, err = conf.Int(sparkconf.UIPort); err != nil {
		return nil, err
	}
	if conf.switches.connectPort {
		s.connect, err = conf.RawInt(sparkconf.ConnectGRPCBindingPort, defaultConnectPort)
	}
	return s, err
}

func (s *driverService) apply(spec *driverSpec) error {
	selector, err := s.conf.labels()
	if err != nil {
		return err
	}
	service := &corev1.Service{
		TypeMeta:   typeMeta("Service"),
		ObjectMeta: s.conf.objectMeta(s.name),
		Spec: corev1.ServiceSpec{
			ClusterIP:                corev1.ClusterIPNone,
			Selector:                 selector,
			PublishNotReadyAddresses: s.publishNotReady,
			Ports:                    s.ports(),
		},
	}
	service.Labels = map[string]string{labelAppID: s.conf.appID}
	if s.conf.switches.serviceLabels {
		service.Labels = merged(service.Labels, s.conf.Map(sparkconf.DriverServiceLabelPrefix))
	}
	service.Annotations = s.conf.Map(sparkconf.DriverServiceAnnotationPrefix)
	if s.conf.switches.serviceIPFamilies {
		policy := corev1.IPFamilyPolicy(s.ipFamilyPolicy)
		service.Spec.IPFamilyPolicy = &policy
		for family := range strings.SplitSeq(s.ipFamilies, ",") {
			service.Spec.IPFamilies = append(service.Spec.IPFamilies, corev1.IPFamily(family))
		}
	}
	if s.shortened {
		spec.warn("Driver's hostname would preferably be " + s.conf.prefix + "-driver-svc, but this is too long " +
			"(must be <= 63 characters). Falling back to use " + s.name + " as the driver service's name.")
	}
	spec.objects.Service = service
	spec.set(sparkconf.DriverHost, s.name+"."+s.conf.namespace+".svc")
	spec.set(sparkconf.DriverPort, formatInt(s.driver))
	spec.set(sparkconf.DriverBlockManagerPort, formatInt(s.blockManager))
	return nil
}

func (s *driverService) ports() []corev1.ServicePort {
	ports := make([]corev1.ServicePort, 0, 4)
	add := func(name string, number int32) {
		ports = append(ports, corev1.ServicePort{Name: name, Port: number, TargetPort: intstr.FromInt32(number)})
	}
	add(portDriver, s.driver)
	add(portBlockManager, s.blockManager)
	add(portUI, s.ui)
	if s.conf.switches.connectPort {
		add(portConnect, s.connect)
		if s.conf.switches.serviceAppProtocol {
			protocol := "grpc"
			ports[len(ports)-1].AppProtocol = &protocol
		}
	}
	return ports
}

// typeMeta of a core object.
func typeMeta(kind string) metav1.TypeMeta { return metav1.TypeMeta{APIVersion: "v1", Kind: kind} }
