// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

const (
	// maxConnectName is the longest name with which NAME-server is a name of a Service.
	maxConnectName = validation.DNS1035LabelMaxLength - len("-server")
	// minMaxAge keeps a server from being stopped before it is of use.
	minMaxAge = time.Minute
)

// MinIdleTimeout is the shortest spec.idleTimeout, for the same reason.
const MinIdleTimeout = time.Minute

// ValidateSparkConnect returns all faults of a server: the field, its value, and how to
// fix it. It is the measure for new ones.
func ValidateSparkConnect(connect *v1alpha1.SparkConnect) field.ErrorList {
	faults, tolerable := ValidateStoredSparkConnect(connect)
	return joined(faults, tolerable)
}

// ValidateStoredSparkConnect is to servers what [ValidateStoredSparkApplication] is to
// applications.
func ValidateStoredSparkConnect(connect *v1alpha1.SparkConnect) (faults, tolerable field.ErrorList) {
	app, _ := translate.ConnectApplication(connect)
	ofApp, tolerable := validateSpec(app)
	c := &connectValidator{connect: connect, spec: &connect.Spec, app: app, root: field.NewPath("spec")}
	c.validateName()
	c.validateVersion()
	c.validateImages()
	c.validateMemory()
	c.validateExecutors()
	c.validatePorts()
	c.validateService()
	c.validateTimes()
	c.validateAuthentication()
	c.validateRoute()
	return joined(c.faults.List(), inTermsOfConnect(ofApp)), inTermsOfConnect(tolerable)
}

// inTermsOfConnect names the fields of the server, which are those of a driver.
func inTermsOfConnect(errs field.ErrorList) field.ErrorList {
	for _, err := range errs {
		if rest, ok := strings.CutPrefix(err.Field, "spec.driver"); ok {
			err.Field = "spec.server" + rest
		}
		err.Detail = strings.ReplaceAll(err.Detail, "spec.driver.", "spec.server.")
	}
	return errs
}

type connectValidator struct {
	connect *v1alpha1.SparkConnect
	spec    *v1alpha1.SparkConnectSpec
	app     *v1beta2.SparkApplication
	root    *field.Path
	faults  podspec.Faults
}

func (c *connectValidator) invalid(at *field.Path, value any, format string, arguments ...any) {
	c.faults.Add(field.Invalid(at, value, fmt.Sprintf(format, arguments...)))
}

func (c *connectValidator) validateName() {
	at, name := field.NewPath("metadata", "name"), c.connect.Name
	if reasons := validation.IsDNS1035Label(head(name)); len(reasons) > 0 {
		c.invalid(at, name, "invalid SparkConnect name %q: %s", head(name), strings.Join(reasons, ", "))
	} else if len(name) > maxConnectName {
		c.invalid(at, name, "invalid SparkConnect name %q: must be at most %d characters so that the derived Service name %q does not exceed "+
			"the DNS-1035 label length limit (63 characters)", name, maxConnectName, translate.ConnectServerName(c.connect))
	}
}

func (c *connectValidator) validateVersion() {
	at := c.root.Child("sparkVersion")
	if strings.TrimSpace(c.spec.SparkVersion) == "" {
		c.faults.Add(field.Required(at, "sparkVersion is required; set the Spark version of the image, such as "+sparkconf.NewestRelease().String()))
	} else if version := translate.SparkVersionOf(c.app); !version.AtLeast(3, 4) {
		c.invalid(at, c.spec.SparkVersion, "Spark Connect exists since Spark 3.4; use an image with a newer version")
	}
}

// validateImages requires an image of both roles. A property is tolerated where the
// rules of sparkConf tolerate it.
func (c *connectValidator) validateImages() {
	conf := c.spec.SparkConf
	for _, role := range []struct {
		image *string
		key   string
	}{{c.app.Spec.Driver.Image, sparkconf.DriverContainerImage}, {c.app.Spec.Executor.Image, sparkconf.ExecutorContainerImage}} {
		if (role.image == nil || *role.image == "") && conf[role.key] == "" && conf[sparkconf.ContainerImage] == "" {
			c.faults.Add(field.Required(c.root.Child("image"),
				"image must be specified in spec.image or in the selected server and executor template containers"))
			return
		}
	}
}

func (c *connectValidator) validateMemory() {
	version := translate.SparkVersionOf(c.app).Version
	for _, role := range []struct {
		name   string
		memory *string
	}{{"server", c.spec.Server.Memory}, {"executor", c.spec.Executor.Memory}} {
		if role.memory == nil || *role.memory == "" {
			continue
		}
		if amount, err := sparkconf.ParseMemory(*role.memory, sparkconf.Byte, version); err != nil || amount <= 0 {
			c.invalid(c.root.Child(role.name, "memory"), *role.memory, "invalid %s.memory: invalid memory format %q: "+
				"must be a non-negative integer with optional suffix (e.g., 1g, 512m, 1024k); Spark has no Gi and no fractions, and 0 is not enough",
				role.name, sparkconf.Excerpt(*role.memory, sparkconf.MaxValue))
		}
	}
}

// validateExecutors refuses numbers of executors with which Spark does not start.
func (c *connectValidator) validateExecutors() {
	dynamic := c.spec.DynamicAllocation
	if dynamic == nil || !dynamic.Enabled {
		if n := c.spec.Executor.Instances; n != nil && *n < 1 && !strings.EqualFold(strings.TrimSpace(c.spec.SparkConf[sparkconf.DynamicAllocationEnabled]), "true") {
			c.invalid(c.root.Child("executor", "instances"), *n, "Spark needs at least 1 executor without dynamic allocation; "+
				"set 1 or more, or enable spec.dynamicAllocation with minExecutors 0")
		}
		return
	}
	at, initial := c.root.Child("dynamicAllocation", "initialExecutors"), dynamic.InitialExecutors
	if initial == nil {
		return
	}
	low, high := dynamic.MinExecutors, dynamic.MaxExecutors
	switch {
	case *initial < 0:
		c.invalid(at, *initial, "dynamicAllocation.initialExecutors must be non-negative, got %d", *initial)
	case low != nil && *initial < *low:
		c.invalid(at, *initial, "dynamicAllocation.initialExecutors (%d) cannot be less than dynamicAllocation.minExecutors (%d)", *initial, *low)
	case high != nil && *initial > *high:
		c.invalid(at, *initial, "dynamicAllocation.initialExecutors (%d) cannot be greater than dynamicAllocation.maxExecutors (%d)", *initial, *high)
	}
}

// validatePorts requires fixed ports: the Service leads to them.
func (c *connectValidator) validatePorts() {
	for _, key := range []string{sparkconf.ConnectGRPCBindingPort, sparkconf.DriverPort, sparkconf.DriverBlockManagerPort, sparkconf.UIPort} {
		text, given := c.spec.SparkConf[key]
		if !given || hasReference(text) {
			continue
		}
		if _, err := translate.ConnectPort(text); err != nil {
			c.invalid(c.root.Child("sparkConf").Key(key), text, "%v", err)
		}
	}
}

func (c *connectValidator) validateService() {
	service := c.spec.Server.Service
	if service == nil {
		return
	}
	at := c.root.Child("server", "service")
	if name := service.Name; name != "" {
		if reasons := validation.IsDNS1035Label(head(name)); len(reasons) > 0 {
			c.invalid(at.Child("metadata", "name"), name, "not a valid name of a Service: %s", strings.Join(reasons, ", "))
		}
	}
	if namespace := service.Namespace; namespace != "" && namespace != c.connect.Namespace {
		c.invalid(at.Child("metadata", "namespace"), namespace, "the Service is created in the namespace of the SparkConnect; remove the field")
	}
	if service.Spec.Type == corev1.ServiceTypeExternalName {
		c.invalid(at.Child("spec", "type"), service.Spec.Type, "it does not lead to the server; use ClusterIP, NodePort or LoadBalancer")
	}
}

func (c *connectValidator) validateTimes() {
	if age := c.spec.MaxAge; age != nil && age.Duration < minMaxAge {
		c.invalid(c.root.Child("maxAge"), age.Duration.String(), "must be at least %v; remove it for no limit", minMaxAge)
	}
	c.validateIdleTimeout()
	for _, number := range []struct {
		name  string
		value int64
	}{{"timeToLiveSeconds", ptr.Deref(c.spec.TimeToLiveSeconds, 0)}, {"maxRestarts", int64(ptr.Deref(c.spec.MaxRestarts, 0))}} {
		if number.value < 0 {
			c.invalid(c.root.Child(number.name), number.value, "must not be negative; remove it for no limit")
		}
	}
}

// validateIdleTimeout refuses a timeout that can have no effect: the operator sees in the web
// UI whether a server is in use.
func (c *connectValidator) validateIdleTimeout() {
	timeout := c.spec.IdleTimeout
	if timeout == nil {
		return
	}
	at, value, age := c.root.Child("idleTimeout"), timeout.Duration.String(), c.spec.MaxAge
	switch {
	case timeout.Duration < MinIdleTimeout:
		c.invalid(at, value, "must be at least %v; remove it to keep idle servers", MinIdleTimeout)
	case age != nil && age.Duration >= minMaxAge && timeout.Duration > age.Duration:
		c.invalid(at, value, "must not be above spec.maxAge, %v, which stops the server before", age.Duration)
	}
	if version := translate.SparkVersionOf(c.app); version.AtLeast(3, 4) && !version.AtLeast(3, 5) {
		c.invalid(at, value, "Spark %s does not show whether its server is in use; use Spark 3.5 or newer, or spec.maxAge", c.spec.SparkVersion)
	}
	if strings.EqualFold(sparkconf.TrimSpace(c.spec.SparkConf[uiEnabled]), "false") {
		c.invalid(at, value, "needs the web UI, which spec.sparkConf[%s] turns off; remove the property, or use spec.maxAge", uiEnabled)
	}
}

const uiEnabled = "spark.ui.enabled"

// ConnectStart returns why a server would be stored but never be started although no rule
// of this package is broken, and what it says without effect: see [Submission].
func ConnectStart(connect *v1alpha1.SparkConnect) (refused string, warnings []string) {
	run, err := translate.PreviewConnect(connect, nil)
	if err != nil {
		return judgeRefusal("the start will be refused: ", err)
	}
	return "", append(connectWarnings(connect), run.Warnings...)
}

// connectWarnings are about what has no effect or is unwise.
func connectWarnings(connect *v1alpha1.SparkConnect) (warnings []string) {
	spec := &connect.Spec
	if template := spec.Server.Template; template != nil {
		if policy := template.Spec.RestartPolicy; policy != "" && policy != corev1.RestartPolicyNever {
			warnings = append(warnings, "spec.server.template.spec.restartPolicy: "+string(policy)+" has no effect: the operator replaces a server that ended; "+
				"spec.maxRestarts limits how often")
		}
	}
	if spec.IdleTimeout != nil {
		for _, key := range []string{"spark.ui.filters", "spark.ssl.enabled", "spark.ssl.ui.enabled"} {
			if value := sparkconf.TrimSpace(spec.SparkConf[key]); value != "" && !strings.EqualFold(value, "false") {
				warnings = append(warnings, "spec.idleTimeout: no effect if the operator cannot read the web UI without login and TLS, because of spec.sparkConf["+key+"]; use spec.maxAge")
			}
		}
	}
	for _, key := range translate.TokenProperties() {
		if _, given := spec.SparkConf[key]; given {
			warnings = append(warnings, "spec.sparkConf: who may read this object, its ConfigMap or the web UI can read "+key+"; "+
				"use spec.authentication, which takes the token from a Secret")
		}
	}
	return warnings
}
