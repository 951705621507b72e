// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDefaultsOfApplications(t *testing.T) {
	file := filepath.Join(t.TempDir(), "spark-defaults.conf")
	text := "# of the platform\nspark.eventLog.enabled   true \nspark.eventLog.dir=s3a://logs/file\nspark.driver.extraJavaOptions -Da=b -Dc=d\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := parse(t, "--default-spark-conf-file="+file, "--default-spark-conf=spark.eventLog.dir=s3a://logs/flag",
		"--default-spark-conf=spark.jars.packages=a:b:1,c:d:2", "--default-service-account=spark",
		"--default-pod-label=team=data", "--default-pod-annotation=example.com/list=a,b=c", "--default-image-pull-secrets=one,two")
	if err != nil {
		t.Fatal(err)
	}
	config, err := options.Config("k8s://https://10.0.0.1:443")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"spark.eventLog.enabled":                                  "true",
		"spark.eventLog.dir":                                      "s3a://logs/flag",
		"spark.driver.extraJavaOptions":                           "-Da=b -Dc=d",
		"spark.jars.packages":                                     "a:b:1,c:d:2",
		"spark.kubernetes.authenticate.driver.serviceAccountName": "spark",
		"spark.kubernetes.driver.label.team":                      "data",
		"spark.kubernetes.executor.label.team":                    "data",
		"spark.kubernetes.driver.annotation.example.com/list":     "a,b=c",
		"spark.kubernetes.executor.annotation.example.com/list":   "a,b=c",
		"spark.kubernetes.container.image.pullSecrets":            "one,two",
	}
	if !maps.Equal(config.Controller.DefaultConf, want) {
		t.Errorf("got  %v\nwant %v", config.Controller.DefaultConf, want)
	}
	if options, err = parse(t); err != nil {
		t.Fatal(err)
	}
	if conf, err := options.Defaults.Conf(); conf != nil || err != nil {
		t.Errorf("without flags: %v, %v", conf, err)
	}
}

// TestMistakesInDefaults: what would keep all applications from running keeps the
// operator from starting.
func TestMistakesInDefaults(t *testing.T) {
	for argument, want := range map[string]string{
		"--default-spark-conf=spark.driver.memory":                          "key=value",
		"--default-spark-conf==1":                                           "key=value",
		"--default-spark-conf-file=/nonexistent":                            "--default-spark-conf-file: open /nonexistent",
		"--default-spark-conf=spark.driver.memory=much":                     `spec.driver.memory: "much"`,
		"--default-spark-conf=driver.memory=1g":                             "driver.memory: it is no property of Spark",
		"--default-spark-conf=spark.master=local":                           "spark.master: this value is managed",
		"--default-spark-conf=spark.kubernetes.driver.pod.name=driver":      "spark.kubernetes.driver.pod.name",
		"--default-spark-conf=spark.kubernetes.namespace=jobs":              "spark.kubernetes.namespace",
		"--default-spark-conf=spark.app.id=one":                             "spark.app.id",
		"--default-spark-conf=spark.kubernetes.driver.podTemplateFile=/a":   "podTemplateFile",
		"--default-spark-conf=spark.kubernetes.authenticate.oauthToken=abc": "credentials",
		"--default-pod-label=team":                                          "--default-pod-label",
		"--default-pod-label=spark-role=driver":                             "spark-role",
		"--default-pod-label=team=a b":                                      "driver.labels",
		"--default-pod-annotation=a b=c":                                    "driver.annotations",
		"--default-service-account=Spark":                                   `"Spark" is not a valid name of a service account`,
		"--default-image-pull-secrets=My_Secret":                            `"My_Secret" is not a valid name of a image pull secret`,
	} {
		_, err := parse(t, argument)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", argument, err, want)
		}
	}
}

// TestDefaultImageIsAllowed: a platform may have an image and an account for all.
func TestDefaultImageIsAllowed(t *testing.T) {
	if _, err := parse(t, "--default-spark-conf=spark.kubernetes.container.image=spark:4",
		"--default-spark-conf=spark.kubernetes.authenticate.executor.serviceAccountName=executor"); err != nil {
		t.Error(err)
	}
}
