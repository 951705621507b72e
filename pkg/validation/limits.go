// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Sizes of lists and maps, far above what a kubelet starts: they bound what one
// application makes others wait for. The CRD has the same numbers for the fields
// that are ours; a pod template, of which the CRD has no schema, is checked here
// alone.
const (
	maxProperties    = 20000 // sparkConf and hadoopConf; a ConfigMap has room for about as many
	maxVariables     = 10000
	maxDependencies  = 10000 // of each kind
	maxHostAliases   = 5000
	maxPorts         = 5000
	maxVolumes       = 2000 // also mounts, ConfigMaps, Secrets and sources of variables
	maxMetadata      = 2000 // labels, annotations, node selectors
	maxTolerations   = 1000
	maxResources     = 1000 // kinds of resources in a list
	maxExitCodes     = 255
	maxPullSecrets   = 1000
	maxContainers    = 500      // of each kind
	maxDriverIngress = 200      // each is a Service and an Ingress
	maxAddress       = 32 << 10 // bytes
	maxURLFormat     = 512      // bytes
	maxGateways      = 32       // of an HTTPRoute; the Gateway API has the same limit
)

// validateLimits refuses what is larger than any pod or application that runs.
func (v *validator) validateLimits() {
	spec := v.spec
	limit := func(at *field.Path, n, most int, what string) {
		if n > most {
			v.fail(&field.Error{
				Type: field.ErrorTypeTooMany, Field: at.String(), BadValue: n,
				Detail: "must have at most " + strconv.Itoa(most) + " " + what,
			})
		}
	}
	at := func(names ...string) *field.Path { return v.root.Child(names[0], names[1:]...) }
	limit(field.NewPath("metadata", "labels"), len(v.app.Labels), maxMetadata, "labels") // passed on to the pods
	limit(at("sparkConf"), len(spec.SparkConf), maxProperties, "properties")
	limit(at("hadoopConf"), len(spec.HadoopConf), maxProperties, "properties")
	if file := spec.MainApplicationFile; file != nil {
		limit(at("mainApplicationFile"), len(*file), maxAddress, "bytes")
	}
	limit(at("volumes"), len(spec.Volumes), maxVolumes, "volumes")
	limit(at("nodeSelector"), len(spec.NodeSelector), maxMetadata, "labels")
	limit(at("imagePullSecrets"), len(spec.ImagePullSecrets), maxPullSecrets, "names")
	limit(at("driverIngressOptions"), len(spec.DriverIngressOptions), maxDriverIngress, "ports")
	for i := range spec.DriverIngressOptions {
		limit(at("driverIngressOptions").Index(i).Child("ingressURLFormat"), len(spec.DriverIngressOptions[i].IngressURLFormat), maxURLFormat, "bytes")
	}
	limit(at("restartPolicy", "nonRetryableExitCodes"), len(spec.RestartPolicy.NonRetryableExitCodes), maxExitCodes, "exit codes")
	if options := spec.SparkUIOptions; options != nil {
		limit(at("sparkUIOptions", "routeGateways"), len(options.RouteGateways), maxGateways, "gateways")
	}
	if options := spec.BatchSchedulerOptions; options != nil {
		limit(at("batchSchedulerOptions", "resources"), len(options.Resources), maxResources, "resources")
	}
	for _, list := range []struct {
		name    string
		entries []string
	}{
		{"jars", spec.Deps.Jars},
		{"files", spec.Deps.Files},
		{"pyFiles", spec.Deps.PyFiles},
		{"packages", spec.Deps.Packages},
		{"excludePackages", spec.Deps.ExcludePackages},
		{"repositories", spec.Deps.Repositories},
		{"archives", spec.Deps.Archives},
	} {
		limit(at("deps", list.name), len(list.entries), maxDependencies, "entries")
	}
	limit(at("driver", "serviceLabels"), len(spec.Driver.ServiceLabels), maxMetadata, "labels")
	limit(at("driver", "serviceAnnotations"), len(spec.Driver.ServiceAnnotations), maxMetadata, "annotations")
	limit(at("driver", "ports"), len(spec.Driver.Ports), maxPorts, "ports")
	limit(at("executor", "ports"), len(spec.Executor.Ports), maxPorts, "ports")
	for _, role := range []struct {
		name string
		pod  *v1beta2.SparkPodSpec
	}{{"driver", &spec.Driver.SparkPodSpec}, {"executor", &spec.Executor.SparkPodSpec}} {
		limitRole(at(role.name), role.pod, limit)
		if role.pod.Template != nil {
			limitPod(at(role.name, "template", "spec"), &role.pod.Template.Spec, limit)
		}
	}
}

type limiter func(at *field.Path, n, most int, what string)

func limitRole(at *field.Path, pod *v1beta2.SparkPodSpec, limit limiter) {
	limit(at.Child("configMaps"), len(pod.ConfigMaps), maxVolumes, "ConfigMaps")
	limit(at.Child("secrets"), len(pod.Secrets), maxVolumes, "Secrets")
	limit(at.Child("env"), len(pod.Env), maxVariables, "variables")
	limit(at.Child("envVars"), len(pod.EnvVars), maxVariables, "variables")
	limit(at.Child("envSecretKeyRefs"), len(pod.EnvSecretKeyRefs), maxVariables, "variables")
	limit(at.Child("envFrom"), len(pod.EnvFrom), maxVolumes, "sources")
	limit(at.Child("labels"), len(pod.Labels), maxMetadata, "labels")
	limit(at.Child("annotations"), len(pod.Annotations), maxMetadata, "annotations")
	limit(at.Child("volumeMounts"), len(pod.VolumeMounts), maxVolumes, "mounts")
	limit(at.Child("tolerations"), len(pod.Tolerations), maxTolerations, "tolerations")
	limit(at.Child("nodeSelector"), len(pod.NodeSelector), maxMetadata, "labels")
	limit(at.Child("hostAliases"), len(pod.HostAliases), maxHostAliases, "addresses")
	limitContainers(at, "sidecars", pod.Sidecars, limit)
	limitContainers(at, "initContainers", pod.InitContainers, limit)
}

func limitPod(at *field.Path, pod *corev1.PodSpec, limit limiter) {
	limit(at.Child("volumes"), len(pod.Volumes), maxVolumes, "volumes")
	limit(at.Child("tolerations"), len(pod.Tolerations), maxTolerations, "tolerations")
	limit(at.Child("nodeSelector"), len(pod.NodeSelector), maxMetadata, "labels")
	limit(at.Child("hostAliases"), len(pod.HostAliases), maxHostAliases, "addresses")
	limit(at.Child("imagePullSecrets"), len(pod.ImagePullSecrets), maxPullSecrets, "names")
	limit(at.Child("overhead"), len(pod.Overhead), maxResources, "resources")
	if pod.Resources != nil {
		limitResources(at, pod.Resources, limit)
	}
	limitContainers(at, "containers", pod.Containers, limit)
	limitContainers(at, "initContainers", pod.InitContainers, limit)
}

func limitContainers(at *field.Path, list string, containers []corev1.Container, limit limiter) {
	limit(at.Child(list), len(containers), maxContainers, "containers")
	for i := range containers {
		container := &containers[i]
		if resources := &container.Resources; len(resources.Limits)+len(resources.Requests) > maxResources {
			limitResources(at.Child(list).Index(i), resources, limit)
		}
		if len(container.Env)+len(container.EnvFrom)+len(container.VolumeMounts)+len(container.Ports) <= maxVolumes {
			continue
		}
		at := at.Child(list).Index(i)
		limit(at.Child("env"), len(container.Env), maxVariables, "variables")
		limit(at.Child("envFrom"), len(container.EnvFrom), maxVolumes, "sources")
		limit(at.Child("volumeMounts"), len(container.VolumeMounts), maxVolumes, "mounts")
		limit(at.Child("ports"), len(container.Ports), maxPorts, "ports")
	}
}

func limitResources(at *field.Path, resources *corev1.ResourceRequirements, limit limiter) {
	limit(at.Child("resources", "limits"), len(resources.Limits), maxResources, "resources")
	limit(at.Child("resources", "requests"), len(resources.Requests), maxResources, "resources")
}
