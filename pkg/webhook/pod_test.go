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

// executorPod is an executor as its driver creates it, with a sidecar first, of an
// application without fields that the driver overrides.
const executorPod = `{"metadata":{"annotations":{"a":"b"},"name":"pi-exec-1","labels":{"spark-role":"executor","sparkoperator.k8s.io/app-name":"pi"}},"spec":{` +
	`"containers":[{"name":"log"},{"name":"spark","args":["executor"],"env":[{"name":"SPARK_EXECUTOR_ID","value":"1"},{"name":"SPARK_LOCAL_DIRS","value":"/d"}],` +
	`"lifecycle":{"preStop":{"exec":{"command":["/opt/decom.sh"]}}},"resources":{"limits":{"memory":"1408Mi"},"requests":{"cpu":"1","memory":"1408Mi"}}}],` +
	`"nodeSelector":{"disk":"hdd"},"newField":{"of":"a newer API server"},"priority":0,"schedulerName":"default-scheduler"}}`

func limited() v1beta2.ExecutorSpec {
	return v1beta2.ExecutorSpec{SparkPodSpec: v1beta2.SparkPodSpec{MemoryLimit: ptr.To("3g")}}
}

// marked returns the pod with fields that its driver overrides, as the operator has written
// them into the template of executors.
func marked(t testing.TB, pod string, fields any) string {
	t.Helper()
	value := text(t, text(t, fields))
	pod = strings.Replace(pod, `"annotations":{`, `"annotations":{"sparkoperator.k8s.io/executor-fields":`+value+`,`, 1)
	return strings.Replace(pod, `"labels":{`, `"labels":{"sparkoperator.k8s.io/complete-executor":"true",`, 1)
}

// admit returns the pod as it is stored with an application of its name; nil without the
// feature gate PartialRestart.
func admit(t *testing.T, app *v1beta2.SparkApplication, pod string) string {
	t.Helper()
	config := webhook.Config{}
	if app != nil {
		config.Application = func(namespace, name string) *v1beta2.SparkApplication {
			if namespace != "diff-jobs" || name != "pi" {
				return nil
			}
			return app
		}
	}
	w := webhook.New(config)
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
	for name, c := range map[string]struct {
		fields   v1beta2.ExecutorSpec
		old, new string
	}{
		"memory limit": {limited(), `"limits":{"memory":"1408Mi"}`, `"limits":{"memory":"3Gi"}`},
		"lifecycle": {
			v1beta2.ExecutorSpec{Lifecycle: &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 5}}}},
			`{"exec":{"command":["/opt/decom.sh"]}}`, `{"sleep":{"seconds":5}}`,
		},
		"environment": {
			v1beta2.ExecutorSpec{SparkPodSpec: v1beta2.SparkPodSpec{Env: []corev1.EnvVar{{Name: "SPARK_LOCAL_DIRS", Value: "/mine"}}}},
			`"/d"`, `"/mine"`,
		},
	} {
		if got, want := admit(t, nil, marked(t, executorPod, c.fields)), replaced(t, c.old, c.new); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestPlacementChangesWithPartialRestartOnly(t *testing.T) {
	app := &v1beta2.SparkApplication{}
	app.Spec.Executor.NodeSelector = map[string]string{"disk": "ssd"}
	app.Spec.Executor.PriorityClassName = ptr.To("high")
	app.Spec.Executor.MemoryLimit = ptr.To("4g") // of a later run
	if got := admit(t, nil, executorPod); got != replaced(t) {
		t.Errorf("without the gate: %s", got)
	}
	want := []string{`"disk":"hdd"`, `"disk":"ssd"`, `"priority":0,`, `"priorityClassName":"high",`}
	if got := admit(t, app, executorPod); got != replaced(t, want...) {
		t.Errorf("with the gate: got\n%s\nwant\n%s", got, replaced(t, want...))
	}
	want = append(want, `"limits":{"memory":"1408Mi"}`, `"limits":{"memory":"3Gi"}`)
	if got := admit(t, app, marked(t, executorPod, limited())); got != replaced(t, want...) {
		t.Errorf("with fields that the driver overrides: got\n%s\nwant\n%s", got, replaced(t, want...))
	}
}

func TestPodsThatPassAsTheyAre(t *testing.T) {
	for name, pod := range map[string]string{
		"driver":          strings.Replace(executorPod, `"spark-role":"executor"`, `"spark-role":"driver"`, 1),
		"not built by us": strings.Replace(executorPod, `"args":["executor"],`, "", 1),
		"unreadable":      strings.Replace(executorPod, `"containers":[`, `"containers":[7,`, 1),
		"no containers":   `{"metadata":{"annotations":{"a":"b"},"labels":{"spark-role":"executor","sparkoperator.k8s.io/app-name":"pi"}}}`,
	} {
		pod = marked(t, pod, limited())
		if got := admit(t, nil, pod); got != text(t, tree(t, []byte(pod))) {
			t.Errorf("%s: %s", name, got)
		}
	}
	for name, fields := range map[string]any{
		"bad limit": map[string]any{"memoryLimit": "much"}, "other type": map[string]any{"memoryLimit": 7}, "no object": []int{},
	} {
		pod := marked(t, executorPod, fields)
		if got := admit(t, nil, pod); got != text(t, tree(t, []byte(pod))) {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := admit(t, nil, executorPod); got != replaced(t) {
		t.Errorf("not marked: %s", got)
	}
	app := &v1beta2.SparkApplication{}
	app.Spec.Executor.NodeSelector = map[string]string{"disk": "ssd"}
	for name, labels := range map[string]string{"no application": `"a":"b"`, "unknown": `"sparkoperator.k8s.io/app-name":"another"`} {
		pod := strings.Replace(executorPod, `"sparkoperator.k8s.io/app-name":"pi"`, labels, 1)
		if got := admit(t, app, pod); got != text(t, tree(t, []byte(pod))) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// A limit below the request is left out: the API server would refuse the pod.
func TestMemoryLimitBelowTheRequestIsLeftOut(t *testing.T) {
	asked := []string{`"requests":{"cpu":"1","memory":"1408Mi"}`, `"requests":{"memory":"9Gi"}`}
	pod := strings.NewReplacer(asked...).Replace(executorPod)
	if got := admit(t, nil, marked(t, pod, limited())); got != replaced(t, asked...) {
		t.Errorf("got %s", got)
	}
}
