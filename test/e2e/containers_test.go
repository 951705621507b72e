// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// workers prints the variables of a Python worker and those of its JVM.
const workers = `
import json, os
from pyspark.sql import SparkSession

def see(_=None):
    names = ["TAG", "LOGDIR", "POD", "ESCAPED", "CHAIN"]
    yield {name: os.environ.get(name) for name in names}

spark = SparkSession.builder.getOrCreate()
print("ID", json.dumps({"id": spark.sparkContext.applicationId}))
print("WORKER SAW", json.dumps(spark.sparkContext.parallelize([0], 1).mapPartitions(see).collect()[0]))
spark.stop()
`

// TestContainersOfTemplates runs Spark in the container that a property names,
// beside one that outlives it, and looks at what its Python workers see of
// variables that refer to others.
func TestContainersOfTemplates(t *testing.T) {
	t.Parallel()
	createConfigMap(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "containers-script"}, Data: map[string]string{"workers.py": workers}})
	app := sparkPi("containers")
	app.Spec.Type, app.Spec.MainClass = v1beta2.SparkApplicationTypePython, nil
	app.Spec.MainApplicationFile = ptr.To("local:///opt/containers/workers.py")
	app.Spec.Driver.ConfigMaps = []v1beta2.NamePath{{Name: "containers-script", Path: "/opt/containers"}}
	app.Spec.SparkConf[sparkconf.DriverPodTemplateContainerName] = "main"
	app.Spec.SparkConf[sparkconf.ExecutorPodTemplateContainerName] = "main"
	for _, pod := range []*v1beta2.SparkPodSpec{&app.Spec.Driver.SparkPodSpec, &app.Spec.Executor.SparkPodSpec} {
		pod.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "helper", Image: cluster.sparkImage, ImagePullPolicy: corev1.PullNever,
			Command: []string{"sh", "-c", "sleep 3600"}, SecurityContext: pod.SecurityContext,
		}, {Name: "main"}}}}
		pod.TerminationGracePeriodSeconds = ptr.To[int64](1)
	}
	app.Spec.Executor.Env = []corev1.EnvVar{
		{Name: "TAG", Value: "exec-$(SPARK_EXECUTOR_ID)"},
		{Name: "LOGDIR", Value: "/logs/$(SPARK_APPLICATION_ID)"},
		{Name: "POD", Value: "$(SPARK_EXECUTOR_POD_NAME)"},
		{Name: "ESCAPED", Value: "$$(TAG)"},
		{Name: "CHAIN", Value: "$(TAG)-$(VARS)"},
	}
	app.Spec.Executor.EnvVars = map[string]string{"VARS": "vars-$(SPARK_EXECUTOR_ID)"}

	done, executor := runWatched(t, app)
	log, err := containerLog(t.Context(), done.Namespace, done.Status.DriverInfo.PodName, "main")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"TAG": "exec-1", "LOGDIR": "/logs/" + printed(t, log, "ID ")["id"], "POD": executor.Name, "ESCAPED": "$(TAG)", "CHAIN": "exec-1-vars-1",
	}
	if got := printed(t, log, "WORKER SAW "); !maps.Equal(got, want) {
		t.Errorf("the worker saw %v, want %v", got, want)
	}
}
