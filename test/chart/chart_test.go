// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

var update = flag.Bool("update", false, "write the rendered manifests to testdata instead of comparing them")

func TestLint(t *testing.T) {
	for name, values := range valuesFiles(t) {
		t.Run(name, func(t *testing.T) {
			if _, err := helm(t, "lint", chart, "--strict", "--quiet", "--values", values); err != nil &&
				!strings.Contains(err.Error(), missingCRD) && !strings.Contains(err.Error(), mutatingPolicyVersion) { // `helm lint` knows no --api-versions
				t.Error(err)
			}
		})
	}
}

func TestGolden(t *testing.T) {
	for name, values := range valuesFiles(t) {
		t.Run(name, func(t *testing.T) {
			got, err := template(t, "--values", values)
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".golden.yaml")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
			for i := range max(len(gotLines), len(wantLines)) {
				if i >= len(gotLines) || i >= len(wantLines) || gotLines[i] != wantLines[i] {
					t.Fatalf("%s differs from line %d on; if that is right: go test ./chart -update\n got: %q\nwant: %q", golden, i+1,
						gotLines[min(i, len(gotLines)):min(i+5, len(gotLines))], wantLines[min(i, len(wantLines)):min(i+5, len(wantLines))])
				}
			}
		})
	}
}

func TestRefusedValues(t *testing.T) {
	for set, want := range map[string]string{
		"controller.podDisruptionBudget.enable=true":                                                  "requires controller.replicas > 1",
		"controller.topologySpreadConstraints[0].maxSkew=1":                                           "requires controller.replicas > 1",
		"prometheus.podMonitor.create=true,prometheus.metrics.enable=false":                           "podMonitor.create requires prometheus.metrics.enable",
		"prometheus.serviceMonitor.create=true,prometheus.metrics.enable=false":                       "serviceMonitor.create requires prometheus.metrics.enable",
		"prometheus.prometheusRule.create=true,prometheus.metrics.enable=false":                       "prometheusRule.create requires prometheus.metrics.enable",
		"prometheus.podMonitor.create=true,prometheus.serviceMonitor.create=true":                     "would scrape each pod twice",
		"prometheus.prometheusRule.create=true,prometheus.prometheusRule.disabled[0]=SparkOperatorUp": "no alert SparkOperatorUp",
		"controller.featureGates[0].name=Foo,controller.featureGates[0].enabled=true":                 "does not have Foo",
		"controller.batchScheduler.default=slurm,controller.batchScheduler.enable=true":               "slurm is not volcano, yunikorn",
		"controller.dryRun=true,webhook.enable=true":                                                  "requires webhook.enable=false",
		"controller.uiRoute.enable=true,controller.uiIngress.enable=true":                             "the web UI has one URL",
		"controller.dryRun=true,admissionPolicies.enable=true":                                        "requires admissionPolicies.enable=false",
		"historyServer.enable=true,spark.jobNamespaces={}":                                            "a driver can mount only a claim of its own namespace",
		"historyServer.enable=true,spark.jobNamespaces={a,b}":                                         "controller.history.dir to a bucket",
		"historyServer.enable=true,historyServer.namespace=other":                                     "the chart would create one in other",
		"historyServer.enable=true,spark.jobNamespaceSelector=a=b":                                    "a driver can mount only a claim of its own namespace",
		"controller.history.claimName=a":                                                              "set that to a URL such as file:///spark-events",
		"controller.history.claimName=a,controller.history.dir=s3a://b":                               "set that to a URL such as file:///spark-events",
		"historyServer.enable=true,controller.defaultSparkConf.spark\\.eventLog\\.dir=s3a://a":        "spark.eventLog.dir contradicts controller.history.dir",
		"controller.history.dir=s3a://b,controller.defaultSparkConf.spark\\.eventLog\\.enabled=no":    "spark.eventLog.enabled contradicts",
		"historyServer.enable=true,historyServer.ingress.enable=true":                                 "requires historyServer.ingress.host",
		"historyServer.enable=true,historyServer.route.enable=true,historyServer.route.host=a":        "requires historyServer.route.host and historyServer.route.gateways",
		"historyServer.enable=true,historyServer.url=https://a.example.com/history":                   "/historyServer/url",
		"historyServer.cleaner.maxAge=forever":                                                        "/historyServer/cleaner/maxAge",
		"admissionPolicies.enable=true,spark.applicationSelector=level>3":                             "webhooks and admission policies cannot compare numbers",
		"webhook.enable=true,spark.applicationSelector=a in (b)\\,level<3":                            "cannot compare numbers",
		"admissionPolicies.failurePolicy=Warn":                                                        "/admissionPolicies/failurePolicy",
		"controler.replicas=2":                                                                        "'controler' not allowed",
		"controller.workers=0":                                                                        "/controller/workers",
		"controller.workers=null":                                                                     "missing property 'workers'",
		"controller.logLevel=trace":                                                                   "/controller/logLevel",
		"controller.leaderElection.leaseDuration=15":                                                  "/controller/leaderElection/leaseDuration",
		"prometheus.metrics.jobStartLatencyBuckets=fast":                                              "jobStartLatencyBuckets",
	} {
		t.Run(set, func(t *testing.T) {
			_, err := template(t, "--set", set)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("want an error with %q, got %v", want, err)
			}
		})
	}
}

func TestRehearsal(t *testing.T) {
	args := deployment(t, render(t, "--set", "controller.dryRun=true")).Spec.Template.Spec.Containers[0].Args
	if !slices.Contains(args, "--dry-run") {
		t.Errorf("arguments %q", args)
	}
	if err := startOperator(t, args...); !strings.Contains(err, "find the API server") {
		t.Errorf("%s\n%q", err, args)
	}
}

// Names are what scripts and other charts rely on.
func TestNames(t *testing.T) {
	for release, want := range map[string]string{
		"spark-operator":      "spark-operator-controller",
		"prod":                "prod-spark-operator-controller",
		"prod-spark-operator": "prod-spark-operator-controller",
	} {
		output, err := helm(t, "template", release, chart, "--namespace", "spark", "--show-only", "templates/controller/deployment.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(output, "\n  name: "+want+"\n") || !strings.Contains(output, "--leader-election-lock-name="+want+"-lock\n") {
			t.Errorf("release %s: want %s and its lock in\n%s", release, want, output)
		}
	}
}

// The operator accepts every rendered command line: it gets as far as to look for
// the API server.
func TestOperatorAcceptsArguments(t *testing.T) {
	for name, values := range valuesFiles(t) {
		t.Run(name, func(t *testing.T) {
			args := deployment(t, render(t, "--values", values)).Spec.Template.Spec.Containers[0].Args
			if err := startOperator(t, args...); !strings.Contains(err, "find the API server") {
				t.Errorf("%s\n%q", err, args)
			}
			if err := startOperator(t, append(args, "--no-such-flag")...); !strings.Contains(err, "no-such-flag") {
				t.Errorf("an unknown flag was accepted: %s", err)
			}
		})
	}
}

func TestRouteOfTheUI(t *testing.T) {
	args := deployment(t, render(t, "--set", "controller.uiRoute.enable=true,controller.uiRoute.urlFormat=spark.example.com,"+
		"controller.uiRoute.gateways={infra/web:https,own},controller.uiRoute.annotations.a=b")).Spec.Template.Spec.Containers[0].Args
	for _, want := range []string{"--ui-route-url-format=spark.example.com", "--ui-route-gateways=infra/web:https,own", `--ui-route-annotations={"a":"b"}`} {
		if !slices.Contains(args, want) {
			t.Errorf("no %s in %q", want, args)
		}
	}
	if err := startOperator(t, args...); !strings.Contains(err, "find the API server") {
		t.Errorf("%s\n%q", err, args)
	}
}

// The restricted Pod Security Standard, and nothing to write to.
func TestPodIsRestricted(t *testing.T) {
	pod := deployment(t, render(t)).Spec.Template.Spec
	container := pod.Containers[0].SecurityContext
	isTrue := func(b *bool) bool { return b != nil && *b }
	isFalse := func(b *bool) bool { return b != nil && !*b }
	for what, holds := range map[string]bool{
		"pod runAsNonRoot":                    isTrue(pod.SecurityContext.RunAsNonRoot),
		"pod seccomp RuntimeDefault":          pod.SecurityContext.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault,
		"container runAsNonRoot":              isTrue(container.RunAsNonRoot),
		"no privilege escalation":             isFalse(container.AllowPrivilegeEscalation),
		"not privileged":                      isFalse(container.Privileged),
		"read-only root file system":          isTrue(container.ReadOnlyRootFilesystem),
		"no capabilities":                     slices.Equal(container.Capabilities.Drop, []corev1.Capability{"ALL"}) && container.Capabilities.Add == nil,
		"no host namespaces":                  !pod.HostNetwork && !pod.HostPID && !pod.HostIPC,
		"no service links in its environment": isFalse(pod.EnableServiceLinks),
	} {
		if !holds {
			t.Errorf("not so: %s", what)
		}
	}
}

// maxCRDBytes is what plain `kubectl apply` can keep in its annotation (256 KiB), with
// room to grow.
const maxCRDBytes = 200_000

func TestCRDsAreThoseOfTheManifests(t *testing.T) {
	files, err := filepath.Glob(root + "/manifests/crd/sparkoperator.*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	inChart, err := os.ReadDir(chart + "/crds")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 2 || len(inChart) != len(files) {
		t.Fatalf("%d CRDs in manifests/crd, %d in the chart", len(files), len(inChart))
	}
	for _, file := range files {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(chart, "crds", filepath.Base(file)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from the chart's copy: run make generate", file)
		}
		asJSON, err := yaml.YAMLToJSON(want)
		if err != nil {
			t.Fatal(err)
		}
		if len(asJSON) > maxCRDBytes {
			t.Errorf("%s has %d bytes as JSON, more than %d", file, len(asJSON), maxCRDBytes)
		}
	}
}

func TestOneVersion(t *testing.T) {
	text, err := os.ReadFile(chart + "/Chart.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var metadata struct{ Version, AppVersion string }
	if err := yaml.Unmarshal(text, &metadata); err != nil {
		t.Fatal(err)
	}
	if metadata.Version == "" || metadata.Version != metadata.AppVersion {
		t.Errorf("version %q, appVersion %q: the chart and the operator are released together", metadata.Version, metadata.AppVersion)
	}
}

func TestNotes(t *testing.T) {
	output, err := helm(t, "install", "spark-operator", chart, "--namespace", "spark-operator", "--dry-run=client",
		"--set", "spark.jobNamespaces={team-a,team-b}")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"team-a, team-b", "service account spark-operator-spark", "logs deployment/spark-operator-controller"} {
		if !strings.Contains(output, want) {
			t.Errorf("no %q in the notes:\n%s", want, output)
		}
	}
}
