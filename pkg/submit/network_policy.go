// SPDX-License-Identifier: Apache-2.0

package submit

import (
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// networkPolicy is NetworkPolicyFeatureStep (Spark 4.2 and newer): only pods of
// the same application reach its executors.
type networkPolicy struct{ conf *driverConf }

func newNetworkPolicy(conf *driverConf) (featureStep, error) { return networkPolicy{conf}, nil }

func (n networkPolicy) apply(spec *driverSpec) error {
	policy := &networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: n.conf.objectMeta(n.conf.prefix + "-policy"),
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{
				MatchLabels: map[string]string{labelRole: roleExecutor, labelAppID: n.conf.appID},
			},
			Ingress: []networkingv1.NetworkPolicyIngressRule{{
				From: []networkingv1.NetworkPolicyPeer{{
					PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{labelAppID: n.conf.appID}},
				}},
			}},
		},
	}
	policy.Labels = map[string]string{labelAppID: n.conf.appID}
	spec.objects.NetworkPolicy = policy
	return nil
}
