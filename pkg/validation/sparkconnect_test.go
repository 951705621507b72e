// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

func newConnect(edit func(*v1alpha1.SparkConnect)) *v1alpha1.SparkConnect {
	connect := &v1alpha1.SparkConnect{ObjectMeta: metav1.ObjectMeta{Name: "lab", Namespace: "jobs"}}
	connect.Spec.SparkVersion, connect.Spec.Image = "4.3.0", ptr.To("apache/spark:4.3.0")
	edit(connect)
	return connect
}

// TestInvalidServersAreRefused: each fault has a text with the field, in one line. The
// texts of kubeflow/spark-operator are among them.
func TestInvalidServersAreRefused(t *testing.T) {
	conf := func(key, value string) func(*v1alpha1.SparkConnect) {
		return func(c *v1alpha1.SparkConnect) { c.Spec.SparkConf = map[string]string{key: value} }
	}
	dynamic := func(d v1beta2.DynamicAllocation) func(*v1alpha1.SparkConnect) {
		d.Enabled = true
		return func(c *v1alpha1.SparkConnect) { c.Spec.DynamicAllocation = &d }
	}
	service := func(s corev1.Service) func(*v1alpha1.SparkConnect) {
		return func(c *v1alpha1.SparkConnect) { c.Spec.Server.Service = &s }
	}
	authentication := func(version string, a v1alpha1.Authentication) func(*v1alpha1.SparkConnect) {
		return func(c *v1alpha1.SparkConnect) { c.Spec.SparkVersion, c.Spec.Authentication = version, &a }
	}
	route := func(r v1alpha1.Route) func(*v1alpha1.SparkConnect) {
		return func(c *v1alpha1.SparkConnect) { c.Spec.Route = &r }
	}
	for name, test := range map[string]struct {
		edit func(*v1alpha1.SparkConnect)
		want string
	}{
		"long name":       {func(c *v1alpha1.SparkConnect) { c.Name = strings.Repeat("a", 57) }, `must be at most 56 characters so that the derived Service name`},
		"dotted name":     {func(c *v1alpha1.SparkConnect) { c.Name = "lab.one" }, `invalid SparkConnect name "lab.one": `},
		"digit first":     {func(c *v1alpha1.SparkConnect) { c.Name = "1lab" }, `invalid SparkConnect name "1lab": `},
		"no version":      {func(c *v1alpha1.SparkConnect) { c.Spec.SparkVersion = "" }, `spec.sparkVersion: Required value: sparkVersion is required`},
		"old version":     {func(c *v1alpha1.SparkConnect) { c.Spec.SparkVersion = "3.3.4" }, `spec.sparkVersion: Invalid value: "3.3.4": Spark Connect exists since Spark 3.4`},
		"no image":        {func(c *v1alpha1.SparkConnect) { c.Spec.Image = nil }, `image must be specified in spec.image or in the selected server and executor template containers`},
		"fraction":        {func(c *v1alpha1.SparkConnect) { c.Spec.Server.Memory = ptr.To("1.5g") }, `spec.server.memory: Invalid value: "1.5g": invalid server.memory: invalid memory format "1.5g"`},
		"Gi":              {func(c *v1alpha1.SparkConnect) { c.Spec.SparkVersion = "4.0.0"; c.Spec.Executor.Memory = ptr.To("1Gi") }, `invalid executor.memory: invalid memory format "1Gi"`},
		"no memory":       {func(c *v1alpha1.SparkConnect) { c.Spec.Executor.Memory = ptr.To("0") }, `spec.executor.memory`},
		"no executors":    {func(c *v1alpha1.SparkConnect) { c.Spec.Executor.Instances = ptr.To[int32](0) }, `Spark needs at least 1 executor without dynamic allocation`},
		"min over max":    {dynamic(v1beta2.DynamicAllocation{MinExecutors: ptr.To[int32](3), MaxExecutors: ptr.To[int32](2)}), `dynamicAllocation.minExecutors (3) cannot be greater than dynamicAllocation.maxExecutors (2)`},
		"initial low":     {dynamic(v1beta2.DynamicAllocation{InitialExecutors: ptr.To[int32](1), MinExecutors: ptr.To[int32](2)}), `dynamicAllocation.initialExecutors (1) cannot be less than dynamicAllocation.minExecutors (2)`},
		"initial high":    {dynamic(v1beta2.DynamicAllocation{InitialExecutors: ptr.To[int32](5), MaxExecutors: ptr.To[int32](2)}), `dynamicAllocation.initialExecutors (5) cannot be greater than dynamicAllocation.maxExecutors (2)`},
		"negative":        {dynamic(v1beta2.DynamicAllocation{InitialExecutors: ptr.To[int32](-1)}), `must be non-negative, got -1`},
		"port 0":          {conf("spark.connect.grpc.binding.port", "0"), `spec.sparkConf[spark.connect.grpc.binding.port]: Invalid value: "0": the Service of the server needs a fixed port`},
		"port text":       {conf("spark.connect.grpc.binding.port", "high"), `needs a fixed port`},
		"driver port":     {conf("spark.driver.port", "0"), `spec.sparkConf[spark.driver.port]`},
		"master":          {conf("spark.master", "local"), `sparkConf key "spark.master" is not allowed: this value is managed by the operator`},
		"namespace":       {conf("spark.kubernetes.namespace", "other"), `must equal the application namespace "jobs", got "other"`},
		"service name":    {service(corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "Lab"}}), `spec.server.service.metadata.name: Invalid value: "Lab"`},
		"elsewhere":       {service(corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "other"}}), `spec.server.service.metadata.namespace`},
		"external":        {service(corev1.Service{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName}}), `spec.server.service.spec.type`},
		"young":           {func(c *v1alpha1.SparkConnect) { c.Spec.MaxAge = &metav1.Duration{Duration: time.Second} }, `spec.maxAge: Invalid value: "1s": must be at least 1m0s`},
		"negative TTL":    {func(c *v1alpha1.SparkConnect) { c.Spec.TimeToLiveSeconds = ptr.To[int64](-1) }, `spec.timeToLiveSeconds`},
		"no token":        {authentication("4.0.0", v1alpha1.Authentication{}), `spec.authentication: Forbidden: set either tokenSecret, or generate to true`},
		"two tokens":      {authentication("4.0.0", v1alpha1.Authentication{Generate: true, TokenSecret: &v1alpha1.TokenSecret{Name: "team"}}), `spec.authentication: Forbidden: set either`},
		"token and 3.5":   {authentication("3.5.6", v1alpha1.Authentication{Generate: true}), `spec.authentication: Forbidden: Spark 3.5.6 does not check tokens; use Spark 4.0 or newer`},
		"name of a token": {authentication("4.0.0", v1alpha1.Authentication{TokenSecret: &v1alpha1.TokenSecret{Name: "Team/x"}}), `spec.authentication.tokenSecret.name: Invalid value: "Team/x"`},
		"key of a token":  {authentication("4.0.0", v1alpha1.Authentication{TokenSecret: &v1alpha1.TokenSecret{Name: "team", Key: "a/b"}}), `spec.authentication.tokenSecret.key: Invalid value: "a/b"`},
		"token twice": {func(c *v1alpha1.SparkConnect) {
			authentication("4.0.0", v1alpha1.Authentication{Generate: true})(c)
			conf("spark.connect.authenticate.token", "abc")(c)
		}, `spec.sparkConf[spark.connect.authenticate.token]: Forbidden: Spark would use this property and not the Secret`},
		"no host":               {route(v1alpha1.Route{Type: "Ingress"}), `spec.route.host: Invalid value: "": not the name of a host; use one such as connect.example.com`},
		"address as host":       {route(v1alpha1.Route{Type: "Ingress", Host: "10.0.0.1"}), `spec.route.host: Invalid value: "10.0.0.1"`},
		"wildcard":              {route(v1alpha1.Route{Type: "Ingress", Host: "*.example.com"}), `spec.route.host: Invalid value: "*.example.com"`},
		"host with port":        {route(v1alpha1.Route{Type: "Ingress", Host: "a.example.com:443"}), `without port and wildcard`},
		"one host":              {route(v1alpha1.Route{Type: "Ingress", Host: "a.example.com", UIHost: "a.example.com"}), `spec.route.uiHost: Invalid value: "a.example.com": must differ from spec.route.host`},
		"type of a route":       {route(v1alpha1.Route{Type: "Route", Host: "a.example.com"}), `spec.route.type: Unsupported value: "Route"`},
		"class":                 {route(v1alpha1.Route{Type: "Ingress", Host: "a.example.com", Class: "N"}), `spec.route.class: Invalid value: "N"`},
		"no gateway":            {route(v1alpha1.Route{Type: "GRPCRoute", Host: "a.example.com"}), `spec.route.parentRefs: Required value: name a Gateway`},
		"gateway":               {route(v1alpha1.Route{Type: "GRPCRoute", Host: "a.example.com", ParentRefs: []v1beta2.RouteGateway{{Name: "G"}}}), `spec.route.parentRefs[0].name: Invalid value: "G"`},
		"class and gateway":     {route(v1alpha1.Route{Type: "GRPCRoute", Host: "a.example.com", Class: "n", ParentRefs: []v1beta2.RouteGateway{{Name: "g"}}}), `spec.route.class: Forbidden: is for the type Ingress only`},
		"certificate":           {route(v1alpha1.Route{Type: "GRPCRoute", Host: "a.example.com", TLSSecretName: "t", ParentRefs: []v1beta2.RouteGateway{{Name: "g"}}}), `spec.route.tlsSecretName: Forbidden`},
		"gateway of an Ingress": {route(v1alpha1.Route{Type: "Ingress", Host: "a.example.com", ParentRefs: []v1beta2.RouteGateway{{Name: "g"}}}), `spec.route.parentRefs: Forbidden: is for the type GRPCRoute only`},
		"container": {func(c *v1alpha1.SparkConnect) {
			c.Spec.Server.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "spark"}, {Name: "spark"}}}}
		}, `spec.server.template.spec.containers[1].name`},
	} {
		t.Run(name, func(t *testing.T) {
			errs := ValidateSparkConnect(newConnect(test.edit))
			if len(errs) == 0 {
				t.Fatal("not refused")
			}
			text := errs.ToAggregate().Error()
			if !strings.Contains(text, test.want) || strings.Contains(text, "\n") || strings.Contains(text, "spec.driver") {
				t.Errorf("%s, want %s", text, test.want)
			}
		})
	}
}

func TestValidServersPass(t *testing.T) {
	for name, edit := range map[string]func(*v1alpha1.SparkConnect){
		"minimal": func(*v1alpha1.SparkConnect) {},
		"images of templates": func(c *v1alpha1.SparkConnect) {
			c.Spec.Image = nil
			template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "any", Image: "spark:4"}}}}
			c.Spec.Server.Template, c.Spec.Executor.Template = template, template
		},
		"no executors with dynamic allocation": func(c *v1alpha1.SparkConnect) {
			c.Spec.Executor.Instances = ptr.To[int32](0)
			c.Spec.DynamicAllocation = &v1beta2.DynamicAllocation{Enabled: true, MinExecutors: ptr.To[int32](0)}
		},
		"token and Ingress": func(c *v1alpha1.SparkConnect) {
			c.Spec.Authentication = &v1alpha1.Authentication{TokenSecret: &v1alpha1.TokenSecret{Name: "team", Key: "token.txt"}}
			c.Spec.Route = &v1alpha1.Route{Type: "Ingress", Host: "a.example.com", UIHost: "b.example.com", Class: "nginx", TLSSecretName: "t"}
		},
		"generated token and GRPCRoute": func(c *v1alpha1.SparkConnect) {
			c.Spec.Authentication = &v1alpha1.Authentication{Generate: true}
			c.Spec.Route = &v1alpha1.Route{Type: "GRPCRoute", Host: "a.example.com", ParentRefs: []v1beta2.RouteGateway{{Name: "g", Namespace: "infra", SectionName: "https"}}}
		},
		"bind address of kubeflow's documentation": func(c *v1alpha1.SparkConnect) {
			c.Spec.SparkConf = map[string]string{"spark.driver.bindAddress": "0.0.0.0", "spark.driver.host": "lab"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			connect := newConnect(edit)
			if errs := ValidateSparkConnect(connect); len(errs) > 0 {
				t.Errorf("refused: %v", errs.ToAggregate())
			}
			if refused, _ := ConnectStart(connect); refused != "" {
				t.Errorf("the start is refused: %s", refused)
			}
		})
	}
}

func TestWhatHasNoEffectIsWarnedAbout(t *testing.T) {
	connect := newConnect(func(c *v1alpha1.SparkConnect) {
		c.Spec.SparkConf = map[string]string{"spark.driver.host": "lab", "spark.connect.authenticate.token": "secret", "spark.executorEnv.SPARK_CONNECT_AUTHENTICATE_TOKEN": "secret"}
		c.Spec.Server.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyAlways}}
	})
	_, warnings := ConnectStart(connect)
	text := strings.Join(warnings, "\n")
	for _, want := range []string{"spark.driver.host has no effect", "restartPolicy: Always has no effect", "can read spark.connect.authenticate.token", "can read spark.executorEnv.SPARK_CONNECT"} {
		if !strings.Contains(text, want) {
			t.Errorf("no warning %q in %s", want, text)
		}
	}
	if strings.Contains(text, "secret\n") {
		t.Errorf("the token is in a warning: %s", text)
	}
}
