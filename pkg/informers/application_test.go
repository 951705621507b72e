// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// completed is an application of ordinary size as the API server has it after its
// end.
func completed(name string) *v1beta2.SparkApplication {
	now := metav1.NewTime(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	pod := func() v1beta2.SparkPodSpec {
		return v1beta2.SparkPodSpec{
			Cores: ptr.To[int32](1), Memory: ptr.To("512m"), ServiceAccount: ptr.To("spark"), Labels: map[string]string{"team": "a"},
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: ptr.To(false), RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](185),
				Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
		}
	}
	condition := func(kind, reason string, status metav1.ConditionStatus) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, Reason: reason, LastTransitionTime: now, ObservedGeneration: 1}
	}
	const id = "2f2dbb8e-6bf3-5ed1-9a34-18e4e0d1a6b1"
	return &v1beta2.SparkApplication{
		TypeMeta: metav1.TypeMeta{APIVersion: v1beta2.SchemeGroupVersion.String(), Kind: "SparkApplication"},
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "jobs", UID: "5c9a4ae4-0000-4000-8000-000000000000", ResourceVersion: "123456", Generation: 1,
			CreationTimestamp: now, Labels: map[string]string{"team": "a"},
			Annotations: map[string]string{"owner": "b", corev1.LastAppliedConfigAnnotation: strings.Repeat("x", 1000)},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1beta2.SchemeGroupVersion.String(), Kind: "ScheduledSparkApplication", Name: "nightly", UID: "6c9a4ae4-0000-4000-8000-000000000000",
			}},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "spark-operator", FieldsV1: metav1.NewFieldsV1(`{"f:status":{` + strings.Repeat(" ", 1000) + `}}`)}},
		},
		Spec: v1beta2.SparkApplicationSpec{
			Type: v1beta2.SparkApplicationTypeScala, SparkVersion: "4.0.4", Image: ptr.To("apache/spark:4.0.4"),
			MainClass:           ptr.To("org.apache.spark.examples.SparkPi"),
			MainApplicationFile: ptr.To("local:///opt/spark/examples/jars/spark-examples.jar"), Arguments: []string{"10"},
			SparkConf:         map[string]string{"spark.eventLog.enabled": "false", "spark.sql.shuffle.partitions": "64", "spark.network.timeout": "300s"},
			RestartPolicy:     v1beta2.RestartPolicy{Type: v1beta2.RestartPolicyNever},
			TimeToLiveSeconds: ptr.To[int64](3600),
			Driver:            v1beta2.DriverSpec{SparkPodSpec: pod(), CoreRequest: ptr.To("100m")},
			Executor:          v1beta2.ExecutorSpec{SparkPodSpec: pod(), CoreRequest: ptr.To("100m"), Instances: ptr.To[int32](1)},
		},
		Status: v1beta2.SparkApplicationStatus{
			SparkApplicationID: "spark-0123456789abcdef0123456789abcdef", SubmissionID: id,
			LastSubmissionAttemptTime: now, TerminationTime: now,
			DriverInfo:        v1beta2.DriverInfo{PodName: name + "-driver", WebUIServiceName: name + "-ui-svc", WebUIPort: 4040, WebUIAddress: "10.0.0.1:4040"},
			AppState:          v1beta2.ApplicationState{State: v1beta2.ApplicationStateCompleted, LastTransitionTime: &now},
			ExecutorState:     map[string]v1beta2.ExecutorState{name + "-exec-1": v1beta2.ExecutorStateCompleted},
			ExecutorCounts:    &v1beta2.ExecutorCounts{Completed: 1},
			ExecutionAttempts: 1, SubmissionAttempts: 1, ObservedGeneration: 1, ObservedSpecHash: "1-0dbf2636a3193c9e6d998885eed1101d",
			Conditions: []metav1.Condition{
				condition(v1beta2.ConditionSubmitted, "Submitted", metav1.ConditionTrue),
				condition(v1beta2.ConditionDriverReady, "Completed", metav1.ConditionFalse),
				condition(v1beta2.ConditionExecutorsReady, "Completed", metav1.ConditionFalse),
			},
			Attempts: []v1beta2.Attempt{{
				SubmissionID: id, SparkApplicationID: "spark-0123456789abcdef0123456789abcdef", DriverPodName: name + "-driver", State: v1beta2.ApplicationStateCompleted,
				SubmissionTime: &now, StartTime: &now, TerminationTime: &now, ExitCode: ptr.To[int32](0),
			}},
		},
	}
}

func whole(t *testing.T, kept *Application) *v1beta2.SparkApplication {
	t.Helper()
	app, err := kept.Whole()
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func TestFinishedApplicationsAreDecodedCompletely(t *testing.T) {
	app := completed("pi")
	app.Spec.Driver.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{
		Name:      v1beta2.DriverContainerName,
		Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": resource.MustParse("1Gi"), "cpu": resource.MustParse("1500m")}},
		Args:      []string{"<a> & \"b\" \u2028"},
	}}}}
	want := app.DeepCopy()
	want.ManagedFields = nil
	delete(want.Annotations, corev1.LastAppliedConfigAnnotation)
	kept := ApplicationOf(app)
	if kept.whole != nil || kept.encoded == nil {
		t.Fatal("not kept encoded")
	}
	if got := whole(t, kept); !equality.Semantic.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	outline := kept.Outline()
	if outline.Name != "pi" || outline.Namespace != "jobs" || outline.UID != want.UID || outline.ResourceVersion != "123456" || outline.Labels["team"] != "a" ||
		outline.OwnerReferences[0].Name != "nightly" || outline.Status.AppState.State != v1beta2.ApplicationStateCompleted {
		t.Errorf("outline %+v", outline)
	}
	if kept.Annotations != nil || kept.ManagedFields != nil {
		t.Errorf("metadata %+v", kept.ObjectMeta)
	}
}

// TestOnlyFinishedApplicationsAreEncoded: metrics and handlers see only the outline of
// an encoded application.
func TestOnlyFinishedApplicationsAreEncoded(t *testing.T) {
	for name, test := range map[string]struct {
		edit    func(*v1beta2.SparkApplication)
		encoded bool
	}{
		"completed": {func(*v1beta2.SparkApplication) {}, true},
		"failed":    {func(app *v1beta2.SparkApplication) { app.Status.AppState.State = v1beta2.ApplicationStateFailed }, true},
		"an executor without counts has ended": {func(app *v1beta2.SparkApplication) {
			app.Status.ExecutorCounts, app.Status.ExecutorState = nil, map[string]v1beta2.ExecutorState{"e": v1beta2.ExecutorStateFailed}
		}, true},
		"new":          {func(app *v1beta2.SparkApplication) { app.Status = v1beta2.SparkApplicationStatus{} }, false},
		"running":      {func(app *v1beta2.SparkApplication) { app.Status.AppState.State = v1beta2.ApplicationStateRunning }, false},
		"to run again": {func(app *v1beta2.SparkApplication) { app.Status.AppState.State = v1beta2.ApplicationStatePendingRerun }, false},
		"stalled": {func(app *v1beta2.SparkApplication) {
			app.Status.Conditions = append(app.Status.Conditions, metav1.Condition{Type: v1beta2.ConditionStalled, Status: metav1.ConditionTrue})
		}, false},
		"executors run": {func(app *v1beta2.SparkApplication) { app.Status.ExecutorCounts.Running = 1 }, false},
		"an executor without counts runs": {func(app *v1beta2.SparkApplication) {
			app.Status.ExecutorCounts, app.Status.ExecutorState = nil, map[string]v1beta2.ExecutorState{"e": v1beta2.ExecutorStateRunning}
		}, false},
		"being deleted": {func(app *v1beta2.SparkApplication) { app.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} }, false},
		"stub":          {func(app *v1beta2.SparkApplication) { MarkUndecodable(app, "spec.driver: wrong type") }, false},
	} {
		app := completed("pi")
		test.edit(app)
		want := app.DeepCopy()
		kept := ApplicationOf(app)
		if encoded := kept.whole == nil; encoded != test.encoded {
			t.Errorf("%s: encoded %t", name, encoded)
		}
		if !test.encoded && kept.Outline() != app {
			t.Errorf("%s: the outline is not the application", name)
		}
		got := whole(t, kept)
		if got.Status.AppState.State != want.Status.AppState.State || kept.Outline().Status.AppState.State != want.Status.AppState.State || kept.State() != want.Status.AppState.State {
			t.Errorf("%s: state %q, outline %q, alone %q", name, got.Status.AppState.State, kept.Outline().Status.AppState.State, kept.State())
		}
	}
}

func TestGetReturnsCompleteApplications(t *testing.T) {
	set := emptySet(t)
	const byTeam = "byTeam"
	err := set.Applications.AddIndexers(cache.TypedIndexers[*Application]{byTeam: func(app *Application) ([]string, error) { return []string{app.Labels["team"]}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	running := completed("running")
	running.Status.AppState.State = v1beta2.ApplicationStateRunning
	for _, app := range []*v1beta2.SparkApplication{completed("first"), completed("second"), running} {
		if err := set.Applications.Store("jobs").Add(ApplicationOf(app)); err != nil {
			t.Fatal(err)
		}
	}
	app, found, err := set.Applications.Get(cache.NewObjectName("jobs", "second"))
	if err != nil || !found || *app.Spec.TimeToLiveSeconds != 3600 {
		t.Errorf("found %t, error %v: %+v", found, err, app)
	}
	changed, _, err := set.Applications.Get(cache.NewObjectName("jobs", "running"))
	if err != nil {
		t.Fatal(err)
	}
	changed.Labels["team"] = "changed"
	apps, err := set.Applications.ByIndex("jobs", byTeam, "a")
	if err != nil || len(apps) != 3 {
		t.Fatalf("%d applications, error %v", len(apps), err)
	}
	for _, app := range apps {
		if app.Annotations["owner"] != "b" || app.Spec.MainClass == nil {
			t.Errorf("application %s is not whole: %+v", app.Name, app)
		}
	}
	var outlines []string
	for app := range set.Applications.Outlines() {
		outlines = append(outlines, fmt.Sprint(app.Name, " ", app.Labels["team"], " ", app.Status.AppState.State))
	}
	slices.Sort(outlines)
	if want := []string{"first a COMPLETED", "running a RUNNING", "second a COMPLETED"}; !slices.Equal(outlines, want) {
		t.Errorf("outlines %q, want %q", outlines, want)
	}
	for range set.Applications.Outlines() {
		break // may be left early
	}
}

func TestApplicationCopyIsDeep(t *testing.T) {
	running := completed("pi")
	running.Status.AppState.State = v1beta2.ApplicationStateRunning
	for _, app := range []*v1beta2.SparkApplication{completed("pi"), running} {
		kept := ApplicationOf(app)
		copied := kept.DeepCopyObject().(*Application)
		if !reflect.DeepEqual(kept, copied) {
			t.Errorf("got %+v, want %+v", copied, kept)
		}
		if path := sharedMemory(reflect.ValueOf(kept).Elem(), reflect.ValueOf(copied).Elem(), "application"); path != "" {
			t.Errorf("%s is shared with the copy", path)
		}
	}
}

// FuzzApplicationOf: what is kept of an application that has ended is what the API
// server sent, in particular all from which the hash of its spec is computed.
func FuzzApplicationOf(f *testing.F) {
	for _, spec := range []string{goodSpec, `{"sparkConf":{},"arguments":[],"driver":{"template":{"spec":{"containers":[{"resources":{"limits":{"cpu":"1000m"}}}]}}}}`} {
		f.Add([]byte(strings.Replace(application("SparkApplication", "a", "1", spec), "RUNNING", "COMPLETED", 1)))
	}
	rich, err := json.Marshal(completed("pi"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(rich)
	f.Fuzz(func(t *testing.T, data []byte) {
		app := &v1beta2.SparkApplication{}
		if decodeJSON(data, app) != nil {
			return
		}
		trim(app)
		want, err := json.Marshal(app)
		if err != nil {
			return
		}
		got, err := json.Marshal(whole(t, ApplicationOf(app)))
		if err != nil || string(got) != string(want) {
			t.Errorf("error %v, got\n%s\nwant\n%s", err, got, want)
		}
	})
}
