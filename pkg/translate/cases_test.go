// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// TestReportedCases builds the manifests of reported cases as they are. What else each
// of them needs is tested where it happens; that of a schedule is in pkg/scheduledapp.
func TestReportedCases(t *testing.T) {
	container := func(pod *corev1.PodSpec, name string) *corev1.Container {
		i := slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == name })
		if i < 0 {
			return &corev1.Container{}
		}
		return &pod.Containers[i]
	}
	mounts := func(c *corev1.Container, name string) bool {
		return slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == name })
	}
	fine := func(*translate.Run, *corev1.PodSpec, map[string]string) bool { return true }
	cases := map[string]struct {
		// refusal is part of the refusal; empty for none.
		refusal string
		holds   func(run *translate.Run, executor *corev1.PodSpec, properties map[string]string) bool
	}{
		"02-service-account-after-application": {holds: fine},
		"03-own-name-of-the-driver-container": {holds: func(run *translate.Run, _ *corev1.PodSpec, _ map[string]string) bool {
			return slices.Contains(container(&run.Driver.Spec, "spark").Args, "driver") && len(run.Driver.Spec.Containers) == 2
		}},
		"04-template-container-name": {holds: func(run *translate.Run, executor *corev1.PodSpec, _ map[string]string) bool {
			spark := slices.IndexFunc(run.Driver.Spec.Containers, func(c corev1.Container) bool { return slices.Contains(c.Args, "driver") })
			proxy := container(&run.Driver.Spec, "proxy")
			return spark >= 0 && slices.ContainsFunc(run.Driver.Spec.Containers[spark].Env, func(e corev1.EnvVar) bool { return e.Name == "ROLE" }) &&
				slices.Equal(proxy.Args, []string{"--listen", "8080"}) && len(executor.Containers) == 2
		}},
		"05-restart-always-old-application": {holds: fine},
		"06-ephemeral-claim-metadata": {holds: func(_ *translate.Run, executor *corev1.PodSpec, _ map[string]string) bool {
			i := slices.IndexFunc(executor.Volumes, func(v corev1.Volume) bool { return v.Name == "spark-local-dir-1" })
			return i >= 0 && executor.Volumes[i].Ephemeral.VolumeClaimTemplate.Labels["cost-centre"] == "analytics"
		}},
		"07-executor-env-reference": {holds: func(_ *translate.Run, executor *corev1.PodSpec, properties map[string]string) bool {
			_, raw := properties["spark.executorEnv.TAG"]
			return !raw && slices.ContainsFunc(executor.Containers[0].Env, func(e corev1.EnvVar) bool { return e.Name == "SPARK_EXECUTOR_ID" && e.ValueFrom != nil }) &&
				!strings.Contains(properties["spark.executorEnv.LOGDIR"], "$(")
		}},
		"08-kueue-without-instances": {holds: fine},
		"09-several-warnings": {holds: func(run *translate.Run, _ *corev1.PodSpec, _ map[string]string) bool {
			return len(run.Warnings) >= 6
		}},
		"10-shuffle-tracking-property": {holds: func(run *translate.Run, _ *corev1.PodSpec, properties map[string]string) bool {
			return properties["spark.dynamicAllocation.shuffleTracking.enabled"] == "false" && len(run.Warnings) == 0
		}},
		"12-spec-volumes-in-a-template": {holds: func(run *translate.Run, executor *corev1.PodSpec, _ map[string]string) bool {
			return mounts(container(&run.Driver.Spec, v1beta2.DriverContainerName), "shared") && mounts(container(&run.Driver.Spec, "tail"), "shared") &&
				mounts(&executor.Containers[0], "shared")
		}},
		"14-python-without-py": {refusal: "spec.mainApplicationFile", holds: nil},
		"15-thrift-server":     {holds: fine},
		"15b-connect-server":   {holds: fine},
	}
	files, err := filepath.Glob("testdata/cases/*.yaml")
	if err != nil || len(files) != len(cases) {
		t.Fatalf("%d files for %d cases: %v", len(files), len(cases), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			app := &v1beta2.SparkApplication{}
			if err := yaml.UnmarshalStrict(content, app); err != nil {
				t.Fatal(err)
			}
			app.UID = "7d2b4a0e-0000-4000-8000-000000000001"
			v1beta2.SetObjectDefaultsOver(app, nil)
			test := cases[name]
			run, err := translate.Build(app, params())
			if test.refusal != "" {
				if err == nil || !strings.Contains(err.Error(), test.refusal) {
					t.Fatalf("error %v, want %q", err, test.refusal)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			conf := run.ConfigMaps[len(run.ConfigMaps)-1].Data
			properties, err := sparkconf.ParseProperties(conf["spark.properties"])
			if err != nil {
				t.Fatal(err)
			}
			executor := &corev1.Pod{}
			if err := yaml.Unmarshal([]byte(conf[submit.ExecutorTemplateKey]), executor); err != nil {
				t.Fatal(err)
			}
			if !test.holds(run, &executor.Spec, properties) {
				t.Errorf("driver %s\nexecutor %s\nwarnings %q", toYAML(t, run.Driver), toYAML(t, executor), run.Warnings)
			}
		})
	}
}
