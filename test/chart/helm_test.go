// SPDX-License-Identifier: Apache-2.0

// Package chart tests the Helm chart with the real Helm and the real operator
// binary. `make test-chart` builds both.
package chart

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

const (
	root  = "../.."
	chart = root + "/charts/spark-operator"
	// missingCRD is part of the message that the cluster lacks a CRD of the Prometheus Operator.
	missingCRD = "CRD of the Prometheus operator"
	// mutatingPolicyVersion makes Helm assume that the API server serves MutatingAdmissionPolicies.
	mutatingPolicyVersion = "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"
)

// monitoringVersions make Helm assume that the cluster has the CRDs of the Prometheus Operator.
var monitoringVersions = []string{
	"--api-versions", "monitoring.coreos.com/v1/PodMonitor",
	"--api-versions", "monitoring.coreos.com/v1/ServiceMonitor",
	"--api-versions", "monitoring.coreos.com/v1/PrometheusRule",
}

// program returns the path of bin/name, which the Makefile builds.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run these tests with `make test-chart`", err)
	}
	return path
}

// helm runs Helm without anything of the user's and returns its standard output. The
// error is what it wrote to standard error.
func helm(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	home := t.TempDir()
	command := exec.CommandContext(t.Context(), program(t, "helm"), arguments...)
	command.Env = []string{"HOME=" + home, "KUBECONFIG=" + filepath.Join(home, "none")}
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("helm %s: %w: %s", arguments[0], err, stderr.String())
	}
	return stdout.String(), nil
}

// template renders the chart as release spark-operator in the namespace of that name.
func template(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	return helm(t, slices.Concat([]string{"template", "spark-operator", chart, "--namespace", "spark-operator"}, monitoringVersions,
		[]string{"--api-versions", mutatingPolicyVersion}, arguments)...)
}

// objects are the rendered manifests, each as JSON, in order.
type objects [][]byte

func render(t *testing.T, arguments ...string) objects {
	t.Helper()
	text, err := template(t, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, text)
}

func parse(t *testing.T, manifests string) objects {
	t.Helper()
	var all objects
	for document := range strings.SplitSeq(manifests, "\n---\n") {
		object, err := yaml.YAMLToJSONStrict([]byte(document))
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if string(object) != "null" {
			all = append(all, object)
		}
	}
	return all
}

// decode returns the objects of a kind, which must have no unknown fields.
func decode[T any](t *testing.T, all objects, kind string) []T {
	t.Helper()
	var found []T
	for _, object := range all {
		var meta struct {
			Kind string `json:"kind"`
		}
		if err := yaml.Unmarshal(object, &meta); err != nil {
			t.Fatal(err)
		}
		if meta.Kind != kind {
			continue
		}
		var one T
		if err := yaml.UnmarshalStrict(object, &one); err != nil {
			t.Fatalf("%v in\n%s", err, object)
		}
		found = append(found, one)
	}
	return found
}

// deployment returns that of the controller.
func deployment(t *testing.T, all objects) appsv1.Deployment {
	t.Helper()
	return deploymentOf(t, all, "controller")
}

func deploymentOf(t *testing.T, all objects, component string) appsv1.Deployment {
	t.Helper()
	found := decode[appsv1.Deployment](t, all, "Deployment")
	found = slices.DeleteFunc(found, func(d appsv1.Deployment) bool {
		return d.Spec.Selector.MatchLabels["app.kubernetes.io/component"] != component
	})
	if len(found) != 1 {
		t.Fatalf("%d deployments of the %s", len(found), component)
	}
	return found[0]
}

// roles returns the rules of Roles by "name/namespace" and of ClusterRoles by "name".
func roles(t *testing.T, all objects) map[string][]rbacv1.PolicyRule {
	t.Helper()
	rules := map[string][]rbacv1.PolicyRule{}
	for _, role := range decode[rbacv1.Role](t, all, "Role") {
		rules[role.Name+"/"+role.Namespace] = role.Rules
	}
	for _, role := range decode[rbacv1.ClusterRole](t, all, "ClusterRole") {
		rules[role.Name] = role.Rules
	}
	return rules
}

// valuesFiles are the cases: testdata/NAME.values.yaml by NAME.
func valuesFiles(t *testing.T) map[string]string {
	t.Helper()
	const suffix = ".values.yaml"
	files, err := filepath.Glob("testdata/*" + suffix)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no values files in testdata")
	}
	cases := map[string]string{}
	for _, file := range files {
		cases[strings.TrimSuffix(filepath.Base(file), suffix)] = file
	}
	return cases
}

// startOperator runs the operator where there is no API server to be found and
// returns what it says before it gives up.
func startOperator(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), program(t, "spark-operator"), append(args, "--kubeconfig=/nonexistent")...)
	output, err := command.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("want a failure, got %v: %s", err, output)
	}
	return string(output)
}
