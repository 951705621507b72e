// SPDX-License-Identifier: Apache-2.0

package podspec_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
)

func TestPorts(t *testing.T) {
	set := func(app *v1beta2.SparkApplication, role podspec.Role, ports ...v1beta2.Port) {
		app.Spec.Driver.Ports, app.Spec.Executor.Ports = nil, nil
		if role == podspec.Driver {
			app.Spec.Driver.Ports = ports
		} else {
			app.Spec.Executor.Ports = ports
		}
	}
	roles(t, func(t *testing.T, role podspec.Role) {
		app := &v1beta2.SparkApplication{}
		set(app, role,
			v1beta2.Port{Name: "debug", Protocol: "TCP", ContainerPort: 5005},
			v1beta2.Port{Name: "blockmanager", Protocol: "TCP", ContainerPort: 7079}, // Spark's own, said twice
			v1beta2.Port{Name: "blocks", Protocol: "TCP", ContainerPort: 7079},
			v1beta2.Port{Name: "statsd", Protocol: "UDP", ContainerPort: 8125},
		)
		pod, warnings, errs := apply(t, app, role)
		none(t, warnings, errs)
		same(t, "ports", pod.Containers[0].Ports, []corev1.ContainerPort{
			{Name: "blockmanager", ContainerPort: 7079},
			{Name: "debug", Protocol: "TCP", ContainerPort: 5005},
			{Name: "blocks", Protocol: "TCP", ContainerPort: 7079},
			{Name: "statsd", Protocol: "UDP", ContainerPort: 8125},
		})

		set(app, role, v1beta2.Port{Name: "blockmanager", Protocol: "TCP", ContainerPort: 1234})
		_, _, errs = apply(t, app, role)
		one(t, "error", errs, `ports[0].name: Duplicate value: "blockmanager"`, "7079/TCP", "rename")
	})
}

func TestNetwork(t *testing.T) {
	roles(t, func(t *testing.T, role podspec.Role) {
		app := &v1beta2.SparkApplication{}
		fields := podFields(app, role)
		fields.HostNetwork = ptr.To(true)
		fields.HostAliases = []corev1.HostAlias{
			{IP: "10.1.1.1", Hostnames: []string{"db"}}, {IP: "10.1.1.2", Hostnames: []string{"kafka"}},
			{IP: "10.1.1.1", Hostnames: []string{"db", "db.example.com"}},
		}
		fields.DNSConfig = &corev1.PodDNSConfig{Nameservers: []string{"10.0.0.10"}}
		pod, warnings, errs := apply(t, app, role)
		none(t, warnings, errs)
		if !pod.HostNetwork || pod.DNSPolicy != corev1.DNSClusterFirstWithHostNet {
			t.Errorf("hostNetwork %v with DNS policy %q", pod.HostNetwork, pod.DNSPolicy)
		}
		same(t, "dnsConfig", pod.DNSConfig, fields.DNSConfig)
		same(t, "hostAliases", pod.HostAliases, []corev1.HostAlias{
			{IP: "10.1.1.1", Hostnames: []string{"db", "db.example.com"}}, {IP: "10.1.1.2", Hostnames: []string{"kafka"}},
		})

		fields.HostNetwork = ptr.To(false)
		pod, _, _ = apply(t, app, role)
		if pod.HostNetwork || pod.DNSPolicy != "" {
			t.Errorf("hostNetwork: false gives %v with DNS policy %q", pod.HostNetwork, pod.DNSPolicy)
		}
	})
}

func TestHostNetworkKeepsDNSPolicy(t *testing.T) {
	app := &v1beta2.SparkApplication{}
	app.Spec.Driver.HostNetwork = ptr.To(true)
	pod := sparkPod(podspec.Driver)
	pod.DNSPolicy = corev1.DNSNone
	fields := podspec.FieldsOf(app, podspec.Driver)
	fields.Apply(pod, 0)
	if pod.DNSPolicy != corev1.DNSNone {
		t.Errorf("DNS policy of the template became %q", pod.DNSPolicy)
	}
}

func TestContainers(t *testing.T) {
	roles(t, func(t *testing.T, role podspec.Role) {
		app := &v1beta2.SparkApplication{}
		fields := podFields(app, role)
		fields.InitContainers = []corev1.Container{{Name: "fetch", Image: "busybox"}, {Name: "fetch", Image: "busybox"}}
		fields.Sidecars = []corev1.Container{{Name: "logs", Image: "fluent"}}
		pod, warnings, errs := apply(t, app, role)
		none(t, warnings, errs)
		same(t, "initContainers", pod.InitContainers, fields.InitContainers[:1])
		same(t, "sidecars", pod.Containers[1:], fields.Sidecars)
	})
}

func TestScheduling(t *testing.T) {
	roles(t, func(t *testing.T, role podspec.Role) {
		app := &v1beta2.SparkApplication{}
		app.Spec.Driver.PriorityClassName, app.Spec.Executor.PriorityClassName = ptr.To("high"), ptr.To("high")
		fields := podFields(app, role)
		fields.SchedulerName = ptr.To("mine")
		fields.NodeSelector = map[string]string{"pool": "spark", "arch": "arm64"}
		fields.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}}
		fields.Tolerations = []corev1.Toleration{{Key: "a"}, {Key: "b"}, {Key: "a"}}

		pod := sparkPod(role)
		pod.Priority, pod.PreemptionPolicy = ptr.To[int32](0), ptr.To(corev1.PreemptNever)
		selector := map[string]string{"pool": "other", "zone": "z"}
		pod.NodeSelector = selector
		pod.Affinity = &corev1.Affinity{PodAffinity: &corev1.PodAffinity{}}
		pod.Tolerations = []corev1.Toleration{{Key: "b"}}
		edit := podspec.FieldsOf(app, role)
		warnings, errs := edit.Apply(pod, 0)
		if len(warnings)+len(errs) > 0 {
			t.Fatal(warnings, errs)
		}
		if pod.PriorityClassName != "high" || pod.Priority != nil || pod.PreemptionPolicy != nil {
			t.Errorf("priority: %q %v %v", pod.PriorityClassName, pod.Priority, pod.PreemptionPolicy)
		}
		same(t, "schedulerName", pod.SchedulerName, "mine")
		same(t, "nodeSelector", pod.NodeSelector, map[string]string{"pool": "spark", "arch": "arm64", "zone": "z"})
		same(t, "given selector", selector, map[string]string{"pool": "other", "zone": "z"})
		same(t, "affinity", pod.Affinity, fields.Affinity)
		same(t, "tolerations", pod.Tolerations, []corev1.Toleration{{Key: "b"}, {Key: "a"}})

		app.Spec.BatchScheduler = ptr.To("volcano")
		edit = podspec.FieldsOf(app, role)
		edit.Apply(pod, 0)
		same(t, "schedulerName with a batch scheduler", pod.SchedulerName, "volcano")
	})
}

func TestResources(t *testing.T) {
	roles(t, func(t *testing.T, role podspec.Role) {
		app := &v1beta2.SparkApplication{}
		fields := podFields(app, role)
		fields.MemoryLimit = ptr.To("2g")
		fields.GPU = &v1beta2.GPUSpec{Name: "nvidia.com/gpu", Quantity: 2}
		pod, warnings, errs := apply(t, app, role)
		none(t, warnings, errs)
		same(t, "limits", pod.Containers[0].Resources.Limits, corev1.ResourceList{
			"memory": resource.MustParse("2Gi"), "nvidia.com/gpu": resource.MustParse("2"),
		})

		fields.MemoryLimit, fields.GPU.Quantity = nil, 0
		pod, _, _ = apply(t, app, role)
		same(t, "limits without", pod.Containers[0].Resources.Limits, corev1.ResourceList{"memory": resource.MustParse("1408Mi")})
	})
}

// Typed fields win over the template, also where the API server insists on a
// request that equals the limit.
func TestGPUOverTemplate(t *testing.T) {
	app := &v1beta2.SparkApplication{}
	list := corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("1")}
	resources := corev1.ResourceRequirements{Limits: list, Requests: list}
	app.Spec.Executor.GPU = &v1beta2.GPUSpec{Name: "nvidia.com/gpu", Quantity: 2}
	app.Spec.Executor.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Name: "executor", Resources: resources}},
	}}
	pod := &corev1.PodSpec{Containers: []corev1.Container{{Name: "executor", Resources: resources}}}
	fields := podspec.FieldsOf(app, podspec.Executor)
	if _, errs := fields.Apply(pod, 0); len(errs) > 0 {
		t.Fatal(errs)
	}
	want := corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("2")}
	same(t, "limits", pod.Containers[0].Resources.Limits, want)
	same(t, "requests", pod.Containers[0].Resources.Requests, want)
	same(t, "the template's", list, corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("1")})
}

func TestParseMemoryLimit(t *testing.T) {
	for in, want := range map[string]string{
		"2g": "2Gi", "2G": "2Gi", "512m": "512Mi", "512MB": "512Mi", "1024k": "1Mi", "1t": "1Ti", "1p": "1Pi", "3kb": "3Ki",
		"2Gi": "2Gi", "2147483648": "2147483648", "100b": "100", "\t1g\n": "1Gi", "1.5g": "1536Mi", "1e9": "1e9",
	} {
		got, err := podspec.ParseMemoryLimit(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if expected := resource.MustParse(want); got.Cmp(expected) != 0 {
			t.Errorf("%q is %s, want %s", in, got.String(), want)
		}
	}
	for _, in := range []string{"", "g", "x", "2gg", "2bb", "-1g", "0", "1 g"} {
		if got, err := podspec.ParseMemoryLimit(in); err == nil {
			t.Errorf("%q is taken for %s", in, got.String())
		}
	}
}

func TestSecurity(t *testing.T) {
	roles(t, func(t *testing.T, role podspec.Role) {
		for name, test := range map[string]struct{ spark, typed, want *corev1.SecurityContext }{
			"typed replaces":        {nil, &corev1.SecurityContext{RunAsUser: ptr.To[int64](1)}, &corev1.SecurityContext{RunAsUser: ptr.To[int64](1)}},
			"nothing typed":         {&corev1.SecurityContext{RunAsUser: ptr.To[int64](1)}, nil, &corev1.SecurityContext{RunAsUser: ptr.To[int64](1)}},
			"Spark's default stays": {forbid(), &corev1.SecurityContext{RunAsUser: ptr.To[int64](1)}, &corev1.SecurityContext{RunAsUser: ptr.To[int64](1), AllowPrivilegeEscalation: ptr.To(false)}},
			"typed escalation wins": {forbid(), &corev1.SecurityContext{AllowPrivilegeEscalation: ptr.To(true)}, &corev1.SecurityContext{AllowPrivilegeEscalation: ptr.To(true)}},
			"privileged needs it":   {forbid(), &corev1.SecurityContext{Privileged: ptr.To(true)}, &corev1.SecurityContext{Privileged: ptr.To(true)}},
			"so does SYS_ADMIN": {forbid(), &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"SYS_ADMIN"}}},
				&corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"SYS_ADMIN"}}}},
		} {
			t.Run(name, func(t *testing.T) {
				app := &v1beta2.SparkApplication{}
				podFields(app, role).SecurityContext = test.typed
				podFields(app, role).PodSecurityContext = &corev1.PodSecurityContext{FSGroup: ptr.To[int64](185)}
				pod := sparkPod(role)
				pod.Containers[0].SecurityContext = test.spark
				fields := podspec.FieldsOf(app, role)
				fields.Apply(pod, 0)
				same(t, "securityContext", pod.Containers[0].SecurityContext, test.want)
				same(t, "pod's", pod.SecurityContext, podFields(app, role).PodSecurityContext)
			})
		}
	})
}

func forbid() *corev1.SecurityContext {
	return &corev1.SecurityContext{AllowPrivilegeEscalation: ptr.To(false)}
}

func TestLifecycle(t *testing.T) {
	roles(t, func(t *testing.T, role podspec.Role) {
		app := &v1beta2.SparkApplication{}
		hook := &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 3}}}
		app.Spec.Driver.Lifecycle, app.Spec.Executor.Lifecycle = hook, hook
		fields := podFields(app, role)
		fields.TerminationGracePeriodSeconds = ptr.To[int64](0)
		fields.ShareProcessNamespace = ptr.To(true)
		pod, warnings, errs := apply(t, app, role)
		none(t, warnings, errs)
		same(t, "lifecycle", pod.Containers[0].Lifecycle, hook)
		same(t, "grace", pod.TerminationGracePeriodSeconds, 0)
		same(t, "shareProcessNamespace", pod.ShareProcessNamespace, true)

		fields.ShareProcessNamespace = ptr.To(false)
		pod, _, _ = apply(t, app, role)
		same(t, "shareProcessNamespace: false", pod.ShareProcessNamespace, nil)
	})
}

func TestExtra(t *testing.T) {
	app := &v1beta2.SparkApplication{}
	pod := sparkPod(podspec.Driver)
	fields := podspec.FieldsOf(app, podspec.Driver)
	fields.Extra = podspec.Extra{
		Place:        "spec.monitoring",
		Ports:        []corev1.ContainerPort{{Name: "metrics", ContainerPort: 8090}},
		Volumes:      []corev1.Volume{volume("m", "1Gi")},
		VolumeMounts: []corev1.VolumeMount{{Name: "m", MountPath: "/m"}},
	}
	if _, errs := fields.Apply(pod, 0); len(errs) > 0 {
		t.Fatal(errs)
	}
	same(t, "volumes", pod.Volumes[1:], fields.Extra.Volumes)
	same(t, "mounts", pod.Containers[0].VolumeMounts[1:], fields.Extra.VolumeMounts)
	same(t, "ports", pod.Containers[0].Ports[1:], fields.Extra.Ports)

	fields.Extra.Ports[0].Name = "blockmanager"
	if _, errs := fields.Apply(pod, 0); len(errs) != 1 || !strings.HasPrefix(errs[0].Field, "spec.monitoring") {
		t.Errorf("errors: %v", errs)
	}
}

// What a driver made of a template: its own variables, limit and hook come last.
func TestComplete(t *testing.T) {
	app := &v1beta2.SparkApplication{}
	executor := &app.Spec.Executor
	executor.MemoryLimit = ptr.To("3g")
	executor.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 3}}}
	executor.Env = []corev1.EnvVar{{Name: "SPARK_USER", Value: "me"}}
	executor.Tolerations = []corev1.Toleration{{Key: "is in the template"}}
	pod := sparkPod(podspec.Executor)
	pod.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{}}}
	pod.Containers[0].Env = append([]corev1.EnvVar{{Name: "SPARK_USER", Value: "me"}}, pod.Containers[0].Env...)
	fields := podspec.FieldsOf(app, podspec.Executor)
	if errs := fields.Complete(pod, 0); len(errs) > 0 {
		t.Fatal(errs)
	}
	same(t, "env", pod.Containers[0].Env, []corev1.EnvVar{{Name: "SPARK_USER", Value: "me"}, {Name: "SPARK_CONF_DIR", Value: "/opt/spark/conf"}})
	same(t, "lifecycle", pod.Containers[0].Lifecycle, executor.Lifecycle)
	same(t, "limits", pod.Containers[0].Resources.Limits, corev1.ResourceList{"memory": resource.MustParse("3Gi")})
	same(t, "tolerations", pod.Tolerations, nil)

	executor.MemoryLimit = ptr.To("much")
	if errs := fields.Complete(pod, 0); len(errs) != 1 {
		t.Errorf("errors: %v", errs)
	}
}

// With decommissioning Spark sets preStop, which stays unless the field has its own.
func TestCompleteKeepsTheOtherHook(t *testing.T) {
	app := &v1beta2.SparkApplication{}
	spark := corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"/opt/decom.sh"}}}
	start := corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 1}}
	app.Spec.Executor.Lifecycle = &corev1.Lifecycle{PostStart: &start}
	pod := sparkPod(podspec.Executor)
	pod.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &spark}
	fields := podspec.FieldsOf(app, podspec.Executor)
	if errs := fields.Complete(pod, 0); len(errs) > 0 {
		t.Fatal(errs)
	}
	same(t, "lifecycle", pod.Containers[0].Lifecycle, &corev1.Lifecycle{PreStop: &spark, PostStart: &start})
}

// The API server refuses a pod with a limit below its request, and the driver would
// ask for it forever.
func TestCompleteLeavesOutAMemoryLimitBelowTheRequest(t *testing.T) {
	app := &v1beta2.SparkApplication{}
	app.Spec.Executor.MemoryLimit = ptr.To("1g")
	pod := sparkPod(podspec.Executor)
	pod.Containers[0].Resources.Requests = corev1.ResourceList{"memory": resource.MustParse("1408Mi")}
	pod.Containers[0].Resources.Limits = corev1.ResourceList{"memory": resource.MustParse("1408Mi")}
	fields := podspec.FieldsOf(app, podspec.Executor)
	if errs := fields.Complete(pod, 0); len(errs) > 0 {
		t.Fatal(errs)
	}
	same(t, "limits", pod.Containers[0].Resources.Limits, corev1.ResourceList{"memory": resource.MustParse("1408Mi")})
}

// PartialRestart: a new executor gets the placement that the application has now.
func TestPlace(t *testing.T) {
	app := &v1beta2.SparkApplication{}
	app.Spec.Executor.NodeSelector = map[string]string{"disk": "ssd"}
	app.Spec.Executor.Tolerations = []corev1.Toleration{{Key: "spot"}}
	app.Spec.Executor.PriorityClassName = ptr.To("high")
	fields := podspec.FieldsOf(app, podspec.Executor)
	pod := &corev1.PodSpec{
		NodeSelector:      map[string]string{"disk": "hdd", "zone": "a"},
		Tolerations:       []corev1.Toleration{{Key: "node.kubernetes.io/not-ready"}},
		PriorityClassName: "low", Priority: ptr.To[int32](1),
	}
	fields.Place(pod)
	same(t, "pod", pod, &corev1.PodSpec{
		NodeSelector:      map[string]string{"disk": "ssd", "zone": "a"},
		Tolerations:       []corev1.Toleration{{Key: "node.kubernetes.io/not-ready"}, {Key: "spot"}},
		PriorityClassName: "high",
	})
	pod.Priority = ptr.To[int32](1000)
	before := text(t, pod)
	if fields.Place(pod); text(t, pod) != before {
		t.Errorf("a second time changes the pod from\n%s to\n%s", before, text(t, pod))
	}
}
