// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"maps"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

const artifacts = "artifacts"

// reportProgram prints what driver and executor import.
const reportProgram = `
import json
from pyspark.sql import SparkSession

def see(_=None):
    import in_environment, report_lib
    yield {"pyFiles": report_lib.TEXT, "archives": in_environment.TEXT}

spark = SparkSession.builder.getOrCreate()
print("DRIVER SAW", json.dumps(next(see())))
print("EXECUTOR SAW", json.dumps(spark.sparkContext.parallelize([0], 1).mapPartitions(see).collect()[0]))
spark.stop()
`

// interpreter stands for that of an environment: it finds the library beside it.
const interpreter = `#!/bin/sh
PYTHONPATH="$(dirname "$0")/../lib:${PYTHONPATH}" exec python3 "$@"
`

// TestPythonDependencies runs examples/python-dependencies.yaml, without its package
// from Maven Central, with a web server in the cluster: driver and executor import a
// module of pyFiles and one that only the environment of archives has.
func TestPythonDependencies(t *testing.T) {
	t.Parallel()
	serveArtifacts(t)
	text, err := os.ReadFile("../../examples/python-dependencies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	app := &v1beta2.SparkApplication{}
	if err := yaml.UnmarshalStrict(bytes.ReplaceAll(text, []byte("https://artifacts.example.com/jobs/"), []byte("http://"+artifacts+":8000/")), app); err != nil {
		t.Fatal(err)
	}
	app.Namespace = jobNamespace
	app.Spec.Image, app.Spec.SparkVersion, app.Spec.ImagePullPolicy = ptr.To(cluster.sparkImage), cluster.sparkVersion, ptr.To("Never")
	app.Spec.Deps.Packages = nil
	maps.Copy(app.Spec.SparkConf, patientSpark())
	done := waitForState(t, create(t, app), v1beta2.ApplicationStateCompleted)

	log, err := driverLog(t.Context(), done.Namespace, done.Status.DriverInfo.PodName)
	if err != nil {
		t.Fatalf("read the driver's log: %v", err)
	}
	want := map[string]string{"pyFiles": "from pyFiles", "archives": "from archives"}
	for _, role := range []string{"DRIVER SAW ", "EXECUTOR SAW "} {
		if got := printed(t, log, role); !maps.Equal(got, want) {
			t.Errorf("%s%v, want %v", role, got, want)
		}
	}
}

// serveArtifacts runs a web server with the files of the example until the test ends.
func serveArtifacts(t *testing.T) {
	t.Helper()
	createConfigMap(t, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: artifacts},
		Data:       map[string]string{"report.py": reportProgram},
		BinaryData: map[string][]byte{"report_lib.zip": libraryArchive(t), "environment.tar.gz": environmentArchive(t)},
	})
	labels := map[string]string{"app": artifacts}
	like := sparkPi(artifacts).Spec.Driver
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: artifacts, Labels: labels},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{
				Name: "server", Image: cluster.sparkImage, ImagePullPolicy: corev1.PullNever, SecurityContext: like.SecurityContext,
				Command:      []string{"python3", "-m", "http.server", "--directory", "/artifacts", "8000"},
				VolumeMounts: []corev1.VolumeMount{{Name: artifacts, MountPath: "/artifacts"}},
			}},
			Volumes: []corev1.Volume{{Name: artifacts, VolumeSource: corev1.VolumeSource{
				ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: artifacts}},
			}}},
			TerminationGracePeriodSeconds: ptr.To[int64](0),
		},
	}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: artifacts},
		Spec:       corev1.ServiceSpec{Selector: labels, Ports: []corev1.ServicePort{{Port: 8000, TargetPort: intstr.FromInt32(8000)}}},
	}
	core := cluster.core.CoreV1()
	if _, err := core.Pods(jobNamespace).Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := core.Services(jobNamespace).Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background() // the test's own context has ended
		if err := core.Pods(jobNamespace).Delete(ctx, artifacts, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
		if err := core.Services(jobNamespace).Delete(ctx, artifacts, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

func libraryArchive(t *testing.T) []byte {
	t.Helper()
	var buffer bytes.Buffer
	archive := zip.NewWriter(&buffer)
	file, err := archive.Create("report_lib.py")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write([]byte("TEXT = 'from pyFiles'\n")); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func environmentArchive(t *testing.T) []byte {
	t.Helper()
	var buffer bytes.Buffer
	compressed := gzip.NewWriter(&buffer)
	archive := tar.NewWriter(compressed)
	for name, text := range map[string]string{"bin/python": interpreter, "lib/in_environment.py": "TEXT = 'from archives'\n"} {
		mode := int64(0o644)
		if strings.HasPrefix(name, "bin/") {
			mode = 0o755
		}
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}
