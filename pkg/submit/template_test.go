// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// withTemplate is a call with a driver pod template file.
func withTemplate(version, template string) submit.Input {
	in := typicalInput()
	in.SparkVersion = version
	in.Conf[sparkconf.DriverPodTemplateFile] = "/w/driver.yaml"
	delete(in.Conf, sparkconf.ExecutorPodTemplateFile)
	in.Files = map[string][]byte{"/w/driver.yaml": []byte(template)}
	return in
}

func TestTemplateFilesThatAreRefused(t *testing.T) {
	const pod = "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: c}]}\n"
	bomb := "metadata:\n  annotations:\n    a: &a " + strings.Repeat("x", 100_000) + "\n"
	for i := range 100 {
		bomb += "    a" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + ": *a\n"
	}
	for name, test := range map[string]struct{ template, part string }{
		"two pods":              {pod + "---\n" + pod, "several YAML documents"},
		"pod and ConfigMap":     {pod + "---\napiVersion: v1\nkind: ConfigMap\n", "several YAML documents"},
		"pod and scalar":        {pod + "---\nx\n", "several YAML documents"},
		"broken second one":     {pod + "---\nspec: [", "yaml"},
		"other kind":            {"apiVersion: v1\nkind: PodTemplate\nspec: {}\n", "the kind of the template is PodTemplate; it must be Pod"},
		"kind in small":         {"kind: pod\nspec: {}\n", "it must be Pod"},
		"other apiVersion":      {"apiVersion: v2\nkind: Pod\nspec: {}\n", "the apiVersion of the template is v2; it must be v1"},
		"list":                  {"- kind: Pod\n", "not a YAML object"},
		"scalar":                {"Pod\n", "not a YAML object"},
		"empty":                 {"", "no spec"},
		"comment":               {"# nothing\n---\n", "no spec"},
		"object where text":     {"spec: {nodeName: {a: b}}\n", "string"},
		"list where text":       {"metadata: {labels: {a: [b]}}\nspec: {}\n", "string"},
		"text where number":     {"spec: {activeDeadlineSeconds: soon}\n", "int64"},
		"text where boolean":    {"spec: {hostNetwork: maybe}\n", "bool"},
		"object where a list":   {"spec: {containers: {name: c}}\n", "Container"},
		"key that is an object": {"spec: {? {a: b} : c}\n", "the key is not a string"},
		"aliases without end":   {bomb + "spec: {}\n", "more than 4194304 bytes"},
		"alias to itself":       {"spec: &a {nodeSelector: *a}\n", "template"},
		"deep":                  {"spec: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "deep"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, version := range []string{"3.3.4", "4.3.0"} {
				_, err := submit.Build(withTemplate(version, test.template))
				if err == nil {
					t.Fatalf("%s: not refused", version)
				}
				text := err.Error()
				for _, part := range []string{"Could not load pod from template file.", sparkconf.DriverPodTemplateFile, test.part} {
					if !strings.Contains(text, part) {
						t.Errorf("%s: %q lacks %q", version, text, part)
					}
				}
				if len(text) > 4096 || strings.Contains(text, "\n") {
					t.Errorf("%s: a text of %d bytes", version, len(text))
				}
			}
		})
	}
}

// Where text belongs the client takes a scalar as it is written, from 3.5 on; its
// predecessors print what YAML 1.1 takes it for.
func TestScalarsOfTemplateFiles(t *testing.T) {
	for written, want := range map[string][3]string{ // 3.3, 3.4, 3.5 and newer
		"N":        {"N", "N", "N"},
		"n":        {"n", "n", "n"},
		"y":        {"y", "y", "y"},
		"no":       {"false", "no", "no"},
		"On":       {"true", "On", "On"},
		"True":     {"true", "true", "True"},
		".5":       {"0.5", "0.5", ".5"},
		"1e3":      {"1000.0", "1000.0", "1e3"},
		"1.10":     {"1.1", "1.1", "1.10"},
		"010":      {"8", "8", "010"},
		"0b11":     {"3", "3", "0b11"},
		"-0x10":    {"-16", "-16", "-0x10"},
		"-1:30":    {"-90", "-90", "-1:30"},
		"1_0":      {"10", "10", "1_0"},
		"08":       {"08", "08", "08"},
		"-.inf":    {"-Infinity", "-Infinity", "-Infinity"},
		".NaN":     {"NaN", "NaN", "NaN"},
		`"N"`:      {"N", "N", "N"},
		`'0x10'`:   {"0x10", "0x10", "0x10"},
		"!!str no": {"no", "no", "no"},
	} {
		template := "metadata: {annotations: {n: " + written + ", no: '1'}}\n" +
			"spec: {containers: [{name: c, args: [" + written + "], env: [{name: " + written + "}]}], nodeSelector: {k: " + written + "}}\n"
		for i, version := range []string{"3.3.4", "3.4.4", "3.5.9", "4.3.0"} {
			objects, err := submit.Build(withTemplate(version, template))
			if err != nil {
				t.Errorf("%s in %s: %v", written, version, err)
				continue
			}
			pod := objects.Driver
			container := pod.Spec.Containers[len(pod.Spec.Containers)-1]
			for place, got := range map[string]string{
				"annotation": pod.Annotations["n"], "argument": container.Args[0], "variable": container.Env[0].Name,
				"selector": pod.Spec.NodeSelector["k"],
			} {
				if got != want[min(i, 2)] {
					t.Errorf("%s in %s: %s %q, want %q", written, version, place, got, want[min(i, 2)])
				}
			}
			if pod.Annotations["no"] != "1" {
				t.Errorf("%s: annotations %q", version, pod.Annotations)
			}
		}
	}
}

func TestTypesOfTemplateFiles(t *testing.T) {
	template := `---
# comment
apiVersion: v1
kind: Pod
spec:
  hostNetwork: True
  activeDeadlineSeconds: 1_000
  containers:
  - name: c
    securityContext: {runAsUser: "185"}
    resources: {limits: {x/y: 2, cpu: '1'}}
    livenessProbe: {httpGet: {port: 80}, periodSeconds: 5}
    readinessProbe: {httpGet: {port: web}}
    startupProbe: {httpGet: {port: "90"}}
  unknown: {a: [b]}
---
`
	for _, version := range []string{"3.3.4", "3.5.9", "4.3.0"} {
		objects, err := submit.Build(withTemplate(version, template))
		if err != nil {
			t.Fatal(err)
		}
		spec := objects.Driver.Spec
		c := spec.Containers[0]
		limit := c.Resources.Limits[corev1.ResourceName("x/y")]
		if !spec.HostNetwork || *spec.ActiveDeadlineSeconds != 1000 || *c.SecurityContext.RunAsUser != 185 || limit.String() != "2" ||
			c.LivenessProbe.HTTPGet.Port.IntVal != 80 || c.ReadinessProbe.HTTPGet.Port.StrVal != "web" ||
			c.StartupProbe.HTTPGet.Port.StrVal != "90" || c.LivenessProbe.PeriodSeconds != 5 {
			t.Errorf("%s: %s", version, encode(t, objects))
		}
	}
	yes := "spec: {hostNetwork: yes, activeDeadlineSeconds: 0x10}\n"
	if objects, err := submit.Build(withTemplate("3.3.4", yes)); err != nil || !objects.Driver.Spec.HostNetwork {
		t.Errorf("3.3 does not know yes: %v", err)
	}
	if _, err := submit.Build(withTemplate("4.3.0", yes)); err == nil {
		t.Error("4.3 knows yes")
	}
}

// Merge keys are known up to 3.4.
func TestMergeKeysOfTemplateFiles(t *testing.T) {
	template := `metadata:
  annotations: &a {x: '1', y: '2'}
  labels: &l {x: '3', z: '4'}
spec:
  nodeSelector:
    <<: [*a, *l]
    y: '5'
`
	objects, err := submit.Build(withTemplate("3.4.4", template))
	if err != nil {
		t.Fatal(err)
	}
	got := objects.Driver.Spec.NodeSelector
	if got["x"] != "1" || got["y"] != "5" || got["z"] != "4" {
		t.Errorf("selector %v", got)
	}
	if _, err := submit.Build(withTemplate("3.5.9", template)); err == nil {
		t.Error("3.5 knows merge keys")
	}
}

func TestPodGroupTemplatesThatAreRefused(t *testing.T) {
	const step = "org.apache.spark.deploy.k8s.features.VolcanoFeatureStep"
	for name, test := range map[string]struct{ key, value, part string }{
		"missing file":  {sparkconf.PodGroupTemplateFile, "/w/none.yaml", "set the template by"},
		"empty name":    {sparkconf.PodGroupTemplateFile, "", "set the template by"},
		"directory":     {sparkconf.PodGroupTemplateFile, "/w", "set the template by"},
		"two documents": {sparkconf.PodGroupTemplateFile, "/w/two.yaml", "several YAML documents"},
		"other kind":    {sparkconf.PodGroupTemplateJSON, `{"kind": "Pod"}`, "its kind is Pod; it must be PodGroup"},
		"list":          {sparkconf.PodGroupTemplateJSON, `[1]`, "not a YAML object"},
		"no object":     {sparkconf.PodGroupTemplateJSON, `{"spec": 1}`, "spec must be an object"},
		"aliases":       {sparkconf.PodGroupTemplateJSON, `{a: &a ` + strings.Repeat("x", 100_000) + strings.Repeat(`, b: *a`, 50) + `}`, "more than 4194304 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			in := typicalInput()
			in.SparkVersion = "4.3.0"
			in.Conf[sparkconf.DriverPodFeatureSteps] = step + "," + step
			in.Conf[test.key] = test.value
			in.Files = map[string][]byte{"/w/two.yaml": []byte("spec: {}\n---\nspec: {}\n")}
			in.WorkingDir = "/w"
			_, err := submit.Build(in)
			if err == nil {
				t.Fatal("not refused")
			}
			for _, part := range []string{"could not load the pod group template", test.key, test.part} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%.300q lacks %q", err, part)
				}
			}
		})
	}
	in := typicalInput()
	in.SparkVersion = "4.3.0"
	in.Conf[sparkconf.DriverPodFeatureSteps] = step + "," + step
	if objects, err := submit.Build(in); err != nil || len(objects.Pre) != 1 {
		t.Errorf("the step given twice: %d groups, %v", len(objects.Pre), err)
	}
}

// An empty text names the working directory, as it does for the client; every
// refusal has a message.
func TestEmptyFileNames(t *testing.T) {
	for _, key := range []string{
		sparkconf.KerberosKrb5Path, sparkconf.Keytab, sparkconf.DriverPodTemplateFile, sparkconf.ExecutorPodTemplateFile,
		sparkconf.AuthDriverPrefix + "caCertFile", sparkconf.AuthDriverPrefix + "clientKeyFile", sparkconf.AuthDriverPrefix + "clientCertFile",
	} {
		for _, version := range []string{"3.3.4", "4.0.5", "4.1.4", "4.3.0"} {
			in := typicalInput()
			in.SparkVersion, in.ExecutorTemplate, in.DriverTemplate = version, nil, nil
			in.Conf[key] = ""
			if key == sparkconf.Keytab {
				in.Conf[sparkconf.Principal] = "p"
			}
			_, err := submit.Build(in)
			if err == nil || strings.TrimSpace(err.Error()) == "" || strings.HasPrefix(err.Error(), " (spark.") {
				t.Errorf("%s in %s: %v", key, version, err)
			}
		}
	}
}
