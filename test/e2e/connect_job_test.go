// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/test/sim"
)

// connectJob stops the server of a Job for idleness. Then the Job runs as its example says:
// kubectl wakes the server and waits for it, with the rights of the example alone, and the
// released client runs a query. Spark is that of the example.
func connectJob(t *testing.T) {
	t.Helper()
	const file = "spark-connect-job.yaml"
	var timeout *metav1.Duration
	s := createConnect(t, file, func(connect *v1alpha1.SparkConnect) {
		connect.Spec.SparkVersion, connect.Spec.Image = cluster.spark41Version, &cluster.spark41Image
		timeout, connect.Spec.IdleTimeout = connect.Spec.IdleTimeout, &metav1.Duration{Duration: idleTimeout}
	})
	first := s.untilReady()
	s.untilIdle() // by the web pages, which are all that Spark 4.1 has
	s.untilPodsGone(first.Server.PodName)

	example, err := os.ReadFile(examplesFolder + file)
	if err != nil {
		t.Fatal(err)
	}
	_, others, _ := strings.Cut(string(example), "\n---\n")
	job := startJob(t, others)
	s.until("is woken", func(status *v1alpha1.SparkConnectStatus) bool { return status.Starts == 2 })
	// The Job may take longer than a minute to connect. A change of the spec would have woken the server, too.
	s.patch(map[string]any{"spec": map[string]any{"idleTimeout": timeout.Duration.String()}})
	log := untilComplete(t, job)
	if !strings.Contains(log, "499500") {
		t.Errorf("output of the query: %s", log)
	}
	second := s.untilReady()
	if second.Starts != 2 || second.Endpoint != first.Endpoint || second.StopReason != "" {
		t.Errorf("status after the wake: %+v", second)
	}
	s.token() // which must not be in what is left

	deleted := time.Now()
	s.delete()
	s.untilPodsGone(second.Server.PodName)
	if took := time.Since(deleted); took > 10*time.Second {
		t.Errorf("the pods were gone %v after the deletion of the server, want at most 10s", took)
	}
	s.untilNothingLeft()
}

// startJob applies a Job, the last document of a manifest, and what it needs until the test
// ends. There is no network: its images are those of this test, and volumes hold the packages
// of Python that it installs.
func startJob(t *testing.T, manifest string) (name string) {
	t.Helper()
	manifest = regexp.MustCompile(`image: registry\.k8s\.io/kubectl:.*`).ReplaceAllString(manifest, "image: "+cluster.kubectlImage)
	const separator = "\n---\n"
	at := strings.LastIndex(manifest, separator) + len(separator)
	job := &batchv1.Job{}
	if err := yaml.UnmarshalStrict([]byte(manifest[at:]), job); err != nil {
		t.Fatal(err)
	}
	offline(t, &job.Spec.Template.Spec)
	edited, err := yaml.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	objects := manifest[:at] + string(edited)
	kubectl(t.Context(), t, objects, "apply", "--filename=-")
	t.Cleanup(func() {
		kubectl(context.Background(), t, objects, "delete", "--wait=false", "--filename=-") // the test's own context has ended
	})
	return job.Name
}

// untilComplete returns the log of the only container of a Job after it has completed at the
// first attempt.
func untilComplete(t *testing.T, name string) (log string) {
	t.Helper()
	jobs := cluster.core.BatchV1().Jobs(jobNamespace)
	var job *batchv1.Job
	err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, patience, true, func(ctx context.Context) (_ bool, err error) {
		job, err = jobs.Get(ctx, name, metav1.GetOptions{})
		return err == nil && (job.Status.Succeeded > 0 || job.Status.Failed > 0), err
	})
	pods, listErr := cluster.core.CoreV1().Pods(jobNamespace).List(t.Context(), metav1.ListOptions{LabelSelector: batchv1.JobNameLabel + "=" + name})
	if listErr != nil {
		t.Fatal(listErr)
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
			text, err := containerLog(t.Context(), jobNamespace, pod.Name, container.Name)
			t.Logf("log of %s in %s: %v\n%s", container.Name, pod.Name, err, tail(text, 40))
			log = text // of the last one, which is the query
		}
	}
	if err != nil || job.Status.Failed > 0 || job.Status.Succeeded != 1 {
		t.Fatalf("Job %s: %v; status %+v", name, err, job.Status)
	}
	return log
}

// offline replaces the image of Python by that of Spark, which has Python, too, and gives it
// pip, the packages that the container installs, and a configuration by which pip looks for
// them nowhere else.
func offline(t *testing.T, pod *corev1.PodSpec) {
	t.Helper()
	const packages, files = "packages", "offline-pip"
	createConfigMap(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: files}, Data: map[string]string{
		"pip": "#!/bin/sh\nwheel=\"$(echo /" + packages + "/pip-*.whl)\"\nexec python3 \"${wheel}/pip\" \"$@\"\n",
		// Compiling what runs once takes longer than running it.
		"pip.conf": "[global]\nno-index = true\nfind-links = /" + packages + "\n[install]\nno-compile = true\n",
	}})
	pod.Volumes = append(pod.Volumes,
		corev1.Volume{Name: packages, VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{
			Path: filepath.Join(clientsFolder(t), "wheels"), Type: ptr.To(corev1.HostPathDirectory),
		}}},
		corev1.Volume{Name: files, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: files}, DefaultMode: ptr.To[int32](0o555),
		}}},
	)
	query := &pod.Containers[0]
	query.Image = cluster.spark41Image
	query.VolumeMounts = append(query.VolumeMounts,
		corev1.VolumeMount{Name: packages, MountPath: "/" + packages, ReadOnly: true},
		corev1.VolumeMount{Name: files, MountPath: "/usr/local/bin/pip", SubPath: "pip"},
		corev1.VolumeMount{Name: files, MountPath: "/etc/pip.conf", SubPath: "pip.conf"},
	)
}

// kubectl runs kubectl in the namespace of jobs with input.
func kubectl(ctx context.Context, t *testing.T, input string, arguments ...string) {
	t.Helper()
	command := exec.CommandContext(ctx, sim.Program(t, "localcluster"), append([]string{"kubectl", "--namespace", jobNamespace}, arguments...)...)
	command.Stdin = bytes.NewBufferString(input)
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("kubectl %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
}
