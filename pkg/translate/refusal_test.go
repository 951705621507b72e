// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/submit"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// Every refusal begins with the path of a field and the remedy; what spark-submit
// says comes last.
func TestRefusalsNameFieldAndRemedy(t *testing.T) {
	conf := func(pairs ...string) func(*v1beta2.SparkApplication) {
		return func(app *v1beta2.SparkApplication) {
			app.Spec.SparkConf = map[string]string{}
			for i := 0; i < len(pairs); i += 2 {
				app.Spec.SparkConf[pairs[i]] = pairs[i+1]
			}
		}
	}
	const volume = "spark.kubernetes.driver.volumes."
	for name, test := range map[string]struct {
		edit func(*v1beta2.SparkApplication)
		want string
	}{
		"python without suffix": {
			func(app *v1beta2.SparkApplication) {
				app.Spec.Type, app.Spec.MainClass = v1beta2.SparkApplicationTypePython, nil
				app.Spec.MainApplicationFile = ptr.To("local:///opt/app/main")
			},
			`spec.mainApplicationFile: "local:///opt/app/main": does not end in .py, so Spark treats it as a JAR although spec.type is Python; use a file whose name ends in .py`,
		},
		"R without suffix": {
			func(app *v1beta2.SparkApplication) {
				app.Spec.Type, app.Spec.MainClass = v1beta2.SparkApplicationTypeR, nil
			},
			`spec.mainApplicationFile: "local:///opt/app.jar": does not end in .R`,
		},
		"no class": {func(app *v1beta2.SparkApplication) { app.Spec.MainClass = nil }, "spec.mainClass: set the class to run; it cannot be read from the JAR local:///opt/app.jar"},
		"no file":  {func(app *v1beta2.SparkApplication) { app.Spec.MainApplicationFile = nil }, "spec.mainApplicationFile: set the JAR"},
		"shell":    {func(app *v1beta2.SparkApplication) { app.Spec.MainApplicationFile = ptr.To("pyspark-shell") }, `spec.mainApplicationFile: "pyspark-shell": a shell needs a terminal`},
		"SQL shell": {func(app *v1beta2.SparkApplication) {
			app.Spec.MainClass = ptr.To("org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver")
		}, `spec.mainClass: "org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver": a shell needs`},
		"no image": {func(app *v1beta2.SparkApplication) { app.Spec.Image = nil }, "spec.image: "},
		"file of submitter": {func(app *v1beta2.SparkApplication) {
			app.Spec.Type, app.Spec.MainApplicationFile = v1beta2.SparkApplicationTypePython, ptr.To("/opt/main.py")
		}, `spec.mainApplicationFile: "file:/opt/main.py": native submission does not upload files: put the file into the image`},
		"JAR of submitter": {func(app *v1beta2.SparkApplication) { app.Spec.Deps.Jars = []string{"/opt/a.jar"} }, `spec.deps.jars: "file:/opt/a.jar": native`},
		"packages":         {func(app *v1beta2.SparkApplication) { app.Spec.Deps.Packages = []string{"a:b"} }, `spec.deps.packages: "a:b": `},
		"packages in conf": {conf("spark.jars.packages", "a:b"), `spec.sparkConf[spark.jars.packages]: "a:b": `},
		"memory":           {func(app *v1beta2.SparkApplication) { app.Spec.Driver.Memory = ptr.To("1.5g") }, `spec.driver.memory: "1.5g": use a whole number with a unit`},
		"memory in conf": {
			func(app *v1beta2.SparkApplication) {
				conf("spark.executor.memory", "lots")(app)
				app.Spec.Executor.Memory = nil
			},
			`spec.sparkConf[spark.executor.memory]: "lots": use`,
		},
		"overhead":     {func(app *v1beta2.SparkApplication) { app.Spec.Driver.MemoryOverhead = ptr.To("x") }, `spec.driver.memoryOverhead: "x": `},
		"factor":       {func(app *v1beta2.SparkApplication) { app.Spec.MemoryOverheadFactor = ptr.To("x") }, `spec.memoryOverheadFactor: "x": `},
		"core request": {func(app *v1beta2.SparkApplication) { app.Spec.Driver.CoreRequest = ptr.To("x") }, `spec.driver.coreRequest: "x": `},
		"core limit":   {func(app *v1beta2.SparkApplication) { app.Spec.Driver.CoreLimit = ptr.To("x") }, `spec.driver.coreLimit: "x": `},
		"cores":        {conf("spark.cores.max", "0"), `spec.sparkConf[spark.cores.max]: "0": use a whole number above 0`},
		"instances":    {func(app *v1beta2.SparkApplication) { app.Spec.Executor.Instances = ptr.To[int32](-1) }, `spec.executor.instances: "-1": use a whole number above 0`},
		"pull policy":  {func(app *v1beta2.SparkApplication) { app.Spec.ImagePullPolicy = ptr.To("always") }, `spec.imagePullPolicy: "always": `},
		"python version": {func(app *v1beta2.SparkApplication) {
			app.Spec.SparkVersion, app.Spec.PythonVersion = "3.5.1", ptr.To("2")
			app.Spec.MainApplicationFile = ptr.To("local:///a.py")
		}, `spec.pythonVersion: "2": `},
		"proxy user": {func(app *v1beta2.SparkApplication) {
			conf("spark.kerberos.principal", "p")(app)
			app.Spec.ProxyUser = ptr.To("u")
		}, `spec.sparkConf[spark.kerberos.principal]: "p": remove the proxy user`},
		"label":           {func(app *v1beta2.SparkApplication) { app.Spec.Driver.Labels = map[string]string{"spark-role": "x"} }, "spec.driver.labels[spark-role]: "},
		"remote":          {conf("spark.remote", "sc://h"), `spec.sparkConf[spark.remote]: "sc://h": remove it`},
		"bind address":    {conf("spark.driver.bindAddress", "h"), "spec.sparkConf[spark.driver.bindAddress]: "},
		"port":            {conf("spark.driver.port", "x"), `spec.sparkConf[spark.driver.port]: "x": `},
		"UI port":         {conf("spark.ui.port", "x"), `spec.sparkConf[spark.ui.port]: "x": `},
		"keytab":          {conf("spark.kerberos.keytab", "local:///k"), "spec.sparkConf[spark.kerberos."},
		"token":           {conf("spark.kubernetes.kerberos.tokenSecret.name", "t"), "spec.sparkConf[spark.kubernetes.kerberos."},
		"device":          {conf("spark.driver.resource.gpu.amount", "1"), "spec.sparkConf[spark.driver.resource.gpu."},
		"secret key":      {conf("spark.kubernetes.driver.secretKeyRef.A", "x"), "spec.sparkConf[spark.kubernetes.driver.secretKeyRef.A]: "},
		"volume kind":     {conf(volume+"ceph.v.mount.path", "/v"), "spec.sparkConf[" + volume + "ceph.v."},
		"volume path":     {conf(volume+"hostPath.v.options.path", "/v"), "spec.sparkConf[" + volume + "hostPath.v.mount.path]: "},
		"volume option":   {conf(volume+"nfs.v.mount.path", "/v"), "spec.sparkConf[" + volume + "nfs.v.options."},
		"volume size":     {conf(volume+"emptyDir.v.mount.path", "/v", volume+"emptyDir.v.options.sizeLimit", "1"), "spec.sparkConf[" + volume + "emptyDir.v.options.sizeLimit]: "},
		"volume read":     {conf(volume+"emptyDir.v.mount.path", "/v", volume+"emptyDir.v.mount.readOnly", "y"), "spec.sparkConf[" + volume + "emptyDir.v.mount.readOnly]: "},
		"volumes at once": {conf(volume+"emptyDir.v.mount.path", "/v", volume+"emptyDir.w.mount.path", "/v"), "spec.sparkConf"},
		"feature step":    {conf("spark.kubernetes.driver.pod.featureSteps", "org.example.Step"), "spec.sparkConf[spark.kubernetes.driver.pod.featureSteps]: "},
		"IP family":       {conf("spark.kubernetes.driver.service.ipFamilyPolicy", "x"), "spec.sparkConf[spark.kubernetes.driver.service.ipFamilyPolicy]: "},
		"map size":        {conf("spark.kubernetes.configMap.maxSize", "99999999999"), "spec.sparkConf[spark.kubernetes.configMap.maxSize]: "},
		"circle":          {conf("spark.kubernetes.scheduler.name", "${spark.a}", "spark.a", "${spark.a}"), "spec."},
		"mode":            {func(app *v1beta2.SparkApplication) { app.Spec.Mode = v1beta2.DeployModeClient }, "spec.mode: client is not supported: a driver never runs inside the operator; use cluster"},
		"exporter": {func(app *v1beta2.SparkApplication) {
			app.Spec.Monitoring = &v1beta2.MonitoringSpec{ExposeDriverMetrics: true, Prometheus: &v1beta2.PrometheusSpec{}}
		}, "spec.monitoring.prometheus.jmxExporterJar: is required; set the path"},
		"template's port": {func(app *v1beta2.SparkApplication) {
			app.Spec.Driver.Ports = []v1beta2.Port{{Name: "spark-ui", Protocol: "TCP", ContainerPort: 1}}
		}, "spec.driver.ports[0].name: Duplicate value"},
		"executor's volume": {func(app *v1beta2.SparkApplication) {
			app.Spec.Executor.Sidecars = []corev1.Container{{Name: "a", Image: "i", VolumeMounts: []corev1.VolumeMount{{Name: "v", MountPath: "/v"}}}}
		}, `spec.executor: Not found: "v"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := translate.Build(application(test.edit), params())
			if err == nil {
				t.Fatal("not refused")
			}
			text := err.Error()
			if !strings.HasPrefix(text, test.want) {
				t.Errorf("%s\nwant %s...", text, test.want)
			}
			if !regexp.MustCompile(`^(spec|metadata)\.[a-z][A-Za-z.]*(\[[^]]+\])*[A-Za-z.]*: .`).MatchString(text) || strings.ContainsAny(text, "\n\r") {
				t.Errorf("no field first: %q", text)
			}
			ours, words, _ := strings.Cut(text, "; spark-submit: ")
			for _, word := range []string{"PrimaryResource", "MainClass", "--"} {
				if strings.Contains(ours, word) {
					t.Errorf("words of spark-submit: %q", ours)
				}
			}
			var refused *submit.Error
			if errors.As(err, &refused) && strings.ReplaceAll(words, "\n", " ") != strings.ReplaceAll(refused.Message, "\n", " ") {
				t.Errorf("clients look for %q in %q", refused.Message, text)
			}
		})
	}
}

// A warning may explain a refusal, so it comes along.
func TestRefusalKeepsWarnings(t *testing.T) {
	_, err := translate.Build(application(func(app *v1beta2.SparkApplication) {
		app.Spec.Type, app.Spec.MainClass = v1beta2.SparkApplicationTypePython, nil
		app.Spec.RetryInterval = ptr.To[int64](1)
	}), params())
	var refused *translate.Refusal
	if !errors.As(err, &refused) || len(refused.Warnings) != 2 {
		t.Fatalf("%v: %+v", err, refused)
	}
}

// Servers run, which spark-submit refuses in a cluster, with any file; shells do not.
func TestServers(t *testing.T) {
	for _, version := range []string{"3.3.4", "3.5.9", "4.0.1", "4.3.0"} {
		for _, class := range []string{
			"org.apache.spark.sql.hive.thriftserver.HiveThriftServer2", "org.apache.spark.sql.connect.service.SparkConnectServer",
		} {
			for _, file := range []string{"spark-internal", "local:///opt/spark/jars/server.jar"} {
				edit := func(app *v1beta2.SparkApplication) {
					app.Spec.SparkVersion, app.Spec.MainClass, app.Spec.MainApplicationFile = version, ptr.To(class), ptr.To(file)
					app.Spec.Driver.Ports = []v1beta2.Port{{Name: "server", Protocol: "TCP", ContainerPort: 10000}}
				}
				container := build(t, edit).Driver.Spec.Containers[0]
				same(t, "arguments", container.Args, []string{"driver", "--properties-file", "/opt/spark/conf/spark.properties", "--class", class, file})
				if port := container.Ports[len(container.Ports)-1]; port.Name != "server" {
					t.Errorf("ports %v", container.Ports)
				}
				if _, err := translate.BuildJob(application(edit), translate.JobParams{Params: params()}); err == nil || !strings.HasPrefix(err.Error(), "spec.mainClass: ") {
					t.Errorf("spark-submit is to start a server: %v", err)
				}
			}
		}
	}
}
