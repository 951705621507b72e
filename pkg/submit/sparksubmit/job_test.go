// SPDX-License-Identifier: Apache-2.0

package sparksubmit_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
	"github.com/spark-operator/spark-operator/pkg/submit/sparksubmit"
)

func input() sparksubmit.Input {
	return sparksubmit.Input{
		Call: submit.Input{
			Conf: map[string]string{
				"spark.master": "k8s://https://10.0.0.1:443", "spark.app.name": "pi",
				"spark.sql.text": " a\\b = ü\n# no comment", "spark.empty": "",
			},
			MainClass: "org.example.Main", ProxyUser: "alice", PrimaryResource: "local:///app.jar",
			Arguments: []string{"--class", "of the application", ""}, User: "spark",
			DriverTemplate:   &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": "b"}}},
			ExecutorTemplate: []byte(`{"kind":"Pod"}`),
		},
		SubmissionID: "0f0e0d0c-0b0a-4090-8080-070605040302",
		Namespace:    "ns",
		Owner:        metav1.OwnerReference{Kind: "SparkApplication", Name: "pi", UID: "u"},
		Labels:       map[string]string{"l": "v"},
		Annotations:  map[string]string{"a": "v"},
		Pod:          corev1.PodSpec{Containers: []corev1.Container{{Name: sparksubmit.ContainerName, Image: "spark:1"}}},
		Deadline:     90 * time.Second,
	}
}

func build(t *testing.T, in sparksubmit.Input) sparksubmit.Objects {
	t.Helper()
	objects, err := sparksubmit.Build(in)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// TestJobRunsOnce: nothing but the operator may start a second client.
func TestJobRunsOnce(t *testing.T) {
	job := build(t, input()).Job
	spec := &job.Spec
	if *spec.BackoffLimit != 0 || *spec.Completions != 1 || *spec.Parallelism != 1 || *spec.PodReplacementPolicy != batchv1.Failed {
		t.Errorf("spec %+v", spec)
	}
	if *spec.ActiveDeadlineSeconds != 90 || *spec.TTLSecondsAfterFinished <= 0 || spec.Template.Spec.RestartPolicy != corev1.RestartPolicyNever {
		t.Errorf("spec %+v", spec)
	}
	if len(job.OwnerReferences) != 1 || job.OwnerReferences[0].Name != "pi" || job.Annotations["a"] != "v" || spec.Template.Labels["l"] != "v" {
		t.Errorf("job %+v", job)
	}
	in := input()
	in.Deadline = 0
	if got := *build(t, in).Job.Spec.ActiveDeadlineSeconds; got != int64(sparksubmit.DefaultDeadline/time.Second) {
		t.Errorf("default deadline %d s", got)
	}
}

func TestCommandLineAndFiles(t *testing.T) {
	in := input()
	objects := build(t, in)
	container := objects.Job.Spec.Template.Spec.Containers[0]
	want := []string{
		"/opt/spark/bin/spark-submit", "--properties-file", "/etc/spark-submit/spark.properties",
		"--class", "org.example.Main", "--proxy-user", "alice", "local:///app.jar", "--class", "of the application", "",
	}
	if !slices.Equal(container.Args, want) || len(container.Command) != 0 {
		t.Errorf("command %q, arguments %q; want the entrypoint of the image with %q", container.Command, container.Args, want)
	}
	if len(container.VolumeMounts) != 1 || container.VolumeMounts[0].MountPath != "/etc/spark-submit" {
		t.Errorf("mounts %v", container.VolumeMounts)
	}
	if volume := objects.Job.Spec.Template.Spec.Volumes[0]; volume.ConfigMap == nil || volume.ConfigMap.Name != objects.Files.Name {
		t.Errorf("volume %+v", volume)
	}

	read, err := sparkconf.ParseProperties(objects.Files.Data["spark.properties"])
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range in.Call.Conf {
		if read[key] != value {
			t.Errorf("%s is %q, want %q", key, read[key], value)
		}
	}
	for key, file := range map[string]string{
		sparkconf.DriverPodTemplateFile: "driver.json", sparkconf.ExecutorPodTemplateFile: "executor.json",
	} {
		var pod corev1.Pod
		if err := json.Unmarshal([]byte(objects.Files.Data[file]), &pod); err != nil || pod.Kind != "Pod" {
			t.Errorf("%s: kind %q, %v", file, pod.Kind, err)
		}
		if read[key] != "/etc/spark-submit/"+file {
			t.Errorf("%s is %q", key, read[key])
		}
	}
	if _, changed := in.Call.Conf[sparkconf.DriverPodTemplateFile]; changed {
		t.Error("the input was changed")
	}
}

func TestNamesFollowTheSubmission(t *testing.T) {
	first, again := build(t, input()), build(t, input())
	if !reflect.DeepEqual(first, again) {
		t.Error("the same submission gave other objects")
	}
	other := input()
	other.SubmissionID = "1f0e0d0c-0b0a-4090-8080-070605040302"
	if name := build(t, other).Job.Name; name == first.Job.Name || len(name) > 63 || first.Files.Name != first.Job.Name {
		t.Errorf("names %s, %s", first.Job.Name, name)
	}
	first.Own(&batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: first.Job.Name, UID: "j"}})
	if owner := metav1.GetControllerOf(first.Files); owner == nil || owner.UID != "j" || owner.Kind != "Job" {
		t.Errorf("owner %v", owner)
	}
}
