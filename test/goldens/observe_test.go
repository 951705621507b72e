// SPDX-License-Identifier: Apache-2.0

package goldens

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/internal/recording"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim/garbage"
)

var applications = schema.GroupVersionResource{Group: "sparkoperator.k8s.io", Version: "v1beta2", Resource: "sparkapplications"}

// kinds are all that this operator creates or that may be there before it.
var kinds = []schema.GroupVersionResource{
	{Version: "v1", Resource: "pods"}, {Version: "v1", Resource: "services"}, {Version: "v1", Resource: "configmaps"},
	{Version: "v1", Resource: "secrets"}, {Version: "v1", Resource: "persistentvolumeclaims"},
	{Group: "networking.k8s.io", Version: "v1", Resource: "ingresses"},
	{Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"},
	{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"}, {Group: "batch", Version: "v1", Resource: "jobs"},
	{Group: "scheduling.volcano.sh", Version: "v1beta1", Resource: "podgroups"},
	{Group: "scheduling.x-k8s.io", Version: "v1alpha1", Resource: "podgroups"},
}

// run is one manifest on its way.
type run struct {
	*recording.Case
	namespace string
	// refusal is the API server's answer to the manifest, if it does not take it.
	refusal error
	app     *unstructured.Unstructured
	// seen counts the events of earlier steps by name.
	seen map[string]int
	// known are the placeholders for what has been seen, objects that are gone by now
	// included.
	known       []string
	differences []recording.Difference
}

// state is what the API server has of a namespace at one moment.
type state struct {
	apps    map[string]*unstructured.Unstructured
	objects []*unstructured.Unstructured
	events  []corev1.Event
}

// runGroup sends the manifests of one recorded operator through this one.
func runGroup(t *testing.T, namespace string, cases []*recording.Case) map[string][]recording.Difference {
	t.Helper()
	begun := time.Now()
	runs := make([]*run, 0, len(cases))
	for _, c := range cases {
		runs = append(runs, &run{Case: c, namespace: namespace, seen: map[string]int{}})
	}
	if namespace == quotaNamespace { // each has the quota for itself
		for _, r := range runs {
			resetQuota(t)
			r.create(t)
			now := waitForRest(t, namespace)
			resetQuota(t)
			r.compare(t, now)
		}
	} else {
		for _, r := range runs {
			r.create(t)
		}
		now := waitForRest(t, namespace)
		var waiting []*run
		for _, r := range runs {
			if r.refusal == nil && waits(now.apps[r.app.GetName()]) {
				waiting = append(waiting, r)
				continue
			}
			r.compare(t, now)
		}
		live(t, namespace, runs, now)
		for _, r := range waiting {
			for now = waitForRest(t, namespace); waits(now.apps[r.app.GetName()]) && time.Since(begun) < patience; {
				now = waitForRest(t, namespace)
			}
			r.compare(t, now)
		}
	}
	found := map[string][]recording.Difference{}
	for _, r := range runs {
		found[r.Case.Case] = r.differences
	}
	return found
}

// create sends the manifest to the API server, which asks the webhook of this operator
// and stores or refuses it. Where an application is refused is what the server answers,
// not what the case says of it.
func (r *run) create(t *testing.T) {
	t.Helper()
	for _, object := range r.Existing {
		before := &unstructured.Unstructured{Object: object}
		resource := schema.GroupVersionResource{Version: "v1", Resource: strings.ToLower(before.GetKind()) + "s"}
		if _, err := api.Dynamic.Resource(resource).Namespace(r.namespace).Create(t.Context(), before, metav1.CreateOptions{}); err != nil {
			t.Fatalf("%s: %v", r.Case.Case, err)
		}
	}
	app := &unstructured.Unstructured{}
	if err := json.Unmarshal(r.Manifest, &app.Object); err != nil {
		t.Fatal(err)
	}
	r.app, r.refusal = api.Dynamic.Resource(applications).Namespace(r.namespace).Create(t.Context(), app, metav1.CreateOptions{})
}

// observe reads a namespace.
func observe(t *testing.T, namespace string) *state {
	t.Helper()
	now := &state{apps: map[string]*unstructured.Unstructured{}}
	list := func(resource schema.GroupVersionResource) []unstructured.Unstructured {
		found, err := api.Dynamic.Resource(resource).Namespace(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatalf("list %s: %v", resource.Resource, err)
		}
		return found.Items
	}
	for _, app := range list(applications) {
		now.apps[app.GetName()] = &app
	}
	for _, kind := range kinds {
		for _, object := range list(kind) {
			now.objects = append(now.objects, &object)
		}
	}
	schedule(t, now.objects)
	events, err := api.Core.CoreV1().Events(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	now.events = events.Items
	slices.SortStableFunc(now.events, func(a, b corev1.Event) int {
		return cmp.Or(a.EventTime.Compare(b.EventTime.Time), a.CreationTimestamp.Compare(b.CreationTimestamp.Time))
	})
	var apps []types.UID
	for _, app := range now.apps {
		apps = append(apps, app.GetUID())
	}
	now.objects = garbage.Remaining(now.objects, apps...)
	return now
}

// schedule says of each new pod that a scheduler found a node for it. Without a scheduler,
// an application that names one would stall after a time that depends on the machine.
func schedule(t *testing.T, objects []*unstructured.Unstructured) {
	t.Helper()
	scheduled := []byte(`{"status":{"conditions":[{"type":"PodScheduled","status":"True"}]}}`)
	for _, object := range objects {
		if conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions"); object.GetKind() != "Pod" || conditions != nil {
			continue
		}
		_, err := api.Core.CoreV1().Pods(object.GetNamespace()).Patch(t.Context(), object.GetName(), types.StrategicMergePatchType, scheduled, metav1.PatchOptions{}, "status")
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
	}
}

// quiet is how long nothing may have changed in a namespace at rest: longer than
// the retries of a submission in the recording take, which is a second each.
const quiet = 4 * time.Second

// patience is how long an application may wait for something before it is refused:
// more than the minute after which the operator gives up on a missing object.
const patience = 2 * time.Minute

// waits reports whether a submission waits for something that may still arrive. The
// others are compared in the meantime.
func waits(app *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(app.Object, "status", "conditions")
	state, _, _ := unstructured.NestedString(app.Object, "status", "applicationState", "state")
	return state == "SUBMITTED" && !slices.ContainsFunc(conditions, func(element any) bool {
		condition, ok := element.(map[string]any)
		return ok && condition["type"] == v1beta2.ConditionSubmitted && condition["status"] == "True"
	})
}

// passing are the states that an application leaves by itself.
var passing = []string{"", "SUBMISSION_FAILED", "PENDING_RERUN", "INVALIDATING", "SUCCEEDING", "FAILING", "SUSPENDING", "RESUMING"}

// waitForRest returns what is stored when every application has come to rest.
func waitForRest(t *testing.T, namespace string) *state {
	t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	var last, moving string
	since := time.Now()
	for time.Now().Before(deadline) {
		now := observe(t, namespace)
		var versions []string
		moving = ""
		for name, app := range now.apps {
			versions = append(versions, name+app.GetResourceVersion())
			if state, _, _ := unstructured.NestedString(app.Object, "status", "applicationState", "state"); slices.Contains(passing, state) {
				moving = fmt.Sprintf("%s is %q", name, state)
			}
		}
		for _, object := range now.objects {
			versions = append(versions, string(object.GetUID())+object.GetResourceVersion())
		}
		for _, event := range now.events {
			versions = append(versions, event.Name+event.ResourceVersion)
		}
		slices.Sort(versions)
		if text := strings.Join(versions, " "); text != last || moving != "" {
			last, since = text, time.Now()
		} else if time.Since(since) > quiet {
			return now
		}
		time.Sleep(250 * time.Millisecond)
	}
	t.Fatalf("%s does not come to rest: %s", namespace, moving)
	return nil
}

// compare compares all that is stored of one application with the recording.
func (r *run) compare(t *testing.T, now *state) {
	t.Helper()
	stage, message := recording.AtAdmission, fmt.Sprint(r.refusal)
	var app *unstructured.Unstructured
	if r.refusal == nil {
		app = now.apps[r.app.GetName()]
		state, _, _ := unstructured.NestedString(app.Object, "status", "applicationState", "state")
		message, _, _ = unstructured.NestedString(app.Object, "status", "applicationState", "errorMessage")
		switch {
		case state == "SUBMITTED" && !waits(app):
			stage = recording.NotRefused
		case state == "FAILED" && !r.GoesOn():
			stage = recording.AtSubmission
		default:
			t.Errorf("%s: state %q", r.Case.Case, state)
		}
	}
	r.differences = append(r.differences, r.CompareRefusal(stage, message)...)
	recordedStage, _ := r.Refusal()
	if stage == recording.AtAdmission || recordedStage == recording.AtAdmission {
		return // nothing was recorded of what would have become of it
	}
	r.compareDefaults(t, app)
	if recordedStage != stage {
		return
	}
	placeholders, objects := r.objectsOf(t, now, app)
	if stage == recording.NotRefused && r.ExecutorMutation != nil {
		r.compareExecutor(t, objects, placeholders)
	}
	if r.GoesOn() {
		return // objects, status and events are compared on the way
	}
	r.differences = append(r.differences, r.CompareObjects(objects)...)
	r.compareStatus(t, "", r.Status, app, placeholders)
	r.differences = append(r.differences, r.CompareEvents("events", r.Events, r.news(now), message)...)
}

// compareDefaults compares the specification as it is stored: with the defaults of the
// webhook.
func (r *run) compareDefaults(t *testing.T, app *unstructured.Unstructured) {
	t.Helper()
	if r.Controller == recording.PlainController {
		return // nothing was defaulted
	}
	// Decoded and encoded again, as zero values of the recording have no meaning.
	read := func(spec map[string]any) map[string]any {
		typed := v1beta2.SparkApplication{}
		text, err := json.Marshal(map[string]any{"spec": spec})
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &typed); err != nil {
			t.Fatal(err)
		}
		tree, err := recording.Tree(&typed.Spec)
		if err != nil {
			t.Fatal(err)
		}
		return tree
	}
	spec, _ := app.Object["spec"].(map[string]any)
	r.differences = append(r.differences, recording.Diff("defaulted", read(r.Defaulted), read(spec))...)
}

// objectsOf returns the objects that belong to an application, or were there before
// it, with placeholders.
func (r *run) objectsOf(t *testing.T, now *state, app *unstructured.Unstructured) (*strings.Replacer, []map[string]any) {
	t.Helper()
	replace := r.known
	if submission, _, _ := unstructured.NestedString(app.Object, "status", "submissionID"); submission != "" {
		replace = append(replace, recording.Placeholders(submission, strings.TrimPrefix(api.Config.Host, "https://"))...)
	}
	if hash, _, _ := unstructured.NestedString(app.Object, "status", "observedSpecHash"); hash != "" {
		replace = append(replace, hash, "<spec-hash>")
	}
	replace = append(replace, string(app.GetUID()), "<app-uid>")
	mine := map[types.UID]bool{app.GetUID(): true}
	var objects []*unstructured.Unstructured
	for grown := true; grown; { // owners first
		grown = false
		for _, object := range now.objects {
			owned := slices.ContainsFunc(object.GetOwnerReferences(), func(owner metav1.OwnerReference) bool { return mine[owner.UID] })
			if mine[object.GetUID()] || !owned && !r.Existed(object.Object) {
				continue
			}
			mine[object.GetUID()], grown = true, true
			objects = append(objects, object)
			switch object.GetKind() {
			case "Pod":
				replace = append(replace, string(object.GetUID()), "<driver-pod-uid>")
			case "Service":
				if address, _, _ := unstructured.NestedString(object.Object, "spec", "clusterIP"); address != "" && address != corev1.ClusterIPNone {
					replace = append(replace, `"`+address+`"`, `"<cluster-ip>"`, address+":", "<cluster-ip>:")
				}
			}
		}
	}
	r.known = replace
	placeholders := strings.NewReplacer(replace...)
	trees := make([]map[string]any, 0, len(objects))
	for _, object := range objects {
		tree, err := recording.Rewrite(object.Object, placeholders)
		if err != nil {
			t.Fatal(err)
		}
		trees = append(trees, tree)
	}
	return placeholders, trees
}

// compareStatus compares the whole status after a step, or at the end.
func (r *run) compareStatus(t *testing.T, step string, want map[string]any, app *unstructured.Unstructured, placeholders *strings.Replacer) {
	t.Helper()
	status, _ := app.Object["status"].(map[string]any)
	got, err := recording.Rewrite(status, placeholders)
	if err != nil {
		t.Fatal(err)
	}
	r.differences = append(r.differences, r.CompareStatus("status"+step, want, got)...)
}

// news returns the events of the application that have not been seen yet.
func (r *run) news(now *state) (news []recording.Event) {
	for i := range now.events {
		event := &now.events[i]
		if event.InvolvedObject.UID != r.app.GetUID() {
			continue
		}
		count := max(1, int(event.Count))
		if event.Series != nil {
			count = max(count, int(event.Series.Count))
		}
		if r.seen[event.Name] == 0 {
			news = append(news, recording.Event{Reason: event.Reason, Type: event.Type, Message: event.Message, Count: count})
		}
		r.seen[event.Name] = count
	}
	return news
}

// compareExecutor shows the executor that Spark would create of the stored template
// to the API server, without keeping it.
func (r *run) compareExecutor(t *testing.T, objects []map[string]any, placeholders *strings.Replacer) {
	t.Helper()
	differences, err := r.CompareExecutor(objects, func(pod *corev1.Pod) (map[string]any, error) {
		text, err := json.Marshal(pod)
		if err != nil {
			t.Fatal(err)
		}
		// Placeholders are no names; what is random in a pod's metadata has no meaning for its admission.
		plain := strings.NewReplacer(`\u003c`, "ph--", `\u003e`, "--ph").Replace(string(text))
		sent := &corev1.Pod{}
		if err := json.Unmarshal([]byte(plain), sent); err != nil {
			t.Fatal(err)
		}
		stored, err := api.Core.CoreV1().Pods(r.namespace).Create(t.Context(), sent, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err != nil {
			return nil, err
		}
		stored.Kind, stored.APIVersion = "Pod", "v1"
		tree, err := recording.Tree(stored)
		if err != nil {
			t.Fatal(err)
		}
		tree, err = recording.Rewrite(tree, strings.NewReplacer("ph--", "<", "--ph", ">"))
		if err != nil {
			t.Fatal(err)
		}
		return recording.Rewrite(tree, placeholders)
	})
	if err != nil {
		t.Fatalf("%s: %v", r.Case.Case, err)
	}
	r.differences = append(r.differences, differences...)
}
