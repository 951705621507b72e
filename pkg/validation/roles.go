// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// role is one of the two sorts of pods, with the properties that stand for
// fields that are not given.
type role struct {
	name podspec.Role
	*v1beta2.SparkPodSpec
	at                       *field.Path
	coreRequest, javaOptions *string
	ports                    []v1beta2.Port

	coresKey, requestKey, limitKey, javaOptionsKey string
}

// validateRoles checks the fields of driver and executors.
func (v *validator) validateRoles() {
	driver, executor := &v.spec.Driver, &v.spec.Executor
	for _, r := range []*role{{
		name: podspec.Driver, SparkPodSpec: &driver.SparkPodSpec, at: v.root.Child("driver"),
		coreRequest: driver.CoreRequest, javaOptions: driver.JavaOptions, ports: driver.Ports,
		coresKey: sparkconf.DriverCores, requestKey: sparkconf.DriverRequestCores, limitKey: sparkconf.DriverLimitCores,
		javaOptionsKey: sparkconf.DriverJavaOptions,
	}, {
		name: podspec.Executor, SparkPodSpec: &executor.SparkPodSpec, at: v.root.Child("executor"),
		coreRequest: executor.CoreRequest, javaOptions: executor.JavaOptions, ports: executor.Ports,
		coresKey: sparkconf.ExecutorCores, requestKey: sparkconf.ExecutorRequestCores, limitKey: sparkconf.ExecutorLimitCores,
		javaOptionsKey: sparkconf.ExecutorJavaOptions,
	}} {
		v.validateMetadata(r)
		v.validateEnv(r)
		v.validateCPU(r)
		v.validateJavaOptions(r)
		v.validatePorts(r)
		v.validateHostAliases(r.at.Child("hostAliases"), r.HostAliases)
		v.validatePod(r)
	}
	v.validateDriverName()
	v.validateExecutorMemoryOverhead()
	v.validateExecutorNamePrefix()
}

// validateMetadata checks labels and annotations.
func (v *validator) validateMetadata(r *role) {
	v.fail(metav1validation.ValidateLabels(substituted(r.Labels), r.at.Child("labels"))...)
	v.fail(apivalidation.ValidateAnnotations(withHeads(r.Annotations), r.at.Child("annotations"))...)
	if r.name == podspec.Driver {
		return // package submit refuses Spark's own labels there
	}
	for _, key := range []string{
		v1beta2.LabelSparkVersion, v1beta2.LabelSparkExecutorID, v1beta2.LabelSparkApplicationSelector, "spark-app-name",
		v1beta2.LabelSparkRole, "spark-exec-resourceprofile-id",
	} {
		if value, given := r.Labels[key]; given {
			v.fail(field.Invalid(r.at.Child("labels").Key(key), value,
				"Custom executor labels cannot contain "+key+" as it is reserved for Spark.; choose another key"))
		}
	}
}

// placeholders replaces the placeholders of ids by the longest ids.
var placeholders = strings.NewReplacer("{{APP_ID}}", "spark-00000000000000000000000000000000", "{{EXECUTOR_ID}}", "2147483647")

// substituted returns labels with values in place of what Spark replaces
// (Utils.substituteAppNExecIds).
func substituted(labels map[string]string) map[string]string {
	values := make(map[string]string, len(labels))
	for key, value := range labels {
		values[head(key)] = head(placeholders.Replace(value))
	}
	return values
}

// head returns the beginning of a name, of which the syntax is checked. A longer one is
// refused for its length, here or by the API server, and to check a text of 1 MB takes a tenth of a second.
func head(name string) string {
	const longest = 1 << 10
	return name[:min(len(name), longest)]
}

// withHeads returns annotations with the beginnings of their keys.
func withHeads(annotations map[string]string) map[string]string {
	heads := make(map[string]string, len(annotations))
	for key, value := range annotations {
		heads[head(key)] = value
	}
	return heads
}

func (v *validator) validateEnv(r *role) {
	for i, variable := range r.Env {
		if reasons := validation.IsRelaxedEnvVarName(head(variable.Name)); len(reasons) > 0 {
			v.fail(field.Invalid(r.at.Child("env").Index(i).Child("name"), variable.Name, strings.Join(reasons, ", ")))
		}
	}
}

// validateCPU checks that request and limit are quantities and in order.
func (v *validator) validateCPU(r *role) {
	refers := false // to other properties
	read := func(name string, value *string, key string) (resource.Quantity, bool) {
		at, text := r.at.Child(name), strings.TrimSpace(v.spec.SparkConf[key])
		switch {
		case value != nil && *value != "":
			text = *value
		case hasReference(text):
			refers = true
			return resource.Quantity{}, false
		case text != "":
			at = v.root.Child("sparkConf").Key(key)
		default:
			return resource.Quantity{}, false
		}
		quantity, err := resource.ParseQuantity(text)
		if err != nil || quantity.Sign() < 0 {
			v.fail(field.Invalid(at, text, "not an amount of CPU; use a value such as 500m or 1.5"))
			return resource.Quantity{}, false
		}
		return quantity, true
	}
	limit, limited := read("coreLimit", r.CoreLimit, r.limitKey)
	request, given := read("coreRequest", r.coreRequest, r.requestKey)
	if refers {
		return // Spark resolves them, then the submission or the API server compares
	}
	if !given {
		cores := int64(1)
		if text, ok := v.spec.SparkConf[r.coresKey]; ok {
			if n, ok := sparkconf.ParseInt(strings.TrimSpace(text)); ok {
				cores = int64(n)
			}
		}
		if r.Cores != nil {
			cores = int64(*r.Cores)
		}
		request = *resource.NewQuantity(cores, resource.DecimalSI)
	}
	if limited && limit.Cmp(request) < 0 {
		v.fail(field.Invalid(r.at.Child("coreLimit"), limit.String(), fmt.Sprintf(
			"the request of %s must be less than or equal to cpu limit of %s; raise the limit or lower coreRequest",
			request.String(), limit.String())))
	}
}

// hasReference reports whether Spark replaces a part of a property by another one.
func hasReference(value string) bool { return strings.Contains(value, "${") }

// validateJavaOptions refuses options with which the JVM is not started.
func (v *validator) validateJavaOptions(r *role) {
	at, options := r.at.Child("javaOptions"), ""
	if r.javaOptions != nil {
		options = *r.javaOptions
	}
	if options == "" {
		at, options = v.root.Child("sparkConf").Key(r.javaOptionsKey), v.spec.SparkConf[r.javaOptionsKey]
	}
	for option := range strings.FieldsSeq(options) {
		option = strings.TrimLeft(option, `"'`)
		var detail string
		switch heap := strings.HasPrefix(option, "-Xmx"); {
		case heap && r.name == podspec.Driver:
			detail = "Not allowed to specify max heap(Xmx) memory settings through java options (was " + options +
				"). Use the corresponding --driver-memory or spark.driver.memory configuration instead. Set it by spec.driver.memory"
		case heap:
			detail = r.javaOptionsKey + " is not allowed to specify max heap memory settings (was '" + options +
				"'). Use spark.executor.memory instead. Set it by spec.executor.memory"
		case r.name == podspec.Executor && strings.HasPrefix(option, "-Dspark"):
			detail = r.javaOptionsKey + " is not allowed to set Spark options (was '" + options + "'); set them in spec.sparkConf"
		default:
			continue
		}
		v.fail(field.Invalid(at, options, detail))
		return
	}
}

// validateDriverName checks the name that the driver pod is given.
func (v *validator) validateDriverName() {
	at, name := v.root.Child("driver", "podName"), ""
	if v.spec.Driver.PodName != nil {
		name = *v.spec.Driver.PodName
	}
	if name == "" {
		at, name = v.root.Child("sparkConf").Key(sparkconf.DriverPodName), v.spec.SparkConf[sparkconf.DriverPodName]
	}
	if name == "" || hasReference(name) {
		return
	}
	if reasons := validation.IsDNS1123Subdomain(head(name)); len(reasons) > 0 {
		v.fail(field.Invalid(at, name, strings.Join(reasons, ", ")))
	}
}

// validateExecutorMemoryOverhead reads what only the driver reads, when it
// starts its first executor.
func (v *validator) validateExecutorMemoryOverhead() {
	overhead := v.spec.Executor.MemoryOverhead
	if overhead == nil || *overhead == "" {
		return
	}
	version := translate.SparkVersionOf(v.app)
	if _, err := sparkconf.ParseBytes(*overhead, sparkconf.MiB, version.Version); err != nil {
		v.fail(field.Invalid(v.root.Child("executor", "memoryOverhead"), *overhead,
			"not an amount of memory in Spark's notation; use a value such as 512m or 1g"))
	}
}

// validateExecutorNamePrefix is the check of
// spark.kubernetes.executor.podNamePrefix in the driver.
func (v *validator) validateExecutorNamePrefix() {
	prefix, given := v.spec.SparkConf[sparkconf.ExecutorPodNamePrefix]
	// The longest name is <prefix>-exec-2147483647.
	const longest = validation.DNS1123SubdomainMaxLength - len("-exec-2147483647")
	if !given || hasReference(prefix) || len(prefix) <= longest && len(validation.IsDNS1123Subdomain(prefix)) == 0 {
		return
	}
	v.fail(field.Invalid(v.root.Child("sparkConf").Key(sparkconf.ExecutorPodNamePrefix), prefix,
		"must conform https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names "+
			"and the value length <= "+strconv.Itoa(longest)))
}

// validatePod puts the typed fields on the template and reports where they
// contradict each other. Contradictions with what Spark adds show at submission.
func (v *validator) validatePod(r *role) {
	pod := &corev1.PodSpec{}
	if r.Template != nil {
		r.Template.Spec.DeepCopyInto(pod)
		v.validateTemplate(r)
	}
	container := podspec.SparkContainer(pod, r.name, v.spec.SparkConf[r.name.ContainerNameKey()])
	if container < 0 {
		pod.Containers = append(pod.Containers, corev1.Container{Name: r.name.ContainerName()})
		container = 0
	}
	fields := podspec.FieldsOf(v.app, r.name)
	_, errs := fields.Apply(pod, container)
	v.fail(errs...)
	for i := range pod.Volumes {
		if reasons := validation.IsDNS1123Label(head(pod.Volumes[i].Name)); len(reasons) > 0 {
			v.fail(field.Invalid(r.at.Child("volumeMounts"), pod.Volumes[i].Name, "not a valid name of a volume: "+strings.Join(reasons, ", ")))
		}
	}
}

// validateTemplateContainers checks what the API server would refuse about the
// containers of the template that are not Spark's.
func (v *validator) validateTemplateContainers(r *role) {
	template := &r.Template.Spec
	spark := podspec.SparkContainer(template, r.name, v.spec.SparkConf[r.name.ContainerNameKey()])
	names := make(map[string]bool, len(template.Containers)+len(template.InitContainers))
	check := func(containers []corev1.Container, list string, spark int) {
		for i := range containers {
			at, c := r.at.Child("template", "spec", list).Index(i), &containers[i]
			if i == spark && c.Name == "" {
				continue
			}
			if reasons := validation.IsDNS1123Label(head(c.Name)); len(reasons) > 0 {
				v.fail(field.Invalid(at.Child("name"), c.Name, strings.Join(reasons, ", ")))
			} else if names[c.Name] {
				err := field.Duplicate(at.Child("name"), c.Name)
				err.Detail = "rename one of the containers"
				v.fail(err)
			}
			names[c.Name] = true
			if c.Image == "" && i != spark {
				v.fail(field.Required(at.Child("image"), "only the Spark container gets an image from spec.image"))
			}
		}
	}
	check(template.InitContainers, "initContainers", -1)
	check(template.Containers, "containers", spark)
}
