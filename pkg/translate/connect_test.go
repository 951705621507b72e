// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

func newConnect(edits ...func(*v1alpha1.SparkConnect)) *v1alpha1.SparkConnect {
	connect := &v1alpha1.SparkConnect{ObjectMeta: metav1.ObjectMeta{Name: "lab", Namespace: "jobs", UID: "lab-uid"}}
	connect.Spec.SparkVersion, connect.Spec.Image = "4.3.0", ptr.To("apache/spark:4.3.0")
	for _, edit := range edits {
		edit(connect)
	}
	return connect
}

func buildConnect(t *testing.T, connect *v1alpha1.SparkConnect) *ConnectRun {
	t.Helper()
	run, err := PreviewConnect(connect, nil)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// The server is a process of its own, without a shell, that ends with a signal; executors
// find it by the name of a headless Service before it accepts sessions.
func TestServerIsADriverWithSparksOwnMainClass(t *testing.T) {
	run := buildConnect(t, newConnect())
	container := run.Pod.Spec.Containers[0]
	if len(container.Command) != 0 || !slices.Equal(container.Args, []string{
		"driver", "--properties-file", "/opt/spark/conf/spark.properties", "--class", submit.ConnectServer, "spark-internal",
	}) {
		t.Errorf("command %q, arguments %q", container.Command, container.Args)
	}
	properties := run.ConfigMap.Data["spark.properties"]
	for _, want := range []string{
		"spark.driver.host=" + run.Driver.Name + ".jobs.svc\n", "spark.executor.failuresValidityInterval=1h\n", "spark.executor.maxNumFailures=20\n", "spark.kubernetes.driver.pod.name=lab-server\n",
		"spark.kubernetes.executor.podNamePrefix=lab-", "name: lab-conf\n", "spark.kubernetes.executor.label.sparkoperator.k8s.io/connect-name=lab\n",
	} {
		if !strings.Contains(properties, want) {
			t.Errorf("the properties lack %q:\n%s", want, properties)
		}
	}
	if !run.Driver.Spec.PublishNotReadyAddresses || run.ConfigMap.Immutable != nil {
		t.Errorf("publishNotReadyAddresses %v, immutable %v", run.Driver.Spec.PublishNotReadyAddresses, run.ConfigMap.Immutable)
	}
	for key, value := range run.Driver.Spec.Selector {
		if run.Pod.Labels[key] != value {
			t.Errorf("the headless Service selects %s=%s, the pod has %q", key, value, run.Pod.Labels[key])
		}
	}
	for key, value := range run.Service.Spec.Selector {
		if run.Pod.Labels[key] != value || key == "spark-version" {
			t.Errorf("the Service selects %s=%s, the pod has %q", key, value, run.Pod.Labels[key])
		}
	}
	if _, application := run.Pod.Labels["sparkoperator.k8s.io/app-name"]; application {
		t.Error("the pod has the label of an application")
	}
	if owner := metav1.GetControllerOf(run.Pod); owner == nil || owner.Kind != "SparkConnect" || len(run.Pod.OwnerReferences) != 1 {
		t.Errorf("owners %+v", run.Pod.OwnerReferences)
	}
}

func TestResourcesOfTheServerTemplateWin(t *testing.T) {
	run := buildConnect(t, newConnect(func(c *v1alpha1.SparkConnect) {
		c.Spec.Server.Cores, c.Spec.Server.Memory = ptr.To[int32](2), ptr.To("1g")
		c.Spec.Server.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "sidecar", Image: "proxy"},
			{Name: "spark-kubernetes-driver", Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("3")}}},
		}}}
	}))
	containers := run.Pod.Spec.Containers
	spark := containers[len(containers)-1]
	if len(containers) != 2 || spark.Name != "spark-kubernetes-driver" {
		t.Fatalf("containers %+v", containers)
	}
	memory := spark.Resources.Requests[corev1.ResourceMemory]
	if _, requested := spark.Resources.Requests[corev1.ResourceCPU]; requested || spark.Resources.Limits.Cpu().String() != "3" || memory.String() != "1408Mi" {
		t.Errorf("resources %+v", spark.Resources)
	}
}

func TestPortsOfTheServiceLeadToThoseOfTheServer(t *testing.T) {
	run := buildConnect(t, newConnect(func(c *v1alpha1.SparkConnect) {
		c.Spec.SparkConf = map[string]string{"spark.connect.grpc.binding.port": "16000", "spark.ui.port": "4141"}
		c.Spec.Server.Service = &corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{
			{Name: "spark-connect-server", Port: 443}, {Name: "metrics", Port: 9090, TargetPort: intstr.FromInt32(9090)},
		}}}
	}))
	if run.Service.Name != "lab-server" {
		t.Errorf("the name of a Service without a name is %q", run.Service.Name)
	}
	got := map[string][2]int32{}
	for _, port := range run.Service.Spec.Ports {
		got[port.Name] = [2]int32{port.Port, port.TargetPort.IntVal}
	}
	for name, want := range map[string][2]int32{
		"spark-connect-server": {443, 16000}, "metrics": {9090, 9090}, "web-ui": {4040, 4141}, "driver-rpc": {7078, 7078}, "blockmanager": {7079, 7079},
	} {
		if got[name] != want {
			t.Errorf("port %s: %v, want %v", name, got[name], want)
		}
	}
	if run.Pod.Spec.Containers[0].ReadinessProbe.TCPSocket.Port.IntVal != 16000 {
		t.Errorf("probe %+v", run.Pod.Spec.Containers[0].ReadinessProbe)
	}
}

func TestServiceAccountOfTheTemplateComesFirst(t *testing.T) {
	account := func(edits ...func(*v1alpha1.SparkConnect)) string {
		run, err := PreviewConnect(newConnect(edits...), map[string]string{"spark.kubernetes.authenticate.driver.serviceAccountName": "default-account"})
		if err != nil {
			t.Fatal(err)
		}
		return run.Pod.Spec.ServiceAccountName
	}
	field := func(c *v1alpha1.SparkConnect) { c.Spec.Server.ServiceAccount = ptr.To("field-account") }
	template := func(c *v1alpha1.SparkConnect) {
		c.Spec.Server.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{ServiceAccountName: "template-account"}}
	}
	for want, got := range map[string]string{"default-account": account(), "field-account": account(field), "template-account": account(field, template)} {
		if got != want {
			t.Errorf("account %s, want %s", got, want)
		}
	}
}

func TestRefusalsNameTheFieldsOfTheServer(t *testing.T) {
	_, err := PreviewConnect(newConnect(func(c *v1alpha1.SparkConnect) {
		c.Spec.SparkConf = map[string]string{"spark.kubernetes.driver.request.cores": "many"}
	}), nil)
	if err == nil || strings.Contains(err.Error(), "spec.driver") || strings.Contains(err.Error(), "\n") {
		t.Errorf("refusal %v", err)
	}
}

// The token reaches the server and nothing else: neither the properties nor the executors.
func TestTokenIsAVariableOfTheServerOnly(t *testing.T) {
	edit := func(c *v1alpha1.SparkConnect) {
		c.Spec.Authentication = &v1alpha1.Authentication{TokenSecret: &v1alpha1.TokenSecret{Name: "team"}}
		c.Spec.SparkConf = map[string]string{"spark.kubernetes.driver.secretKeyRef." + TokenVariable: "other:key"}
		c.Spec.Server.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "spark-kubernetes-driver", Env: []corev1.EnvVar{{Name: TokenVariable, Value: "plain"}, {Name: "OTHER", Value: "1"}},
		}}}}
	}
	run := buildConnect(t, newConnect(edit))
	var found []corev1.EnvVar
	for _, variable := range run.Pod.Spec.Containers[0].Env {
		if variable.Name == TokenVariable {
			found = append(found, variable)
		}
	}
	if len(found) != 1 || found[0].Value != "" || found[0].ValueFrom.SecretKeyRef.Name != "team" || found[0].ValueFrom.SecretKeyRef.Key != "token" {
		t.Errorf("variables %+v", found)
	}
	for name, text := range run.ConfigMap.Data {
		if strings.Contains(text, "team") || strings.Contains(text, "plain") {
			t.Errorf("%s:\n%s", name, text)
		}
	}
	if !slices.ContainsFunc(run.Warnings, func(text string) bool { return strings.Contains(text, TokenVariable+" has no effect") }) {
		t.Errorf("warnings %q", run.Warnings)
	}
	// Whoever sets it: the property would win over the Secret.
	_, err := PreviewConnect(newConnect(edit), map[string]string{TokenProperty: "of-all"})
	if err == nil || !strings.Contains(err.Error(), "Spark would use this property") || strings.Contains(err.Error(), "of-all") {
		t.Errorf("refusal %v", err)
	}
}

// A few failures do not end a small server. A large one keeps Spark's own limit, which is
// higher, and so does one that says how many may fail.
func TestFailuresOfExecutorsThatASmallServerSurvives(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*v1alpha1.SparkConnect)
		want string
	}{
		"ten executors": {func(c *v1alpha1.SparkConnect) { c.Spec.Executor.Instances = ptr.To[int32](10) }, "20"},
		"many":          {func(c *v1alpha1.SparkConnect) { c.Spec.Executor.Instances = ptr.To[int32](11) }, ""},
		"property":      {func(c *v1alpha1.SparkConnect) { c.Spec.SparkConf = map[string]string{"spark.executor.instances": "50"} }, ""},
		"given": {func(c *v1alpha1.SparkConnect) {
			c.Spec.SparkConf = map[string]string{"spark.executor.maxNumFailures": "3"}
		}, "3"},
		"dynamic": {func(c *v1alpha1.SparkConnect) {
			c.Spec.DynamicAllocation = &v1beta2.DynamicAllocation{Enabled: true, MaxExecutors: ptr.To[int32](4)}
		}, "20"},
		"dynamic without limit": {func(c *v1alpha1.SparkConnect) { c.Spec.DynamicAllocation = &v1beta2.DynamicAllocation{Enabled: true} }, ""},
	} {
		app, _ := ConnectApplication(newConnect(test.edit))
		if got := app.Spec.SparkConf["spark.executor.maxNumFailures"]; got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
