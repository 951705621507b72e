// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"context"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/lifecycle"
	"github.com/spark-operator/spark-operator/test/sim"
)

// TestAirflowTasks: a task of Airflow ends as its application does.
func TestAirflowTasks(t *testing.T) {
	t.Parallel()
	w := setUp(t)
	const namespace = "airflow"
	w.operate(t, namespace)
	for _, test := range []struct {
		name    string
		edit    func(*v1beta2.SparkApplication)
		state   v1beta2.ApplicationStateType
		verdict string
	}{
		{name: "succeeds", state: v1beta2.ApplicationStateCompleted, verdict: "succeeded"},
		{name: "fails", state: v1beta2.ApplicationStateFailed, verdict: "failed"},
		// The rules of the CRD do not see this fault, so the application is stored.
		{name: "refused", edit: func(app *v1beta2.SparkApplication) {
			app.Spec.SparkConf = map[string]string{"spark.kubernetes.driver.pod.name": "Not_A_Name"}
		}, state: v1beta2.ApplicationStateFailed, verdict: "failed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			app := application(test.name, test.name)
			if test.edit != nil {
				test.edit(app)
			}
			w.wantVerdict(t, w.startTask(t, namespace, app, false), test.verdict)
			w.waitForState(t, namespace, test.name, test.state)
		})
	}

	t.Run("labels reach the driver, and the application goes with the task", func(t *testing.T) {
		t.Parallel()
		task := w.startTask(t, namespace, application("deleted", "succeeds"), true)
		driver := w.waitForPod(t, namespace, "deleted-driver", "")
		if driver.Labels["task_id"] != "deleted" || driver.Labels["dag_id"] != "contract" {
			t.Errorf("labels of the driver: %v", driver.Labels)
		}
		w.wantVerdict(t, task, "succeeded")
		apps, err := w.Spark.SparkoperatorV1beta2().SparkApplications(namespace).List(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=deleted"})
		if err != nil || len(apps.Items) == 1 && apps.Items[0].DeletionTimestamp == nil {
			t.Errorf("the application stays: %v", err)
		}
	})

	t.Run("same name while the old driver terminates", func(t *testing.T) {
		t.Parallel()
		old := w.terminatingDriver(t, namespace, "again")
		task := w.startTask(t, namespace, application("again", "succeeds"), false)
		w.stays(t, task, namespace, "again")
		release := []byte(`{"metadata":{"finalizers":null}}`)
		if _, err := w.Core.CoreV1().Pods(namespace).Patch(t.Context(), old.Name, types.MergePatchType, release, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		w.wantVerdict(t, task, "succeeded")
		w.waitForState(t, namespace, "again", v1beta2.ApplicationStateCompleted)
		w.waitForPod(t, namespace, old.Name, old.UID)
	})

	t.Run("a Job runs spark-submit", func(t *testing.T) {
		t.Parallel()
		app := application("by-job", "succeeds")
		metav1.SetMetaDataAnnotation(&app.ObjectMeta, v1beta2.AnnotationSubmitter, v1beta2.SubmitterSparkSubmit)
		task := w.startTask(t, namespace, app, false)
		w.stays(t, task, namespace, "by-job")
		if _, err := lifecycle.RunSparkSubmit(t.Context(), w.Core, w.waitForJob(t, namespace), "succeeds"); err != nil {
			t.Fatal(err)
		}
		w.wantVerdict(t, task, "succeeded")
		w.waitForState(t, namespace, "by-job", v1beta2.ApplicationStateCompleted)
	})
}

// TestKubeflowJobs: a job of the Kubeflow SDK ends as its application does.
func TestKubeflowJobs(t *testing.T) {
	t.Parallel()
	w := setUp(t)
	const namespace = "kubeflow"
	w.operate(t, namespace)
	// Its jobs run with the service account that the chart creates.
	if err := sim.CreateServiceAccount(t.Context(), w.Core, namespace, "spark-operator-spark"); err != nil {
		t.Fatal(err)
	}
	for does, want := range map[string]struct {
		state   v1beta2.ApplicationStateType
		verdict string
	}{
		"succeeds": {v1beta2.ApplicationStateCompleted, "Completed"},
		"fails":    {v1beta2.ApplicationStateFailed, "Failed"},
	} {
		t.Run(does, func(t *testing.T) {
			t.Parallel()
			var got result
			w.sdk.ask(t, "run", map[string]any{"namespace": namespace, "name": does, "arguments": []string{does}}, &got)
			if got.Verdict != want.verdict {
				t.Errorf("the job is %s (%s), want %s", got.Verdict, got.Message, want.verdict)
			}
			w.waitForState(t, namespace, does, want.state)
		})
	}
}

// application passes every check; the kubelet of test/lifecycle makes of its driver what
// does says.
func application(name, does string) *v1beta2.SparkApplication {
	return &v1beta2.SparkApplication{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1beta2.SchemeGroupVersion.String(), Kind: "SparkApplication"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1beta2.SparkApplicationSpec{
			SparkVersion:        "4.3.0",
			Mode:                v1beta2.DeployModeCluster,
			Image:               ptr.To("example.com/spark:4.3.0"),
			MainClass:           ptr.To("org.example.Main"),
			MainApplicationFile: ptr.To("local:///opt/app.jar"),
			Arguments:           []string{does},
			// Airflow reads the one, the Kubeflow SDK both, in every application of the namespace.
			Driver:   v1beta2.DriverSpec{SparkPodSpec: v1beta2.SparkPodSpec{Cores: ptr.To[int32](1)}},
			Executor: v1beta2.ExecutorSpec{SparkPodSpec: v1beta2.SparkPodSpec{Cores: ptr.To[int32](1)}},
		},
	}
}

// operate runs the operator and a kubelet for a new namespace.
func (w *world) operate(t *testing.T, namespace string) {
	t.Helper()
	lifecycle.New(t, w.Config, namespace)
	sim.StartOperator(t, w.operatorBinary, w.Kubeconfig, namespace)
}

// result is what became of a task or a job.
type result struct{ Verdict, Message string }

// startTask runs an application as a task of Airflow does. The result comes once.
func (w *world) startTask(t *testing.T, namespace string, app *v1beta2.SparkApplication, deleteAtEnd bool) <-chan result {
	t.Helper()
	manifest, err := runtime.DefaultUnstructuredConverter.ToUnstructured(app)
	if err != nil {
		t.Fatal(err)
	}
	delete(manifest, "status")
	ended := make(chan result, 1)
	go func() {
		var got result
		request := map[string]any{"namespace": namespace, "manifest": manifest, "run": "run of " + app.Name, "delete": deleteAtEnd}
		if err := w.airflow.tryAsk(t, "run", request, &got); err != nil {
			got = result{Verdict: "none", Message: err.Error()}
		}
		ended <- got
	}()
	return ended
}

func (w *world) wantVerdict(t *testing.T, task <-chan result, verdict string) {
	t.Helper()
	if got := <-task; got.Verdict != verdict {
		t.Fatalf("the task %s (%s), want: %s", got.Verdict, got.Message, verdict)
	}
}

// stays checks that a task goes on while its application waits in SUBMITTED.
func (w *world) stays(t *testing.T, task <-chan result, namespace, name string) {
	t.Helper()
	w.waitForState(t, namespace, name, v1beta2.ApplicationStateSubmitted)
	// It looks ten times a second.
	select {
	case got := <-task:
		t.Fatalf("the task ended while the submission waited: %s (%s)", got.Verdict, got.Message)
	case <-time.After(2 * time.Second):
	}
	w.waitForState(t, namespace, name, v1beta2.ApplicationStateSubmitted)
}

// terminatingDriver creates the driver pod of an earlier application of that name, which
// is being deleted and does not go before its finalizer does.
func (w *world) terminatingDriver(t *testing.T, namespace, name string) *corev1.Pod {
	t.Helper()
	pods := w.Core.CoreV1().Pods(namespace)
	old, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name + "-driver", Finalizers: []string{"example.com/hold"},
			Labels: map[string]string{
				v1beta2.LabelSparkRole: v1beta2.SparkRoleDriver, v1beta2.LabelSparkAppName: name, v1beta2.LabelLaunchedBySparkOperator: "true",
				v1beta2.LabelSubmissionID: "earlier",
			},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1beta2.SchemeGroupVersion.String(), Kind: "SparkApplication", Name: name, UID: "earlier", Controller: ptr.To(true),
			}},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: v1beta2.DriverContainerName, Image: "example.com/spark", Args: []string{"endless"}}}},
	}, metav1.CreateOptions{})
	if err == nil {
		err = pods.Delete(t.Context(), old.Name, metav1.DeleteOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return old
}

// waitForPod waits for a pod of that name that is not another one.
func (w *world) waitForPod(t *testing.T, namespace, name string, other types.UID) *corev1.Pod {
	t.Helper()
	var pod *corev1.Pod
	w.poll(t, "pod "+name, func(ctx context.Context) (bool, string) {
		var err error
		pod, err = w.Core.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
		return err == nil && pod.UID != other, "it is not there"
	})
	return pod
}

// waitForJob waits for the one Job of a namespace.
func (w *world) waitForJob(t *testing.T, namespace string) *batchv1.Job {
	t.Helper()
	var jobs *batchv1.JobList
	w.poll(t, "the Job", func(ctx context.Context) (bool, string) {
		var err error
		jobs, err = w.Core.BatchV1().Jobs(namespace).List(ctx, metav1.ListOptions{})
		return err == nil && len(jobs.Items) == 1, "it is not there"
	})
	return &jobs.Items[0]
}

func (w *world) waitForState(t *testing.T, namespace, name string, state v1beta2.ApplicationStateType) {
	t.Helper()
	w.poll(t, name+" to be "+string(state), func(ctx context.Context) (bool, string) {
		app, err := w.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		return app.Status.AppState.State == state, string(app.Status.AppState.State) + " " + app.Status.AppState.ErrorMessage
	})
}

func (w *world) poll(t *testing.T, what string, done func(context.Context) (bool, string)) {
	t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (ok bool, err error) {
		ok, last = done(ctx)
		return ok, nil
	})
	if err != nil {
		t.Fatalf("wait for %s: %v; last: %s", what, err, last)
	}
}
