// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/webhook"
)

// executorPod is an executor as its driver creates it, with a sidecar first.
const executorPod = `{"metadata":{"name":"pi-exec-1","labels":{"spark-role":"executor","sparkoperator.k8s.io/app-name":"pi"}},"spec":{` +
	`"containers":[{"name":"log"},{"name":"spark","args":["executor"],"env":[{"name":"SPARK_EXECUTOR_ID","value":"1"},{"name":"SPARK_LOCAL_DIRS","value":"/d"}],` +
	`"lifecycle":{"preStop":{"exec":{"command":["/opt/decom.sh"]}}},"resources":{"limits":{"memory":"1408Mi"},"requests":{"cpu":"1","memory":"1408Mi"}}}],` +
	`"nodeSelector":{"disk":"hdd"},"newField":{"of":"a newer API server"},"priority":0,"schedulerName":"default-scheduler"}}`

func limited() *v1beta2.SparkApplication {
	app := &v1beta2.SparkApplication{}
	app.Spec.Executor.MemoryLimit = ptr.To("3g")
	return app
}

// admit returns the pod as it is stored with an application of its name.
func admit(t *testing.T, app *v1beta2.SparkApplication, pod string, partialRestart bool) string {
	t.Helper()
	w := webhook.New(webhook.Config{PartialRestart: partialRestart, Application: func(namespace, name string) *v1beta2.SparkApplication {
		if namespace != "diff-jobs" || name != "pi" {
			return nil
		}
		return app
	}})
	response := ask(t, w, webhook.PathMutatePod, create([]byte(pod)))
	if !response.Allowed {
		t.Fatalf("refused: %s", text(t, response))
	}
	after := patched(t, []byte(pod), response)
	if again := ask(t, w, webhook.PathMutatePod, create(after)); len(again.Patch) > 0 {
		t.Errorf("a second time there is a patch: %s", again.Patch)
	}
	return text(t, tree(t, after))
}

func replaced(t *testing.T, oldnew ...string) string {
	t.Helper()
	return text(t, tree(t, []byte(strings.NewReplacer(oldnew...).Replace(executorPod))))
}

func TestExecutorGetsWhatItsDriverOverrides(t *testing.T) {
	if got, want := admit(t, limited(), executorPod, false), replaced(t, `"limits":{"memory":"1408Mi"}`, `"limits":{"memory":"3Gi"}`); got != want {
		t.Errorf("memory limit: got\n%s\nwant\n%s", got, want)
	}
	app := &v1beta2.SparkApplication{}
	app.Spec.Executor.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 5}}}
	if got, want := admit(t, app, executorPod, false), replaced(t, `{"exec":{"command":["/opt/decom.sh"]}}`, `{"sleep":{"seconds":5}}`); got != want {
		t.Errorf("lifecycle: got\n%s\nwant\n%s", got, want)
	}
	app = &v1beta2.SparkApplication{}
	app.Spec.Executor.Env = []corev1.EnvVar{{Name: "SPARK_LOCAL_DIRS", Value: "/mine"}}
	if got, want := admit(t, app, executorPod, false), replaced(t, `"/d"`, `"/mine"`); got != want {
		t.Errorf("environment: got\n%s\nwant\n%s", got, want)
	}
}

func TestPlacementChangesWithPartialRestartOnly(t *testing.T) {
	app := &v1beta2.SparkApplication{}
	app.Spec.Executor.NodeSelector = map[string]string{"disk": "ssd"}
	app.Spec.Executor.PriorityClassName = ptr.To("high")
	if got := admit(t, app, executorPod, false); got != replaced(t) {
		t.Errorf("without the gate: %s", got)
	}
	want := replaced(t, `"disk":"hdd"`, `"disk":"ssd"`, `"priority":0,`, `"priorityClassName":"high",`)
	if got := admit(t, app, executorPod, true); got != want {
		t.Errorf("with the gate: got\n%s\nwant\n%s", got, want)
	}
}

func TestPodsThatPassAsTheyAre(t *testing.T) {
	for name, pod := range map[string]string{
		"driver":            strings.Replace(executorPod, `"spark-role":"executor"`, `"spark-role":"driver"`, 1),
		"no application":    strings.Replace(executorPod, `"sparkoperator.k8s.io/app-name":"pi"`, `"a":"b"`, 1),
		"unknown":           strings.Replace(executorPod, `:"pi"`, `:"another"`, 1),
		"not built by us":   strings.Replace(executorPod, `"args":["executor"],`, "", 1),
		"unreadable":        strings.Replace(executorPod, `"containers":[`, `"containers":[7,`, 1),
		"no containers":     `{"metadata":{"labels":{"spark-role":"executor","sparkoperator.k8s.io/app-name":"pi"}}}`,
		"higher than asked": strings.Replace(executorPod, `"requests":{"cpu":"1","memory":"1408Mi"}`, `"requests":{"memory":"9Gi"}`, 1),
	} {
		if got := admit(t, limited(), pod, true); got != text(t, tree(t, []byte(pod))) {
			t.Errorf("%s: %s", name, got)
		}
	}
	app := limited()
	app.Spec.Executor.MemoryLimit = ptr.To("much")
	if got := admit(t, app, executorPod, true); got != replaced(t) {
		t.Errorf("bad limit: %s", got)
	}
}
