// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"slices"
	"strings"
	"testing"
)

// TestSecureMetrics: both processes check the tokens of who scrapes them, with a
// ClusterRole that exists only for this.
func TestSecureMetrics(t *testing.T) {
	all := render(t, "--set", "spark.jobNamespaces={team-a},webhook.enable=true,prometheus.metrics.secureMetrics.enable=true")
	rules := roles(t, all)
	if got := rules["spark-operator-metrics-reader"]; len(got) != 1 || !slices.Equal(got[0].NonResourceURLs, []string{"/metrics"}) || !slices.Equal(got[0].Verbs, []string{"get"}) {
		t.Errorf("reader: %v", got)
	}
	for _, component := range []string{"spark-operator-controller", "spark-operator-webhook"} {
		for _, resource := range []string{"authentication.k8s.io/tokenreviews", "authorization.k8s.io/subjectaccessreviews"} {
			if got := verbs(rules[component], resource); !slices.Equal(got, []string{"create"}) {
				t.Errorf("%s: %s: %v", component, resource, got)
			}
		}
		if got := verbs(rules[component], "sparkoperator.k8s.io/sparkapplications"); len(got) != 0 {
			t.Errorf("%s: a ClusterRole for applications of listed namespaces: %v", component, got)
		}
	}
	for _, component := range []string{"controller", "webhook"} {
		template := deploymentOf(t, all, component).Spec.Template
		args := template.Spec.Containers[0].Args
		if !slices.Contains(args, "--secure-metrics=true") || strings.Contains(strings.Join(args, " "), "--metrics-cert-dir") || len(template.Spec.Volumes) != 0 {
			t.Errorf("%s: %q, volumes %v", component, args, template.Spec.Volumes)
		}
		if template.Annotations["prometheus.io/scheme"] != "https" {
			t.Errorf("%s: annotations %v", component, template.Annotations)
		}
		if err := startOperator(t, args...); !strings.Contains(err, "find the API server") {
			t.Errorf("%s: %s", component, err)
		}
	}

	with := render(t, "--set", "webhook.enable=true,prometheus.metrics.secureMetrics.enable=true,prometheus.metrics.secureMetrics.certSecretName=certs,controller.volumes[0].name=mine")
	for component, volumes := range map[string]int{"controller": 2, "webhook": 1} {
		pod := deploymentOf(t, with, component).Spec.Template.Spec
		mounts := pod.Containers[0].VolumeMounts
		if len(pod.Volumes) != volumes || pod.Volumes[volumes-1].Secret.SecretName != "certs" || len(mounts) != 1 ||
			!slices.Contains(pod.Containers[0].Args, "--metrics-cert-dir="+mounts[0].MountPath) {
			t.Errorf("%s: volumes %v, mounts %v", component, pod.Volumes, mounts)
		}
	}

	// Whoever does not use it grants nothing.
	for _, set := range []string{"webhook.enable=true", "prometheus.metrics.secureMetrics.enable=true,prometheus.metrics.enable=false"} {
		for _, object := range render(t, "--set", set) {
			if text := string(object); strings.Contains(text, "secure-metrics") || strings.Contains(text, "tokenreviews") || strings.Contains(text, "metrics-reader") {
				t.Errorf("%s: %s", set, text)
			}
		}
	}
	if text := notes(t, "--set", "prometheus.metrics.secureMetrics.enable=true,prometheus.metrics.enable=false"); !strings.Contains(text, "secureMetrics.enable: nothing serves metrics") {
		t.Errorf("the notes do not say that the value has no effect:\n%s", text)
	}
}

// Monitors send the token that the values name, over HTTPS.
func TestMonitorsOfSecureMetrics(t *testing.T) {
	for value, kind := range map[string]string{"podMonitor": "PodMonitor", "serviceMonitor": "ServiceMonitor"} {
		secure := "prometheus." + value + ".create=true,prometheus.metrics.secureMetrics.enable=true"
		found := 0
		for _, object := range render(t, "--set", secure+",prometheus.metrics.secureMetrics.tokenSecret.name=tok") {
			text := string(object)
			if !strings.Contains(text, `"kind":"`+kind+`"`) {
				continue
			}
			found++
			for _, want := range []string{
				`"scheme":"https"`, `"tlsConfig":{"insecureSkipVerify":true}`, `"authorization":{"credentials":{"key":"token","name":"tok"},"type":"Bearer"}`,
			} {
				if !strings.Contains(text, want) {
					t.Errorf("%s: no %s in %s", kind, want, text)
				}
			}
		}
		if found != 1 {
			t.Errorf("%d objects %s", found, kind)
		}
		if _, err := template(t, "--set", secure); err == nil || !strings.Contains(err.Error(), value+".create with prometheus.metrics.secureMetrics.enable requires prometheus.metrics.secureMetrics.tokenSecret.name") {
			t.Errorf("%s without a token: %v", kind, err)
		}
	}
}
