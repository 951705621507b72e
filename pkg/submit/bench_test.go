// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/submit"
)

// typicalInput is an application of 40 properties, as operators submit it.
func typicalInput() submit.Input {
	conf := map[string]string{
		"spark.master":                                                                 "k8s://https://10.96.0.1:443",
		"spark.app.name":                                                               "nightly-etl",
		"spark.kubernetes.namespace":                                                   "spark-jobs",
		"spark.kubernetes.container.image":                                             "registry.example.com/spark:4.1.4",
		"spark.kubernetes.container.image.pullPolicy":                                  "IfNotPresent",
		"spark.kubernetes.container.image.pullSecrets":                                 "registry",
		"spark.kubernetes.authenticate.driver.serviceAccountName":                      "spark",
		"spark.kubernetes.driver.pod.name":                                             "nightly-etl-driver",
		"spark.kubernetes.driver.label.sparkoperator.k8s.io/app-name":                  "nightly-etl",
		"spark.kubernetes.driver.label.sparkoperator.k8s.io/submission-id":             "0f0e0d0c-0b0a-4090-8080-070605040302",
		"spark.kubernetes.driver.label.team":                                           "data",
		"spark.kubernetes.executor.label.sparkoperator.k8s.io/app-name":                "nightly-etl",
		"spark.kubernetes.executor.label.sparkoperator.k8s.io/submission-id":           "0f0e0d0c-0b0a-4090-8080-070605040302",
		"spark.kubernetes.driver.annotation.prometheus.io/scrape":                      "true",
		"spark.kubernetes.driver.annotation.prometheus.io/port":                        "8090",
		"spark.kubernetes.driverEnv.AWS_REGION":                                        "eu-central-1",
		"spark.kubernetes.driverEnv.STAGE":                                             "prod",
		"spark.executorEnv.AWS_REGION":                                                 "eu-central-1",
		"spark.kubernetes.driver.secretKeyRef.DB_PASSWORD":                             "db:password",
		"spark.kubernetes.driver.secrets.certificates":                                 "/etc/certificates",
		"spark.kubernetes.driver.volumes.emptyDir.spark-local-dir-1.mount.path":        "/scratch",
		"spark.kubernetes.driver.volumes.persistentVolumeClaim.data.mount.path":        "/data",
		"spark.kubernetes.driver.volumes.persistentVolumeClaim.data.options.claimName": "data",
		"spark.kubernetes.node.selector.pool":                                          "spark",
		"spark.driver.cores":                                                           "2",
		"spark.driver.memory":                                                          "4g",
		"spark.kubernetes.driver.limit.cores":                                          "2500m",
		"spark.executor.instances":                                                     "10",
		"spark.executor.cores":                                                         "4",
		"spark.executor.memory":                                                        "8g",
		"spark.executor.memoryOverhead":                                                "1g",
		"spark.eventLog.enabled":                                                       "true",
		"spark.eventLog.dir":                                                           "s3a://logs/spark",
		"spark.hadoop.fs.s3a.endpoint":                                                 "https://s3.example.com",
		"spark.sql.shuffle.partitions":                                                 "400",
		"spark.sql.adaptive.enabled":                                                   "true",
		"spark.serializer":                                                             "org.apache.spark.serializer.KryoSerializer",
		"spark.dynamicAllocation.enabled":                                              "false",
		"spark.jars.packages":                                                          "org.example:lib:1.0",
		"spark.submit.pyFiles":                                                         "s3a://code/lib.zip",
	}
	return submit.Input{
		SparkVersion:    "4.1.4",
		Conf:            conf,
		PrimaryResource: "s3a://code/etl.py",
		Arguments:       []string{"--date", "2026-11-22"},
		User:            "spark",
		IDs:             submit.NewIDs("0f0e0d0c-0b0a-4090-8080-070605040302"),
		SubmitTime:      time.UnixMilli(1795350578604).UTC(),
	}
}

func BenchmarkBuild(b *testing.B) {
	plain := typicalInput()
	if n := len(plain.Conf); n != 40 {
		b.Fatalf("%d properties", n)
	}
	withTemplate := typicalInput()
	withTemplate.DriverTemplate = &corev1.PodTemplateSpec{}
	withTemplate.DriverTemplate.Labels = map[string]string{"a": "b"}
	for i := range 3 {
		withTemplate.DriverTemplate.Spec.Containers = append(withTemplate.DriverTemplate.Spec.Containers, corev1.Container{
			Name: fmt.Sprintf("c%d", i), Image: "sidecar:1",
			Env: []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}},
		})
	}
	for _, bench := range []struct {
		name string
		in   submit.Input
	}{{"plain", plain}, {"template", withTemplate}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := submit.Build(bench.in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
