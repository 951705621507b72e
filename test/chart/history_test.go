// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// historyArgs returns the flags of the controller about event logs.
func historyArgs(t *testing.T, all objects) []string {
	t.Helper()
	return slices.DeleteFunc(deployment(t, all).Spec.Template.Spec.Containers[0].Args, func(arg string) bool { return !strings.HasPrefix(arg, "--history-") })
}

// TestHistoryServerIsWhatTheOperatorWritesFor: one value starts the server and lets drivers
// write where it reads. The flags, the properties, the mount and the claim fit each other,
// and the operator takes the flags.
func TestHistoryServerIsWhatTheOperatorWritesFor(t *testing.T) {
	const inCluster = "--history-url-template=http://spark-operator-history.%s.svc:18080/history/{{$appId}}/jobs/"
	for set, want := range map[string]struct {
		namespace, claim, mount, dir string
		creates                      bool
		args                         []string
	}{
		"historyServer.enable=true": {
			"default", "spark-operator-history", "/spark-events", "file:///spark-events", true,
			[]string{"--history-dir=file:///spark-events", "--history-claim=spark-operator-history", strings.Replace(inCluster, "%s", "default", 1)},
		},
		"historyServer.enable=true,controller.history.claimName=mine,spark.jobNamespaces={a,b}": {
			"spark-operator", "mine", "/spark-events", "file:///spark-events", false,
			[]string{"--history-dir=file:///spark-events", "--history-claim=mine", strings.Replace(inCluster, "%s", "spark-operator", 1)},
		},
		"historyServer.enable=true,controller.history.dir=s3a://logs/events,spark.jobNamespaces={},historyServer.url=https://h.example.com": {
			"spark-operator", "", "", "s3a://logs/events", false,
			[]string{"--history-dir=s3a://logs/events", "--history-url-template=https://h.example.com/history/{{$appId}}/jobs/"},
		},
		"historyServer.enable=true,historyServer.namespace=jobs,spark.jobNamespaces={jobs},historyServer.ingress.enable=true,historyServer.ingress.host=h.example.com": {
			"jobs", "spark-operator-history", "/spark-events", "file:///spark-events", true,
			[]string{"--history-dir=file:///spark-events", "--history-claim=spark-operator-history", "--history-url-template=http://h.example.com/history/{{$appId}}/jobs/"},
		},
		"historyServer.enable=true,historyServer.route.enable=true,historyServer.route.host=h.example.com,historyServer.route.gateways={infra/web:https},controller.history.urlTemplate=https://x/{{$appId}}": {
			"default", "spark-operator-history", "/spark-events", "file:///spark-events", true,
			[]string{"--history-dir=file:///spark-events", "--history-claim=spark-operator-history", "--history-url-template=https://x/{{$appId}}"},
		},
	} {
		t.Run(set, func(t *testing.T) {
			all := render(t, "--set", set)
			if args := historyArgs(t, all); !slices.Equal(args, want.args) {
				t.Errorf("flags %q, want %q", args, want.args)
			}
			args := deployment(t, all).Spec.Template.Spec.Containers[0].Args
			if err := startOperator(t, args...); !strings.Contains(err, "find the API server") {
				t.Errorf("the operator refuses %q: %s", args, err)
			}
			server := deploymentOf(t, all, "history")
			pod := server.Spec.Template.Spec
			var mount, claim string
			for _, volume := range pod.Volumes {
				if volume.PersistentVolumeClaim != nil {
					claim = volume.PersistentVolumeClaim.ClaimName
				}
			}
			for _, m := range pod.Containers[0].VolumeMounts {
				if m.Name == "event-logs" {
					mount = m.MountPath
				}
			}
			if server.Namespace != want.namespace || claim != want.claim || mount != want.mount {
				t.Errorf("the server of namespace %s mounts %q at %q", server.Namespace, claim, mount)
			}
			claims := decode[corev1.PersistentVolumeClaim](t, all, "PersistentVolumeClaim")
			if (len(claims) == 1) != want.creates || want.creates && (claims[0].Name != claim || claims[0].Namespace != server.Namespace) {
				t.Errorf("claims %+v", claims)
			}
			if properties := historyProperties(t, all); properties["spark.history.fs.logDirectory"] != want.dir || properties["spark.history.ui.port"] != "18080" {
				t.Errorf("properties %q", properties)
			}
			for _, service := range decode[corev1.Service](t, all, "Service") {
				if service.Name == server.Name && (service.Namespace != server.Namespace || !maps.Equal(service.Spec.Selector, server.Spec.Selector.MatchLabels)) {
					t.Errorf("Service %+v", service)
				}
			}
		})
	}
}

// historyProperties returns those of the server, as Spark reads them.
func historyProperties(t *testing.T, all objects) map[string]string {
	t.Helper()
	for _, configMap := range decode[corev1.ConfigMap](t, all, "ConfigMap") {
		if text, found := configMap.Data["history.properties"]; found {
			properties, err := sparkconf.ParseProperties(text)
			if err != nil {
				t.Fatal(err)
			}
			return properties
		}
	}
	t.Fatal("no properties")
	return nil
}

// TestHistoryServerIsHardened: it runs as the other pods of the chart do.
func TestHistoryServerIsHardened(t *testing.T) {
	all := render(t, "--set", "historyServer.enable=true,historyServer.networkPolicy.enable=true")
	server := deploymentOf(t, all, "history")
	pod := server.Spec.Template.Spec
	container, own := pod.Containers[0], deployment(t, all).Spec.Template.Spec
	if !*pod.SecurityContext.RunAsNonRoot || *pod.SecurityContext.RunAsUser != 185 || *pod.SecurityContext.FSGroup != 185 || *pod.AutomountServiceAccountToken || *pod.EnableServiceLinks {
		t.Errorf("pod %+v", pod)
	}
	want := own.Containers[0].SecurityContext
	if got := container.SecurityContext; !*got.ReadOnlyRootFilesystem || *got.AllowPrivilegeEscalation || !slices.Equal(got.Capabilities.Drop, want.Capabilities.Drop) || got.SeccompProfile.Type != want.SeccompProfile.Type {
		t.Errorf("security context %+v", got)
	}
	if container.LivenessProbe == nil || container.ReadinessProbe == nil || container.StartupProbe == nil || container.Resources.Requests == nil || container.Resources.Limits == nil {
		t.Errorf("container %+v", container)
	}
	policy := policyOf(t, all, server)
	if len(policy.Spec.PolicyTypes) != 1 || policy.Spec.PolicyTypes[0] != networkingv1.PolicyTypeIngress || len(policy.Spec.Ingress) != 1 || policy.Spec.Ingress[0].Ports[0].Port.StrVal != "http" {
		t.Errorf("policy %+v", policy.Spec)
	}
	for _, route := range decode[gatewayv1.HTTPRoute](t, render(t, "--set", "historyServer.enable=true,historyServer.route.enable=true,historyServer.route.host=h.example.com,historyServer.route.gateways={infra/web:https,own}"), "HTTPRoute") {
		parents := route.Spec.ParentRefs
		if len(parents) != 2 || parents[0].Name != "web" || *parents[0].Namespace != "infra" || *parents[0].SectionName != "https" || parents[1].Name != "own" || parents[1].Namespace != nil {
			t.Errorf("parents %+v", parents)
		}
	}
}

func TestPropertiesOfTheHistoryServer(t *testing.T) {
	properties := historyProperties(t, render(t, "--values", "testdata/history.values.yaml"))
	for key, want := range map[string]string{
		"spark.history.fs.update.interval":      "30s", // sparkConf wins
		"spark.history.custom":                  `a\b`,
		"spark.history.retainedApplications":    "10000000",
		"spark.hadoop.fs.s3a.path.style.access": "true",
		"spark.history.fs.cleaner.maxAge":       "90d",
	} {
		if properties[key] != want {
			t.Errorf("%s is %q, want %q", key, properties[key], want)
		}
	}
	if off := historyProperties(t, render(t, "--set", "historyServer.enable=true,historyServer.cleaner.enable=false")); off["spark.history.fs.cleaner.enabled"] != "false" {
		t.Errorf("%q", off)
	}
}

// TestNoHistoryByDefault: nothing is there until it is asked for.
func TestNoHistoryByDefault(t *testing.T) {
	if args := historyArgs(t, render(t)); len(args) > 0 {
		t.Errorf("flags %q", args)
	}
	if args := historyArgs(t, render(t, "--set", "controller.history.dir=s3a://logs")); !slices.Equal(args, []string{"--history-dir=s3a://logs"}) {
		t.Errorf("flags %q", args)
	}
}
