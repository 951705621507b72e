// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim"
)

// renderedPolicies are the admission policies of the chart.
const renderedPolicies = sim.Repository + "/test/chart/testdata/policies.golden.yaml"

// installPolicies has the API server evaluate the policies in some namespaces.
func installPolicies(t *testing.T, name string, given map[string]string, namespaces ...string) (uninstall func()) {
	t.Helper()
	return admission.Policies{Name: name, Given: given, Namespaces: namespaces}.Install(t, api.Dynamic, renderedPolicies)
}

// webhookOnly are the recorded manifests that the webhook refuses and the policies leave to
// the controller, by the reason why the CRD does not refuse them: a key of
// admission.Reasons.
var webhookOnly = map[string][]string{
	"tolerable": {"bad-name-dots", "bad-node-selectors", "no-webhook-digit-name", "no-webhook-dotted-name"},
	"template":  {"pod-template-unknown-fields", "pod-template-wrong-type"},
	"cost":      {"containers", "label-value-bad", "sidecar-name-clash"},
	"submission": {
		"gpu-spark-resource", "local-dir-missing", "local-dir-unsupported", "memory-k8s-unit", "spark-conf-empty-values", "volume-name-clash",
	},
}

// tried is what came of a manifest.
type tried struct {
	spec    any
	refusal string
}

func tryManifest(t *testing.T, m manifest, namespace string) tried {
	t.Helper()
	object := m.in(t, namespace)
	stored, err := api.Dynamic.Resource(resourceOf(object)).Namespace(namespace).Create(t.Context(), object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return tried{refusal: err.Error()}
	}
	text, err := json.Marshal(stored.Object["spec"])
	if err != nil {
		t.Fatal(err)
	}
	var spec any
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(text), `"`+namespace+`"`, `"NAMESPACE"`)), &spec); err != nil {
		t.Fatal(err)
	}
	return tried{spec: spec}
}

// denial returns why an admission webhook or policy has refused an object.
func denial(message string) (reason string, by string) {
	if _, reason, found := strings.Cut(message, "denied the request: "); found {
		return reason, "webhook"
	}
	if _, reason, found := strings.Cut(message, "denied request: "); found {
		return reason, "policy"
	}
	return message, "schema"
}

// TestPoliciesDoWhatTheWebhookDoes creates every manifest in a namespace with the webhook,
// in one with the policies and in one with both. The stored objects are equal. The
// policies refuse nothing that the webhook stores, and in the same words.
func TestPoliciesDoWhatTheWebhookDoes(t *testing.T) {
	for name, given := range map[string]map[string]string{
		"plain": nil,
		"given": {
			"spark.driver.cores": "2", "spark.executor.memory": "3g", "spark.executor.instances": "5",
			"spark.dynamicAllocation.shuffleTracking.enabled": "true", "spark.a": "quotes \" and \\ \n {{x}} <é>",
		},
		"given-dynamic": {"spark.dynamicAllocation.enabled": "true"},
	} {
		t.Run(name, func(t *testing.T) {
			hooked, policed, both := install(t, name+"-hooked", admissionregistrationv1.Fail), name+"-policed", name+"-both"
			for _, namespace := range []string{policed, both} {
				if err := sim.CreateNamespace(t.Context(), api.Core, namespace); err != nil {
					t.Fatal(err)
				}
			}
			all := admission.Install(t, api.Core, both, admissionregistrationv1.Fail, both)
			flags := []string{}
			for key, value := range given {
				flags = append(flags, "--default-spark-conf="+key+"="+value)
			}
			hooked.start(t, hooked.port, flags...)
			all.Start(t, operatorBinary, api.Kubeconfig, all.Port, flags...)
			installPolicies(t, name, given, policed, both)
			hooked.works(t, 30*time.Second)
			(&installation{name: both}).works(t, 30*time.Second)

			const generated = 60
			list := manifests(t, generated)
			if given != nil {
				list = list[len(list)-generated:] // no property of the others changes its meaning
			} else {
				list = append(list, badManifests(t)...)
			}
			left := map[string][]string{}
			var equal, refused int
			for i, m := range list {
				byWebhook, byPolicy := tryManifest(t, m, hooked.name), tryManifest(t, m, policed)
				byBoth := byWebhook
				if i%3 == 0 { // each request costs milliseconds
					byBoth = tryManifest(t, m, both)
				}
				why, _ := denial(byWebhook.refusal)
				policyWhy, by := denial(byPolicy.refusal)
				switch {
				case byWebhook.refusal == "" && byPolicy.refusal == "":
					equal++
					if !reflect.DeepEqual(byWebhook.spec, byPolicy.spec) {
						t.Errorf("%s: stored\n%v by the policies\n%v by the webhook", m.name, byPolicy.spec, byWebhook.spec)
					}
					if !reflect.DeepEqual(byWebhook.spec, byBoth.spec) {
						t.Errorf("%s: stored\n%v by both\n%v by the webhook", m.name, byBoth.spec, byWebhook.spec)
					}
				case byWebhook.refusal == "":
					t.Errorf("%s: only the policies refuse it: %s", m.name, byPolicy.refusal)
				case byPolicy.refusal == "":
					reason := admission.Reasons[m.reason]
					if reason == "" {
						t.Errorf("%s: only the webhook refuses it: %s", m.name, why)
					}
					left[reason] = append(left[reason], m.name)
				case by == "policy":
					refused++
					for part := range strings.SplitSeq(policyWhy, "; spec.") { // in another order
						if !strings.Contains(strings.ReplaceAll(why, hooked.name, policed), part) {
							t.Errorf("%s: the policies say %q, the webhook %q", m.name, part, why)
						}
					}
				}
				if (byWebhook.refusal == "") != (byBoth.refusal == "") {
					t.Errorf("%s: with both: %s", m.name, byBoth.refusal)
				}
			}
			t.Logf("policies: %d manifests stored equally, %d refused alike", equal, refused)
			for key, names := range webhookOnly {
				for _, name := range names {
					if given == nil && !slices.Contains(left[admission.Reasons[key]], name) {
						t.Errorf("%s is not left to the controller any more", name)
					}
				}
			}
			for _, reason := range slices.Sorted(maps.Keys(left)) {
				t.Logf("left to the controller: %s: %s", reason, strings.Join(left[reason], ", "))
			}
		})
	}
}

// patch changes an application, or its status.
func patch(t *testing.T, namespace, name, text string, subresources ...string) (*unstructured.Unstructured, error) {
	t.Helper()
	return api.Dynamic.Resource(applications).Namespace(namespace).Patch(t.Context(), name, types.MergePatchType, []byte(text), metav1.PatchOptions{}, subresources...)
}

// An update stores defaults only where a run starts again, and is refused only for new
// faults, as with the webhook.
func TestPoliciesTreatUpdatesAsTheWebhookDoes(t *testing.T) {
	hooked, policed := install(t, "update-hooked", admissionregistrationv1.Ignore), "update-policed"
	if err := sim.CreateNamespace(t.Context(), api.Core, policed); err != nil {
		t.Fatal(err)
	}
	denied := map[string]any{
		"spark.master": "local", "spark.kubernetes.authenticate.submission.x": "y", "spark.kerberos.keytab": "/etc/keytab",
		"spark.kubernetes.namespace": "elsewhere", "spark.kubernetes.container.image": "spark",
	}
	schedule := func(conf map[string]any) map[string]any {
		return map[string]any{"schedule": "@daily", "template": app("", "", "sparkConf", conf).Object["spec"]}
	}
	for _, namespace := range []string{hooked.name, policed} {
		// They were stored while there was no webhook; the schema may be newer than they are.
		if _, err := create(t.Context(), app(namespace, "tolerated", "sparkConf", map[string]any{"spark.kubernetes.container.image": "spark", "spark.kubernetes.namespace": "elsewhere"})); err != nil {
			t.Logf("without the webhook: %v", err)
		}
	}
	hooked.start(t, hooked.port)
	installPolicies(t, "update", nil, policed)
	hooked.works(t, 30*time.Second)
	results := map[string][]string{}
	for _, namespace := range []string{hooked.name, policed} {
		note := func(what string, object *unstructured.Unstructured, err error) {
			var text string
			if err != nil {
				reason, _ := denial(err.Error())
				text = "refused: " + strings.ReplaceAll(reason, namespace, "NAMESPACE")
			} else {
				text = fmt.Sprint(object.Object["spec"])
			}
			results[namespace] = append(results[namespace], what+": "+text)
		}
		for _, state := range []string{"", "INVALIDATING", "RUNNING", "COMPLETED", "PENDING_RERUN"} {
			name := "pi-" + strings.ReplaceAll(strings.ToLower(state), "_", "-") + "x"
			if _, err := create(t.Context(), app(namespace, name)); err != nil {
				t.Fatal(err)
			}
			if state != "" {
				if _, err := patch(t, namespace, name, `{"status":{"driverInfo":{},"applicationState":{"state":"`+state+`"}}}`, "status"); err != nil {
					t.Fatal(err)
				}
			}
			changed, err := patch(t, namespace, name, `{"spec":{"mode":null,"driver":{"memory":null},"restartPolicy":null}}`)
			note("state "+state, changed, err)
		}
		for _, text := range []string{
			`{"spec":{"suspend":true}}`, `{"metadata":{"labels":{"a":"b"}}}`, `{"spec":{"sparkConf":{"spark.x":"y"}}}`,
			`{"spec":{"sparkConf":{"spark.kubernetes.namespace":"other"}}}`, `{"spec":{"sparkConf":{"spark.kubernetes.driver.container.image":"x"}}}`,
			`{"metadata":{"finalizers":["example.com/x"]}}`,
		} {
			changed, err := patch(t, namespace, "tolerated", text)
			note(text, changed, err)
		}
		if err := api.Dynamic.Resource(applications).Namespace(namespace).Delete(t.Context(), "tolerated", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
		changed, err := patch(t, namespace, "tolerated", `{"spec":{"sparkConf":{"spark.kubernetes.executor.container.image":"x"}}}`)
		note("in deletion", changed, err)
		if _, err := patch(t, namespace, "tolerated", `{"metadata":{"finalizers":null}}`); err != nil {
			t.Errorf("%s: the end of a deletion: %v", namespace, err)
		}
		for _, conf := range []map[string]any{denied, {"spark.kerberos.keytab": "local:///x"}, {"spark.kubernetes.namespace": namespace}} {
			object := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "ScheduledSparkApplication", "metadata": map[string]any{"name": "daily"}, "spec": schedule(conf),
			}}
			stored, err := api.Dynamic.Resource(schedules).Namespace(namespace).Create(t.Context(), object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			refused := err != nil
			if refused != (len(conf) > 1) {
				t.Errorf("%s: schedule with %v: %v", namespace, conf, err)
			}
			if !refused && !reflect.DeepEqual(stored.Object["spec"], object.Object["spec"]) {
				t.Errorf("%s: the template of a schedule is stored as %v", namespace, stored.Object["spec"])
			}
		}
		generated := app(namespace, "")
		generated.SetName("")
		generated.SetGenerateName("pi-")
		stored, err := create(t.Context(), generated)
		note("generated name", stored, err)
		malformed := app(namespace, "bad")
		for _, value := range []any{nil, "text", []any{}, map[string]any{"driver": "text", "executor": []any{}, "sparkConf": int64(1)}} {
			malformed.Object["spec"] = value
			_, err := create(t.Context(), malformed)
			if err == nil || strings.Contains(err.Error(), "olicy") {
				t.Errorf("%s: a spec that is %v: %v", namespace, value, err)
			}
		}
	}
	for i, want := range results[hooked.name] {
		if got := results[policed][i]; got != want {
			t.Errorf("the policies: %s\nthe webhook:  %s", got, want)
		}
	}
}

// The largest list of properties that the schema allows is within the limits of CEL, and
// does not keep the API server busy. Times are compared with those without policies.
func TestPoliciesJudgeTheLargestApplications(t *testing.T) {
	const policed, plain = "large-policed", "large-plain"
	for _, namespace := range []string{policed, plain} {
		if err := sim.CreateNamespace(t.Context(), api.Core, namespace); err != nil {
			t.Fatal(err)
		}
	}
	installPolicies(t, "large", nil, policed)
	conf := map[string]any{}
	for i := range 20000 {
		conf[fmt.Sprintf("spark.kubernetes.authenticate.x%d", i)] = "y"
	}
	took := map[string]time.Duration{}
	for range 2 {
		for _, namespace := range []string{policed, plain} {
			started := time.Now()
			if _, err := create(t.Context(), app(namespace, "large", "sparkConf", conf), metav1.DryRunAll); err != nil {
				t.Fatalf("20,000 properties: %v", err)
			}
			if lasted := time.Since(started); took[namespace] == 0 || lasted < took[namespace] {
				took[namespace] = lasted
			}
		}
	}
	t.Logf("20,000 properties: %v with the policies, %v without", took[policed], took[plain])
	if took[policed] > 10*took[plain] {
		t.Errorf("20,000 properties take %v, without the policies %v", took[policed], took[plain])
	}
	delete(conf, "spark.kubernetes.authenticate.x0")
	conf["spark.kubernetes.container.image"] = "x"
	if _, err := create(t.Context(), app(policed, "large", "sparkConf", conf), metav1.DryRunAll); err == nil || !strings.Contains(err.Error(), "use the image field") {
		t.Errorf("a denied one among 20,000 properties: %v", err)
	}
}

// The refusals work without the policy that stores defaults, so on every Kubernetes that the
// operator supports.
func TestRefusalsNeedNoDefaults(t *testing.T) {
	const policed = "refusals-policed"
	if err := sim.CreateNamespace(t.Context(), api.Core, policed); err != nil {
		t.Fatal(err)
	}
	admission.Policies{Name: "refusals", Namespaces: []string{policed}, RefusalsOnly: true}.Install(t, api.Dynamic, renderedPolicies)
	for property, why := range map[string]string{
		"spark.master": "managed by the operator", "spark.kubernetes.container.image": "use the image field",
		"spark.kubernetes.namespace": "must equal the application namespace",
	} {
		_, err := create(t.Context(), app(policed, "refused", "sparkConf", map[string]any{property: "x"}), metav1.DryRunAll)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", property, err)
		}
	}
	stored, err := create(t.Context(), app(policed, "stored", "sparkConf", map[string]any{"spark.x": "y"}))
	if err != nil {
		t.Fatal(err)
	}
	if spec := app(policed, "stored", "sparkConf", map[string]any{"spark.x": "y"}).Object["spec"]; !reflect.DeepEqual(stored.Object["spec"], spec) {
		t.Errorf("stored as %v, sent as %v", stored.Object["spec"], spec)
	}
}

// Jobs run the same after the policies are uninstalled, and those that have begun go on.
func TestJobsRunWithoutThePolicies(t *testing.T) {
	const namespace = "uninstalled"
	if err := sim.CreateNamespace(t.Context(), api.Core, namespace); err != nil {
		t.Fatal(err)
	}
	uninstall := installPolicies(t, namespace, nil, namespace)
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
	driver := func(name string) *corev1.Pod {
		if _, err := create(t.Context(), app(namespace, name)); err != nil {
			t.Fatal(err)
		}
		var pod *corev1.Pod
		eventually(t, 60*time.Second, func() (err error) {
			pod, err = api.Core.CoreV1().Pods(namespace).Get(t.Context(), name+"-driver", metav1.GetOptions{})
			return err
		})
		return pod
	}
	completes := func(name string, pod *corev1.Pod) {
		pod.Status.Phase = corev1.PodSucceeded
		if _, err := api.Core.CoreV1().Pods(namespace).UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		eventually(t, 60*time.Second, func() error {
			stored, err := api.Dynamic.Resource(applications).Namespace(namespace).Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			if state, _, _ := unstructured.NestedString(stored.Object, "status", "applicationState", "state"); state != "COMPLETED" {
				return fmt.Errorf("state %q", state)
			}
			return nil
		})
	}
	with := driver("one")
	uninstall()
	without := driver("two")
	if !reflect.DeepEqual(with.Spec.Containers[0].Resources, without.Spec.Containers[0].Resources) ||
		strings.ReplaceAll(fmt.Sprint(with.Spec.Containers[0].Args), "one", "two") != fmt.Sprint(without.Spec.Containers[0].Args) {
		t.Errorf("with the policies %v, without %v", with.Spec.Containers, without.Spec.Containers)
	}
	completes("one", with)
	completes("two", without)
}

// BenchmarkCreationsWithPolicies compares creations with the policies with those without,
// in turns of the same run. It prints the ratio of the rates.
func BenchmarkCreationsWithPolicies(b *testing.B) {
	namespaces := [2]string{"bench-plain", "bench-policed"}
	for _, namespace := range namespaces {
		if err := sim.CreateNamespace(b.Context(), api.Core, namespace); err != nil {
			b.Fatal(err)
		}
	}
	admission.Policies{Name: "bench", Namespaces: namespaces[1:]}.Install(b, api.Dynamic, renderedPolicies)
	const turn = 50
	var took [2]time.Duration
	number := 0
	for b.Loop() {
		for i, namespace := range namespaces {
			started := time.Now()
			for range turn {
				number++
				if _, err := create(b.Context(), app(namespace, fmt.Sprintf("pi-%d", number))); err != nil {
					b.Fatal(err)
				}
			}
			took[i] += time.Since(started)
		}
	}
	rate := func(i int) float64 { return float64(b.N*turn) / took[i].Seconds() }
	b.ReportMetric(rate(0), "plain/s")
	b.ReportMetric(rate(1), "policed/s")
	b.ReportMetric(rate(1)/rate(0), "ratio")
}
