// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// leaf is a line of testdata/kubeflow-values.tsv.
type leaf struct {
	key, standard, value, group, evidence string
}

// kubeflowLeaves are all leaf values of the chart of kubeflow/spark-operator.
func kubeflowLeaves(t *testing.T) []leaf {
	t.Helper()
	content, err := os.ReadFile("testdata/kubeflow-values.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var leaves []leaf
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 5 {
			t.Fatalf("%d fields in %q", len(fields), line)
		}
		leaves = append(leaves, leaf{fields[0], fields[1], fields[2], fields[3], strings.ReplaceAll(fields[4], `\n`, "\n")})
	}
	if len(leaves) != 159 {
		t.Fatalf("%d leaf values, want 159", len(leaves))
	}
	return leaves
}

// kubeflowValues writes a values file with all defaults of that chart, but for leaves
// of a group, which have their other value; it returns its path.
func kubeflowValues(t *testing.T, leaves []leaf, group string) string {
	t.Helper()
	values := map[string]any{}
	for _, leaf := range leaves {
		text := leaf.standard
		if leaf.group == group {
			text = leaf.value
		}
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			t.Fatalf("%s: %v", leaf.key, err)
		}
		parent := values
		path := strings.Split(leaf.key, ".")
		for _, key := range path[:len(path)-1] {
			if parent[key] == nil {
				parent[key] = map[string]any{}
			}
			parent = parent[key].(map[string]any)
		}
		parent[path[len(path)-1]] = value
	}
	text, err := yaml.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// notes returns what Helm prints after an installation.
func notes(t *testing.T, arguments ...string) string {
	t.Helper()
	output, err := helm(t, append([]string{"install", "spark-operator", chart, "--namespace", "spark-operator", "--dry-run=client"}, arguments...)...)
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(output, "\nNOTES:\n")
	if !found {
		t.Fatalf("no notes in %s", output)
	}
	return text
}

// TestDefaultsOfKubeflowAreAccepted: the values file that a user of that chart has
// renders what our defaults do, but for the rate of requests, which they limit, a
// directory for files, and buckets that are the operator's own.
func TestDefaultsOfKubeflowAreAccepted(t *testing.T) {
	file := kubeflowValues(t, kubeflowLeaves(t), "")
	pod := deployment(t, render(t, "--values", file)).Spec.Template.Spec
	ours := deployment(t, render(t, "--set", "controller.kubeAPIQPS=20,webhook.enable=true")).Spec.Template.Spec
	got := slices.DeleteFunc(slices.Clone(pod.Containers[0].Args), func(arg string) bool { return strings.Contains(arg, "-latency-buckets=") })
	if want := ours.Containers[0].Args; !slices.Equal(got, want) {
		t.Errorf("arguments\n got %q\nwant %q", got, want)
	}
	if pod.Containers[0].Image != ours.Containers[0].Image {
		t.Errorf("image %s, want %s: the other one does not know these arguments", pod.Containers[0].Image, ours.Containers[0].Image)
	}
	if err := startOperator(t, pod.Containers[0].Args...); !strings.Contains(err, "find the API server") {
		t.Error(err)
	}
	text := notes(t, "--values", file)
	for _, want := range []string{"image.repository: kubeflow/spark-operator/controller is not", "hook.image.repository: kubeflow/spark-operator/kubectl is not"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the notes:\n%s", want, text)
		}
	}
}

// TestEveryValueOfKubeflowHasAnEffect, or the notes say why it has none.
func TestEveryValueOfKubeflowHasAnEffect(t *testing.T) {
	leaves := kubeflowLeaves(t)
	show := func(group string) string {
		file := kubeflowValues(t, leaves, group)
		text, err := template(t, "--values", file)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	standard := show("")
	rendered := map[string]string{"on": show("on"), "off": show("off"), "without": show("without"), "notes": notes(t, "--values", kubeflowValues(t, leaves, "notes"))}
	silent := notes(t)
	for _, leaf := range leaves {
		before, text := standard, rendered[leaf.group]
		if leaf.group == "notes" {
			before = silent
		}
		evidence, gone := strings.CutPrefix(leaf.evidence, "!")
		if gone {
			before, text = text, before
		}
		if text == "" || strings.Contains(before, evidence) || !strings.Contains(text, evidence) {
			t.Errorf("%s=%s: %q is in the output by default: %t, with this value: %t", leaf.key, leaf.value, leaf.evidence,
				strings.Contains(before, evidence) != gone, strings.Contains(text, evidence) != gone)
		}
	}
}

// TestValuesHaveEveryKeyOfKubeflow, so that the table of values has a line for each.
func TestValuesHaveEveryKeyOfKubeflow(t *testing.T) {
	content, err := os.ReadFile(chart + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(content, &values); err != nil {
		t.Fatal(err)
	}
	for _, leaf := range kubeflowLeaves(t) {
		var value any = values
		for key := range strings.SplitSeq(leaf.key, ".") {
			parent, _ := value.(map[string]any)
			if value = nil; slices.Contains(slices.Collect(maps.Keys(parent)), key) {
				value = parent[key]
			} else if key != "fsGroup" { // our image needs none
				t.Errorf("values.yaml has no %s", leaf.key)
				break
			}
		}
	}
}

// TestExamplesOfKubeflowAreAccepted: the command lines of its documentation.
func TestExamplesOfKubeflowAreAccepted(t *testing.T) {
	for _, set := range []string{
		"webhook.enable=true",
		"webhook.enable=true,webhook.port=443",
		"spark.jobNamespaces={spark}",
		"spark.jobNamespaces={}",
		"spark.jobNamespaces={default},spark.jobNamespaceSelector=spark=enabled,image.tag=local,webhook.kubeAPIQPS=100",
		"prometheus.metrics.enable=true,prometheus.podMonitor.create=true",
		"controller.batchScheduler.enable=true,controller.batchScheduler.default=volcano",
		"controller.uiIngress.enable=true,controller.uiIngress.urlFormat=spark.example.com",
		"certManager.enable=true",
		"webhook.resourceQuotaEnforcement.enable=true",
		"controller.replicas=2,controller.leaderElection.enable=true",
		"hook.upgradeCrd=true",
	} {
		if _, err := template(t, "--set", set); err != nil {
			t.Errorf("%s: %v", set, err)
		}
	}
}

// TestImagesOfKubeflowAreReplaced: they do not know the arguments of this chart, whatever
// version they have and whatever mirror they come from.
func TestImagesOfKubeflowAreReplaced(t *testing.T) {
	for set, want := range map[string]string{
		"image.registry=docker.io,image.repository=kubeflow/spark-operator,image.tag=2.0.2":                      "ghcr.io/spark-operator/spark-operator:",
		"image.registry=ghcr.io,image.repository=kubeflow/spark-operator/controller,image.tag=2.4.0":             "ghcr.io/spark-operator/spark-operator:",
		"image.registry=mirror.example.com,image.repository=proxy/kubeflow/spark-operator/controller":            "mirror.example.com/proxy/spark-operator/spark-operator:",
		"image.registry=docker.io,image.repository=acme/spark-operator,image.tag=mine":                           "docker.io/acme/spark-operator:mine",
		"hook.image.registry=ghcr.io,hook.image.repository=kubeflow/spark-operator/kubectl,hook.image.tag=2.4.0": "ghcr.io/spark-operator/spark-operator:",
	} {
		text, err := template(t, "--set", "hook.upgradeCrd=true", "--set", set)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(text, `image: "`+want); got != 2 {
			t.Errorf("%s: %d images %s, want that of the controller and of the hook", set, got, want)
		}
	}
}

// TestNotesNameWhatHasNoEffect: what contradicts another value, but not so that nothing
// could run, is no failure.
func TestNotesNameWhatHasNoEffect(t *testing.T) {
	for set, want := range map[string]string{
		"controller.replicas=2,controller.leaderElection.enable=false":                              "controller.leaderElection.enable:",
		"controller.uiIngress.enable=true":                                                          "controller.uiIngress.enable: an Ingress requires",
		"controller.uiIngress.enable=true,controller.uiService.enable=false":                        "controller.uiIngress.enable: the backend of the Ingress is",
		"controller.uiRoute.enable=true":                                                            "controller.uiRoute.enable: an HTTPRoute requires",
		"controller.uiRoute.enable=true,controller.uiService.enable=false":                          "controller.uiRoute.enable: the backend of the HTTPRoute is",
		"controller.batchScheduler.default=volcano":                                                 "controller.batchScheduler.default:",
		"controller.featureGates[0].name=RestSubmitter,controller.featureGates[0].enabled=true":     "RestSubmitter:",
		"controller.featureGates[0].name=LoadSparkDefaults,controller.featureGates[0].enabled=true": "LoadSparkDefaults:",
		"image.repository=mirror/kubeflow/spark-operator/controller,image.tag=2.4.0":                "image.tag: 2.4.0",
	} {
		if text := notes(t, "--set", set); !strings.Contains(text, "\n  "+want) && !strings.Contains(text, want) {
			t.Errorf("%s: no %q in\n%s", set, want, text)
		}
	}
	if text := notes(t); strings.Contains(text, "without effect") {
		t.Errorf("the defaults have values without effect:\n%s", text)
	}
	args := deployment(t, render(t, "--set", "controller.replicas=2,controller.leaderElection.enable=false")).Spec.Template.Spec.Containers[0].Args
	if !slices.Contains(args, "--leader-election=true") {
		t.Errorf("two replicas without leader election: %q", args)
	}
}

// TestHook: the Job that upgrades CRDs may do that and nothing else.
func TestHook(t *testing.T) {
	rules := roles(t, render(t, "--set", "hook.upgradeCrd=true"))["spark-operator-hook"]
	files, err := filepath.Glob(chart + "/crds/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var crd struct{ Metadata struct{ Name string } }
		if err := yaml.Unmarshal(content, &crd); err != nil {
			t.Fatal(err)
		}
		names = append(names, crd.Metadata.Name)
	}
	if len(rules) != 2 || !slices.Equal(rules[0].ResourceNames, names) || !slices.Equal(rules[0].Verbs, []string{"get", "patch"}) ||
		!slices.Equal(rules[1].Verbs, []string{"create"}) {
		t.Errorf("rules %v, want get and patch of %q, and create", rules, names)
	}
	if _, ok := roles(t, render(t))["spark-operator-hook"]; ok {
		t.Error("the hook is there by default")
	}
}

// TestNamesOfKubeflow: objects, Leases, the Secret of the certificate and the labels of pods have the names that the chart
// of kubeflow/spark-operator gives them, so what names them needs no change.
func TestNamesOfKubeflow(t *testing.T) {
	all := render(t, "--set", "webhook.enable=true,hook.upgradeCrd=true,controller.replicas=2,controller.podDisruptionBudget.enable=true,"+
		"webhook.replicas=2,webhook.podDisruptionBudget.enable=true,prometheus.podMonitor.create=true,controller.pprof.enable=true")
	rendered := map[string]bool{}
	for _, object := range all {
		var meta struct {
			Kind     string `json:"kind"`
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
		}
		if err := yaml.Unmarshal(object, &meta); err != nil {
			t.Fatal(err)
		}
		rendered[meta.Kind+" "+meta.Metadata.Name] = true
	}
	for _, want := range []string{
		"Deployment spark-operator-controller", "Deployment spark-operator-webhook", "Job spark-operator-hook",
		"MutatingWebhookConfiguration spark-operator-webhook", "ValidatingWebhookConfiguration spark-operator-webhook",
		"PodDisruptionBudget spark-operator-controller-pdb", "PodDisruptionBudget spark-operator-webhook-pdb",
		"PodMonitor spark-operator-podmonitor",
		"Service spark-operator-controller-svc", "Service spark-operator-webhook-svc",
		"ServiceAccount spark-operator-controller", "ServiceAccount spark-operator-hook", "ServiceAccount spark-operator-spark",
		"ServiceAccount spark-operator-webhook",
	} {
		if !rendered[want] {
			t.Errorf("no %s", want)
		}
	}
	for component, arguments := range map[string][]string{
		"controller": {"--leader-election-lock-name=spark-operator-controller-lock"},
		"webhook":    {"--leader-election-lock-name=spark-operator-webhook-lock", "--webhook-secret-name=spark-operator-webhook-certs"},
	} {
		deployment := deploymentOf(t, all, component)
		want := map[string]string{
			"app.kubernetes.io/name": "spark-operator", "app.kubernetes.io/instance": "spark-operator", "app.kubernetes.io/component": component,
		}
		if got := deployment.Spec.Selector.MatchLabels; !maps.Equal(got, want) {
			t.Errorf("selector of the %s: %v", component, got)
		}
		for _, argument := range arguments {
			if !slices.Contains(deployment.Spec.Template.Spec.Containers[0].Args, argument) {
				t.Errorf("the %s has no argument %s", component, argument)
			}
		}
	}
}
