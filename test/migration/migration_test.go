// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"context"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
)

var update = flag.Bool("update", false, "write what kubeflow/spark-operator has made of the applications for the test of adoptions in test/integration")

// TestThereAndBack moves applications in every state from kubeflow/spark-operator to this
// operator and back. No driver is restarted, no finished application runs again, and each
// controller brings those to their end that the other one has started.
func TestThereAndBack(t *testing.T) {
	for _, namespace := range []string{"owned", unowned} {
		t.Run(namespace, func(t *testing.T) {
			t.Parallel()
			m := newMigration(t, namespace)

			theirs := startKubeflow(t, m.calls, namespace)
			for name, does := range map[string]string{
				"there": endless, "back": endless, "waits": pending, "done": succeeds, "failed": fails, "retries": fails, "refused": refused, "held": succeeds,
			} {
				m.create(name, does, func(app *v1beta2.SparkApplication) {
					switch name {
					case "retries":
						app.Spec.RestartPolicy = v1beta2.RestartPolicy{
							Type: v1beta2.RestartPolicyOnFailure, OnFailureRetries: ptr.To[int32](3), OnFailureRetryInterval: ptr.To[int64](3600),
						}
					case "held":
						app.Spec.Suspend = ptr.To(true)
					}
				})
			}
			m.createSchedule("nightly")
			before := map[string]v1beta2.ApplicationStateType{
				"there": v1beta2.ApplicationStateRunning, "back": v1beta2.ApplicationStateRunning, "waits": v1beta2.ApplicationStateSubmitted,
				"done": v1beta2.ApplicationStateCompleted, "failed": v1beta2.ApplicationStateFailed, "retries": v1beta2.ApplicationStateFailing,
				"refused": v1beta2.ApplicationStateFailed, "held": v1beta2.ApplicationStateSuspended,
			}
			m.waitForStates("kubeflow/spark-operator", before)
			if err := theirs.stop(); err != nil {
				t.Fatal(err)
			}
			drivers, calls := m.drivers(), m.submissions()
			if *update && namespace != unowned {
				m.record("../integration/testdata/kubeflow.yaml")
			}

			// There.
			upgrade := exec.Command(operatorBinary, "crds", "apply", "--kubeconfig", api.Kubeconfig)
			if output, err := upgrade.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			kill := sim.StartOperator(t, operatorBinary, api.Kubeconfig, namespace)
			m.create("ours", endless, nil)
			m.end("there")
			after := maps.Clone(before)
			after["there"], after["ours"] = v1beta2.ApplicationStateCompleted, v1beta2.ApplicationStateRunning
			m.waitForStates("this operator", after)
			time.Sleep(2 * time.Second) // for what should not happen
			m.waitForStates("this operator", after)
			now := m.drivers()
			delete(now, "ours-driver")
			if !maps.Equal(now, drivers) {
				t.Errorf("drivers before %v, after %v", drivers, now)
			}
			kill()
			drivers = m.drivers()

			// And back.
			startKubeflow(t, m.calls, namespace)
			m.end("back")
			m.end("ours")
			after["back"], after["ours"] = v1beta2.ApplicationStateCompleted, v1beta2.ApplicationStateCompleted
			m.waitForStates("kubeflow/spark-operator again", after)
			time.Sleep(2 * time.Second)
			m.waitForStates("kubeflow/spark-operator again", after)
			if now := m.drivers(); !maps.Equal(now, drivers) {
				t.Errorf("drivers before %v, after %v", drivers, now)
			}
			if now := m.submissions(); !slices.Equal(now, calls) {
				t.Errorf("submissions of kubeflow/spark-operator before %v, after %v", calls, now)
			}
		})
	}
}

// migration is one namespace and what happens in it besides the controllers.
type migration struct {
	t         *testing.T
	namespace string
	calls     string // file
	release   map[string]chan struct{}
}

func newMigration(t *testing.T, namespace string) *migration {
	t.Helper()
	if err := sim.CreateNamespace(t.Context(), api.Core, namespace); err != nil {
		t.Fatal(err)
	}
	m := &migration{t: t, namespace: namespace, calls: filepath.Join(t.TempDir(), "calls"), release: map[string]chan struct{}{}}
	for _, name := range []string{"there", "back", "ours"} {
		m.release[name] = make(chan struct{})
	}
	node := kubelet.New(kubelet.Config{Namespace: namespace, LifeOf: m.lifeOf, Workers: 4, LeaveGarbage: true}, api.Core)
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(node.Wait)
	return m
}

func (m *migration) lifeOf(driver *corev1.Pod) kubelet.Life {
	arguments := driver.Spec.Containers[0].Args
	switch arguments[len(arguments)-1] {
	case fails:
		return kubelet.Life{Outcome: kubelet.Fail}
	case pending:
		return kubelet.Life{Start: time.Hour}
	case endless:
		return kubelet.Life{Until: m.release[driver.Labels[v1beta2.LabelSparkAppName]], Executors: 1}
	}
	return kubelet.Life{}
}

// end lets an endless driver end successfully.
func (m *migration) end(name string) { close(m.release[name]) }

func (m *migration) create(name, does string, edit func(*v1beta2.SparkApplication)) {
	m.t.Helper()
	app := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec(does)}
	if edit != nil {
		edit(app)
	}
	if _, err := api.Spark.SparkoperatorV1beta2().SparkApplications(m.namespace).Create(m.t.Context(), app, metav1.CreateOptions{}); err != nil {
		m.t.Fatal(err)
	}
}

// spec passes every check of both controllers.
func spec(does string) v1beta2.SparkApplicationSpec {
	pod := v1beta2.SparkPodSpec{Cores: ptr.To[int32](1), Memory: ptr.To("512m")}
	return v1beta2.SparkApplicationSpec{
		Type: v1beta2.SparkApplicationTypeScala, Mode: v1beta2.DeployModeCluster, SparkVersion: "4.0.5", Image: ptr.To("example.com/spark:4.0.5"),
		MainClass: ptr.To("org.example.Main"), MainApplicationFile: ptr.To("local:///opt/app.jar"), Arguments: []string{does},
		RestartPolicy: v1beta2.RestartPolicy{Type: v1beta2.RestartPolicyNever},
		Driver:        v1beta2.DriverSpec{SparkPodSpec: pod}, Executor: v1beta2.ExecutorSpec{SparkPodSpec: pod, Instances: ptr.To[int32](1)},
	}
}

// createSchedule creates one that is not due while the test runs.
func (m *migration) createSchedule(name string) {
	m.t.Helper()
	_, err := api.Spark.SparkoperatorV1beta2().ScheduledSparkApplications(m.namespace).Create(m.t.Context(), &v1beta2.ScheduledSparkApplication{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1beta2.ScheduledSparkApplicationSpec{Schedule: "0 0 1 1 *", ConcurrencyPolicy: v1beta2.ConcurrencyForbid, Template: spec(succeeds)},
	}, metav1.CreateOptions{})
	if err != nil {
		m.t.Fatal(err)
	}
}

// waitForStates waits until exactly these applications are in these states.
func (m *migration) waitForStates(under string, want map[string]v1beta2.ApplicationStateType) {
	m.t.Helper()
	var got, messages map[string]v1beta2.ApplicationStateType
	err := wait.PollUntilContextTimeout(m.t.Context(), 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		list, err := api.Spark.SparkoperatorV1beta2().SparkApplications(m.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		got, messages = map[string]v1beta2.ApplicationStateType{}, map[string]v1beta2.ApplicationStateType{}
		for i := range list.Items {
			app := &list.Items[i]
			got[app.Name] = app.Status.AppState.State
			if message := app.Status.AppState.ErrorMessage; message != "" {
				messages[app.Name] = v1beta2.ApplicationStateType(message)
			}
		}
		return maps.Equal(got, want), nil
	})
	if err != nil {
		m.t.Fatalf("under %s, states are\n%v, want\n%v\n(%v)", under, got, want, messages)
	}
}

// drivers are the UIDs of all driver pods by name.
func (m *migration) drivers() map[string]string {
	m.t.Helper()
	pods, err := api.Core.CoreV1().Pods(m.namespace).List(m.t.Context(), metav1.ListOptions{LabelSelector: v1beta2.LabelSparkRole + "=" + v1beta2.SparkRoleDriver})
	if err != nil {
		m.t.Fatal(err)
	}
	found := map[string]string{}
	for i := range pods.Items {
		found[pods.Items[i].Name] = string(pods.Items[i].UID)
	}
	return found
}

// record writes the objects of the namespace to a file.
func (m *migration) record(file string) {
	m.t.Helper()
	text := []byte("# Recorded at " + time.Now().UTC().Format(time.RFC3339) + "\n")
	for _, resource := range []schema.GroupVersionResource{
		v1beta2.SchemeGroupVersion.WithResource("sparkapplications"), v1beta2.SchemeGroupVersion.WithResource("scheduledsparkapplications"),
		corev1.SchemeGroupVersion.WithResource("pods"), corev1.SchemeGroupVersion.WithResource("services"),
	} {
		list, err := api.Dynamic.Resource(resource).Namespace(m.namespace).List(m.t.Context(), metav1.ListOptions{})
		if err != nil {
			m.t.Fatal(err)
		}
		for i := range list.Items {
			object := &list.Items[i]
			object.SetManagedFields(nil)
			object.SetResourceVersion("")
			object.SetNamespace("")
			document, err := yaml.Marshal(object)
			if err != nil {
				m.t.Fatal(err)
			}
			text = append(append(text, "---\n"...), document...)
		}
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// submissions are the calls of spark-submit so far.
func (m *migration) submissions() []string {
	m.t.Helper()
	text, err := os.ReadFile(m.calls)
	if err != nil {
		m.t.Fatal(err)
	}
	return strings.Fields(string(text))
}
