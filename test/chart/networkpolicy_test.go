// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// policyOf returns the policy that selects the pods of a Deployment.
func policyOf(t *testing.T, all objects, d appsv1.Deployment) *networkingv1.NetworkPolicy {
	t.Helper()
	var found []networkingv1.NetworkPolicy
	for _, policy := range decode[networkingv1.NetworkPolicy](t, all, "NetworkPolicy") {
		if fmt.Sprint(policy.Spec.PodSelector.MatchLabels) == fmt.Sprint(d.Spec.Selector.MatchLabels) {
			found = append(found, policy)
		}
	}
	if len(found) != 1 || found[0].Namespace != d.Namespace {
		t.Fatalf("%d policies of %s", len(found), d.Name)
	}
	return &found[0]
}

// anyone stands for all peers.
const anyone = "anyone"

// drivers and servers stand for the pods with a web UI that the controller reads, in all
// namespaces.
const (
	drivers = "driver pods of namespace "
	servers = drivers + ", connect-server pods of namespace "
)

// opened returns what rules let through: for each port, from or to whom.
func opened(peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort, into map[string]string) {
	who := anyone
	if len(peers) > 0 {
		var names []string
		for _, peer := range peers {
			switch {
			case peer.IPBlock != nil:
				names = append(names, peer.IPBlock.CIDR)
			case peer.NamespaceSelector != nil && peer.PodSelector != nil:
				names = append(names, peer.PodSelector.MatchLabels["spark-role"]+" pods of namespace "+peer.NamespaceSelector.MatchLabels[corev1.LabelMetadataName])
			case peer.NamespaceSelector != nil:
				names = append(names, "namespace "+peer.NamespaceSelector.MatchLabels[corev1.LabelMetadataName])
			default:
				names = append(names, "pods "+peer.PodSelector.MatchLabels["app"])
			}
		}
		who = strings.Join(names, ", ")
	}
	if len(ports) == 0 {
		into["every port"] = who
	}
	for _, port := range ports {
		name := port.Port.String()
		if port.Protocol != nil {
			name += string(*port.Protocol)
		}
		into[name] = who
	}
}

func ingressOf(policy *networkingv1.NetworkPolicy) map[string]string {
	ports := map[string]string{}
	for _, rule := range policy.Spec.Ingress {
		opened(rule.From, rule.Ports, ports)
	}
	return ports
}

func egressOf(policy *networkingv1.NetworkPolicy) map[string]string {
	if !slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) {
		return nil
	}
	ports := map[string]string{}
	for _, rule := range policy.Spec.Egress {
		opened(rule.To, rule.Ports, ports)
	}
	return ports
}

// TestNetworkPolicies: the pods can be reached on the ports that they serve, by the peers
// that the values name, and on no other port; what they may connect to is limited only
// where the values say so.
func TestNetworkPolicies(t *testing.T) {
	const enable = "webhook.enable=true,controller.networkPolicy.enable=true,webhook.networkPolicy.enable=true"
	for name, test := range map[string]struct {
		component       string
		set             []string
		ingress, egress map[string]string
	}{
		"controller":             {"controller", nil, map[string]string{"health": anyone, "metrics": anyone}, nil},
		"webhook":                {"webhook", nil, map[string]string{"health": anyone, "metrics": anyone, "webhook": anyone}, nil},
		"controller with pprof":  {"controller", []string{"controller.pprof.enable=true"}, map[string]string{"health": anyone, "metrics": anyone, "pprof": anyone}, nil},
		"controller, no metrics": {"controller", []string{"prometheus.metrics.enable=false"}, map[string]string{"health": anyone}, nil},
		"scrapes of a namespace": {"controller", []string{`controller.networkPolicy.metricsFrom[0].namespaceSelector.matchLabels.kubernetes\.io/metadata\.name=monitoring`}, map[string]string{"health": anyone, "metrics": "namespace monitoring"}, nil},
		"reviews of an address":  {"webhook", []string{"webhook.networkPolicy.from[0].ipBlock.cidr=10.0.0.0/24"}, map[string]string{"health": anyone, "metrics": anyone, "webhook": "10.0.0.0/24"}, nil},
		"egress of the controller": {"controller", []string{"controller.networkPolicy.egress.enable=true"}, map[string]string{"health": anyone, "metrics": anyone},
			map[string]string{"53UDP": anyone, "53TCP": anyone, "443": anyone, "6443": anyone, "every port": servers}},
		"egress without servers": {"controller", []string{"controller.networkPolicy.egress.enable=true", "controller.sparkConnect.enable=false"}, map[string]string{"health": anyone, "metrics": anyone},
			map[string]string{"53UDP": anyone, "53TCP": anyone, "443": anyone, "6443": anyone, "every port": drivers}},
		"egress to a collector": {"controller", []string{"controller.networkPolicy.egress.enable=true", "controller.tracing.endpoint=http://collector:4318"}, map[string]string{"health": anyone, "metrics": anyone},
			map[string]string{"53UDP": anyone, "53TCP": anyone, "443": anyone, "6443": anyone, "4318": anyone, "every port": servers}},
		"egress to one API server": {"webhook", []string{"webhook.networkPolicy.egress.enable=true", "webhook.networkPolicy.egress.apiServer[0].ipBlock.cidr=10.0.0.1/32", "webhook.networkPolicy.egress.apiServerPorts={443}"},
			map[string]string{"health": anyone, "metrics": anyone, "webhook": anyone}, map[string]string{"53UDP": anyone, "53TCP": anyone, "443": "10.0.0.1/32"}},
	} {
		t.Run(name, func(t *testing.T) {
			arguments := []string{"--set", enable}
			for _, set := range test.set {
				arguments = append(arguments, "--set", set)
			}
			all := render(t, arguments...)
			d := deploymentOf(t, all, test.component)
			policy := policyOf(t, all, d)
			if got := ingressOf(policy); fmt.Sprint(got) != fmt.Sprint(test.ingress) {
				t.Errorf("ingress\n got %v\nwant %v", got, test.ingress)
			}
			if got := egressOf(policy); fmt.Sprint(got) != fmt.Sprint(test.egress) {
				t.Errorf("egress\n got %v\nwant %v", got, test.egress)
			}
			// Each port is one that the container has, and none is missing.
			var names []string
			for _, port := range d.Spec.Template.Spec.Containers[0].Ports {
				names = append(names, port.Name)
				if _, open := ingressOf(policy)[port.Name]; !open {
					t.Errorf("port %s is closed", port.Name)
				}
			}
			for _, rule := range policy.Spec.Ingress {
				for _, port := range rule.Ports {
					if port.Port.Type != intstr.String || !slices.Contains(names, port.Port.StrVal) {
						t.Errorf("port %v is none of %v", port.Port, names)
					}
				}
			}
		})
	}
	if found := decode[networkingv1.NetworkPolicy](t, render(t, "--set", "webhook.enable=true"), "NetworkPolicy"); len(found) != 0 {
		t.Errorf("%d policies by default", len(found))
	}
}
