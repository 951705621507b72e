// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// ConnectRun is everything that one start of a Spark Connect server creates.
type ConnectRun struct {
	// Pod is the server pod. It belongs to the SparkConnect.
	Pod *corev1.Pod
	// ConfigMap holds the properties of Spark and the executors' pod template. It belongs to
	// the SparkConnect and has to exist before the pod can start.
	ConfigMap *corev1.ConfigMap
	// Service is where clients reach the server. It belongs to the SparkConnect and outlives
	// its servers.
	Service *corev1.Service
	// Driver is the headless Service by which executors reach the server; nil if its step is
	// excluded. It belongs to the pod, as does all that follows.
	Driver *corev1.Service
	// NetworkPolicy is as in submit.Objects.
	NetworkPolicy *networkingv1.NetworkPolicy
	// Claims are as in submit.Objects.
	Claims []*corev1.PersistentVolumeClaim
	// Warnings are as in Run.
	Warnings []string
}

// ConnectServerName is the name of the server pod, and of its Service unless
// spec.server.service names it.
func ConnectServerName(connect *v1alpha1.SparkConnect) string { return connect.Name + "-server" }

// ConnectConfigMapName is the name of the ConfigMap of the server.
func ConnectConfigMapName(connect *v1alpha1.SparkConnect) string { return connect.Name + "-conf" }

// PreviewConnect is [BuildConnect] for who creates nothing: see [Preview].
func PreviewConnect(connect *v1alpha1.SparkConnect, defaultConf map[string]string) (*ConnectRun, error) {
	return BuildConnect(connect, Params{
		SubmissionID: "00000000-0000-4000-8000-000000000000",
		Master:       "k8s://https://kubernetes.default.svc:443",
		SubmitTime:   time.Unix(0, 0),
		DefaultConf:  defaultConf,
		PodWebhook:   true,
	})
}

// BuildConnect returns what one start of a server creates. The server is the driver of a
// Spark application whose main class is Spark's own server, so it is built as [Build]
// builds drivers. Arguments, result and errors are those of Build.
func BuildConnect(connect *v1alpha1.SparkConnect, p Params) (*ConnectRun, error) {
	app, warnings := ConnectApplication(connect)
	if _, given := app.Spec.SparkConf[sparkconf.ExecutorPodNamePrefix]; !given {
		// Executors of the last server may still be there when this one creates its own.
		id := submit.NewIDs(p.SubmissionID).Resource
		app.Spec.SparkConf[sparkconf.ExecutorPodNamePrefix] = connect.Name + "-" + id[:6]
	}
	p.nameLabel = v1alpha1.LabelConnectName
	run, err := Build(app, p)
	if err != nil {
		return nil, inTermsOfConnect(err)
	}
	if len(run.Secrets) > 0 {
		return nil, errors.New("spec.sparkConf: the properties contain credentials for which spark-submit creates a Secret, and the operator does not; " +
			"create the Secret, and mount it with spec.server.template")
	}
	c := &connectBuilder{connect: connect, run: run}
	if err := c.readPorts(); err != nil {
		return nil, err
	}
	if err := c.editPod(); err != nil {
		return nil, err
	}
	result := &ConnectRun{
		Pod: run.Driver, ConfigMap: c.configMap(), Service: c.service(), Driver: run.Service,
		NetworkPolicy: run.NetworkPolicy, Claims: run.Claims,
	}
	if driver := run.Service; driver != nil {
		driver.Spec.Selector = maps.Clone(driver.Spec.Selector)
		driver.Spec.Selector[v1beta2.LabelSparkRole] = v1alpha1.SparkRoleConnectServer
		// Executors connect before the server accepts sessions.
		driver.Spec.PublishNotReadyAddresses = true
	}
	for _, text := range slices.Concat(warnings, tokenWarnings(connect), run.Warnings) {
		result.Warnings = append(result.Warnings, connectTerms.Replace(text))
	}
	result.Warnings = sortedWarnings(result.Warnings)
	return result, nil
}

// ConnectApplication returns the application that a server is. It shares memory with the
// SparkConnect, which is not changed. The warnings are about what has no effect.
func ConnectApplication(connect *v1alpha1.SparkConnect) (app *v1beta2.SparkApplication, warnings []string) {
	spec := &connect.Spec
	app = &v1beta2.SparkApplication{}
	app.Name, app.Namespace, app.UID = connect.Name, connect.Namespace, connect.UID
	app.Spec = v1beta2.SparkApplicationSpec{
		Type:                v1beta2.SparkApplicationTypeScala,
		Mode:                v1beta2.DeployModeCluster,
		SparkVersion:        spec.SparkVersion,
		MainClass:           ptr.To(submit.ConnectServer),
		MainApplicationFile: ptr.To(submit.SparkInternal),
		HadoopConf:          spec.HadoopConf,
		SparkConf:           make(map[string]string, len(spec.SparkConf)+4),
	}
	maps.Copy(app.Spec.SparkConf, spec.SparkConf)
	for _, key := range []string{sparkconf.DriverHost, sparkconf.DriverBindAddress} {
		if _, given := app.Spec.SparkConf[key]; given {
			delete(app.Spec.SparkConf, key)
			warnings = append(warnings, "spec.sparkConf: "+key+" has no effect: the server binds to the address of its pod; remove it")
		}
	}
	if _, given := app.Spec.SparkConf[failuresValidityInterval]; !given {
		// Spark counts the failures of executors over the whole life of a driver, and ends it
		// after a few; a server lives long.
		app.Spec.SparkConf[failuresValidityInterval] = "1h"
	}
	if _, given := app.Spec.SparkConf[maxNumFailures]; !given && knownExecutors(spec) <= leastFailures/2 {
		// Spark allows twice as many failures as there are executors.
		app.Spec.SparkConf[maxNumFailures] = strconv.Itoa(leastFailures)
	}
	labels := make(map[string]string, len(connect.Labels))
	for key, value := range connect.Labels {
		if !isSparkLabel(key) {
			labels[key] = value
		}
	}
	driver, executor := &app.Spec.Driver, &app.Spec.Executor
	driver.PodName = ptr.To(ConnectServerName(connect))
	setConnectRole(&driver.SparkPodSpec, podspec.Driver, &spec.Server.SparkPodSpec, spec, labels)
	if template := spec.Server.Template; template == nil || template.Spec.ServiceAccountName == "" && template.Spec.DeprecatedServiceAccount == "" {
		driver.ServiceAccount = spec.Server.ServiceAccount
	}
	setConnectRole(&executor.SparkPodSpec, podspec.Executor, &spec.Executor.SparkPodSpec, spec, labels)
	executor.Instances = spec.Executor.Instances
	if dynamic := spec.DynamicAllocation; dynamic != nil && dynamic.Enabled {
		app.Spec.DynamicAllocation = dynamic.DeepCopy()
		if dynamic.ShuffleTrackingEnabled == nil {
			app.Spec.DynamicAllocation.ShuffleTrackingEnabled = ptr.To(true)
		}
	}
	return app, warnings
}

const (
	failuresValidityInterval = "spark.executor.failuresValidityInterval"
	maxNumFailures           = "spark.executor.maxNumFailures"
	// leastFailures is how many executors of a server may fail within the interval. Fewer
	// end a small server after a few evictions; more would hide executors that always fail.
	leastFailures = 20
)

// knownExecutors is the number of executors from which Spark derives how many may fail.
func knownExecutors(spec *v1alpha1.SparkConnectSpec) int {
	number := func(field *int32, key string, usually int) int {
		if field != nil {
			return int(*field)
		}
		if text, given := spec.SparkConf[key]; given {
			n, ok := sparkconf.ParseInt(sparkconf.TrimSpace(text))
			if !ok {
				return math.MaxInt
			}
			return int(n)
		}
		return usually
	}
	dynamic := spec.DynamicAllocation
	if dynamic == nil || !dynamic.Enabled {
		dynamic = &v1beta2.DynamicAllocation{}
	}
	if dynamic.Enabled || strings.EqualFold(strings.TrimSpace(spec.SparkConf[sparkconf.DynamicAllocationEnabled]), "true") {
		return number(dynamic.MaxExecutors, "spark.dynamicAllocation.maxExecutors", math.MaxInt)
	}
	return number(spec.Executor.Instances, sparkconf.ExecutorInstances, 2)
}

// setConnectRole sets what server and executors have in common.
func setConnectRole(to *v1beta2.SparkPodSpec, role podspec.Role, from *v1alpha1.SparkPodSpec, spec *v1alpha1.SparkConnectSpec, labels map[string]string) {
	to.Cores, to.Memory, to.Template, to.Labels = from.Cores, from.Memory, from.Template, labels
	to.Image = spec.Image
	if container := templateContainer(from.Template, role, spec.SparkConf); container != nil && container.Image != "" {
		to.Image = &container.Image
	}
}

// templateContainer returns the Spark container of a template; nil without one.
func templateContainer(template *corev1.PodTemplateSpec, role podspec.Role, conf map[string]string) *corev1.Container {
	if template == nil {
		return nil
	}
	i := podspec.SparkContainer(&template.Spec, role, conf[role.ContainerNameKey()])
	if i < 0 {
		return nil
	}
	return &template.Spec.Containers[i]
}

// connectTerms puts texts about the application in terms of the SparkConnect.
var connectTerms = strings.NewReplacer(
	"spec.driver.podName", "metadata.name", "spec.driver.image", "spec.image", "spec.executor.image", "spec.image",
	"spec.driver.", "spec.server.", "spec.executor.labels", "metadata.labels", "spec.mainClass", "spec.sparkVersion",
)

// connectError is an error in terms of the SparkConnect.
type connectError struct{ cause error }

func (e *connectError) Error() string { return connectTerms.Replace(e.cause.Error()) }
func (e *connectError) Unwrap() error { return e.cause }

func inTermsOfConnect(err error) error { return &connectError{err} }

// ConnectOwner makes the SparkConnect the controlling owner of an object, which is deleted
// with it.
func ConnectOwner(connect *v1alpha1.SparkConnect) metav1.OwnerReference {
	return *metav1.NewControllerRef(connect, v1alpha1.SchemeGroupVersion.WithKind("SparkConnect"))
}

// connectBuilder makes the objects of a server from those of a run.
type connectBuilder struct {
	connect *v1alpha1.SparkConnect
	run     *Run
	// The ports on which the server listens.
	driver, blockManager, ui, grpc int32
}

// editPod makes a server pod of a driver pod.
func (c *connectBuilder) editPod() error {
	pod := c.run.Driver
	pod.OwnerReferences = slices.DeleteFunc(slices.Clone(pod.OwnerReferences), func(have metav1.OwnerReference) bool { return have.UID == c.connect.UID })
	pod.OwnerReferences = append(pod.OwnerReferences, ConnectOwner(c.connect))
	pod.Labels = maps.Clone(pod.Labels)
	pod.Labels[v1beta2.LabelSparkRole] = v1alpha1.SparkRoleConnectServer
	pod.Annotations = maps.Clone(pod.Annotations)
	for i := range pod.Spec.Volumes {
		if source := pod.Spec.Volumes[i].ConfigMap; source != nil && source.Name == c.conf().Name {
			pod.Spec.Volumes[i].ConfigMap = source.DeepCopy()
			pod.Spec.Volumes[i].ConfigMap.Name = ConnectConfigMapName(c.connect)
		}
	}
	container := &pod.Spec.Containers[len(pod.Spec.Containers)-1] // Spark puts its own container last
	if !slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool { return p.ContainerPort == c.grpc }) {
		container.Ports = append(container.Ports, corev1.ContainerPort{Name: "spark-connect", ContainerPort: c.grpc, Protocol: corev1.ProtocolTCP})
	}
	if container.ReadinessProbe == nil {
		container.ReadinessProbe = &corev1.Probe{
			ProbeHandler:     corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(c.grpc)}},
			PeriodSeconds:    5,
			FailureThreshold: 3,
		}
	}
	if given := templateContainer(c.connect.Spec.Server.Template, podspec.Driver, c.connect.Spec.SparkConf); given != nil {
		keepResources(&container.Resources, &given.Resources)
	}
	return c.requireToken(container)
}

// keepResources takes CPU and memory from the template where it sets them.
func keepResources(to, given *corev1.ResourceRequirements) {
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		request, requested := given.Requests[name]
		limit, limited := given.Limits[name]
		if !requested && !limited {
			continue
		}
		delete(to.Requests, name)
		delete(to.Limits, name)
		if requested {
			to.Requests[name] = request
		}
		if limited {
			to.Limits[name] = limit
		}
	}
}

// conf is the ConfigMap with the properties.
func (c *connectBuilder) conf() *corev1.ConfigMap {
	return c.run.ConfigMaps[len(c.run.ConfigMaps)-1]
}

// configMap returns the ConfigMap under its own name.
func (c *connectBuilder) configMap() *corev1.ConfigMap {
	conf := c.conf()
	name := ConnectConfigMapName(c.connect)
	properties := conf.Data[submit.PropertiesFile]
	conf.Data[submit.PropertiesFile] = strings.Replace(properties, "config map with name: "+conf.Name, "config map with name: "+name, 1)
	conf.Name = name
	conf.Immutable = nil // the next server gets its own properties under this name
	conf.Labels = c.labels(conf.Labels)
	conf.Labels[v1beta2.LabelSubmissionID] = c.run.Driver.Labels[v1beta2.LabelSubmissionID]
	conf.OwnerReferences = []metav1.OwnerReference{ConnectOwner(c.connect)}
	return conf
}

// labels adds those by which objects of a SparkConnect are found.
func (c *connectBuilder) labels(given map[string]string) map[string]string {
	all := make(map[string]string, len(given)+2)
	maps.Copy(all, given)
	all[v1beta2.LabelCreatedBySparkOperator] = "true"
	all[v1alpha1.LabelConnectName] = c.connect.Name
	return all
}
