// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// mountsConfOf makes the pod mount what the driver of a submission mounts.
func mountsConfOf(pod *corev1.Pod, submissionID string) *corev1.Pod {
	source := &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: submit.DriverConfigMapName(submit.NewIDs(submissionID))}}
	pod.Spec.Volumes = []corev1.Volume{{Name: "spark-conf-volume-driver", VolumeSource: corev1.VolumeSource{ConfigMap: source}}}
	return pod
}

// TestDriverOfAnotherIsNotTaken: whoever may patch pods labels the driver of another as
// that of his own application, which has the name of that pod, and makes it the owner.
// The operator neither follows nor deletes it.
func TestDriverOfAnotherIsNotTaken(t *testing.T) {
	drivers := map[string]func(*corev1.Pod){
		"native":           func(pod *corev1.Pod) { mountsConfOf(pod, lifecycle.NextSubmissionID("victim-uid", "")) },
		"by spark-submit":  func(*corev1.Pod) {},
		"of a Job":         func(pod *corev1.Pod) { madeByJob(pod, lifecycle.NextSubmissionID("victim-uid", "")) },
		"with other files": func(pod *corev1.Pod) { mountsConfOf(pod, "") },
	}
	labels := map[string]func(app *v1beta2.SparkApplication) string{
		"none":          func(*v1beta2.SparkApplication) string { return "" },
		"any":           func(*v1beta2.SparkApplication) string { return "x" },
		"the victim's":  func(*v1beta2.SparkApplication) string { return lifecycle.NextSubmissionID("victim-uid", "") },
		"the own first": func(app *v1beta2.SparkApplication) string { return lifecycle.NextSubmissionID(app.UID, "") },
		"the own next": func(app *v1beta2.SparkApplication) string {
			return lifecycle.NextSubmissionID(app.UID, app.Status.SubmissionID)
		},
		"of the own status": func(app *v1beta2.SparkApplication) string { return app.Status.SubmissionID },
	}
	for name, edit := range drivers {
		for label, id := range labels {
			for _, bySubmit := range []bool{false, true} {
				c := newCluster(t)
				victim := namesake(owner("SparkApplication", "victim", "victim-uid"), map[string]string{v1beta2.LabelSparkRole: v1beta2.SparkRoleDriver})
				victim.Name, victim.CreationTimestamp = "victim-driver", metav1.NewTime(testStart.Add(time.Minute))
				edit(victim)
				c.addPod(victim)
				uid := c.pod("victim-driver").UID
				app := newApplication("thief", onFailure(2, 1))
				app.Spec.Driver.PodName = ptr.To("victim-driver")
				if bySubmit {
					bySparkSubmit(app)
				}
				c.addApplication(app)
				p := c.start()
				for range 5 { // refused, with the name of the pod in its status
					_, _ = p.step("thief")
				}
				patch := func() {
					c.editPod("victim-driver", func(pod *corev1.Pod) {
						app := c.application("thief")
						pod.OwnerReferences = []metav1.OwnerReference{*owner("SparkApplication", "thief", app.UID)}
						pod.Labels[v1beta2.LabelLaunchedBySparkOperator], pod.Labels[v1beta2.LabelSparkAppName] = "true", "thief"
						pod.Labels[v1beta2.LabelSubmissionID] = id(app)
						metav1.SetMetaDataAnnotation(&pod.ObjectMeta, v1beta2.AnnotationSubmitter, v1beta2.SubmitterSparkSubmit)
					})
				}
				steps := func() {
					for range 8 {
						_, _ = p.step("thief")
						c.clock.Step(30 * time.Second)
					}
				}
				patch()
				steps()
				c.editSpec("thief", func(spec *v1beta2.SparkApplicationSpec) { spec.Arguments = []string{"other"} })
				steps()
				patch()
				c.editSpec("thief", func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = ptr.To(true) })
				steps()
				app = c.application("thief")
				app.DeletionTimestamp, app.Finalizers = ptr.To(metav1.NewTime(c.clock.Now())), []string{"example.com/hold"}
				c.putApplication(app)
				steps()
				if pod := c.pod("victim-driver"); pod == nil || pod.UID != uid {
					t.Errorf("driver %s with label %s, by a Job %v: %q", name, label, bySubmit, c.log)
				}
				if slices.ContainsFunc(c.events, func(e string) bool { return strings.Contains(e, "SparkDriver") }) {
					t.Errorf("driver %s with label %s, by a Job %v: %q", name, label, bySubmit, c.events)
				}
			}
		}
	}
}

// madeByJob gives the pod what spark-submit in a Job gives to the driver.
func madeByJob(pod *corev1.Pod, submissionID string) {
	pod.Spec.Containers[0].Env = append(pod.Spec.Containers[0].Env, corev1.EnvVar{Name: v1beta2.EnvSubmissionID, Value: submissionID})
}

// TestForeignGroupIsNotTaken: Spark's own step for Volcano makes a pod group before the
// driver. One that exists and is not of this run is not given to the driver, with which
// it would go.
func TestForeignGroupIsNotTaken(t *testing.T) {
	groups := schema.GroupVersionResource{Group: "scheduling.volcano.sh", Version: "v1beta1", Resource: "podgroups"}
	const uid = "7d2b4a0e-0000-4000-8000-000000000001"
	name := submit.NewIDs(lifecycle.NextSubmissionID(uid, "")).App + "-podgroup"
	for title, test := range map[string]struct {
		owner *metav1.OwnerReference
		none  bool
		state v1beta2.ApplicationStateType
	}{
		"none":              {none: true, state: lifecycle.StateSubmitted},
		"of an earlier try": {owner: owner("SparkApplication", "pi", uid), state: lifecycle.StateSubmitted},
		"without owner":     {state: lifecycle.StateFailed},
		"of another":        {owner: owner("SparkApplication", "other", "other"), state: lifecycle.StateFailed},
		"of another driver": {owner: &metav1.OwnerReference{APIVersion: "v1", Kind: "Pod", Name: "other", UID: "other", Controller: ptr.To(true)}, state: lifecycle.StateFailed},
		"of the one before": {owner: owner("SparkApplication", "pi", "earlier"), state: lifecycle.StateSubmitting},
		"of a Deployment":   {owner: &metav1.OwnerReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "pi", UID: uid, Controller: ptr.To(false)}, state: lifecycle.StateFailed},
	} {
		t.Run(title, func(t *testing.T) {
			c := newCluster(t)
			client := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{groups: "PodGroupList"})
			if !test.none {
				group := &unstructured.Unstructured{}
				group.SetAPIVersion("scheduling.volcano.sh/v1beta1")
				group.SetKind("PodGroup")
				group.SetName(name)
				group.SetNamespace("ns")
				group.SetUID("group")
				if test.owner != nil {
					group.SetOwnerReferences([]metav1.OwnerReference{*test.owner})
				}
				if err := client.Tracker().Create(groups, group, "ns"); err != nil {
					t.Fatal(err)
				}
			}
			app := newApplication("pi", func(app *v1beta2.SparkApplication) {
				app.Spec.SparkConf = map[string]string{"spark.kubernetes.driver.pod.featureSteps": "org.apache.spark.deploy.k8s.features.VolcanoFeatureStep"}
				app.Spec.SparkVersion, app.UID = "4.2.0", uid
			})
			c.addApplication(app)
			c.dynamic = client
			p := c.start()
			for range 2 * lifecycle.QuietFailures {
				_, _ = p.sync(p.ctx, cache.MetaObjectToName(app), lifecycle.QuietFailures)
				p.refresh()
			}
			c.wantState("pi", test.state)
			live, err := client.Resource(groups).Namespace("ns").Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			have := metav1.GetControllerOfNoCopy(live)
			switch pod := c.pod("pi-driver"); {
			case test.state == lifecycle.StateSubmitted && (pod == nil || have == nil || have.UID != pod.UID || len(live.GetOwnerReferences()) != 1):
				t.Errorf("owners %+v of the group, pod %v", live.GetOwnerReferences(), pod != nil)
			case test.state != lifecycle.StateSubmitted && (pod != nil || have != nil && have.UID != test.owner.UID):
				t.Errorf("owners %+v of the group, pod %v", live.GetOwnerReferences(), pod != nil)
			}
		})
	}
}
