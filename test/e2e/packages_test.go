// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"archive/zip"
	"bytes"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

const packagesConfig = "packages-repository"

// TestPackagesAreResolvedByTheDriver gives an application a package that only a
// repository in a mounted ConfigMap has: the submission does not resolve it, the
// driver must.
func TestPackagesAreResolvedByTheDriver(t *testing.T) {
	createConfigMap(t, packageRepository(t))
	for _, spark := range sparkLines() {
		t.Run(spark.version, func(t *testing.T) {
			t.Parallel()
			app := sparkPi("packages-" + spark.name)
			app.Spec.Image, app.Spec.SparkVersion = ptr.To(spark.image), spark.version
			app.Spec.Type = v1beta2.SparkApplicationTypePython
			app.Spec.MainClass = nil
			app.Spec.MainApplicationFile = ptr.To("local:///opt/packages/main.py")
			app.Spec.Driver.ConfigMaps = []v1beta2.NamePath{{Name: packagesConfig, Path: "/opt/packages"}}
			app.Spec.Deps.Packages = []string{"org.example:greeting:1.0"}
			app.Spec.SparkConf["spark.jars.ivySettings"] = "/opt/packages/ivysettings.xml"
			app.Spec.SparkConf["spark.jars.ivy"] = "/tmp/ivy"
			done := waitForState(t, create(t, app), v1beta2.ApplicationStateCompleted)

			log, err := driverLog(t.Context(), done.Namespace, done.Status.DriverInfo.PodName)
			if err != nil {
				t.Fatalf("read the driver's log: %v", err)
			}
			got := printed(t, log, "PACKAGE ")
			if got["text"] != "from the package" {
				t.Errorf("the driver imported %q", got["text"])
			}
			// Executors fetch what is in this list from the driver.
			if !strings.Contains(got["jars"], "org.example_greeting-1.0.jar") {
				t.Errorf("spark.jars is %q", got["jars"])
			}
		})
	}
}

// packageRepository holds a Maven repository of one package, whose JAR is a
// module of Python, and an application that needs it.
func packageRepository(t *testing.T) *corev1.ConfigMap {
	t.Helper()
	var jar bytes.Buffer
	archive := zip.NewWriter(&jar)
	module, err := archive.Create("greeting.py")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := module.Write([]byte("TEXT = \"from the package\"\n")); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: packagesConfig},
		BinaryData: map[string][]byte{"greeting-1.0.jar": jar.Bytes()},
		Data: map[string]string{
			"greeting-1.0.pom": `<project><modelVersion>4.0.0</modelVersion>
<groupId>org.example</groupId><artifactId>greeting</artifactId><version>1.0</version></project>
`,
			"ivysettings.xml": `<ivysettings>
  <settings defaultResolver="files"/>
  <resolvers>
    <filesystem name="files" m2compatible="true">
      <ivy pattern="/opt/packages/[module]-[revision].pom"/>
      <artifact pattern="/opt/packages/[artifact]-[revision].[ext]"/>
    </filesystem>
  </resolvers>
</ivysettings>
`,
			"main.py": `
import json
import greeting
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print("PACKAGE", json.dumps({"text": greeting.TEXT, "jars": spark.sparkContext.getConf().get("spark.jars")}))
spark.stop()
`,
		},
	}
}
