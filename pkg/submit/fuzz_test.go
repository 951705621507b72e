// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// FuzzBuild reads the properties, the environment and one file from texts. Build
// must not panic; it returns an *Error of one line, or the same objects each
// time, whose spark.properties a driver reads back.
func FuzzBuild(f *testing.F) {
	versions := []string{"3.3.1", "3.3.4", "3.4.4", "3.5.9", "4.0.5", "4.1.4", "4.2.1", "4.3.0"}
	const base = "spark.master=k8s://h:1\nspark.kubernetes.container.image=i\n"
	template := "metadata: {labels: {a: b}}\nspec: {containers: [{name: c, args: [x]}], nodeSelector: {}}"
	for i, seed := range []struct{ properties, env, resource, file string }{
		{base, "", "local:///a.jar", ""},
		{base + "spark.driver.memory=2g\nspark.kubernetes.driver.volumes.hostPath.v.mount.path=/v\n" +
			"spark.kubernetes.driver.volumes.hostPath.v.options.path=/p", "SPARK_LOCAL_DIRS=/a,/b", "local:///m.py", ""},
		{base + "spark.kubernetes.driver.podTemplateFile=/w/file\nspark.kubernetes.driver.podTemplateContainerName=c", "", "spark-internal", template},
		{base + "spark.kubernetes.executor.podTemplateFile=file\nspark.kubernetes.kerberos.krb5.path=file", "HADOOP_CONF_DIR=/w", "https://h/a.jar", "\xff"},
		{base + "spark.kubernetes.driver.pod.featureSteps=org.apache.spark.deploy.k8s.features.VolcanoFeatureStep\n" +
			"spark.kubernetes.scheduler.volcano.podGroupTemplateFile=file", "SPARK_CONF_DIR=/w", "a.R", "spec: {minMember: 1}"},
		{base + "spark.driver.resource.gpu.amount=1\nspark.driver.resource.gpu.vendor=v\nspark.kubernetes.driver.secretKeyRef.A=n:k", "X=y", "file:///w/file", "PK"},
		{base + "spark.kubernetes.driver.volumes.persistentVolumeClaim.d.mount.path=/d\n" +
			"spark.kubernetes.driver.volumes.persistentVolumeClaim.d.options.claimName=OnDemand\n" +
			"spark.kubernetes.driver.volumes.persistentVolumeClaim.d.options.storageClass=s\n" +
			"spark.kubernetes.driver.volumes.persistentVolumeClaim.d.options.sizeLimit=1e3", "", "local:///a.jar", ""},
	} {
		f.Add(byte(i), seed.properties, seed.env, seed.resource, "c.M", seed.file)
	}
	f.Fuzz(func(t *testing.T, version byte, properties, env, resource, mainClass, file string) {
		conf, err := sparkconf.ParseProperties(properties)
		if err != nil {
			return
		}
		variables, err := sparkconf.ParseProperties(env)
		if err != nil {
			return
		}
		in := submit.Input{
			SparkVersion:    versions[int(version)%len(versions)],
			Conf:            conf,
			MainClass:       mainClass,
			PrimaryResource: resource,
			Arguments:       []string{file},
			Env:             variables,
			Files:           map[string][]byte{"/w/file": []byte(file)},
			WorkingDir:      "/w",
			IDs:             submit.NewIDs(env),
		}
		before := maps.Clone(conf)
		objects, err := submit.Build(in)
		if !maps.Equal(before, conf) {
			t.Fatalf("the properties %q became %q", before, conf)
		}
		if err != nil {
			var refused *submit.Error
			if !errors.As(err, &refused) || refused.Message == "" || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%#v", err)
			}
			return
		}
		text := objects.ConfigMaps[len(objects.ConfigMaps)-1].Data["spark.properties"]
		read, err := sparkconf.ParseProperties(text)
		if err != nil || !maps.Equal(read, objects.Properties) {
			t.Fatalf("%q is read as %q, %v, want %q", text, read, err, objects.Properties)
		}
		if again := mustBuild(t, in); encode(t, again) != encode(t, objects) {
			t.Fatalf("first %s\nthen %s", encode(t, objects), encode(t, again))
		}
	})
}
