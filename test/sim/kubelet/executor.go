// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// createExecutors creates the executors of a driver, which then start without the
// driver waiting for it.
func (k *Kubelet) createExecutors(ctx context.Context, d *driver) {
	for id := 1; id <= d.life.Executors; id++ {
		pod := ExecutorPod(d.pod, id)
		created := &corev1.Pod{}
		exists := k.persist(ctx, func() error {
			return k.core.Post().Namespace(pod.Namespace).Resource("pods").Body(pod).Do(ctx).Into(created)
		})
		if !exists {
			continue
		}
		d.executors = append(d.executors, created.Name)
		k.steps.now(func() {
			if k.place(ctx, created) {
				k.patchStatus(ctx, created, running(created, k.address(), time.Now()))
			}
		})
	}
}

// deleteExecutors deletes them as the driver does before it ends. The kubelet
// confirms when it sees it.
func (k *Kubelet) deleteExecutors(ctx context.Context, d *driver) {
	for _, name := range d.executors {
		k.persist(ctx, func() error { return k.deletePod(ctx, d.pod.Namespace, name, metav1.DeleteOptions{}) })
	}
	d.executors = nil
}

// ExecutorPod is an executor as Spark makes it for a driver.
func ExecutorPod(driver *corev1.Pod, id int) *corev1.Pod {
	name := fmt.Sprintf("%s-exec-%d", driver.Name, id)
	image := "spark"
	if len(driver.Spec.Containers) > 0 {
		image = driver.Spec.Containers[0].Image
	}
	resources := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("1"),
		corev1.ResourceMemory: resource.MustParse("896Mi"),
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: driver.Namespace, Labels: executorLabels(driver, id),
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "v1", Kind: "Pod", Name: driver.Name, UID: driver.UID, Controller: ptr.To(true),
			}},
		},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Hostname:      fmt.Sprintf("executor-%d", id),
			Containers: []corev1.Container{{
				Name: v1beta2.ExecutorContainerName, Image: image, Args: []string{"executor"},
				Env: []corev1.EnvVar{
					{Name: "SPARK_USER", Value: "spark"},
					{Name: "SPARK_DRIVER_URL", Value: "spark://CoarseGrainedScheduler@" + driver.Name + "-svc." + driver.Namespace + ".svc:7078"},
					{Name: "SPARK_EXECUTOR_CORES", Value: "1"},
					{Name: "SPARK_EXECUTOR_MEMORY", Value: "512m"},
					{Name: "SPARK_APPLICATION_ID", Value: driver.Labels[v1beta2.LabelSparkApplicationSelector]},
					{Name: "SPARK_CONF_DIR", Value: "/opt/spark/conf"},
					{Name: "SPARK_EXECUTOR_ID", Value: fmt.Sprint(id)},
					{Name: "SPARK_RESOURCE_PROFILE_ID", Value: "0"},
					{Name: "SPARK_EXECUTOR_POD_IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}},
					{Name: "SPARK_EXECUTOR_POD_NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
					{Name: "SPARK_LOCAL_DIRS", Value: "/var/data/spark-local"},
				},
				Resources:    corev1.ResourceRequirements{Requests: resources, Limits: corev1.ResourceList{corev1.ResourceMemory: resources[corev1.ResourceMemory]}},
				VolumeMounts: []corev1.VolumeMount{{Name: "spark-local-dir-1", MountPath: "/var/data/spark-local"}},
			}},
			Volumes: []corev1.Volume{{Name: "spark-local-dir-1", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
		},
	}
}

// executorLabels are the labels that Spark gives the executors of a driver.
func executorLabels(pod *corev1.Pod, id int) map[string]string {
	labels := map[string]string{
		v1beta2.LabelSparkRole:          v1beta2.SparkRoleExecutor,
		v1beta2.LabelSparkExecutorID:    fmt.Sprint(id),
		"spark-exec-resourceprofile-id": "0",
	}
	for _, key := range []string{
		v1beta2.LabelSparkAppName, v1beta2.LabelSubmissionID, v1beta2.LabelLaunchedBySparkOperator,
		v1beta2.LabelSparkApplicationSelector, v1beta2.LabelSparkVersion, "spark-app-name",
	} {
		if value, ok := pod.Labels[key]; ok {
			labels[key] = value
		}
	}
	return labels
}
