// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
	"github.com/spark-operator/spark-operator/pkg/submit/sparksubmit"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

func jobParams() translate.JobParams {
	return translate.JobParams{
		Params:      params(),
		Deadline:    3 * time.Minute,
		Annotations: map[string]string{"sparkoperator.k8s.io/submitter": "spark-submit"},
	}
}

// clientOf makes of a Job what its spark-submit would: package submit is compared
// with the real client elsewhere.
func clientOf(t *testing.T, run *translate.JobRun, version string) submit.Objects {
	t.Helper()
	const dir = "/etc/spark-submit/"
	files := map[string][]byte{}
	for name, text := range run.Files.Data {
		files[dir+name] = []byte(text)
	}
	args := run.Job.Spec.Template.Spec.Containers[0].Args
	if len(args) < 4 || !strings.HasSuffix(args[0], "/bin/spark-submit") || args[1] != "--properties-file" {
		t.Fatalf("arguments %q", args)
	}
	conf, err := sparkconf.ParseProperties(string(files[args[2]]))
	if err != nil {
		t.Fatal(err)
	}
	in := submit.Input{
		SparkVersion: version, Conf: conf, Files: files, User: "spark",
		IDs: submit.NewIDs(params().SubmissionID), SubmitTime: params().SubmitTime,
	}
	for args = args[3:]; len(args) > 1 && strings.HasPrefix(args[0], "--"); args = args[2:] {
		switch args[0] {
		case "--class":
			in.MainClass = args[1]
		case "--proxy-user":
			in.ProxyUser = args[1]
		default:
			t.Fatalf("option %q", args[0])
		}
	}
	in.PrimaryResource, in.Arguments = args[0], args[1:]
	objects, err := submit.Build(in)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// TestJobLeadsToTheSameDriver compares the driver that spark-submit makes in the
// Job with the native one.
func TestJobLeadsToTheSameDriver(t *testing.T) {
	for name, app := range goldenApplications(t) {
		t.Run(name, func(t *testing.T) {
			native, err := translate.Build(app, params())
			if err != nil {
				t.Fatal(err)
			}
			asSparkMakesIt(native)
			job, err := translate.BuildJob(app, jobParams())
			if err != nil {
				t.Fatal(err)
			}
			version := translate.SparkVersionOf(app)
			objects := clientOf(t, job, version.String())
			want, got := native.Driver.DeepCopy(), objects.Driver
			warned := func(of string) {
				if !slices.ContainsFunc(job.Warnings, func(w string) bool { return strings.Contains(w, of) }) {
					t.Errorf("no warning of %s: %q", of, job.Warnings)
				}
			}
			if app.Spec.SparkConfigMap != nil {
				warned("spec.sparkConfigMap: SPARK_CONF_DIR")
				env := sparkContainer(want).Env
				env[slices.IndexFunc(env, func(e corev1.EnvVar) bool { return e.Name == "SPARK_CONF_DIR" })].Value = "/opt/spark/conf"
			}
			if app.Spec.Driver.MemoryLimit != nil {
				warned("spec.driver.memoryLimit")
				sparkContainer(want).Resources.Limits[corev1.ResourceMemory] = sparkContainer(want).Resources.Requests[corev1.ResourceMemory]
			}
			want.Annotations = maps.Clone(want.Annotations)
			metav1.SetMetaDataAnnotation(&want.ObjectMeta, "sparkoperator.k8s.io/submitter", "spark-submit")
			want.OwnerReferences[len(want.OwnerReferences)-1].BlockOwnerDeletion = nil
			sparkContainer(want).Env = append(sparkContainer(want).Env, corev1.EnvVar{Name: v1beta2.EnvSubmissionID, Value: jobParams().SubmissionID})
			for _, pod := range []*corev1.Pod{want, got} {
				sortLists(pod)
			}
			if !equality.Semantic.DeepEqual(want, got) {
				t.Errorf("native:\n%s\nby the Job:\n%s", differing(t, want, got), differing(t, got, want))
			}
			wantExecutor := native.ConfigMaps[0].Data
			if !reflect.DeepEqual(wantExecutor, objects.ConfigMaps[0].Data) {
				t.Errorf("the executors' template differs:\n%v\n%v", wantExecutor, objects.ConfigMaps[0].Data)
			}
		})
	}
}

func sparkContainer(pod *corev1.Pod) *corev1.Container {
	i := slices.IndexFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == v1beta2.DriverContainerName })
	return &pod.Spec.Containers[i]
}

// sortLists sorts the lists whose order differs: natively typed fields come last.
func sortLists(pod *corev1.Pod) {
	slices.SortFunc(pod.Spec.Volumes, func(a, b corev1.Volume) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(pod.Spec.Containers, func(a, b corev1.Container) int { return strings.Compare(a.Name, b.Name) })
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		slices.SortFunc(c.VolumeMounts, func(a, b corev1.VolumeMount) int { return strings.Compare(a.MountPath, b.MountPath) })
		slices.SortFunc(c.Ports, func(a, b corev1.ContainerPort) int { return strings.Compare(a.Name, b.Name) })
		slices.SortFunc(c.Env, func(a, b corev1.EnvVar) int { return strings.Compare(a.Name, b.Name) })
	}
}

// differing lists the lines of a that b does not have.
func differing(t *testing.T, a, b *corev1.Pod) string {
	t.Helper()
	text := func(pod *corev1.Pod) string { return toYAML(t, pod) }
	var out []string
	for line := range strings.SplitSeq(differingLines(text(b), text(a)), "\n") {
		if strings.HasPrefix(line, "+") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

func TestJobPod(t *testing.T) {
	app := goldenApplications(t)["typed-fields"]
	app.Spec.Driver.ServiceAccount = ptr.To("spark")
	app.Spec.ImagePullSecrets = []string{"registry"}
	app.Spec.Driver.Secrets = []v1beta2.SecretInfo{{Name: "store", Path: "/etc/store"}}
	app.Spec.Driver.Sidecars = []corev1.Container{{Name: "sidecar", Image: "s:1"}}
	run, err := translate.BuildJob(app, jobParams())
	if err != nil {
		t.Fatal(err)
	}
	job := run.Job
	if !metav1.IsControlledBy(job, app) || job.Namespace != app.Namespace || job.Name != sparksubmit.Name(params().SubmissionID) {
		t.Errorf("metadata %+v", job.ObjectMeta)
	}
	pod := &job.Spec.Template.Spec
	if len(pod.Containers) != 1 || len(pod.InitContainers) != 0 {
		t.Fatalf("a container beside spark-submit keeps the Job from ending: %+v", pod.Containers)
	}
	container := pod.Containers[0]
	if container.Image != *app.Spec.Image || pod.ServiceAccountName != "spark" || pod.ImagePullSecrets[0].Name != "registry" {
		t.Errorf("pod %+v", pod)
	}
	if !equality.Semantic.DeepEqual(container.SecurityContext, app.Spec.Driver.SecurityContext) ||
		!equality.Semantic.DeepEqual(pod.SecurityContext, app.Spec.Driver.PodSecurityContext) {
		t.Errorf("security contexts %+v, %+v", container.SecurityContext, pod.SecurityContext)
	}
	paths := map[string]bool{}
	for _, mount := range container.VolumeMounts {
		paths[mount.MountPath] = true
		if !slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name }) {
			t.Errorf("mount of %s, which is no volume", mount.Name)
		}
	}
	if !maps.Equal(paths, map[string]bool{"/data": true, "/etc/app": true, "/etc/store": true, "/etc/spark-submit": true}) {
		t.Errorf("mounts %v", paths)
	}
	labels := job.Spec.Template.Labels
	if labels[v1beta2.LabelSparkRole] != v1beta2.SparkRoleSubmitter || labels[v1beta2.LabelSubmissionID] != params().SubmissionID {
		t.Errorf("labels %v", labels)
	}
}

func TestJobRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*v1beta2.SparkApplication, *translate.JobParams)
		want string
	}{
		"no file":     {func(app *v1beta2.SparkApplication, _ *translate.JobParams) { app.Spec.MainApplicationFile = nil }, "spec.mainApplicationFile"},
		"client mode": {func(app *v1beta2.SparkApplication, _ *translate.JobParams) { app.Spec.Mode = "client" }, "spec.mode"},
		"batch scheduler": {func(_ *v1beta2.SparkApplication, p *translate.JobParams) {
			scheduler, err := batchscheduler.New("yunikorn", batchscheduler.Config{})
			if err != nil {
				t.Fatal(err)
			}
			p.Scheduler = scheduler
		}, "spec.batchScheduler"},
		"volume not found": {func(app *v1beta2.SparkApplication, _ *translate.JobParams) { app.Spec.Volumes = nil }, "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			app, p := goldenApplications(t)["typed-fields"], jobParams()
			test.edit(app, &p)
			_, err := translate.BuildJob(app, p)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, test.want)
			}
		})
	}
}

func toYAML(t *testing.T, object any) string {
	t.Helper()
	text, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
