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

// fuzzedKeys are the keys that FuzzBuild gives values to, chosen by one letter:
// random texts would hardly ever form a key that Build reads.
var fuzzedKeys = []string{
	sparkconf.Master, sparkconf.AppName, sparkconf.SubmitDeployMode, sparkconf.AppSubmitTime, sparkconf.Home,
	sparkconf.Jars, sparkconf.Files, sparkconf.Archives, sparkconf.SubmitPythonFiles, sparkconf.JarPackages,
	sparkconf.DriverPort, sparkconf.DriverBlockManagerPort, sparkconf.BlockManagerPort, sparkconf.UIPort,
	sparkconf.ConnectGRPCBindingPort, sparkconf.DriverCores, sparkconf.DriverMemory, sparkconf.DriverMemoryOverhead,
	sparkconf.DriverMemoryOverheadFactor, sparkconf.DriverMinMemoryOverhead, sparkconf.MemoryOverheadFactor,
	sparkconf.DriverResourcePrefix + "gpu.amount", sparkconf.DriverResourcePrefix + "gpu.vendor",
	sparkconf.DriverResourcePrefix + "x", sparkconf.LocalDir, sparkconf.LocalDirsTmpfs, sparkconf.PysparkPython,
	sparkconf.PysparkDriverPython, sparkconf.Keytab, sparkconf.Principal, sparkconf.KubernetesNamespace,
	sparkconf.FileUploadPath, sparkconf.ConfigMapMaxSize, sparkconf.AuthDriverPrefix + "oauthToken",
	sparkconf.AuthDriverPrefix + "caCertFile", sparkconf.DriverServiceAccountName, sparkconf.ContainerImage,
	sparkconf.ContainerImagePullPolicy, sparkconf.ImagePullSecrets, sparkconf.DriverPodName,
	sparkconf.DriverLabelPrefix + "a", sparkconf.DriverAnnotationPrefix + "a", sparkconf.DriverEnvPrefix + "A",
	sparkconf.NodeSelectorPrefix + "a", sparkconf.DriverNodeSelectorPrefix + "a", sparkconf.DriverRequestCores,
	sparkconf.DriverLimitCores, sparkconf.SchedulerName, sparkconf.AllowPrivilegeEscalation,
	sparkconf.DriverSecretsPrefix + "s", sparkconf.DriverSecretKeyRefPrefix + "A",
	sparkconf.DriverVolumesPrefix + "hostPath.h.mount.path", sparkconf.DriverVolumesPrefix + "hostPath.h.options.path",
	sparkconf.DriverVolumesPrefix + "emptyDir.spark-local-dir-e.mount.path",
	sparkconf.DriverVolumesPrefix + "emptyDir.spark-local-dir-e.options.sizeLimit",
	sparkconf.DriverVolumesPrefix + "persistentVolumeClaim.p.mount.path",
	sparkconf.DriverVolumesPrefix + "persistentVolumeClaim.p.mount.readOnly",
	sparkconf.DriverVolumesPrefix + "persistentVolumeClaim.p.options.claimName",
	sparkconf.DriverVolumesPrefix + "persistentVolumeClaim.p.options.storageClass",
	sparkconf.DriverVolumesPrefix + "persistentVolumeClaim.p.options.sizeLimit",
	sparkconf.ExecutorVolumesPrefix + "nfs.n.mount.path", sparkconf.LegacyUseReadWriteOnceAccessMode,
	sparkconf.DriverPodTemplateFile, sparkconf.DriverPodTemplateContainerName, sparkconf.ExecutorPodTemplateFile,
	sparkconf.DriverPodFeatureSteps, sparkconf.DriverPodExcludedFeatureSteps, sparkconf.PodGroupTemplateFile,
	sparkconf.PodGroupTemplateJSON, sparkconf.DriverServiceLabelPrefix + "a", sparkconf.DriverServiceIPFamilies,
	sparkconf.HadoopConfigMapName, sparkconf.KerberosKrb5Path, sparkconf.KerberosTokenSecretName,
	sparkconf.KerberosTokenSecretItemKey, "spark.a", "spark.b",
}

// fuzzedConf reads one property from each line: the first byte chooses the key,
// the rest is the value.
func fuzzedConf(lines string) map[string]string {
	conf := map[string]string{
		sparkconf.Master: "k8s://h:1", sparkconf.ContainerImage: "i", sparkconf.AppName: "n",
		sparkconf.DriverPodTemplateContainerName: "c",
	}
	for line := range strings.SplitSeq(lines, "\n") {
		if line != "" {
			conf[fuzzedKeys[int(line[0])%len(fuzzedKeys)]] = line[1:]
		}
	}
	return conf
}

// fuzzedLine is the line that gives a value to a key.
func fuzzedLine(key, value string) string {
	for i, known := range fuzzedKeys {
		if known == key {
			return string([]byte{byte(i)}) + value + "\n"
		}
	}
	panic("no such key: " + key)
}

// FuzzBuild checks that Build does not panic and leaves its input alone, that it
// returns an *Error of one line, or the same objects each time, and that the
// driver reads back its properties.
func FuzzBuild(f *testing.F) {
	versions := []string{"3.3.1", "3.3.4", "3.4.4", "3.5.9", "4.0.5", "4.1.4", "4.2.1", "4.3.0"}
	for i, key := range fuzzedKeys {
		for _, value := range []string{"1", "true", "/w/file", "n:k", "${spark.a}"} {
			f.Add(byte(i), fuzzedLine(key, value), "A=B", "local:///a.jar", "c.M", "spec: {containers: [{name: c}]}")
		}
	}
	f.Add(byte(7), fuzzedLine(sparkconf.DriverPodFeatureSteps, "org.apache.spark.deploy.k8s.features.VolcanoFeatureStep")+
		fuzzedLine(sparkconf.PodGroupTemplateFile, "file"), "SPARK_CONF_DIR=/w", "a.R", "", "spec: {minMember: 1}")
	f.Add(byte(5), fuzzedLine("spark.a", "${spark.b}")+fuzzedLine("spark.b", "${env:X}${spark.a}"),
		"HADOOP_CONF_DIR=/w\nX=y", "m.py", "", "\xff")
	f.Add(byte(6), fuzzedLine(sparkconf.Files, "a b,s3a://x"), "SPARK_LOCAL_DIRS=,a,\nSPARK_USER=u", "file:///w/file", "", "PK\x03\x04")
	f.Fuzz(func(t *testing.T, version byte, lines, env, resource, mainClass, file string) {
		variables, err := sparkconf.ParseProperties(env)
		if err != nil {
			return
		}
		conf := fuzzedConf(lines)
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
		objects, err := submit.Build(in)
		if !maps.Equal(conf, fuzzedConf(lines)) {
			t.Fatalf("the properties became %q", conf)
		}
		if err != nil {
			var refused *submit.Error
			if !errors.As(err, &refused) || refused.Message == "" || strings.ContainsAny(err.Error(), "\n\r") {
				t.Fatalf("%#v", err)
			}
			return
		}
		if warnings := strings.Join(objects.Warnings, ""); strings.ContainsAny(warnings, "\n\r") {
			t.Fatalf("a warning of several lines: %q", objects.Warnings)
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
