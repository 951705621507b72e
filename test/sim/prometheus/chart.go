// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/test/sim"
)

// Chart is what the chart renders for monitoring.
type Chart struct {
	Monitors []Monitor
	Alerts   []Rules
	// Deployments are those of controller and webhook, by component.
	Deployments map[string]appsv1.Deployment
	// Services are all of them, by name.
	Services map[string]corev1.Service
}

// Render renders the chart as a release with values as of helm --set.
func Render(t *testing.T, release, namespace, set string) *Chart {
	t.Helper()
	arguments := []string{"template", release, sim.Repository + "/charts/spark-operator", "--namespace", namespace, "--set", set}
	for _, kind := range []string{"PodMonitor", "ServiceMonitor", "PrometheusRule"} {
		arguments = append(arguments, "--api-versions", "monitoring.coreos.com/v1/"+kind)
	}
	command := exec.CommandContext(t.Context(), sim.Program(t, "helm"), arguments...)
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("helm template: %v", err)
	}
	chart := &Chart{Deployments: map[string]appsv1.Deployment{}, Services: map[string]corev1.Service{}}
	decode := func(document string, into any) {
		if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
	}
	for document := range strings.SplitSeq(string(output), "\n---\n") {
		var meta metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &meta); err != nil {
			t.Fatal(err)
		}
		switch meta.Kind {
		case "PodMonitor", "ServiceMonitor":
			var monitor Monitor
			decode(document, &monitor)
			chart.Monitors = append(chart.Monitors, monitor)
		case "PrometheusRule":
			var rules Rules
			decode(document, &rules)
			chart.Alerts = append(chart.Alerts, rules)
		case "Service":
			var service corev1.Service
			decode(document, &service)
			chart.Services[service.Name] = service
		case "Deployment":
			var deployment appsv1.Deployment
			decode(document, &deployment)
			chart.Deployments[deployment.Spec.Selector.MatchLabels["app.kubernetes.io/component"]] = deployment
		}
	}
	return chart
}
