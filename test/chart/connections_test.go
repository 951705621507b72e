// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/spark-operator/spark-operator/test/sim/prometheus"
)

// endpoint is one end of a connection: a pod, or an address outside of the cluster.
type endpoint struct {
	name, namespace string
	labels          labels.Set
	address         netip.Addr // of what is no pod
	ports           []corev1.ContainerPort
}

func podOf(name, namespace string, template *corev1.PodTemplateSpec) endpoint {
	e := endpoint{name: name, namespace: namespace, labels: template.Labels}
	for i := range template.Spec.Containers {
		for _, port := range template.Spec.Containers[i].Ports {
			port.Protocol = cmp.Or(port.Protocol, corev1.ProtocolTCP)
			e.ports = append(e.ports, port)
		}
	}
	return e
}

// port returns a port of a pod by its name or number.
func (e *endpoint) port(t *testing.T, of intstr.IntOrString) corev1.ContainerPort {
	t.Helper()
	at := slices.IndexFunc(e.ports, func(p corev1.ContainerPort) bool {
		return p.Name == of.StrVal && of.Type == intstr.String || p.ContainerPort == of.IntVal && of.Type == intstr.Int
	})
	if at < 0 {
		t.Fatalf("%s has no port %v", e.name, of.String())
	}
	return e.ports[at]
}

// allows reports whether policies let a connection through, as the API of NetworkPolicies
// defines it.
func allows(t *testing.T, policies []networkingv1.NetworkPolicy, from, to *endpoint, port corev1.ContainerPort) bool {
	t.Helper()
	pass := func(direction networkingv1.PolicyType, of, peer *endpoint) bool {
		isolated := false
		for i := range policies {
			policy := &policies[i]
			if of.address.IsValid() || policy.Namespace != of.namespace || !slices.Contains(policy.Spec.PolicyTypes, direction) ||
				!asSelector(t, &policy.Spec.PodSelector).Matches(of.labels) {
				continue
			}
			isolated = true
			if direction == networkingv1.PolicyTypeIngress && slices.ContainsFunc(policy.Spec.Ingress, func(r networkingv1.NetworkPolicyIngressRule) bool {
				return anyPeer(t, r.From, policy.Namespace, peer) && anyPort(r.Ports, port)
			}) || direction == networkingv1.PolicyTypeEgress && slices.ContainsFunc(policy.Spec.Egress, func(r networkingv1.NetworkPolicyEgressRule) bool {
				return anyPeer(t, r.To, policy.Namespace, peer) && anyPort(r.Ports, port)
			}) {
				return true
			}
		}
		return !isolated
	}
	return pass(networkingv1.PolicyTypeEgress, from, to) && pass(networkingv1.PolicyTypeIngress, to, from)
}

func anyPeer(t *testing.T, peers []networkingv1.NetworkPolicyPeer, own string, e *endpoint) bool {
	t.Helper()
	return len(peers) == 0 || slices.ContainsFunc(peers, func(p networkingv1.NetworkPolicyPeer) bool {
		if p.IPBlock != nil {
			return e.address.IsValid() && netip.MustParsePrefix(p.IPBlock.CIDR).Contains(e.address)
		}
		inNamespace := e.namespace == own
		if p.NamespaceSelector != nil {
			inNamespace = asSelector(t, p.NamespaceSelector).Matches(labels.Set{corev1.LabelMetadataName: e.namespace})
		}
		pods := p.PodSelector
		if pods == nil {
			pods = &metav1.LabelSelector{}
		}
		return !e.address.IsValid() && inNamespace && asSelector(t, pods).Matches(e.labels)
	})
}

func anyPort(ports []networkingv1.NetworkPolicyPort, port corev1.ContainerPort) bool {
	return len(ports) == 0 || slices.ContainsFunc(ports, func(p networkingv1.NetworkPolicyPort) bool {
		protocol := corev1.ProtocolTCP
		if p.Protocol != nil {
			protocol = *p.Protocol
		}
		return protocol == port.Protocol && (p.Port == nil || p.Port.Type == intstr.Int && p.Port.IntVal == port.ContainerPort || p.Port.Type == intstr.String && p.Port.StrVal == port.Name)
	})
}

// TestNetworkPoliciesAllowEveryConnection: with all policies of the chart, and with the
// peers limited where a value can do that, each connection that the components need is let
// through. These are the probes, Services, webhooks and monitors of the chart itself, and
// what the processes connect to. What they do not need is not let through.
func TestNetworkPoliciesAllowEveryConnection(t *testing.T) {
	all := render(t, "--set", "webhook.enable=true,controller.networkPolicy.enable=true,webhook.networkPolicy.enable=true,historyServer.enable=true,historyServer.networkPolicy.enable=true",
		"--set", withArchive+",logArchive.networkPolicy.enable=true,hook.upgradeCrd=true,prometheus.podMonitor.create=true,controller.pprof.enable=true",
		"--set", "controller.networkPolicy.egress.enable=true,webhook.networkPolicy.egress.enable=true,controller.tracing.endpoint=http://collector.monitoring:4318",
		"--set", "controller.networkPolicy.egress.apiServer[0].ipBlock.cidr=203.0.113.0/24,webhook.networkPolicy.egress.apiServer[0].ipBlock.cidr=203.0.113.0/24",
		"--set", "webhook.networkPolicy.from[0].ipBlock.cidr=203.0.113.0/24",
		"--set", fromMonitoring("controller"), "--set", fromMonitoring("webhook"), "--set", fromMonitoring("logArchive"))
	policies := decode[networkingv1.NetworkPolicy](t, all, "NetworkPolicy")
	tcp := func(number int32) corev1.ContainerPort {
		return corev1.ContainerPort{ContainerPort: number, Protocol: corev1.ProtocolTCP}
	}
	outside := func(name, address string) *endpoint {
		return &endpoint{name: name, address: netip.MustParseAddr(address)}
	}
	apiServer, kubelet, metadata := outside("the API server", "203.0.113.7"), outside("the kubelet", "10.0.0.1"), outside("the metadata service", "169.254.169.254")
	scraper := &endpoint{name: "Prometheus", namespace: "monitoring", labels: labels.Set{"app": "prometheus"}}
	collector := &endpoint{name: "the collector", namespace: "monitoring", labels: labels.Set{"app": "collector"}}
	dns := &endpoint{name: "DNS", namespace: "kube-system", labels: labels.Set{"k8s-app": "kube-dns"}}
	sparkPod := func(role string) *endpoint {
		return &endpoint{name: role, namespace: "default", labels: labels.Set{"spark-role": role}}
	}
	other := &endpoint{name: "another pod", namespace: "default"}

	components := map[string]*endpoint{}
	expect := func(want bool, from, to *endpoint, port corev1.ContainerPort) {
		t.Helper()
		if got := allows(t, policies, from, to, port); got != want {
			t.Errorf("from %s to %s, port %d (%s) %s: allowed %t, want %t", from.name, to.name, port.ContainerPort, port.Name, port.Protocol, got, want)
		}
	}
	for _, d := range decode[appsv1.Deployment](t, all, "Deployment") {
		pod := podOf(d.Name, d.Namespace, &d.Spec.Template)
		components[d.Labels["app.kubernetes.io/component"]] = &pod
		probes := 0
		for i := range d.Spec.Template.Spec.Containers {
			c := &d.Spec.Template.Spec.Containers[i]
			for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
				if probe != nil && probe.HTTPGet != nil {
					probes++
					expect(true, kubelet, &pod, pod.port(t, probe.HTTPGet.Port))
				}
			}
		}
		if probes == 0 {
			t.Errorf("%s has no probes", d.Name)
		}
		expect(false, other, &pod, tcp(22))
	}
	hook := decode[batchv1.Job](t, all, "Job")[0]
	job := podOf(hook.Name, hook.Namespace, &hook.Spec.Template)
	controller, webhook, archiver, history := components["controller"], components["webhook"], components["log-archiver"], components["history"]
	if controller == nil || webhook == nil || archiver == nil || history == nil || len(components) != len(policies) {
		t.Fatalf("%d policies for %v", len(policies), components)
	}

	// Reviews, by the Service of the webhook.
	for _, configuration := range decode[admissionregistrationv1.ValidatingWebhookConfiguration](t, all, "ValidatingWebhookConfiguration") {
		for _, entry := range configuration.Webhooks {
			target := targetOf(t, all, entry.ClientConfig.Service.Name, *entry.ClientConfig.Service.Port)
			expect(true, apiServer, webhook, webhook.port(t, target))
			expect(false, other, webhook, webhook.port(t, target))
		}
	}
	// Scrapes.
	scrapes := 0
	for _, monitor := range decode[prometheus.Monitor](t, all, "PodMonitor") {
		for _, of := range monitor.Spec.PodMetricsEndpoints {
			for _, pod := range components {
				if at := slices.IndexFunc(pod.ports, func(p corev1.ContainerPort) bool { return p.Name == of.Port }); at >= 0 {
					scrapes++
					expect(true, scraper, pod, pod.ports[at])
					expect(false, other, pod, pod.ports[at])
				}
			}
		}
	}
	if scrapes != 3 {
		t.Errorf("%d pods are scraped", scrapes)
	}
	// Users.
	expect(true, other, history, history.port(t, intstr.FromString("http")))
	expect(true, other, controller, controller.port(t, intstr.FromString("pprof")))

	// What the processes connect to.
	for _, process := range []*endpoint{controller, webhook, archiver, &job} {
		expect(true, process, apiServer, tcp(443))
		expect(true, process, apiServer, tcp(6443))
		for _, protocol := range []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP} {
			expect(true, process, dns, corev1.ContainerPort{ContainerPort: 53, Protocol: protocol})
		}
	}
	expect(true, controller, collector, tcp(4318))
	expect(true, archiver, outside("the bucket", "198.51.100.4"), tcp(443))
	for _, port := range []int32{4040, 4440, 18080} { // spark.ui.port
		for _, role := range []string{"driver", "connect-server"} {
			expect(true, controller, sparkPod(role), tcp(port))
			expect(false, webhook, sparkPod(role), tcp(port))
		}
		expect(false, controller, sparkPod("executor"), tcp(port))
	}
	for _, process := range []*endpoint{controller, webhook} {
		expect(false, process, metadata, tcp(80))
		expect(false, process, other, tcp(8080))
		expect(false, process, outside("another address", "198.51.100.4"), tcp(443))
	}
}

// fromMonitoring limits the scrapes of a component to a namespace.
func fromMonitoring(component string) string {
	return fmt.Sprintf(`%s.networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.kubernetes\.io/metadata\.name=monitoring`, component)
}

// targetOf returns the port of the pods to which a port of a Service leads.
func targetOf(t *testing.T, all objects, name string, port int32) intstr.IntOrString {
	t.Helper()
	for _, service := range decode[corev1.Service](t, all, "Service") {
		for _, p := range service.Spec.Ports {
			if service.Name == name && p.Port == port {
				return p.TargetPort
			}
		}
	}
	t.Fatalf("no port %d of a Service %s", port, name)
	return intstr.IntOrString{}
}
