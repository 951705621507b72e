// SPDX-License-Identifier: Apache-2.0

package sparksubmit

import (
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/submit"
)

const (
	// ContainerName is the container that runs spark-submit.
	ContainerName = "spark-submit"
	// DefaultDeadline is how long a Job may take, including the pull of its image.
	DefaultDeadline = 10 * time.Minute

	filesVolume = "spark-submit-files"
	// keepFinished is how long a finished Job is kept.
	keepFinished = 24 * time.Hour
)

// Input is a submission by the real client.
type Input struct {
	// Call is what is submitted, with the templates that the driver and the
	// executors start from. Its IDs, SubmitTime, Env and Files are not used: the
	// client has its own.
	Call submit.Input
	// SubmissionID is the id from which the names are derived.
	SubmissionID string
	// Namespace is that of the application.
	Namespace string
	// Owner is the application.
	Owner metav1.OwnerReference
	// Labels are those of all objects and of the Job's pod.
	Labels map[string]string
	// Annotations are those of the Job.
	Annotations map[string]string
	// Pod is the pod to start from. Its container with the name ContainerName, which
	// has the image, is made to run spark-submit.
	Pod corev1.PodSpec
	// Deadline is how long the Job may take; 0 for DefaultDeadline.
	Deadline time.Duration
}

// Objects are the Job and the ConfigMap that its pod mounts. The Job comes first
// and owns the ConfigMap (see Own), so that both go together; its pod waits for
// the ConfigMap.
type Objects struct {
	Job   *batchv1.Job
	Files *corev1.ConfigMap
}

// Name is the name of the Job of a submission and of its ConfigMap.
func Name(submissionID string) string {
	return "spark-submit-" + submit.NewIDs(submissionID).Resource
}

// Build returns the Job. It runs spark-submit once: a client that is started twice
// could make a driver each time, so nothing is retried here. The result may share
// memory with the input.
func Build(in Input) (Objects, error) {
	data, err := files(&in.Call)
	if err != nil {
		return Objects{}, err
	}
	deadline := in.Deadline
	if deadline <= 0 {
		deadline = DefaultDeadline
	}
	name := Name(in.SubmissionID)
	meta := metav1.ObjectMeta{Name: name, Namespace: in.Namespace, Labels: in.Labels}
	once, never, replace := int32(1), int32(0), batchv1.Failed
	seconds, keep := max(int64(deadline/time.Second), 1), int32(keepFinished/time.Second)
	job := &batchv1.Job{
		ObjectMeta: meta,
		Spec: batchv1.JobSpec{
			Parallelism:             &once,
			Completions:             &once,
			BackoffLimit:            &never,
			PodReplacementPolicy:    &replace,
			ActiveDeadlineSeconds:   &seconds,
			TTLSecondsAfterFinished: &keep,
			Template:                corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: in.Labels}, Spec: in.Pod},
		},
	}
	job.Annotations = in.Annotations
	job.OwnerReferences = []metav1.OwnerReference{in.Owner}
	completePod(&job.Spec.Template.Spec, name, &in.Call)
	return Objects{Job: job, Files: &corev1.ConfigMap{ObjectMeta: meta, Data: data}}, nil
}

// completePod makes the pod run spark-submit. The entrypoint of Spark's images
// runs what it does not know as it is, after it has given the user a name, without
// which Hadoop's classes do not start.
func completePod(pod *corev1.PodSpec, configMap string, call *submit.Input) {
	pod.RestartPolicy = corev1.RestartPolicyNever
	pod.EnableServiceLinks = new(bool)
	pod.Volumes = append(pod.Volumes[:len(pod.Volumes):len(pod.Volumes)], corev1.Volume{
		Name: filesVolume,
		VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: configMap},
		}},
	})
	for i := range pod.Containers {
		container := &pod.Containers[i]
		if container.Name != ContainerName {
			continue
		}
		container.Args = Arguments(call)
		// Of two of the same name the last counts: what the user asks for stands first.
		container.Env = append(container.Env[:len(container.Env):len(container.Env)],
			corev1.EnvVar{Name: "SPARK_USER", Value: call.User})
		container.VolumeMounts = append(container.VolumeMounts[:len(container.VolumeMounts):len(container.VolumeMounts)],
			corev1.VolumeMount{Name: filesVolume, MountPath: filesDir, ReadOnly: true})
		container.TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
		// The JVM takes a quarter of the limit for its heap, which is plenty.
		container.Resources = corev1.ResourceRequirements{
			Requests: corev1.ResourceList{
				corev1.ResourceCPU:    resource.MustParse("100m"),
				corev1.ResourceMemory: resource.MustParse("512Mi"),
			},
			Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
		}
	}
}

// Own makes the Job, as created, the owner of its ConfigMap.
func (o *Objects) Own(job *batchv1.Job) {
	controller := true
	o.Files.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: "batch/v1", Kind: "Job", Name: job.Name, UID: job.UID, Controller: &controller,
	}}
}
