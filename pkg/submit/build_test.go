// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// javaInput is the least that Build accepts of a Java application, with
// properties added.
func javaInput(keysAndValues ...string) submit.Input {
	conf := map[string]string{
		sparkconf.Master:         "k8s://https://api:6443",
		sparkconf.ContainerImage: "img:1",
		sparkconf.AppName:        "app",
	}
	for pair := range slices.Chunk(keysAndValues, 2) {
		conf[pair[0]] = pair[1]
	}
	return submit.Input{
		SparkVersion:    "4.3.0",
		Conf:            conf,
		MainClass:       "c.M",
		PrimaryResource: "local:///a.jar",
		IDs:             submit.NewIDs("1"),
	}
}

func mustBuild(t testing.TB, in submit.Input) submit.Objects {
	t.Helper()
	objects, err := submit.Build(in)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func encode(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// everyObject is an input of which Build makes every kind of object.
func everyObject() submit.Input {
	in := javaInput(
		"spark.kubernetes.driver.volumes.persistentVolumeClaim.data.mount.path", "/data",
		"spark.kubernetes.driver.volumes.persistentVolumeClaim.data.options.claimName", "OnDemand",
		"spark.kubernetes.driver.volumes.persistentVolumeClaim.data.options.storageClass", "fast",
		"spark.kubernetes.driver.volumes.persistentVolumeClaim.data.options.sizeLimit", "1Gi",
		"spark.kubernetes.driver.volumes.persistentVolumeClaim.data.label.a", "b",
		sparkconf.AuthDriverPrefix+"caCertFile", "/w/ca.crt",
		sparkconf.Keytab, "/w/k.keytab", sparkconf.Principal, "p@R",
		sparkconf.KerberosKrb5Path, "/w/krb5.conf",
		sparkconf.DriverPodFeatureSteps, "org.apache.spark.deploy.k8s.features.VolcanoFeatureStep",
		sparkconf.PodGroupTemplateJSON, `{"spec": {"minMember": 2}}`,
		sparkconf.DriverLabelPrefix+"team", "x",
		sparkconf.DriverAnnotationPrefix+"a", "{{APP_ID}}",
		sparkconf.DriverServiceLabelPrefix+"s", "t",
		sparkconf.DriverServiceAnnotationPrefix+"u", "v",
		sparkconf.NodeSelectorPrefix+"disk", "ssd",
	)
	in.Env = map[string]string{"HADOOP_CONF_DIR": "/w/hadoop", "SPARK_CONF_DIR": "/w/conf"}
	in.Files = map[string][]byte{
		"/w/ca.crt": []byte("ca"), "/w/k.keytab": {5, 2}, "/w/krb5.conf": []byte("[libdefaults]"),
		"/w/hadoop/core-site.xml": []byte("<x/>"), "/w/conf/log4j2.properties": []byte("a=b"),
	}
	in.ExecutorTemplate = []byte("spec: {}")
	in.DriverTemplate = &corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{
			Labels: map[string]string{"l": "1"}, Annotations: map[string]string{"m": "2"},
		},
		Spec: corev1.PodSpec{
			NodeSelector: map[string]string{"n": "3"},
			Volumes:      make([]corev1.Volume, 0, 16),
			Containers: []corev1.Container{{
				Name: "c", Args: append(make([]string, 0, 16), "first"), Env: make([]corev1.EnvVar, 0, 16),
				Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{}},
			}, {Name: "sidecar"}},
		},
	}
	return in
}

func TestBuildDoesNotChangeItsInput(t *testing.T) {
	in := everyObject()
	before := encode(t, in)
	objects := mustBuild(t, in)
	if after := encode(t, in); after != before {
		t.Errorf("input before:\n%s\nafter:\n%s", before, after)
	}
	// Neither may a change of the result reach the input or a later result.
	first := encode(t, objects)
	clobber(&objects)
	if after := encode(t, in); after != before {
		t.Errorf("input before a change of the result:\n%s\nafter:\n%s", before, after)
	}
	if again := encode(t, mustBuild(t, in)); again != first {
		t.Errorf("first:\n%s\nagain:\n%s", first, again)
	}
}

// clobber overwrites what a result could share with its input.
func clobber(objects *submit.Objects) {
	overwrite := func(m map[string]string) {
		for key := range m {
			m[key] = "overwritten"
		}
	}
	pod := objects.Driver
	for _, m := range []map[string]string{
		pod.Labels, pod.Annotations, pod.Spec.NodeSelector, objects.Properties,
		objects.Service.Labels, objects.Service.Annotations, objects.Service.Spec.Selector,
		objects.Claims[0].Labels,
	} {
		overwrite(m)
	}
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		c.Name = "overwritten"
		for j := range c.Args {
			c.Args[j] = "overwritten"
		}
		for j := range c.Env {
			c.Env[j].Name = "overwritten"
		}
		clear(c.Resources.Limits)
	}
	for i := range pod.Spec.Volumes {
		pod.Spec.Volumes[i].Name = "overwritten"
	}
	for _, secret := range objects.Secrets {
		for _, content := range secret.Data {
			for i := range content {
				content[i] = '!'
			}
		}
	}
	for _, configMap := range objects.ConfigMaps {
		overwrite(configMap.Data)
	}
}

func TestLabelsAreNotShared(t *testing.T) {
	objects := mustBuild(t, everyObject())
	objects.Driver.Labels["added"] = "x"
	if _, shared := objects.Service.Spec.Selector["added"]; shared {
		t.Error("the pod's labels are the service's selector")
	}
}

func TestBuildConcurrently(t *testing.T) {
	in := everyObject()
	want := encode(t, mustBuild(t, in))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got := encode(t, mustBuild(t, in)); got != want {
				t.Errorf("want %s\ngot %s", want, got)
			}
		})
	}
	group.Wait()
}

func TestBuildAllocatesLittle(t *testing.T) {
	in := typicalInput()
	allocations := testing.AllocsPerRun(10, func() { mustBuild(t, in) })
	if allocations > 1500 {
		t.Errorf("%v allocations for an application of %d properties", allocations, len(in.Conf))
	}
}

func TestOwn(t *testing.T) {
	objects := mustBuild(t, everyObject())
	objects.Service.OwnerReferences = []metav1.OwnerReference{{Name: "other"}}
	submit.Own(&objects, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "driver", UID: types.UID("u-1")}})

	dependents := []metav1.Object{objects.Pre[0], objects.Service, objects.NetworkPolicy, objects.Claims[0]}
	for _, secret := range objects.Secrets {
		dependents = append(dependents, secret)
	}
	for _, configMap := range objects.ConfigMaps {
		dependents = append(dependents, configMap)
	}
	if len(objects.Secrets) != 2 || len(objects.ConfigMaps) != 4 {
		t.Fatalf("%d secrets, %d ConfigMaps", len(objects.Secrets), len(objects.ConfigMaps))
	}
	for _, object := range dependents {
		owners := object.GetOwnerReferences()
		if len(owners) != 1 || owners[0].APIVersion != "v1" || owners[0].Kind != "Pod" || owners[0].Name != "driver" ||
			owners[0].UID != "u-1" || owners[0].Controller == nil || !*owners[0].Controller || owners[0].BlockOwnerDeletion != nil {
			t.Errorf("%s is owned by %+v", object.GetName(), owners)
		}
	}
	if objects.Driver.OwnerReferences != nil {
		t.Error("the driver owns itself")
	}
	var nothing submit.Objects
	submit.Own(&nothing, &corev1.Pod{})
}

func TestNamespaces(t *testing.T) {
	in := everyObject()
	in.Conf[sparkconf.KubernetesNamespace] = "${env:NS}"
	in.Env["NS"] = "q"
	objects := mustBuild(t, in)
	namespaces := []string{
		objects.Pre[0].GetNamespace(), objects.Driver.Namespace, objects.Service.Namespace,
		objects.NetworkPolicy.Namespace, objects.Claims[0].Namespace, objects.Secrets[0].Namespace,
		objects.ConfigMaps[0].Namespace,
	}
	for i, namespace := range namespaces {
		if namespace != "q" {
			t.Errorf("object %d is in namespace %q", i, namespace)
		}
	}
	if got := objects.Properties[sparkconf.KubernetesNamespace]; got != "${env:NS}" {
		t.Errorf("the property is %q, want it as it was given", got)
	}
}

// refusal returns the error of Build, which must be an *Error of one line.
func refusal(t *testing.T, in submit.Input) *submit.Error {
	t.Helper()
	_, err := submit.Build(in)
	var refused *submit.Error
	if !errors.As(err, &refused) {
		t.Fatalf("%v is no *Error", err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q has several lines", err)
	}
	return refused
}

// Refusals that no recording shows; the recorded ones are in TestGoldens. The
// texts of those with a version were taken from the real client.
func TestRefusals(t *testing.T) {
	in := func(change func(*submit.Input), keysAndValues ...string) submit.Input {
		in := javaInput(keysAndValues...)
		if change != nil {
			change(&in)
		}
		return in
	}
	volume := "spark.kubernetes.driver.volumes."
	for _, test := range []struct {
		name    string
		in      submit.Input
		key     string
		message string
	}{
		{"no version", in(func(in *submit.Input) { in.SparkVersion = "" }), "SparkVersion", "spark version"},
		{"no resource", in(func(in *submit.Input) { in.PrimaryResource = "" }), "PrimaryResource", "Must specify a primary resource (JAR or Python or R file)"},
		{"no master", in(func(in *submit.Input) { delete(in.Conf, sparkconf.Master) }), sparkconf.Master, `Cluster deploy mode is not compatible with master "local"`},
		{"standalone", in(nil, sparkconf.Master, "spark://h:7077"), sparkconf.Master, "the master is not a Kubernetes cluster"},
		{"client mode", in(nil, sparkconf.SubmitDeployMode, "client"), sparkconf.SubmitDeployMode, "deploy mode cluster"},
		{"bad mode", in(nil, sparkconf.SubmitDeployMode, "x"), sparkconf.SubmitDeployMode, "Deploy mode must be either client or cluster"},
		{"remote", in(nil, sparkconf.Remote, "sc://h"), sparkconf.Remote, "Remote cannot be specified with master and/or deploy mode."},
		{"scheme of master", in(nil, sparkconf.Master, "k8s://ftp://h"), sparkconf.Master, "Invalid Kubernetes master scheme: ftp found in URL: ftp://h"},
		{"blank in master", in(nil, sparkconf.Master, "k8s://http://h x"), sparkconf.Master, "Illegal character in authority at index 7: http://h x"},
		{"total cores", in(nil, sparkconf.CoresMax, "0"), sparkconf.CoresMax, "Total executor cores must be a positive number"},
		{"blank before true", in(nil, sparkconf.DynamicAllocationEnabled, " true", sparkconf.ExecutorInstances, "0"), sparkconf.ExecutorInstances, "Number of executors must be a positive number"},
		{"thrift server", in(func(in *submit.Input) { in.MainClass = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2" }), "MainClass", "Cluster deploy mode is not applicable to Spark Thrift server."},
		{"connect server", in(func(in *submit.Input) { in.MainClass = "org.apache.spark.sql.connect.service.SparkConnectServer" }), "MainClass", "Launching Spark Connect server in cluster deploy mode is supported only for YARN"},
		{"connect server 4.1", in(func(in *submit.Input) {
			in.SparkVersion, in.MainClass = "4.1.4", "org.apache.spark.sql.connect.service.SparkConnectServer"
		}), "MainClass", "Cluster deploy mode is not applicable to Spark Connect server."},
		{"connect shell", in(func(in *submit.Input) { in.PrimaryResource = "connect-shell" }), "PrimaryResource", "Cluster deploy mode is not applicable to Spark shells."},
		{"four coordinates", in(nil, sparkconf.JarPackages, "a:b:c,a:b:c:d"), sparkconf.JarPackages, "requirement failed: Provided Maven Coordinates must be in the form 'groupId:artifactId:version'. The coordinate provided is: a:b:c:d"},
		{"blank group", in(nil, sparkconf.JarPackages, " :b:c"), sparkconf.JarPackages, "requirement failed: The groupId cannot be null or be whitespace. The groupId provided is:  "},
		{"no class of a remote jar", in(func(in *submit.Input) { in.MainClass, in.PrimaryResource = "", "s3a://b/x.jar" }), "MainClass", "Failed to get main class in JAR with error"},
		{"no class of a missing jar", in(func(in *submit.Input) { in.MainClass, in.PrimaryResource = "", "/x.jar" }), "MainClass", "File file:/x.jar does not exist"},
		{"both tokens", in(nil, sparkconf.AuthSubmissionPrefix+"oauthToken", "a", sparkconf.AuthSubmissionPrefix+"oauthTokenFile", "b"), sparkconf.AuthSubmissionPrefix + "oauthToken", "requirement failed: Cannot specify OAuth token through both a file"},
		{"trust", in(nil, sparkconf.KubernetesTrustCertificates, "x"), sparkconf.KubernetesTrustCertificates, "'boolean' value"},
		{"system property", in(nil, sparkconf.DriverPodName, "${system:user.name}"), sparkconf.DriverPodName, "cannot resolve ${system:user.name}"},
		{"memory overhead", in(nil, sparkconf.DriverMemoryOverhead, "1 g"), sparkconf.DriverMemoryOverhead, "'bytes in MiB' value"},
		{"infinite factor is taken, no number is not", in(nil, sparkconf.DriverMemoryOverheadFactor, "NaN"), sparkconf.DriverMemoryOverheadFactor, "The value 'NaN'"},
		{"limit", in(nil, sparkconf.DriverLimitCores, "many"), sparkconf.DriverLimitCores, `"many" is not a quantity`},
		{"resource without a setting", in(nil, sparkconf.DriverResourcePrefix+"gpu", "1"), sparkconf.DriverResourcePrefix + "gpu", "You must specify an amount config for resource: gpu config: spark.driver.resource.gpu"},
		{"amounts come before vendors", in(nil, sparkconf.DriverResourcePrefix+"a.amount", "1", sparkconf.DriverResourcePrefix+"b.vendor", "v"), sparkconf.DriverResourcePrefix + "b.amount", "You must specify an amount for b"},
		{"read only", in(nil, volume+"emptyDir.v.mount.path", "/v", volume+"emptyDir.v.mount.readOnly", " true"), volume + "emptyDir.v.mount.readOnly", `For input string: " true"`},
		{"size of zeros", in(nil, volume+"emptyDir.v.mount.path", "/v", volume+"emptyDir.v.options.sizeLimit", "0001023"), volume + "emptyDir.v.options.sizeLimit", "Volume size `0001023` is smaller than 1KiB. Missing units?"},
		{"no size", in(nil, volume+"emptyDir.v.mount.path", "/v", volume+"emptyDir.v.options.sizeLimit", ""), volume + "emptyDir.v.options.sizeLimit", `For input string: ""`},
		{"volume without a name", in(nil, volume+"hostPath..mount.path", "/v"), volume + "hostPath..options.path", "hostPath..options.path is required for hostPath"},
		{"volume without a setting", in(nil, volume+"hostPath.v", "/v"), volume + "hostPath.v.mount.path", "key not found: hostPath.v.mount.path"},
		{"nfs server", in(nil, volume+"nfs.v.mount.path", "/v", volume+"nfs.v.options.path", "/e"), volume + "nfs.v.options.server", "nfs.v.options.server is required for nfs"},
		{"secret reference", in(nil, sparkconf.DriverSecretKeyRefPrefix+"A", "hunter2"), sparkconf.DriverSecretKeyRefPrefix + "A", "requirement failed: SecretKeyRef must be in the form name:key."},
		{"principal alone", in(nil, sparkconf.Principal, "p"), sparkconf.Keytab, "requirement failed: If a Kerberos principal is specified you must also specify a Kerberos keytab"},
		{"token key alone", in(nil, sparkconf.KerberosTokenSecretItemKey, "k"), sparkconf.KerberosTokenSecretName, "requirement failed: If a secret data item-key"},
		{"two krb5", in(nil, sparkconf.KerberosKrb5Path, "/k", sparkconf.KerberosKrb5ConfigMapName, "k"), sparkconf.KerberosKrb5Path, "requirement failed: Do not specify both a Krb5 local file and the ConfigMap"},
		{"missing krb5", in(nil, sparkconf.KerberosKrb5Path, "none"), sparkconf.KerberosKrb5Path, "none"},
		{"missing keytab", in(nil, sparkconf.Keytab, "/none", sparkconf.Principal, "p"), sparkconf.Keytab, "requirement failed: Keytab file: /none does not exist"},
		{"two Hadoop configurations", in(func(in *submit.Input) { in.Env = map[string]string{"HADOOP_CONF_DIR": "/h"} }, sparkconf.HadoopConfigMapName, "h"), sparkconf.HadoopConfigMapName, "requirement failed: Do not specify both the `HADOOP_CONF_DIR`"},
		{"blank in the executor template's path", in(nil, sparkconf.ExecutorPodTemplateFile, "/a b"), sparkconf.ExecutorPodTemplateFile, "Illegal character in path at index 2: /a b"},
		{"pod group", in(nil, sparkconf.DriverPodFeatureSteps, "org.apache.spark.deploy.k8s.features.VolcanoFeatureStep", sparkconf.PodGroupTemplateJSON, "{"), sparkconf.PodGroupTemplateJSON, "could not load the pod group template"},
		{"pod group of a wrong shape", in(nil, sparkconf.DriverPodFeatureSteps, "org.apache.spark.deploy.k8s.features.VolcanoFeatureStep", sparkconf.PodGroupTemplateJSON, `{"metadata": []}`), sparkconf.PodGroupTemplateJSON, "could not load the pod group template"},
		{"missing pod group file", in(nil, sparkconf.DriverPodFeatureSteps, "org.apache.spark.deploy.k8s.features.VolcanoFeatureStep", sparkconf.PodGroupTemplateFile, "/none"), sparkconf.PodGroupTemplateFile, "could not load the pod group template"},
		{"template in another namespace", in(func(in *submit.Input) {
			in.SparkVersion = "3.3.4"
			in.DriverTemplate = &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Namespace: "other"}}
		}), "metadata.namespace of the driver pod template", "Namespace mismatch. Item namespace:other. Operation namespace:default."},
	} {
		t.Run(test.name, func(t *testing.T) {
			refused := refusal(t, test.in)
			if refused.Key != test.key || !strings.Contains(refused.Message, test.message) {
				t.Errorf("%#v, want %q at %s", refused, test.message, test.key)
			}
			if text := refused.Error(); !strings.Contains(text, test.key) {
				t.Errorf("%q does not name %s", text, test.key)
			}
			if strings.Contains(refused.Error(), "hunter2") {
				t.Errorf("%q shows a value that may be a secret", refused)
			}
		})
	}
}

func TestUploadsAreRefused(t *testing.T) {
	for _, test := range []struct {
		key  string
		make func() submit.Input
	}{
		{sparkconf.Jars, func() submit.Input { return javaInput(sparkconf.Jars, "local:///a.jar,/b.jar") }},
		{sparkconf.Jars, func() submit.Input { in := javaInput(); in.PrimaryResource = "/b.jar"; return in }},
		{sparkconf.Files, func() submit.Input { return javaInput(sparkconf.Files, "file:///b.jar") }},
		{sparkconf.Archives, func() submit.Input { return javaInput(sparkconf.Archives, "/b.jar#env") }},
		{sparkconf.SubmitPythonFiles, func() submit.Input { return javaInput(sparkconf.SubmitPythonFiles, "/b.jar") }},
		{"PrimaryResource", func() submit.Input { in := javaInput(); in.PrimaryResource = "/b.jar.py"; return in }},
	} {
		in := test.make()
		refused := refusal(t, in)
		if refused.Key != test.key || refused.Message != "Please specify spark.kubernetes.file.upload.path property." ||
			!strings.Contains(refused.Error(), test.key) || !strings.Contains(refused.Error(), "local://") {
			t.Errorf("%s: %v", test.key, refused)
		}
		in.Conf[sparkconf.FileUploadPath] = "s3a://up"
		refused = refusal(t, in)
		if !strings.HasPrefix(refused.Message, "Uploading file /b.jar") || !strings.Contains(refused.Error(), sparkconf.FileUploadPath) {
			t.Errorf("%s with an upload path: %v", test.key, refused)
		}
	}
}

func TestErrorText(t *testing.T) {
	for _, test := range []struct {
		err  submit.Error
		want string
	}{
		{submit.Error{Message: "a\nb"}, "a b"},
		{submit.Error{Message: "m", Key: "k"}, "m (k)"},
		{submit.Error{Message: "m", Key: "k", Value: "v", Hint: "h"}, "m (k=v); h"},
		{submit.Error{Message: "m", Key: "k", Value: "v\r\nw", Hint: "h\ni"}, "m (k=v  w); h i"},
		{submit.Error{Message: "m names k", Key: "k", Value: "v"}, "m names k"},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("%#v prints %q, want %q", test.err, got, test.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	for _, test := range []struct {
		name, want string
		in         submit.Input
	}{
		{"foreign property", "Ignoring non-Spark config property: foo", javaInput("foo", "bar")},
		{"old version", "Spark 3.2.1 is older than 3.3: submitted as 3.3", func() submit.Input {
			in := javaInput()
			in.SparkVersion = "3.2.1"
			return in
		}()},
		{"new version", "Spark 5.0.0 is newer than 4.3: submitted as 4.3", func() submit.Input {
			in := javaInput()
			in.SparkVersion = "5.0.0"
			return in
		}()},
		{"long name", "too long", javaInput(sparkconf.AppName, strings.Repeat("a", 60))},
		{"account and token", "take precedence", javaInput(sparkconf.DriverServiceAccountName, "sa", sparkconf.AuthDriverPrefix+"oauthToken", "t")},
		{"container of the template", "specified container x not found", func() submit.Input {
			in := javaInput(sparkconf.DriverPodTemplateContainerName, "x")
			in.DriverTemplate = &corev1.PodTemplateSpec{}
			return in
		}()},
		{"no delegation tokens", "No Hadoop delegation tokens", javaInput(sparkconf.HadoopSecurityAuthentication, "Kerberos")},
	} {
		objects := mustBuild(t, test.in)
		if len(objects.Warnings) != 1 || !strings.Contains(objects.Warnings[0], test.want) {
			t.Errorf("%s: %q, want %q", test.name, objects.Warnings, test.want)
		}
	}
	if objects := mustBuild(t, javaInput()); objects.Warnings != nil {
		t.Errorf("warnings without a reason: %q", objects.Warnings)
	}
}

// Versions outside of the known ones behave like their neighbour but keep their
// own label.
func TestUnknownVersions(t *testing.T) {
	for version, like := range map[string]string{"3.2.1": "3.3.4", "5.0.0": "4.3.0", "4.1.0-SNAPSHOT": "4.1.4"} {
		in := everyObject()
		delete(in.Conf, sparkconf.DriverPodFeatureSteps)
		in.SparkVersion = version
		got := mustBuild(t, in)
		in.SparkVersion = like
		want := mustBuild(t, in)
		if label := got.Driver.Labels["spark-version"]; label != version {
			t.Errorf("%s: label %q", version, label)
		}
		text := strings.ReplaceAll(encode(t, got), `"`+version+`"`, `"`+like+`"`)
		got.Warnings = nil
		text, _, _ = strings.Cut(text, `,"Warnings"`)
		expected, _, _ := strings.Cut(encode(t, want), `,"Warnings"`)
		if text != expected {
			t.Errorf("%s is not treated as %s:\n%s\n%s", version, like, text, expected)
		}
	}
}

func TestEnvironmentFallbacks(t *testing.T) {
	in := javaInput()
	delete(in.Conf, sparkconf.Master)
	in.Env = map[string]string{
		"MASTER": "k8s://h:1", "DEPLOY_MODE": "cluster", "SPARK_DRIVER_MEMORY": "2g",
		"SPARK_EXECUTOR_MEMORY": "3g", "SPARK_EXECUTOR_CORES": "4",
	}
	in.Conf["spark.yarn.keytab"], in.Conf["spark.yarn.principal"] = "local:///k", "p"
	want := map[string]string{
		sparkconf.Master: "k8s://https://h:1", sparkconf.SubmitDeployMode: "cluster", sparkconf.DriverMemory: "2g",
		sparkconf.ExecutorMemory: "3g", sparkconf.ExecutorCores: "4",
		sparkconf.Keytab: "local:///k", sparkconf.Principal: "p",
	}
	got := mustBuild(t, in).Properties
	for key := range maps.Keys(want) {
		if got[key] != want[key] {
			t.Errorf("%s = %q, want %q", key, got[key], want[key])
		}
	}
	in.Conf[sparkconf.DriverMemory] = "1g"
	if got := mustBuild(t, in).Properties[sparkconf.DriverMemory]; got != "1g" {
		t.Errorf("the environment wins over the property: %q", got)
	}
}

func TestClaimNumbers(t *testing.T) {
	values := []string{}
	for _, volume := range []string{"c", "a", "b"} {
		prefix := "spark.kubernetes.driver.volumes.persistentVolumeClaim." + volume
		values = append(values, prefix+".mount.path", "/"+volume, prefix+".options.claimName", "OnDemand",
			prefix+".options.storageClass", "s", prefix+".options.sizeLimit", "1Gi")
	}
	values = append(values, "spark.kubernetes.driver.volumes.emptyDir.aa.mount.path", "/aa")
	objects := mustBuild(t, javaInput(values...))
	var names []string
	for _, claim := range objects.Claims {
		names = append(names, claim.Name[strings.LastIndex(claim.Name, "-")+1:])
	}
	if want := []string{"0", "2", "3"}; !slices.Equal(names, want) {
		t.Errorf("claims are numbered %q, want %q by the position of their volumes a, aa, b, c", names, want)
	}
}

// TestAmountsThatAreTooLarge: the hint says what is wrong with a number that is one.
func TestAmountsThatAreTooLarge(t *testing.T) {
	for value, tooLarge := range map[string]bool{
		"8388608t": true, "9223372036854775807g": true, "99999999999999999999m": true,
		"0g": false, "-1g": false, "1.5g": false, "much": false, "": false, "g": false,
	} {
		_, err := submit.Build(javaInput(sparkconf.DriverMemory, value))
		if err == nil {
			t.Errorf("%q: no error", value)
			continue
		}
		if got := strings.Contains(err.Error(), "too large"); got != tooLarge {
			t.Errorf("%q: %v", value, err)
		}
	}
}
