// SPDX-License-Identifier: Apache-2.0

package validation_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

type application = v1beta2.SparkApplication

func newApplication(edit func(*application)) *application {
	app := &application{
		ObjectMeta: metav1.ObjectMeta{Name: "pi", Namespace: "jobs"},
		Spec: v1beta2.SparkApplicationSpec{
			SparkVersion:        "4.1.4",
			Image:               ptr.To("spark:4.1.4"),
			MainClass:           ptr.To("org.example.Main"),
			MainApplicationFile: ptr.To("local:///opt/app.jar"),
		},
	}
	if edit != nil {
		edit(app)
	}
	return app
}

func conf(pairs ...string) func(*application) {
	return func(app *application) {
		app.Spec.SparkConf = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			app.Spec.SparkConf[pairs[i]] = pairs[i+1]
		}
	}
}

func labels(pairs ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

func ingress(port *int32, format string) v1beta2.DriverIngressConfiguration {
	return v1beta2.DriverIngressConfiguration{ServicePort: port, ServicePortName: ptr.To("p"), IngressURLFormat: format}
}

// expect wants exactly one error for each text, in order.
func expect(t *testing.T, errs field.ErrorList, want ...string) {
	t.Helper()
	if len(errs) != len(want) {
		t.Errorf("%d errors, want %d: %v", len(errs), len(want), errs)
	}
	for i, err := range errs {
		text := err.Error()
		if i < len(want) && !strings.Contains(text, want[i]) {
			t.Errorf("error %q lacks %q", text, want[i])
		}
		if strings.Contains(text, "\n") {
			t.Errorf("error of several lines: %q", text)
		}
		if !strings.HasPrefix(err.Field, "spec.") && !strings.HasPrefix(err.Field, "metadata.") || err.Detail == "" {
			t.Errorf("%q names no field or no remedy", text)
		}
	}
}

func TestValidateSparkApplication(t *testing.T) {
	template := func(containers ...corev1.Container) *corev1.PodTemplateSpec {
		return &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: containers}}
	}
	for name, test := range map[string]struct {
		edit func(*application)
		want []string // the text that clients match, and the place
	}{
		"valid": {nil, nil},
		"name with dots": {func(app *application) { app.Name = "my.app" },
			[]string{`metadata.name: Invalid value: "my.app": invalid SparkApplication name "my.app": a DNS-1035 label must consist of`}},
		"name too long": {func(app *application) { app.Name = strings.Repeat("a", 64) },
			[]string{`invalid SparkApplication name "` + strings.Repeat("a", 64) + `": must be no more than 63`}},
		"longest name":   {func(app *application) { app.Name = strings.Repeat("a", 63) }, nil},
		"name of digits": {func(app *application) { app.Name = "1a" }, []string{`invalid SparkApplication name "1a"`}},
		"client mode":    {func(app *application) { app.Spec.Mode = "client" }, []string{`spec.mode: Invalid value: "client": a driver never runs inside`}},
		"cluster mode":   {func(app *application) { app.Spec.Mode = "cluster" }, nil},
		"template of Spark 2": {func(app *application) {
			app.Spec.SparkVersion, app.Spec.Driver.Template = "2.4.8", template()
		}, []string{"pod template feature requires Spark version 3.0.0 or higher"}},
		"template without version": {func(app *application) {
			app.Spec.SparkVersion, app.Spec.Executor.Template = "", template()
		}, nil},
		"template of an odd version": {func(app *application) {
			app.Spec.SparkVersion, app.Spec.Executor.Template = "v3.5.1-amzn-0", template()
		}, nil},
		"Spark 2 without template": {func(app *application) { app.Spec.SparkVersion = "2.4.8" }, nil},
		"node selectors": {func(app *application) {
			app.Spec.NodeSelector, app.Spec.Executor.NodeSelector = labels("a", "b"), labels("c", "d")
		}, []string{"spec.nodeSelector: Forbidden: node selector cannot be defined at both SparkApplication and Driver/Executor"}},
		"empty node selector": {func(app *application) {
			app.Spec.NodeSelector, app.Spec.Executor.NodeSelector = labels(), labels("c", "d")
		}, nil},
		"driver ingress": {func(app *application) {
			app.Spec.DriverIngressOptions = []v1beta2.DriverIngressConfiguration{ingress(ptr.To[int32](1), "a"), ingress(ptr.To[int32](2), "b")}
		}, nil},
		"driver ingress without port and URL": {func(app *application) {
			app.Spec.DriverIngressOptions = []v1beta2.DriverIngressConfiguration{ingress(nil, "")}
		}, []string{
			"spec.driverIngressOptions[0].servicePort: Required value: DriverIngressOptions has nill ServicePort",
			"spec.driverIngressOptions[0].ingressURLFormat: Required value: DriverIngressOptions has empty IngressURLFormat",
		}},
		"driver ingress twice": {func(app *application) {
			app.Spec.DriverIngressOptions = []v1beta2.DriverIngressConfiguration{ingress(ptr.To[int32](80), "u"), ingress(ptr.To[int32](80), "u")}
		}, []string{
			"servicePort: Duplicate value: 80: DriverIngressOptions has duplicate ServicePort: 80",
			"DriverIngressOptions has duplicate IngressURLFormat: u",
		}},
		"dynamic allocation": {func(app *application) {
			app.Spec.DynamicAllocation = &v1beta2.DynamicAllocation{
				Enabled: true, InitialExecutors: ptr.To[int32](1), MinExecutors: ptr.To[int32](5), MaxExecutors: ptr.To[int32](0),
			}
		}, []string{
			"spec.dynamicAllocation.maxExecutors: Invalid value: 0: must be at least 1",
			"dynamicAllocation.minExecutors (5) cannot be greater than dynamicAllocation.maxExecutors (0)",
		}},
		"dynamic allocation that is off": {func(app *application) {
			app.Spec.DynamicAllocation = &v1beta2.DynamicAllocation{MinExecutors: ptr.To[int32](-5)}
		}, nil},
		"volumes of one name": {func(app *application) {
			app.Spec.Volumes = []corev1.Volume{{Name: "v"}, {Name: "w"}, {Name: "v", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
		}, []string{`spec.volumes[2].name: Duplicate value: "v": spec.volumes[0]`}},
		"the same volume twice": {func(app *application) { app.Spec.Volumes = []corev1.Volume{{Name: "v"}, {Name: "v"}} }, nil},
		"labels": {func(app *application) {
			app.Spec.Driver.Labels = labels("team", "not a label!")
			app.Spec.Executor.Labels = labels("spark-role", "x")
		}, []string{
			`spec.driver.labels: Invalid value: "not a label!": a valid label must be`,
			`spec.executor.labels[spark-role]: Invalid value: "x": Custom executor labels cannot contain spark-role as it is reserved for Spark.`,
		}},
		"labels with placeholders": {func(app *application) {
			app.Spec.Driver.Labels = labels("applicationId", "{{APP_ID}}")
			app.Spec.Executor.Labels = labels("executor", "{{APP_ID}}-{{EXECUTOR_ID}}")
		}, nil},
		"annotations": {func(app *application) { app.Spec.Driver.Annotations = labels("no key!", "x") },
			[]string{`spec.driver.annotations: Invalid value: "no key!"`}},
		"variables": {func(app *application) {
			app.Spec.Executor.Env = []corev1.EnvVar{{Name: "A"}, {Name: "B=C"}, {Name: ""}}
		}, []string{`spec.executor.env[1].name: Invalid value: "B=C"`, `spec.executor.env[2].name`}},
		"CPU limit": {func(app *application) {
			app.Spec.Driver.Cores, app.Spec.Driver.CoreLimit = ptr.To[int32](2), ptr.To("1")
			app.Spec.Executor.CoreRequest, app.Spec.Executor.CoreLimit = ptr.To("900m"), ptr.To("800m")
		}, []string{
			`spec.driver.coreLimit: Invalid value: "1": the request of 2 must be less than or equal to cpu limit of 1`,
			`spec.executor.coreLimit: Invalid value: "800m": the request of 900m`,
		}},
		"CPU limit against sparkConf": {func(app *application) {
			app.Spec.Executor.CoreLimit = ptr.To("2")
			conf("spark.executor.cores", "3")(app)
		}, []string{"the request of 3 must be less than or equal to cpu limit of 2"}},
		"CPU limit of sparkConf": {conf("spark.kubernetes.driver.limit.cores", "1", "spark.kubernetes.driver.request.cores", "2"),
			[]string{"spec.driver.coreLimit"}},
		"CPU in order": {func(app *application) {
			app.Spec.Driver.CoreRequest, app.Spec.Driver.CoreLimit = ptr.To("0"), ptr.To("1200m")
			app.Spec.Driver.Cores = ptr.To[int32](4)
		}, nil},
		"CPU that is none": {func(app *application) {
			app.Spec.Driver.CoreRequest = ptr.To("lots")
			conf("spark.kubernetes.executor.limit.cores", "-1")(app)
		}, []string{
			`spec.driver.coreRequest: Invalid value: "lots": not an amount of CPU`,
			`spec.sparkConf[spark.kubernetes.executor.limit.cores]: Invalid value: "-1"`,
		}},
		"heap in java options": {func(app *application) {
			app.Spec.Driver.JavaOptions, app.Spec.Executor.JavaOptions = ptr.To("-Da -Xmx2g"), ptr.To("-Xmx2g")
		}, []string{
			"Not allowed to specify max heap(Xmx) memory settings through java options (was -Da -Xmx2g). " +
				"Use the corresponding --driver-memory or spark.driver.memory configuration instead",
			"spark.executor.extraJavaOptions is not allowed to specify max heap memory settings (was '-Xmx2g'). Use spark.executor.memory instead.",
		}},
		"Spark options in java options": {conf("spark.executor.extraJavaOptions", "-Dspark.x=y", "spark.driver.extraJavaOptions", "-Dspark.x=y -Xms1g"),
			[]string{"spec.sparkConf[spark.executor.extraJavaOptions]: Invalid value: \"-Dspark.x=y\": spark.executor.extraJavaOptions is not allowed to set Spark options"}},
		"type":                       {func(app *application) { app.Spec.Type = "Kotlin" }, []string{`spec.type: Unsupported value: "Kotlin"`}},
		"type of the restart policy": {func(app *application) { app.Spec.RestartPolicy.Type = "Sometimes" }, []string{"spec.restartPolicy.type: Unsupported value"}},
		"intervals and retries": {func(app *application) {
			app.Spec.RestartPolicy.OnFailureRetryInterval, app.Spec.RestartPolicy.OnSubmissionFailureRetries = ptr.To[int64](0), ptr.To[int32](-1)
		}, []string{
			"spec.restartPolicy.onSubmissionFailureRetries: Invalid value: -1: must be at least 0",
			"spec.restartPolicy.onFailureRetryInterval: Invalid value: 0: must be at least 1",
		}},
		"image pull policy": {func(app *application) { app.Spec.ImagePullPolicy = ptr.To("always") }, []string{
			`spec.imagePullPolicy: Unsupported value: "always": supported values: "Always", "IfNotPresent", "Never"`,
		}},
		"image pull policy of sparkConf": {func(app *application) {
			app.Spec.ImagePullPolicy = ptr.To("Always")
			conf("spark.kubernetes.container.image.pullPolicy", "x")(app)
		}, []string{"spec.sparkConf[spark.kubernetes.container.image.pullPolicy]: Unsupported value"}},
		"image pull policy that is overridden": {func(app *application) {
			app.Spec.ImagePullPolicy = ptr.To("x")
			conf("spark.kubernetes.container.image.pullPolicy", "Never")(app)
		}, nil},
		"references to other properties": {conf("spark.my.cpu", "1", "spark.kubernetes.driver.limit.cores", "${spark.my.cpu}",
			"spark.kubernetes.executor.request.cores", "${spark.my.cpu}", "spark.kubernetes.executor.limit.cores", "1",
			"spark.kubernetes.executor.podNamePrefix", "${spark.app.name}", "spark.kubernetes.driver.pod.name", "${spark.app.name}-x",
			"spark.kubernetes.container.image.pullPolicy", "${spark.my.policy}"), nil},
		"volume with two sources": {func(app *application) {
			app.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{
				EmptyDir: &corev1.EmptyDirVolumeSource{}, HostPath: &corev1.HostPathVolumeSource{Path: "/x"},
			}}}
		}, []string{"spec.volumes[0]: Forbidden: a volume has one source, but this one has hostPath and emptyDir; remove the others"}},
		"ports": {func(app *application) {
			app.Spec.Driver.Ports = []v1beta2.Port{{Name: "No_Name", Protocol: "TCP", ContainerPort: 1}, {Protocol: "HTTP", ContainerPort: 65535}}
			app.Spec.Executor.Ports = []v1beta2.Port{{Name: "a", Protocol: "SCTP", ContainerPort: 0}, {Name: "b", ContainerPort: 65536}}
		}, []string{
			`spec.driver.ports[0].name: Invalid value: "No_Name"`, `spec.driver.ports[1].protocol: Unsupported value: "HTTP"`,
			"spec.executor.ports[0].containerPort: Invalid value: 0: must be between 1 and 65535", "spec.executor.ports[1].containerPort: Invalid value: 65536",
		}},
		"host aliases": {func(app *application) {
			app.Spec.Executor.HostAliases = []corev1.HostAlias{{IP: "10.0.0.1"}, {IP: "::1"}, {IP: "host"}, {IP: "10.0.0.256"}}
		}, []string{`spec.executor.hostAliases[2].ip: Invalid value: "host": must be an IP address`, "spec.executor.hostAliases[3].ip"}},
		"pods of templates": {func(app *application) {
			app.Spec.Executor.Template = template(corev1.Container{Name: "spark-kubernetes-executor", Ports: []corev1.ContainerPort{{ContainerPort: 70000}}})
			app.Spec.Executor.Template.Spec.InitContainers = []corev1.Container{{Name: "a", Image: "i", Ports: []corev1.ContainerPort{{ContainerPort: 1, Protocol: "x"}}}}
			app.Spec.Executor.Template.OwnerReferences = []metav1.OwnerReference{{Name: "a"}, {Name: "b", Controller: ptr.To(true)}}
			app.Spec.Driver.Template = template(corev1.Container{Name: "spark-kubernetes-driver"})
			app.Spec.Driver.Template.Spec.HostAliases = []corev1.HostAlias{{IP: "x"}}
			app.Spec.Driver.Template.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{
				ConfigMap: &corev1.ConfigMapVolumeSource{}, Secret: &corev1.SecretVolumeSource{},
			}}}
			app.Spec.Driver.Template.OwnerReferences = []metav1.OwnerReference{{Name: "b", Controller: ptr.To(true)}}
		}, []string{
			"spec.driver.template.metadata.ownerReferences[0].controller: Forbidden: the pod is controlled by the application; remove the reference",
			`spec.driver.template.spec.hostAliases[0].ip: Invalid value: "x"`,
			"spec.driver.template.spec.volumes[0]: Forbidden: a volume has one source, but this one has secret and configMap",
			"spec.executor.template.metadata.ownerReferences[1].controller: Forbidden: the pod is controlled by the driver pod; remove the reference",
			`spec.executor.template.spec.initContainers[0].ports[0].protocol: Unsupported value: "x"`,
			"spec.executor.template.spec.containers[0].ports[0].containerPort: Invalid value: 70000",
		}},
		"long URL of an ingress": {func(app *application) {
			app.Spec.DriverIngressOptions = []v1beta2.DriverIngressConfiguration{ingress(ptr.To[int32](1), strings.Repeat("a", 513))}
		}, []string{"spec.driverIngressOptions[0].ingressURLFormat: Too many: 513: must have at most 512 bytes"}},
		"driver pod name":               {func(app *application) { app.Spec.Driver.PodName = ptr.To("No_Name") }, []string{`spec.driver.podName: Invalid value: "No_Name"`}},
		"driver pod name of sparkConf":  {conf("spark.kubernetes.driver.pod.name", "No_Name"), []string{`spec.sparkConf[spark.kubernetes.driver.pod.name]`}},
		"memory overhead of executors":  {func(app *application) { app.Spec.Executor.MemoryOverhead = ptr.To("1.5g") }, []string{`spec.executor.memoryOverhead: Invalid value: "1.5g"`}},
		"memory overhead":               {func(app *application) { app.Spec.Executor.MemoryOverhead = ptr.To("512") }, nil},
		"name prefix of executors":      {conf("spark.kubernetes.executor.podNamePrefix", strings.Repeat("a", 238)), []string{"the value length <= 237"}},
		"longest prefix of executors":   {conf("spark.kubernetes.executor.podNamePrefix", strings.Repeat("a", 237)), nil},
		"prefix of executors, no label": {conf("spark.kubernetes.executor.podNamePrefix", "A_b"), []string{"must conform https://kubernetes.io/docs"}},
		"contradiction of fields": {func(app *application) {
			app.Spec.Executor.Sidecars = []corev1.Container{{Name: "logs", Image: "1"}, {Name: "logs", Image: "2"}}
			app.Spec.Driver.MemoryLimit = ptr.To("much")
		}, []string{`spec.driver.memoryLimit: Invalid value: "much"`, `spec.executor.sidecars[1].name: Duplicate value: "logs"`}},
		"contradiction to the template": {func(app *application) {
			app.Spec.Executor.Template = template(corev1.Container{Name: "spark-kubernetes-executor"}, corev1.Container{Name: "logs", Image: "1"})
			app.Spec.Executor.Sidecars = []corev1.Container{{Name: "logs", Image: "2"}}
		}, []string{`spec.executor.sidecars[0].name: Duplicate value: "logs": the pod has a container of this name with image "1" from spec.executor.template`}},
		"containers of the template": {func(app *application) {
			app.Spec.Executor.Template = template(corev1.Container{}, corev1.Container{Name: "a"}, corev1.Container{Name: "B", Image: "i"})
			app.Spec.Driver.Template = template(corev1.Container{Name: "spark-kubernetes-driver"}, corev1.Container{Name: "a", Image: "1"}, corev1.Container{Name: "a", Image: "1"})
		}, []string{
			`spec.driver.template.spec.containers[2].name: Duplicate value: "a"`,
			"spec.executor.template.spec.containers[1].image: Required value",
			`spec.executor.template.spec.containers[2].name: Invalid value: "B"`,
		}},
		"container that a property names": {func(app *application) {
			app.Spec.SparkConf = map[string]string{
				"spark.kubernetes.driver.podTemplateContainerName": "main", "spark.kubernetes.executor.podTemplateContainerName": "main",
			}
			app.Spec.Driver.Template = template(corev1.Container{Name: "proxy", Image: "1"}, corev1.Container{Name: "main"})
			app.Spec.Executor.Template = template(corev1.Container{Name: "spark-kubernetes-executor"}, corev1.Container{Name: "main"})
		}, []string{"spec.executor.template.spec.containers[0].image: Required value"}},
		"volume name in a template": {func(app *application) {
			app.Spec.Executor.Template = template(corev1.Container{Name: "spark-kubernetes-executor"})
			app.Spec.Executor.Template.Spec.Volumes = []corev1.Volume{{Name: "a.b"}}
		}, []string{`Invalid value: "a.b": not a valid name of a volume`}},
	} {
		t.Run(name, func(t *testing.T) {
			app := newApplication(test.edit)
			before := app.DeepCopy()
			expect(t, validation.ValidateSparkApplication(app), test.want...)
			if !equality.Semantic.DeepEqual(app, before) {
				t.Error("the application was changed")
			}
		})
	}
}

func TestSparkConfDenied(t *testing.T) {
	const (
		account     = "configure the service account via the CRD spec instead"
		credentials = "authentication credentials are managed by the operator"
		managed     = "this value is managed by the operator"
		image       = "use the image field on the CRD instead"
		file        = "it names a file of the submitter"
	)
	for key, reason := range map[string]string{
		"spark.kubernetes.authenticate.driver.serviceAccountName":   account,
		"spark.kubernetes.authenticate.executor.serviceAccountName": account,
		"spark.kubernetes.authenticate.oauthTokenFile":              credentials,
		"spark.kubernetes.authenticate.oauthToken":                  credentials,
		"spark.kubernetes.authenticate.driver.oauthTokenFile":       credentials,
		"spark.kubernetes.authenticate.driver.oauthToken":           credentials,
		"spark.kubernetes.authenticate.executor.oauthTokenFile":     credentials,
		"spark.kubernetes.authenticate.executor.oauthToken":         credentials,
		"spark.kubernetes.authenticate.submission.oauthToken":       credentials,
		"spark.kubernetes.authenticate.submission.caCertFile":       credentials,
		"spark.kubernetes.authenticate.driver.caCertFile":           credentials,
		"spark.kubernetes.authenticate.driver.clientKeyFile":        credentials,
		"spark.master":                                            managed,
		"spark.kubernetes.driver.master":                          managed,
		"spark.kubernetes.container.image":                        image,
		"spark.kubernetes.driver.container.image":                 image,
		"spark.kubernetes.executor.container.image":               image,
		"spark.kubernetes.driver.podTemplateFile":                 file + "; set the pod template in spec.driver.template",
		"spark.kubernetes.executor.podTemplateFile":               file + "; set the pod template in spec.executor.template",
		"spark.kubernetes.kerberos.krb5.path":                     file,
		"spark.kubernetes.scheduler.volcano.podGroupTemplateFile": file,
		"spark.kerberos.keytab":                                   file,
		"spark.kubernetes.namespace":                              `must equal the application namespace "jobs", got "x"`,
	} {
		errs := validation.ValidateSparkApplication(newApplication(conf(key, "x")))
		expect(t, errs, `spec.sparkConf[`+key+`]: Forbidden: sparkConf key "`+key+`" is not allowed: `+reason)
	}
	for _, key := range []string{
		"spark.kubernetes.authenticate.driver.mounted.oauthTokenFile", "spark.kubernetes.authenticate.serviceAccountName",
		"spark.kubernetes.authenticate.caCertFile", "spark.kubernetes.context",
		"spark.submit.deployMode", "spark.executor.memory", "spark.hadoop.fs.s3a.access.key",
	} {
		expect(t, validation.ValidateSparkApplication(newApplication(conf(key, "x"))))
	}
	expect(t, validation.ValidateSparkApplication(newApplication(conf(
		"spark.kubernetes.namespace", "jobs", "spark.kerberos.keytab", "local:///etc/keytab"))))
}

// What kubeflow/spark-operator runs where no webhook refused it runs here, too; new
// objects are refused.
func TestTolerableFaults(t *testing.T) {
	for name, test := range map[string]struct {
		edit      func(*application)
		tolerable bool
	}{
		"name with a digit first": {func(app *application) { app.Name = "1st-app" }, true},
		"name with dots":          {func(app *application) { app.Name = "dotted.app.name" }, true},
		"name too long":           {func(app *application) { app.Name = strings.Repeat("1", 64) }, false},
		"name in capitals":        {func(app *application) { app.Name = "App" }, false},
		"image":                   {conf("spark.kubernetes.container.image", "spark:1"), true},
		"driver image":            {conf("spark.kubernetes.driver.container.image", "spark:1"), true},
		"executor image":          {conf("spark.kubernetes.executor.container.image", "spark:1"), true},
		"service account":         {conf("spark.kubernetes.authenticate.driver.serviceAccountName", "sa"), true},
		"node selectors": {func(app *application) {
			app.Spec.NodeSelector, app.Spec.Driver.NodeSelector = labels("a", "b"), labels("c", "d")
		}, true},
		"token":         {conf("spark.kubernetes.authenticate.driver.oauthToken", "t"), false},
		"template file": {conf("spark.kubernetes.driver.podTemplateFile", "f"), false},
		"master":        {conf("spark.master", "local"), false},
	} {
		t.Run(name, func(t *testing.T) {
			app := newApplication(test.edit)
			faults, tolerable := validation.ValidateStoredSparkApplication(app)
			if (len(faults) == 0) != test.tolerable || (len(tolerable) == 1) != test.tolerable {
				t.Errorf("faults %v, tolerable %v", faults, tolerable)
			}
			if errs := validation.ValidateSparkApplication(app); len(errs) != 1 {
				t.Errorf("a new one: %v", errs)
			}
			schedule := &v1beta2.ScheduledSparkApplication{ObjectMeta: app.ObjectMeta}
			schedule.Spec.Schedule, schedule.Spec.Template = "@daily", app.Spec
			faults, tolerable = validation.ValidateStoredScheduledSparkApplication(schedule)
			if (len(faults) == 0) != test.tolerable || (len(tolerable) == 1) != test.tolerable {
				t.Errorf("of a schedule: faults %v, tolerable %v", faults, tolerable)
			}
			if errs := validation.ValidateScheduledSparkApplication(schedule); len(errs) != 1 {
				t.Errorf("a new schedule: %v", errs)
			}
		})
	}
}
