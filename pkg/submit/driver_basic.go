// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// basicDriver is BasicDriverFeatureStep: image, ports, environment, resources
// and metadata.
type basicDriver struct {
	conf       *driverConf
	podName    string
	image      string
	cpuRequest string
	cpuLimit   string
	cpuLimited bool
	memory     driverMemory
	// allowEscalation is allowPrivilegeEscalation of the security context.
	allowEscalation bool
}

// Names and defaults of the driver container.
const (
	defaultDriverContainer = "spark-kubernetes-driver"

	portDriver       = "driver-rpc-port"
	portBlockManager = "blockmanager"
	portUI           = "spark-ui"
	portConnect      = "spark-connect"

	defaultDriverPort       = 7078
	defaultBlockManagerPort = 7079
	defaultConnectPort      = 15002
)

func newBasicDriver(conf *driverConf) (featureStep, error) {
	b := &basicDriver{conf: conf}
	var set bool
	var err error
	if b.podName, set, err = conf.String(sparkconf.DriverPodName); err != nil {
		return nil, err
	} else if !set {
		b.podName = conf.prefix + "-driver"
	}
	if b.image, set, err = conf.String(sparkconf.DriverContainerImage); err != nil {
		return nil, err
	} else if !set {
		return nil, &Error{
			Message: "Must specify the driver container image",
			Key:     sparkconf.DriverContainerImage,
			Hint:    "set it or " + sparkconf.ContainerImage,
		}
	}
	if conf.switches.versionInImage {
		b.image = strings.ReplaceAll(b.image, "{{SPARK_VERSION}}", conf.Version().String())
	}
	cores, _, err := conf.Int(sparkconf.DriverCores)
	if err != nil {
		return nil, err
	}
	if b.cpuRequest, set, err = conf.String(sparkconf.DriverRequestCores); err != nil {
		return nil, err
	} else if !set {
		b.cpuRequest = formatInt(cores)
	}
	if b.cpuLimit, b.cpuLimited, err = conf.String(sparkconf.DriverLimitCores); err != nil {
		return nil, err
	}
	if b.memory, err = readDriverMemory(conf); err != nil {
		return nil, err
	}
	if conf.switches.privilegeEscalation {
		b.allowEscalation, _, err = conf.Bool(sparkconf.DriverAllowPrivilegeEscalation)
	}
	return b, err
}

func (b *basicDriver) apply(spec *driverSpec) error {
	if err := b.applyContainer(spec); err != nil {
		return err
	}
	if err := b.applyPod(spec); err != nil {
		return err
	}
	spec.set(sparkconf.DriverPodName, b.podName)
	spec.set(sparkconf.AppID, b.conf.appID)
	spec.set(sparkconf.SubmitInDriver, "true")
	spec.set(sparkconf.MemoryOverheadFactor, sparkconf.FormatDouble(b.memory.defaultFactor))
	for _, key := range []string{sparkconf.Jars, sparkconf.Files, sparkconf.Archives, sparkconf.SubmitPythonFiles} {
		uris, err := b.conf.List(key)
		if err != nil {
			return err
		}
		for _, uri := range uris {
			if isClientLocal(uri) {
				return b.conf.refuseUpload(key, uri)
			}
		}
	}
	return nil
}

func (b *basicDriver) applyContainer(spec *driverSpec) error {
	conf, container := b.conf, spec.container
	cpuRequest, err := parseQuantity(b.cpuRequest, sparkconf.DriverRequestCores)
	if err != nil {
		return err
	}
	memory, err := b.memory.quantity()
	if err != nil {
		return err
	}
	var cpuLimit resource.Quantity
	if b.cpuLimited {
		if cpuLimit, err = parseQuantity(b.cpuLimit, sparkconf.DriverLimitCores); err != nil {
			return err
		}
	}
	devices, err := driverDevices(conf)
	if err != nil {
		return err
	}
	if err := b.applyPorts(container); err != nil {
		return err
	}
	pullPolicy, _, err := conf.OneOf(sparkconf.ContainerImagePullPolicy,
		string(corev1.PullAlways), string(corev1.PullNever), string(corev1.PullIfNotPresent))
	if err != nil {
		return err
	}

	if container.Name == "" {
		container.Name = defaultDriverContainer
	}
	container.Image = b.image
	container.ImagePullPolicy = corev1.PullPolicy(pullPolicy)
	b.applySecurityContext(container)
	b.applyEnv(spec)

	requests, limits := &container.Resources.Requests, &container.Resources.Limits
	if *requests == nil {
		*requests = make(corev1.ResourceList, 2)
	}
	if *limits == nil {
		*limits = make(corev1.ResourceList, 2+len(devices))
	}
	(*requests)[corev1.ResourceCPU] = cpuRequest
	(*requests)[corev1.ResourceMemory] = memory
	if b.cpuLimited {
		(*limits)[corev1.ResourceCPU] = cpuLimit
	}
	(*limits)[corev1.ResourceMemory] = memory
	for _, device := range devices {
		(*limits)[device.name] = device.amount
	}
	return nil
}

func (b *basicDriver) applyPorts(container *corev1.Container) error {
	conf := b.conf
	driver, err := conf.RawInt(sparkconf.DriverPort, defaultDriverPort)
	if err != nil {
		return err
	}
	general, err := conf.RawInt(sparkconf.BlockManagerPort, defaultBlockManagerPort)
	if err != nil {
		return err
	}
	blockManager, err := conf.RawInt(sparkconf.DriverBlockManagerPort, general)
	if err != nil {
		return err
	}
	ui, _, err := conf.Int(sparkconf.UIPort)
	if err != nil {
		return err
	}
	container.Ports = append(container.Ports,
		corev1.ContainerPort{Name: portDriver, ContainerPort: driver, Protocol: corev1.ProtocolTCP},
		corev1.ContainerPort{Name: portBlockManager, ContainerPort: blockManager, Protocol: corev1.ProtocolTCP},
		corev1.ContainerPort{Name: portUI, ContainerPort: ui, Protocol: corev1.ProtocolTCP},
	)
	if !conf.switches.connectPort {
		return nil
	}
	connect, err := conf.RawInt(sparkconf.ConnectGRPCBindingPort, defaultConnectPort)
	if err != nil {
		return err
	}
	container.Ports = append(container.Ports,
		corev1.ContainerPort{Name: portConnect, ContainerPort: connect, Protocol: corev1.ProtocolTCP})
	return nil
}

// applySecurityContext forbids the driver to gain privileges unless it is
// configured otherwise; this overrides the template.
func (b *basicDriver) applySecurityContext(container *corev1.Container) {
	if !b.conf.switches.privilegeEscalation {
		return
	}
	if container.SecurityContext == nil {
		container.SecurityContext = &corev1.SecurityContext{}
	}
	allow := b.allowEscalation
	container.SecurityContext.AllowPrivilegeEscalation = &allow
}

func (b *basicDriver) applyEnv(spec *driverSpec) {
	spec.addEnv("SPARK_USER", b.sparkUser())
	spec.addEnv("SPARK_APPLICATION_ID", b.conf.appID)
	for _, p := range b.conf.WithPrefix(sparkconf.DriverEnvPrefix) {
		spec.addEnv(p.Key, p.Value)
	}
	spec.container.Env = append(spec.container.Env, corev1.EnvVar{
		Name: "SPARK_DRIVER_BIND_ADDRESS",
		ValueFrom: &corev1.EnvVarSource{
			FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "status.podIP"},
		},
	})
}

// sparkUser is the user on whose behalf the application runs
// (Utils.getCurrentUserName, evaluated by the proxy user).
func (b *basicDriver) sparkUser() string {
	in := b.conf.in
	env, byEnv := in.Env["SPARK_USER"]
	switch {
	case in.ProxyUser != "" && (b.conf.switches.proxyUserBeforeEnv || !byEnv):
		return in.ProxyUser
	case byEnv:
		return env
	}
	return in.User
}

func (b *basicDriver) applyPod(spec *driverSpec) error {
	conf, pod := b.conf, spec.pod
	labels, err := conf.labels()
	if err != nil {
		return err
	}
	pod.Name = b.podName
	pod.Labels = merged(pod.Labels, labels)
	annotations := conf.Map(sparkconf.DriverAnnotationPrefix)
	for key, value := range annotations {
		annotations[key] = conf.substituteIDs(value)
	}
	pod.Annotations = merged(pod.Annotations, annotations)

	pod.Spec.RestartPolicy = corev1.RestartPolicyNever
	pod.Spec.NodeSelector = merged(pod.Spec.NodeSelector, conf.Map(sparkconf.NodeSelectorPrefix))
	pod.Spec.NodeSelector = merged(pod.Spec.NodeSelector, conf.Map(sparkconf.DriverNodeSelectorPrefix))
	pullSecrets, err := conf.List(sparkconf.ImagePullSecrets)
	if err != nil {
		return err
	}
	for _, name := range pullSecrets {
		pod.Spec.ImagePullSecrets = append(pod.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	for _, key := range []string{sparkconf.DriverSchedulerName, sparkconf.SchedulerName} {
		name, set, err := conf.String(key)
		if err != nil {
			return err
		}
		if set {
			pod.Spec.SchedulerName = name
			break
		}
	}
	return nil
}

// merged adds the entries of over to base, which the caller owns.
func merged(base, over map[string]string) map[string]string {
	if len(base) == 0 {
		return over
	}
	for key, value := range over {
		base[key] = value
	}
	return base
}
