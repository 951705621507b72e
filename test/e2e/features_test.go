// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Names of the objects that the applications of these tests use.
const (
	featuresConfig = "features-settings"
	featuresSecret = "features-secret"
	featuresScript = "features-script"
)

// look prints what driver and executor find in their containers.
const look = `
import json, os
from pyspark.sql import SparkSession

def see(_=None):
    def read(path):
        with open(path) as file:
            return file.read().strip()
    yield {
        "STAGE": os.environ.get("STAGE"),
        "REGION": os.environ.get("REGION"),
        "PASSWORD": os.environ.get("PASSWORD"),
        "FROM_TEMPLATE": os.environ.get("FROM_TEMPLATE"),
        "secret": read("/etc/features-secret/password"),
        "prepared": read("/data/prepared"),
        # Spark gives Python on executors a folder of its own below the directory.
        "scratch": os.environ["SPARK_LOCAL_DIRS"].split("/")[1],
    }

spark = SparkSession.builder.getOrCreate()
print("DRIVER SAW", json.dumps(next(see())))
print("EXECUTOR SAW", json.dumps(spark.sparkContext.parallelize([0], 1).mapPartitions(see).collect()[0]))
spark.stop()
`

// TestFeaturesWithoutWebhook runs applications that use what other operators need
// an admission webhook for, with each line of Spark, and looks at the executors
// as the API server got them, and from within.
func TestFeaturesWithoutWebhook(t *testing.T) {
	wantNoWebhook(t)
	createFeatureObjects(t)
	for _, spark := range sparkLines() {
		t.Run("jvm-"+spark.version, func(t *testing.T) {
			t.Parallel()
			app := withFeatures(sparkPi("features-jvm-"+spark.name, "2"), spark.image, spark.version)
			done, executor := runWatched(t, app)
			wantPi(t, done)
			wantFeatures(t, executor, spark.version)
		})
		t.Run("python-"+spark.version, func(t *testing.T) {
			t.Parallel()
			app := withFeatures(sparkPi("features-python-"+spark.name), spark.image, spark.version)
			app.Spec.Type = v1beta2.SparkApplicationTypePython
			app.Spec.MainClass = nil
			app.Spec.MainApplicationFile = ptr.To("local:///opt/features/look.py")
			done, executor := runWatched(t, app)
			wantFeatures(t, executor, spark.version)

			log, err := driverLog(t.Context(), done.Namespace, done.Status.DriverInfo.PodName)
			if err != nil {
				t.Fatalf("read the driver's log: %v", err)
			}
			want := map[string]string{
				"STAGE": "e2e", "REGION": "north", "PASSWORD": secretInSecret, "FROM_TEMPLATE": "yes",
				"secret": secretInSecret, "prepared": "yes", "scratch": "scratch",
			}
			for _, role := range []string{"DRIVER SAW ", "EXECUTOR SAW "} {
				if got := printed(t, log, role); !maps.Equal(got, want) {
					t.Errorf("%s%v, want %v", role, got, want)
				}
			}
		})
	}
}

// withFeatures makes both roles use volumes, Secrets, variables, tolerations,
// further containers and a pod template.
func withFeatures(app *v1beta2.SparkApplication, image, version string) *v1beta2.SparkApplication {
	app.Spec.Image, app.Spec.SparkVersion = ptr.To(image), version
	app.Spec.Volumes = []corev1.Volume{
		{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: "spark-local-dir-1", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
	}
	app.Spec.Driver.ConfigMaps = []v1beta2.NamePath{{Name: featuresScript, Path: "/opt/features"}}
	for _, pod := range []*v1beta2.SparkPodSpec{&app.Spec.Driver.SparkPodSpec, &app.Spec.Executor.SparkPodSpec} {
		container := func(name, command string) corev1.Container {
			return corev1.Container{
				Name: name, Image: image, ImagePullPolicy: corev1.PullNever, Command: []string{"sh", "-c", command},
				SecurityContext: pod.SecurityContext,
				VolumeMounts:    []corev1.VolumeMount{{Name: "data", MountPath: "/data"}},
			}
		}
		name := v1beta2.DriverContainerName
		if pod == &app.Spec.Executor.SparkPodSpec {
			name = v1beta2.ExecutorContainerName
		}
		pod.Template = &corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{
				Labels:      map[string]string{"features/template": "yes"},
				Annotations: map[string]string{"features/template": "yes"},
			},
			Spec: corev1.PodSpec{
				HostAliases: []corev1.HostAlias{{IP: "192.0.2.1", Hostnames: []string{"features.example.com"}}},
				Containers:  []corev1.Container{{Name: name, Env: []corev1.EnvVar{{Name: "FROM_TEMPLATE", Value: "yes"}}}},
			},
		}
		pod.Labels = map[string]string{"features/label": "yes"}
		pod.VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}, {Name: "spark-local-dir-1", MountPath: "/scratch"}}
		pod.Secrets = []v1beta2.SecretInfo{{Name: featuresSecret, Path: "/etc/features-secret", Type: v1beta2.SecretTypeGeneric}}
		pod.Env = []corev1.EnvVar{
			{Name: "STAGE", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: featuresConfig}, Key: "stage",
			}}},
			{Name: "PASSWORD", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: featuresSecret}, Key: "password",
			}}},
		}
		pod.EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: featuresConfig},
		}}}
		pod.Tolerations = []corev1.Toleration{featuresToleration()}
		// It outlives Spark: the Spark container decides when the application is over.
		pod.Sidecars = []corev1.Container{container("sidecar", "sleep 3600")}
		pod.InitContainers = []corev1.Container{container("prepare", "echo yes > /data/prepared")}
		pod.TerminationGracePeriodSeconds = ptr.To[int64](1)
	}
	return app
}

func featuresToleration() corev1.Toleration {
	return corev1.Toleration{Key: "features", Operator: corev1.TolerationOpEqual, Value: "spark", Effect: corev1.TaintEffectNoSchedule}
}

// wantFeatures checks an executor as the API server stored it.
func wantFeatures(t *testing.T, pod *corev1.Pod, version string) {
	t.Helper()
	if owners := pod.OwnerReferences; len(owners) != 1 || owners[0].Kind != "Pod" {
		t.Errorf("owners %v, want the driver alone", owners)
	}
	for _, label := range []string{"features/label", "features/template"} {
		if pod.Labels[label] != "yes" {
			t.Errorf("label %s is missing: %v", label, pod.Labels)
		}
	}
	if pod.Annotations["features/template"] != "yes" {
		t.Errorf("annotations %v", pod.Annotations)
	}
	if got := pod.Labels[v1beta2.LabelSparkVersion]; got != version {
		t.Errorf("label %s is %q, want %q", v1beta2.LabelSparkVersion, got, version)
	}
	spec := &pod.Spec
	if spec.EnableServiceLinks == nil || *spec.EnableServiceLinks {
		t.Error("enableServiceLinks is not false")
	}
	if !slices.ContainsFunc(spec.Tolerations, func(have corev1.Toleration) bool {
		return equality.Semantic.DeepEqual(have, featuresToleration())
	}) {
		t.Errorf("tolerations %v", spec.Tolerations)
	}
	if len(spec.HostAliases) != 1 || spec.HostAliases[0].IP != "192.0.2.1" {
		t.Errorf("hostAliases %v", spec.HostAliases)
	}
	if grace := ptr.Deref(spec.TerminationGracePeriodSeconds, -1); grace != 1 {
		t.Errorf("terminationGracePeriodSeconds %d", grace)
	}
	if len(spec.InitContainers) != 1 || spec.InitContainers[0].Name != "prepare" {
		t.Errorf("init containers %v", containerNames(spec.InitContainers))
	}
	if names := containerNames(spec.Containers); !slices.Equal(names, []string{"sidecar", v1beta2.ExecutorContainerName}) {
		t.Fatalf("containers %v", names)
	}
	container := &spec.Containers[slices.Index(containerNames(spec.Containers), v1beta2.ExecutorContainerName)]
	mounts := map[string]string{}
	for _, mount := range container.VolumeMounts {
		mounts[mount.Name] = mount.MountPath
	}
	for name, path := range map[string]string{
		"data": "/data", "spark-local-dir-1": "/scratch", featuresSecret + "-volume": "/etc/features-secret",
	} {
		if mounts[name] != path {
			t.Errorf("volume %s is mounted at %q, want %q", name, mounts[name], path)
		}
	}
	if len(container.EnvFrom) != 1 || container.EnvFrom[0].ConfigMapRef == nil {
		t.Errorf("envFrom %v", container.EnvFrom)
	}
}

func containerNames(containers []corev1.Container) (names []string) {
	for i := range containers {
		names = append(names, containers[i].Name)
	}
	return names
}

// runWatched runs an application to its end and returns it with its first
// executor, as created.
func runWatched(t *testing.T, app *v1beta2.SparkApplication) (done *v1beta2.SparkApplication, executor *corev1.Pod) {
	t.Helper()
	watcher, err := cluster.core.CoreV1().Pods(app.Namespace).Watch(t.Context(), metav1.ListOptions{
		LabelSelector: v1beta2.LabelSparkAppName + "=" + app.Name + "," + v1beta2.LabelSparkRole + "=" + v1beta2.SparkRoleExecutor,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()
	created := create(t, app)
	timeout := time.After(patience)
	for executor == nil {
		select {
		case event, open := <-watcher.ResultChan():
			if !open {
				t.Fatal("the watch of executors ended")
			}
			if pod, isPod := event.Object.(*corev1.Pod); isPod && event.Type == watch.Added {
				executor = pod
			}
		case <-timeout:
			t.Fatalf("no executor of %s within %s", app.Name, patience)
		}
	}
	return waitForState(t, created, v1beta2.ApplicationStateCompleted), executor
}

// printed returns the JSON object behind a mark in a log.
func printed(t *testing.T, log, mark string) map[string]string {
	t.Helper()
	for line := range strings.Lines(log) {
		text, found := strings.CutPrefix(line, mark)
		if !found {
			continue
		}
		object := map[string]string{}
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		return object
	}
	t.Fatalf("no line %q in the driver's log:\n%s", mark, tail(log, 40))
	return nil
}

func createFeatureObjects(t *testing.T) {
	t.Helper()
	createConfigMap(t, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: featuresConfig},
		Data:       map[string]string{"stage": "e2e", "REGION": "north"},
	})
	createConfigMap(t, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: featuresScript},
		Data:       map[string]string{"look.py": look},
	})
	createSecret(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: featuresSecret}, StringData: map[string]string{"password": secretInSecret}})
}

// createSecret creates a Secret until the test ends: in the namespace of jobs, unless it names
// another.
func createSecret(t *testing.T, secret *corev1.Secret) {
	t.Helper()
	secrets := cluster.core.CoreV1().Secrets(cmp.Or(secret.Namespace, jobNamespace))
	if _, err := secrets.Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := secrets.Delete(context.Background(), secret.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// createConfigMap creates a ConfigMap until the test ends: in the namespace of jobs, unless
// it names another.
func createConfigMap(t *testing.T, object *corev1.ConfigMap) {
	t.Helper()
	client := cluster.core.CoreV1().ConfigMaps(cmp.Or(object.Namespace, jobNamespace))
	if _, err := client.Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := client.Delete(context.Background(), object.Name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
}

// wantNoWebhook checks that nothing changes pods on their way into the namespace of jobs.
func wantNoWebhook(t *testing.T) {
	t.Helper()
	list, err := cluster.core.AdmissionregistrationV1().MutatingWebhookConfigurations().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	of := labels.Set{corev1.LabelMetadataName: jobNamespace}
	for i := range list.Items {
		for _, webhook := range list.Items[i].Webhooks {
			selector, err := metav1.LabelSelectorAsSelector(webhook.NamespaceSelector)
			if err != nil || selector.Matches(of) {
				t.Errorf("there is a mutating webhook: %s of %s (%v)", webhook.Name, list.Items[i].Name, err)
			}
		}
	}
}
