// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Build returns the objects that the real spark-submit of in.SparkVersion
// creates for the same call. Every error is an *Error. Build reads nothing but
// its input, does not change it, and returns equal objects for equal inputs;
// the objects share no memory with the input.
func Build(in Input) (Objects, error) {
	objects, err := build(&in)
	if err != nil {
		return Objects{}, refuse(err)
	}
	return objects, nil
}

func build(in *Input) (Objects, error) {
	conf, err := newDriverConf(in)
	if err != nil {
		return Objects{}, err
	}
	spec, err := newDriverSpec(conf)
	if err != nil {
		return Objects{}, err
	}
	constructors, err := featureSteps(conf)
	if err != nil {
		return Objects{}, err
	}
	// All steps check their configuration before the first one is applied, and
	// excluded steps check it as well.
	excluded, err := excludedFeatureSteps(conf)
	if err != nil {
		return Objects{}, err
	}
	steps := make([]featureStep, 0, len(constructors))
	for _, c := range constructors {
		step, err := c.construct(conf)
		if err != nil {
			return Objects{}, err
		}
		if !slices.Contains(excluded, c.class) {
			steps = append(steps, step)
		}
	}
	for _, step := range steps {
		if err := step.apply(spec); err != nil {
			return Objects{}, err
		}
	}
	if err := spec.addDriverConfigMap(conf); err != nil {
		return Objects{}, err
	}
	return spec.finish(conf), nil
}

// featureStep is a KubernetesFeatureConfigStep: one concern of the driver.
type featureStep interface {
	// apply adds to the pod, the properties and the other objects.
	apply(*driverSpec) error
}

// constructor makes a step; it fails where the step's constructor in Spark does.
type constructor struct {
	class     string // fully qualified, as excludedFeatureSteps names it
	construct func(*driverConf) (featureStep, error)
}

const featurePackage = "org.apache.spark.deploy.k8s.features."

// builtInSteps are the steps in their order (KubernetesDriverBuilder).
func builtInSteps(s switches) []constructor {
	steps := make([]constructor, 0, 12)
	steps = append(steps,
		constructor{featurePackage + "BasicDriverFeatureStep", newBasicDriver},
		constructor{featurePackage + "DriverKubernetesCredentialsFeatureStep", newDriverCredentials},
		constructor{featurePackage + "DriverServiceFeatureStep", newDriverService},
	)
	if s.networkPolicy {
		steps = append(steps, constructor{featurePackage + "NetworkPolicyFeatureStep", newNetworkPolicy})
	}
	return append(steps,
		constructor{featurePackage + "MountSecretsFeatureStep", newMountSecrets},
		constructor{featurePackage + "EnvSecretsFeatureStep", newEnvSecrets},
		constructor{featurePackage + "MountVolumesFeatureStep", newMountVolumes},
		constructor{featurePackage + "DriverCommandFeatureStep", newDriverCommand},
		constructor{featurePackage + "HadoopConfDriverFeatureStep", newHadoopConf},
		constructor{featurePackage + "KerberosConfDriverFeatureStep", newKerberosConf},
		constructor{featurePackage + "PodTemplateConfigMapStep", newExecutorTemplate},
		constructor{featurePackage + "LocalDirsFeatureStep", newLocalDirs},
	)
}

// driverSpec is what the steps build up (KubernetesDriverSpec).
type driverSpec struct {
	pod       *corev1.Pod       // without the driver container
	container *corev1.Container // the driver
	// added are properties set by steps; they override the user's.
	added    map[string]string
	objects  Objects
	warnings []string
}

func newDriverSpec(conf *driverConf) (*driverSpec, error) {
	spec := &driverSpec{added: make(map[string]string, 16), warnings: conf.warnings}
	if err := spec.loadTemplate(conf); err != nil {
		return nil, err
	}
	return spec, nil
}

// set adds a property.
func (s *driverSpec) set(key, value string) { s.added[key] = value }

func (s *driverSpec) warn(text string) { s.warnings = append(s.warnings, oneLine(text)) }

// addVolume adds a volume to the pod and mounts it in the driver container.
func (s *driverSpec) addVolume(volume corev1.Volume, mount corev1.VolumeMount) {
	s.pod.Spec.Volumes = append(s.pod.Spec.Volumes, volume)
	mount.Name = volume.Name
	s.container.VolumeMounts = append(s.container.VolumeMounts, mount)
}

func (s *driverSpec) addEnv(name, value string) {
	s.container.Env = append(s.container.Env, corev1.EnvVar{Name: name, Value: value})
}

func (s *driverSpec) finish(conf *driverConf) Objects {
	// The driver container goes last, behind the sidecars of the template.
	s.pod.Spec.Containers = append(s.pod.Spec.Containers, *s.container)
	s.pod.Namespace = conf.namespace
	s.objects.Driver = s.pod
	s.objects.Warnings = s.warnings
	return s.objects
}

// objectMeta is the metadata of an object of this submission.
func (c *driverConf) objectMeta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: c.namespace}
}

// mergeProperties returns the final properties: the user's, overridden by those
// of the steps.
func (s *driverSpec) mergeProperties(conf *driverConf) map[string]string {
	merged := make(map[string]string, len(conf.values)+len(s.added))
	maps.Copy(merged, conf.values)
	maps.Copy(merged, s.added)
	return merged
}
