// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// ValidateSparkApplication returns all faults of an application: the field, its
// value, and how to fix it. It is the measure for new applications.
func ValidateSparkApplication(app *v1beta2.SparkApplication) field.ErrorList {
	faults, tolerable := ValidateStoredSparkApplication(app)
	return joined(faults, tolerable)
}

// ValidateStoredSparkApplication judges an application that exists. Tolerable are
// the faults that only admission refuses: it can run nevertheless, and does with
// kubeflow/spark-operator where no webhook refused it.
func ValidateStoredSparkApplication(app *v1beta2.SparkApplication) (faults, tolerable field.ErrorList) {
	faults, tolerable = validateName("SparkApplication", app.Name)
	more, tolerableToo := validateSpec(app)
	return joined(faults, more), joined(tolerable, tolerableToo)
}

// joined makes one bounded list of several.
func joined(lists ...field.ErrorList) field.ErrorList {
	var faults podspec.Faults
	for _, list := range lists {
		faults.Add(list...)
	}
	return faults.List()
}

// validateName requires a name from which those of Services and labels can be
// made. Services of the driver have names of their own where this one will not do;
// that of the web UI depends on the API server, which newer versions of Kubernetes
// let begin with a digit.
func validateName(kind, name string) (faults, tolerable field.ErrorList) {
	reasons := validation.IsDNS1035Label(name)
	if len(reasons) == 0 {
		return nil, nil
	}
	errs := field.ErrorList{field.Invalid(field.NewPath("metadata", "name"), name,
		fmt.Sprintf("invalid %s name %q: %s", kind, name, strings.Join(reasons, ", ")))}
	if len(validation.IsDNS1123Subdomain(name)) == 0 && len(validation.IsValidLabelValue(name)) == 0 {
		return nil, errs
	}
	return errs, nil
}

func validateSpec(app *v1beta2.SparkApplication) (faults, tolerable field.ErrorList) {
	v := &validator{app: app, spec: &app.Spec, root: field.NewPath("spec")}
	if v.validateLimits(); len(v.faults.List()) > 0 {
		return v.faults.List(), nil // nothing else is worth the work
	}
	v.validateType()
	v.validateMode()
	v.validateImagePullPolicy()
	v.validateTemplates()
	v.validateNodeSelectors()
	v.validateDriverIngresses()
	v.validateSparkConf()
	v.validateDynamicAllocation()
	v.validateVolumes()
	v.validateRestartPolicy()
	v.validateTimeouts()
	v.validateCleanupPolicy()
	v.validateHistory()
	v.validateRoles()
	return v.faults.List(), v.tolerable.List()
}

// validator collects the faults of one application.
type validator struct {
	app  *v1beta2.SparkApplication
	spec *v1beta2.SparkApplicationSpec
	root *field.Path

	faults podspec.Faults
	// tolerable are faults with which the application can run.
	tolerable podspec.Faults
}

func (v *validator) fail(errs ...*field.Error) { v.faults.Add(errs...) }

func (v *validator) validateMode() {
	switch mode := v.spec.Mode; mode {
	case "", v1beta2.DeployModeCluster:
	default:
		v.fail(field.Invalid(v.root.Child("mode"), mode,
			"a driver never runs inside the operator; use cluster or remove it"))
	}
}

func (v *validator) validateType() {
	switch kind := v.spec.Type; kind {
	case "", v1beta2.SparkApplicationTypeJava, v1beta2.SparkApplicationTypeScala, v1beta2.SparkApplicationTypePython, v1beta2.SparkApplicationTypeR:
	default:
		v.fail(field.NotSupported(v.root.Child("type"), kind, []v1beta2.SparkApplicationType{
			v1beta2.SparkApplicationTypeJava, v1beta2.SparkApplicationTypeScala, v1beta2.SparkApplicationTypePython, v1beta2.SparkApplicationTypeR,
		}))
	}
}

// validateTemplates refuses pod templates where Spark has none.
func (v *validator) validateTemplates() {
	if v.spec.Driver.Template == nil && v.spec.Executor.Template == nil {
		return
	}
	if version := translate.SparkVersionOf(v.app); !version.AtLeast(3, 0) {
		v.fail(field.Invalid(v.root.Child("sparkVersion"), v.spec.SparkVersion,
			"pod template feature requires Spark version 3.0.0 or higher; set the Spark version of the image, or remove the template"))
	}
}

func (v *validator) validateNodeSelectors() {
	if len(v.spec.NodeSelector) > 0 && len(v.spec.Driver.NodeSelector)+len(v.spec.Executor.NodeSelector) > 0 {
		v.tolerable.Add(field.Forbidden(v.root.Child("nodeSelector"),
			"node selector cannot be defined at both SparkApplication and Driver/Executor; remove one of them"))
	}
}

// validateDriverIngresses checks the further ports of the driver.
func (v *validator) validateDriverIngresses() {
	ports := make(map[int32]bool, len(v.spec.DriverIngressOptions))
	formats := make(map[string]bool, len(v.spec.DriverIngressOptions))
	for i, ingress := range v.spec.DriverIngressOptions {
		at := v.root.Child("driverIngressOptions").Index(i)
		switch port := ingress.ServicePort; {
		case port == nil:
			v.fail(field.Required(at.Child("servicePort"), "DriverIngressOptions has nill ServicePort; set the driver's port"))
		case ports[*port]:
			err := field.Duplicate(at.Child("servicePort"), *port)
			err.Detail = fmt.Sprintf("DriverIngressOptions has duplicate ServicePort: %d; list each port once", *port)
			v.fail(err)
		default:
			ports[*port] = true
		}
		switch format := ingress.IngressURLFormat; {
		case format == "":
			v.fail(field.Required(at.Child("ingressURLFormat"),
				"DriverIngressOptions has empty IngressURLFormat; use a value such as {{$appName}}.example.com"))
		case formats[format]:
			err := field.Duplicate(at.Child("ingressURLFormat"), format)
			err.Detail = fmt.Sprintf("DriverIngressOptions has duplicate IngressURLFormat: %s; use a different one for each port", format)
			v.fail(err)
		default:
			formats[format] = true
		}
	}
}

// validateDynamicAllocation refuses what Spark refuses when the driver starts
// (ExecutorAllocationManager.validateSettings).
func (v *validator) validateDynamicAllocation() {
	dynamic := v.spec.DynamicAllocation
	if dynamic == nil || !dynamic.Enabled {
		return
	}
	at := v.root.Child("dynamicAllocation")
	for _, count := range []struct {
		name  string
		value *int32
		least int32
	}{
		{"minExecutors", dynamic.MinExecutors, 0},
		{"maxExecutors", dynamic.MaxExecutors, 1},
	} {
		if count.value != nil && *count.value < count.least {
			v.fail(field.Invalid(at.Child(count.name), *count.value, fmt.Sprintf("must be at least %d", count.least)))
		}
	}
	if low, high := dynamic.MinExecutors, dynamic.MaxExecutors; low != nil && high != nil && *low > *high {
		v.fail(field.Invalid(at.Child("minExecutors"), *low, fmt.Sprintf(
			"dynamicAllocation.minExecutors (%d) cannot be greater than dynamicAllocation.maxExecutors (%d)", *low, *high)))
	}
}

// validateVolumes refuses volumes of the same name that differ: only one of them
// would be mounted.
func (v *validator) validateVolumes() {
	v.validateVolumeSources(v.root.Child("volumes"), v.spec.Volumes)
	first := make(map[string]int, len(v.spec.Volumes))
	for i := range v.spec.Volumes {
		volume := &v.spec.Volumes[i]
		j, taken := first[volume.Name]
		if !taken {
			first[volume.Name] = i
			continue
		}
		if !equality.Semantic.DeepEqual(&v.spec.Volumes[j], volume) {
			err := field.Duplicate(v.root.Child("volumes").Index(i).Child("name"), volume.Name)
			err.Detail = fmt.Sprintf("spec.volumes[%d] has this name as well and differs; rename one of them", j)
			v.fail(err)
		}
	}
}
