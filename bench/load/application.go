// SPDX-License-Identifier: Apache-2.0

// Package load makes SparkApplications and watches what becomes of them.
package load

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// Application is an application of ordinary size: resources, labels, some
// properties and the security settings of a hardened namespace.
func Application(namespace, name string, executors int) *v1beta2.SparkApplication {
	security := &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		RunAsNonRoot:             ptr.To(true),
		RunAsUser:                ptr.To[int64](185),
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
	pod := v1beta2.SparkPodSpec{
		Cores:           ptr.To[int32](1),
		Memory:          ptr.To("512m"),
		ServiceAccount:  ptr.To("spark"),
		Labels:          map[string]string{"team": "bench"},
		SecurityContext: security,
	}
	app := &v1beta2.SparkApplication{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1beta2.SchemeGroupVersion.String(), Kind: "SparkApplication"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: map[string]string{"team": "bench"}},
		Spec: v1beta2.SparkApplicationSpec{
			Type:                v1beta2.SparkApplicationTypeScala,
			SparkVersion:        "4.0.4",
			Image:               ptr.To("apache/spark:4.0.4"),
			MainClass:           ptr.To("org.apache.spark.examples.SparkPi"),
			MainApplicationFile: ptr.To("local:///opt/spark/examples/jars/spark-examples.jar"),
			Arguments:           []string{"10"},
			SparkConf: map[string]string{
				"spark.eventLog.enabled":       "false",
				"spark.sql.shuffle.partitions": "64",
				"spark.network.timeout":        "300s",
			},
			Driver:   v1beta2.DriverSpec{SparkPodSpec: pod, CoreRequest: ptr.To("100m")},
			Executor: v1beta2.ExecutorSpec{SparkPodSpec: pod, CoreRequest: ptr.To("100m"), Instances: ptr.To(int32(max(executors, 1)))},
		},
	}
	app.Spec.RestartPolicy.Type = v1beta2.RestartPolicyNever
	return app
}

// Retrying lets an application run again after failures, each a second later.
func Retrying(app *v1beta2.SparkApplication, retries int32) *v1beta2.SparkApplication {
	app.Spec.RestartPolicy = v1beta2.RestartPolicy{
		Type:                   v1beta2.RestartPolicyOnFailure,
		OnFailureRetries:       ptr.To(retries),
		OnFailureRetryInterval: ptr.To[int64](1),
	}
	return app
}

// Name is the name of the n-th application.
func Name(prefix string, n int) string { return fmt.Sprintf("%s-%06d", prefix, n) }

// SubmissionNames are what follows from the id of a submission and from that of
// another one: old, new, old, new.
func SubmissionNames(was, is string) []string {
	old, now := submit.NewIDs(was), submit.NewIDs(is)
	return []string{
		was, is, old.App, now.App, old.Resource, now.Resource, old.Service, now.Service,
		old.ConfigMap, now.ConfigMap, old.LocalDir, now.LocalDir,
	}
}
