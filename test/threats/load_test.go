// SPDX-License-Identifier: Apache-2.0

package threats

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Attacks on the work of the operator for others.

// poisonTheCache stores applications that no typed client can decode.
func poisonTheCache(t *testing.T, by *tenant) {
	for i, template := range []any{map[string]any{"spec": map[string]any{"containers": map[string]any{"no": "list"}}}, map[string]any{"metadata": "text"}} {
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": v1beta2.SchemeGroupVersion.String(), "kind": "SparkApplication", "metadata": map[string]any{"name": fmt.Sprintf("poison-%d", i)},
			"spec": map[string]any{
				"sparkVersion": "4.3.0", "image": "example.com/spark:4.3.0", "mainClass": "a.B", "mainApplicationFile": "local:///a.jar",
				"driver": map[string]any{"template": template}, "executor": map[string]any{},
			},
		}}
		if _, err := by.dynamic.Resource(v1beta2.SchemeGroupVersion.WithResource("sparkapplications")).Namespace(by.namespace).Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	settle()
	waitState(t, by.create(t, by.app("good", "")), v1beta2.ApplicationStateRunning)
	serves(t)
}

// wasteTimeInLists has lists of the largest size that the API server stores, all with the
// same name.
func wasteTimeInLists(t *testing.T, by *tenant) {
	for i := range 3 {
		app := by.app(fmt.Sprintf("lists-%d", i), "")
		for range 2000 {
			app.Spec.Volumes = append(app.Spec.Volumes, corev1.Volume{Name: "v", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
			app.Spec.Driver.VolumeMounts = append(app.Spec.Driver.VolumeMounts, corev1.VolumeMount{Name: "v", MountPath: "/v"})
		}
		for range 1000 {
			app.Spec.Driver.Tolerations = append(app.Spec.Driver.Tolerations, corev1.Toleration{Key: "k", Operator: corev1.TolerationOpExists})
		}
		by.create(t, app)
	}
	serves(t)
}

// wasteMemoryInReferences has properties that refer to each other, so that their values
// would be of exponential size.
func wasteMemoryInReferences(t *testing.T, by *tenant) {
	properties := map[string]string{"spark.a0": strings.Repeat("x", 1000)}
	for i := 1; i < 40; i++ {
		properties[fmt.Sprintf("spark.a%d", i)] = strings.Repeat(fmt.Sprintf("${spark.a%d}", i-1), 10)
	}
	wide := map[string]string{"spark.text": strings.Repeat("x", 100_000)}
	for i := range 2000 {
		wide[fmt.Sprintf("spark.b%d", i)] = strings.Repeat("${spark.text}", 10)
	}
	for i := range 5 {
		by.create(t, by.appWith(fmt.Sprintf("deep-%d", i), properties))
		by.create(t, by.appWith(fmt.Sprintf("wide-%d", i), wide))
	}
	serves(t) // TestAttacks looks at the memory in the end
}

// storeHugeObjects stores applications near the limit of etcd, in which there is no room
// for a status.
func storeHugeObjects(t *testing.T, by *tenant) {
	apps := by.spark.SparkoperatorV1beta2().SparkApplications(by.namespace)
	stored := 0
	for i := range 2 {
		app := by.app(fmt.Sprintf("huge-%d", i), "")
		app.Spec.Arguments = []string{strings.Repeat("x", 1_500_000)}
		for size := 1_500_000; size > 1_300_000; size -= 40_000 {
			app.Spec.Arguments[0] = app.Spec.Arguments[0][:size]
			if _, err := apps.Create(t.Context(), app, metav1.CreateOptions{}); err == nil {
				stored++
				break
			}
		}
	}
	if stored == 0 {
		t.Fatal("nothing of that size is stored")
	}
	serves(t)
}

// bombAnnotations gives its driver more metadata than the API server stores; neither
// message nor status grow with it.
func bombAnnotations(t *testing.T, by *tenant) {
	app := by.app("bomb", "")
	app.Spec.Driver.Annotations = map[string]string{}
	for i := range 300 {
		app.Spec.Driver.Annotations[fmt.Sprintf("example.com/a%d", i)] = strings.Repeat("x", 1000)
	}
	by.create(t, app)
	failed := waitState(t, app, v1beta2.ApplicationStateFailed)
	if message := failed.Status.AppState.ErrorMessage; len(message) > 10_000 {
		t.Errorf("message of %d bytes", len(message))
	}
	serves(t)
}

// blockByFinalizers deletes applications and drivers that finalizers keep: the operator
// waits for them and is not busy.
func blockByFinalizers(t *testing.T, by *tenant) {
	const finalizer = "example.com/never"
	for i := range 5 {
		app := by.app(fmt.Sprintf("kept-%d", i), "")
		app.Finalizers = []string{finalizer}
		app = waitState(t, by.create(t, app), v1beta2.ApplicationStateRunning)
		keep := fmt.Appendf(nil, `{"metadata":{"finalizers":[%q]}}`, finalizer)
		if _, err := by.core.CoreV1().Pods(by.namespace).Patch(t.Context(), app.Status.DriverInfo.PodName, types.MergePatchType, keep, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := by.spark.SparkoperatorV1beta2().SparkApplications(by.namespace).Delete(t.Context(), app.Name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(5 * time.Second)
	before := by.requestsAbout(t)
	time.Sleep(5 * time.Second)
	if more := by.requestsAbout(t) - before; more > 20 {
		t.Errorf("%d requests in 5 s for objects that only wait", more)
	}
	serves(t)
}

// requestsAbout counts the requests of the operator about the tenant's namespace.
func (by *tenant) requestsAbout(t *testing.T) int {
	t.Helper()
	count := 0
	for _, r := range requests(t, under.user) {
		if r.ObjectRef != nil && r.ObjectRef.Namespace == by.namespace {
			count++
		}
	}
	return count
}

// floodWithEdits edits one application all the time; the events and the writes of the
// operator do not follow each edit.
func floodWithEdits(t *testing.T, by *tenant) {
	app := waitState(t, by.create(t, by.app("edited", "")), v1beta2.ApplicationStateRunning)
	apps := by.spark.SparkoperatorV1beta2().SparkApplications(by.namespace)
	const edits = 60
	for i := range edits {
		patch := fmt.Appendf(nil, `{"spec":{"suspend":%t,"arguments":["%d"]}}`, i%2 == 0, i)
		if _, err := apps.Patch(t.Context(), app.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	serves(t)
	events, err := api.Core.EventsV1().Events(by.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(events.Items) > edits {
		t.Errorf("%d events after %d edits", len(events.Items), edits)
	}
}

// floodWithApplications creates many applications at once.
func floodWithApplications(t *testing.T, by *tenant) {
	for i := range 100 {
		by.create(t, by.app(fmt.Sprintf("flood-%d", i), annotationSlow))
	}
	serves(t)
}

// floodWithSchedules has schedules that start runs each second.
func floodWithSchedules(t *testing.T, by *tenant) {
	schedules := by.spark.SparkoperatorV1beta2().ScheduledSparkApplications(by.namespace)
	for i := range 15 {
		_, err := schedules.Create(t.Context(), &v1beta2.ScheduledSparkApplication{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("flood-%d", i)},
			Spec: v1beta2.ScheduledSparkApplicationSpec{
				Schedule: "@every 1s", ConcurrencyPolicy: v1beta2.ConcurrencyAllow, Template: by.app("", annotationEnds).Spec,
			},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(2 * time.Second)
	serves(t)
	for i := range 15 {
		if err := schedules.Delete(t.Context(), fmt.Sprintf("flood-%d", i), metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	}
}

// plantSecretsInMessages has secrets in what a failed driver leaves, and in properties
// that are refused: who reads applications and events does not see them.
func plantSecretsInMessages(t *testing.T, by *tenant) {
	const secret = "pl4nted-s3cret"
	app := by.create(t, by.app("message", ""))
	app = waitState(t, app, v1beta2.ApplicationStateRunning)
	pod, err := by.core.CoreV1().Pods(by.namespace).Get(t.Context(), app.Status.DriverInfo.PodName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pod.Status.Phase = corev1.PodFailed
	now := metav1.Now()
	pod.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: 1, Reason: "Error", StartedAt: now, FinishedAt: now, Message: "Exception: login failed: --password " + secret + "\nspark.hadoop.fs.s3a.secret.key=" + secret,
	}}
	if _, err := by.core.CoreV1().Pods(by.namespace).UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	waitState(t, app, v1beta2.ApplicationStateFailed)
	refused := by.app("refused", "")
	refused.Spec.Driver.JavaOptions = ptr.To("-Xmx1g -Djavax.net.ssl.keyStorePassword=" + secret)
	switch _, err := by.spark.SparkoperatorV1beta2().SparkApplications(by.namespace).Create(t.Context(), refused, metav1.CreateOptions{}); {
	case err == nil:
		waitState(t, refused, v1beta2.ApplicationStateFailed)
	case !apierrors.IsInvalid(err): // then only the tenant sees the message
		t.Fatal(err)
	}
	settle()
	apps, err := by.spark.SparkoperatorV1beta2().SparkApplications(by.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range apps.Items {
		if text := fmt.Sprintf("%+v", apps.Items[i].Status); strings.Contains(text, secret) {
			t.Errorf("status of %s: %s", apps.Items[i].Name, text)
		}
	}
	eventually(t, 10*time.Second, func(ctx context.Context) error {
		events, err := api.Core.EventsV1().Events(by.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		if len(events.Items) == 0 {
			return fmt.Errorf("no events")
		}
		for i := range events.Items {
			if strings.Contains(events.Items[i].Note, secret) {
				t.Errorf("event: %s", events.Items[i].Note)
			}
		}
		return nil
	})
	if log := under.controller.Log(); strings.Contains(log, secret) {
		t.Error("the log of the operator contains the secret")
	}
}
