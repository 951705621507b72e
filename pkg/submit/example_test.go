// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"fmt"
	"time"

	"github.com/spark-operator/spark-operator/pkg/submit"
)

func ExampleBuild() {
	objects, err := submit.Build(submit.Input{
		SparkVersion: "4.1.4",
		Conf: map[string]string{
			"spark.master":                     "k8s://https://10.96.0.1:443",
			"spark.app.name":                   "pi",
			"spark.kubernetes.namespace":       "jobs",
			"spark.kubernetes.container.image": "apache/spark:4.1.4",
			"spark.driver.memory":              "2g",
		},
		MainClass:       "org.apache.spark.examples.SparkPi",
		PrimaryResource: "local:///opt/spark/examples/jars/spark-examples.jar",
		Arguments:       []string{"1000"},
		User:            "spark",
		IDs:             submit.NewIDs("7c2f3a52-5b2e-4f0f-9a43-6d1f6f1b2c3d"),
		SubmitTime:      time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	container := objects.Driver.Spec.Containers[0]
	fmt.Println(objects.Driver.Name)
	fmt.Println(container.Resources.Limits.Memory())
	fmt.Println(container.Args)
	fmt.Println(objects.Properties["spark.driver.host"])
	// Output:
	// pi-b7792e6827809b1b-driver
	// 2432Mi
	// [driver --properties-file /opt/spark/conf/spark.properties --class org.apache.spark.examples.SparkPi local:///opt/spark/examples/jars/spark-examples.jar 1000]
	// pi-b7792e6827809b1b-driver-svc.jobs.svc
}

func ExampleBuild_refused() {
	_, err := submit.Build(submit.Input{
		SparkVersion: "4.1.4",
		Conf: map[string]string{
			"spark.master":                     "k8s://https://10.96.0.1:443",
			"spark.kubernetes.container.image": "apache/spark:4.1.4",
			"spark.driver.memory":              "1.5g",
		},
		PrimaryResource: "local:///app/main.py",
	})
	fmt.Println(err)
	// Output:
	// Driver memory must be a positive number (spark.driver.memory=1.5g); use a whole number with a unit, such as 512m or 2g
}
