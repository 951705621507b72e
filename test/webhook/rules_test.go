// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/internal/recording"
	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim"
)

// sound reports an error if the CRD refuses a manifest that the controller runs.
func sound(t *testing.T, name string, object *unstructured.Unstructured) (refused bool) {
	t.Helper()
	raw, err := object.MarshalJSON()
	if err != nil {
		t.Error(err)
		return false
	}
	refusal := byCRD(t.Context(), object)
	if refusal == "" {
		return false
	}
	// The API server does not skip a rule that it cannot evaluate: it would lock a stored
	// object.
	for _, failure := range []string{"evaluat", "budget", "no such key"} {
		if strings.Contains(refusal, failure) {
			t.Errorf("%s: a rule fails: %s", name, refusal)
		}
	}
	if reason, _ := byController(object.GetKind(), raw); reason == "" {
		t.Errorf("%s: the CRD refuses what the controller runs: %s\n%s", name, refusal, raw)
	}
	return true
}

// refusedByCRD are the recorded manifests that kubeflow/spark-operator stored and that the
// CRD refuses. docs/deviations.md says why none of them can run.
var refusedByCRD = map[string]bool{
	"conf-not-denied": true, "core-limit-below": true, "core-request-bad": true, "java-options-xmx": true, "main-class-empty": true,
	"main-class-missing": true, "mode-client": true, "no-webhook-missing": true,
}

// TestRecordedManifestsAreStored: of the manifests that kubeflow/spark-operator stored,
// those of reported cases and those of examples, the CRD refuses only what cannot run.
func TestRecordedManifestsAreStored(t *testing.T) {
	const namespace = "recorded"
	if err := sim.CreateNamespace(t.Context(), api.Core, namespace); err != nil {
		t.Fatal(err)
	}
	cases, err := recording.Read(sim.Repository)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		object := &unstructured.Unstructured{}
		if err := json.Unmarshal(c.Manifest, &object.Object); err != nil {
			t.Fatal(err)
		}
		object.SetNamespace(namespace)
		if conf, _, _ := unstructured.NestedStringMap(object.Object, "spec", "sparkConf"); conf["spark.kubernetes.namespace"] != "" {
			continue // the recorded namespace is another one
		}
		if strings.Contains(c.Admission, "is invalid") { // for the CRD of kubeflow/spark-operator
			if byCRD(t.Context(), object) == "" {
				t.Errorf("%s: not refused; recorded: %s", c.Case, c.Admission)
			}
			continue
		}
		if refused := sound(t, c.Case, object); c.Admission == recording.Accepted && refused != refusedByCRD[c.Case] {
			t.Errorf("%s: refused %t: %s", c.Case, refused, byCRD(t.Context(), object))
		}
	}
	manifests := 0
	for _, pattern := range []string{"examples/*.yaml", "pkg/translate/testdata/cases/*.yaml", "pkg/translate/testdata/applications/*.yaml"} {
		files, err := filepath.Glob(filepath.Join(sim.Repository, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for document := range strings.SplitSeq(string(text), "\n---\n") {
				object := &unstructured.Unstructured{}
				if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
					t.Fatalf("%s: %v", file, err)
				}
				if !strings.HasSuffix(object.GetKind(), "SparkApplication") {
					continue
				}
				manifests++
				object.SetNamespace(namespace)
				sound(t, file, object)
			}
		}
	}
	t.Logf("%d recorded manifests and %d others", len(cases), manifests)
}

// TestRulesAcceptTheLargestApplications: the API server has the time to evaluate all
// rules of the largest lists, maps and texts.
func TestRulesAcceptTheLargestApplications(t *testing.T) {
	const namespace = "largest"
	if err := sim.CreateNamespace(t.Context(), api.Core, namespace); err != nil {
		t.Fatal(err)
	}
	largest, err := admission.Largest()
	if err != nil {
		t.Fatal(err)
	}
	together, err := admission.Application(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range largest {
		one.Object.SetNamespace(namespace)
		if refusal := byCRD(t.Context(), one.Object); refusal != "" {
			t.Errorf("%s: %.300s", one.Name, refusal)
		}
		switch one.Name { // those that rules go through
		case "size of spec.volumes", "size of spec.driverIngressOptions", "size of spec.executor.ports":
			admission.Merge(together.Object, one.Object.Object)
		}
	}
	text := strings.Repeat("a", 300_000)
	admission.Merge(together.Object, map[string]any{"metadata": map[string]any{"name": "together"}, "spec": map[string]any{
		"driver": map[string]any{"javaOptions": text}, "executor": map[string]any{"javaOptions": text, "memoryLimit": text}, "sparkVersion": text,
	}})
	together.SetNamespace(namespace)
	if refusal := byCRD(t.Context(), together); refusal != "" {
		t.Errorf("together: %.300s", refusal)
	}
}

// choices are values of fields, near what a rule refuses on either side of it.
var choices = []string{
	`{"mode":"cluster"}`, `{"mode":"client"}`, `{"type":"Python"}`, `{"type":"R"}`,
	`{"sparkVersion":"2.4"}`, `{"sparkVersion":"2"}`, `{"sparkVersion":"v2.4.8-x"}`, `{"sparkVersion":"20230101"}`, `{"sparkVersion":"3.0"}`, `{"sparkVersion":"image-2.4.8"}`,
	`{"sparkVersion":" 2.4.8 "}`, `{"sparkVersion":""}`, `{"sparkVersion":"4.2.0"}`, `{"image":"example.org/spark:3.5.1"}`, `{"image":"spark:2.4"}`,
	`{"driver":{"template":{}}}`, `{"executor":{"template":{"spec":{}}}}`,
	`{"mainClass":""}`, `{"mainClass":null}`, `{"mainApplicationFile":"local:///a.py"}`, `{"mainApplicationFile":"local:///a.r"}`, `{"mainApplicationFile":"local:///a.PY"}`,
	`{"mainApplicationFile":"local:/a.jar"}`, `{"mainApplicationFile":"LOCAL:///a.jar"}`, `{"mainApplicationFile":"local:///a.py#b"}`, `{"mainApplicationFile":"local"}`,
	`{"mainApplicationFile":"local:"}`, `{"mainApplicationFile":"file:///a.jar"}`, `{"mainApplicationFile":"local:///a.py\n"}`,
	`{"imagePullPolicy":""}`, `{"imagePullPolicy":"always"}`, `{"imagePullPolicy":"Never"}`, `{"sparkConf":{"spark.kubernetes.container.image.pullPolicy":"Always"}}`,
	`{"driver":{"coreLimit":"2"}}`, `{"driver":{"coreLimit":"1999m"}}`, `{"driver":{"coreLimit":"2000m"}}`, `{"driver":{"coreLimit":""}}`, `{"driver":{"coreLimit":"1e3m"}}`, `{"driver":{"coreLimit":" 1"}}`,
	`{"driver":{"coreLimit":"2Ki"}}`, `{"driver":{"coreLimit":"-1"}}`, `{"driver":{"coreLimit":".5"}}`, `{"driver":{"coreLimit":"0"}}`,
	`{"driver":{"cores":2}}`, `{"driver":{"cores":1}}`, `{"driver":{"coreRequest":"2"}}`, `{"driver":{"coreRequest":""}}`, `{"driver":{"coreRequest":"1500m"}}`,
	`{"sparkConf":{"spark.kubernetes.driver.request.cores":"1"}}`, `{"sparkConf":{"spark.kubernetes.driver.request.cores":""}}`, `{"sparkConf":{"spark.driver.cores":"1"}}`,
	`{"executor":{"cores":3}}`, `{"executor":{"coreLimit":"2"}}`, `{"executor":{"coreRequest":"0"}}`, `{"sparkConf":{"spark.kubernetes.executor.request.cores":" "}}`,
	`{"driver":{"memory":""}}`, `{"driver":{"memory":"512"}}`, `{"driver":{"memory":" 1G "}}`, `{"driver":{"memory":"1 g"}}`, `{"driver":{"memory":"1KB"}}`, `{"driver":{"memory":"1\u212a"}}`,
	`{"driver":{"memory":"\u00a01g"}}`, `{"executor":{"memory":"1gib"}}`, `{"executor":{"memory":"-1g"}}`, `{"executor":{"memory":"1.5g"}}`, `{"executor":{"memory":"1g\n"}}`,
	`{"executor":{"memoryOverhead":"-1g"}}`, `{"executor":{"memoryOverhead":"- 1g"}}`, `{"executor":{"memoryOverhead":" -1g"}}`, `{"executor":{"memoryOverhead":"1\u212a"}}`, `{"driver":{"memoryOverhead":"0"}}`,
	`{"driver":{"memoryOverhead":"1GiB"}}`, `{"driver":{"memoryOverhead":"1.0"}}`, `{"executor":{"memoryOverhead":"\u0001512m"}}`,
	`{"driver":{"memoryLimit":"3Gi"}}`, `{"driver":{"memoryLimit":" 3gb "}}`, `{"driver":{"memoryLimit":"\u00a03g"}}`, `{"driver":{"memoryLimit":"1e10"}}`, `{"driver":{"memoryLimit":"+3E"}}`, `{"driver":{"memoryLimit":"-3g"}}`,
	`{"driver":{"memoryLimit":"5e9b"}}`, `{"executor":{"memoryLimit":"3000000000000m"}}`, `{"executor":{"memoryLimit":"3g g"}}`, `{"executor":{"memoryLimit":" "}}`, `{"executor":{"memoryLimit":"3\u212a"}}`,
	`{"driver":{"env":[{"name":"A","value":"1"}]}}`, `{"driver":{"env":[{"name":"","value":"1"}]}}`, `{"executor":{"env":[{"name":" "}]}}`,
	`{"executor":{"labels":{"spark-role":"x"}}}`, `{"executor":{"labels":{"spark-roles":"x"}}}`, `{"driver":{"labels":{"spark-role":"x"}}}`,
	`{"driver":{"javaOptions":"-Xmx2g"}}`, `{"driver":{"javaOptions":"a-Xmx2g"}}`, `{"driver":{"javaOptions":"\"-Xmx2g\""}}`, `{"driver":{"javaOptions":"\u00a0-Xmx2g"}}`, `{"driver":{"javaOptions":"-Dspark.x"}}`,
	`{"executor":{"javaOptions":"-Da\t'-Dspark.x=y'"}}`, `{"executor":{"javaOptions":"-Xms1g -XX:+UseG1GC"}}`, `{"executor":{"javaOptions":"-Dsparkling"}}`,
	`{"driver":{"podName":"a.b"}}`, `{"driver":{"podName":"a..b"}}`, `{"driver":{"podName":""}}`, `{"driver":{"podName":"a\n"}}`, `{"driver":{"podName":"1"}}`,
	`{"driver":{"ports":[{"name":"","protocol":"","containerPort":1}]}}`, `{"driver":{"ports":[{"name":"a","protocol":"tcp","containerPort":1}]}}`, `{"executor":{"ports":[{"name":"a","protocol":"SCTP","containerPort":65535}]}}`,
	`{"executor":{"ports":[{"name":"a23456789012345","protocol":"UDP","containerPort":65536}]}}`, `{"executor":{"ports":[{"name":"a234567890123456","protocol":"UDP","containerPort":5}]}}`,
	`{"dynamicAllocation":{"enabled":true,"minExecutors":2,"maxExecutors":2}}`, `{"dynamicAllocation":{"enabled":true,"minExecutors":3,"maxExecutors":2}}`, `{"dynamicAllocation":{"minExecutors":3,"maxExecutors":2}}`,
	`{"dynamicAllocation":{"enabled":false,"minExecutors":-3}}`, `{"dynamicAllocation":{"enabled":true,"initialExecutors":-1}}`, `{"dynamicAllocation":{"enabled":true,"maxExecutors":0}}`, `{"dynamicAllocation":{"enabled":true,"minExecutors":-1}}`,
	`{"executor":{"instances":0}}`,
	`{"restartPolicy":{"type":"OnFailure","backoff":{"initialSeconds":300}}}`, `{"restartPolicy":{"backoff":{"initialSeconds":301}}}`, `{"restartPolicy":{"backoff":{"initialSeconds":9,"maxSeconds":8}}}`,
	`{"restartPolicy":{"nonRetryableExitCodes":[1,255]}}`, `{"restartPolicy":{"nonRetryableExitCodes":[0]}}`, `{"restartPolicy":{"type":"Never"}}`,
	`{"volumes":[{"name":"v"}]}`, `{"volumes":[{"name":"v","emptyDir":{}},{"name":"w","configMap":{"name":"c"}}]}`, `{"volumes":[{"name":"v","emptyDir":{},"secret":{"secretName":"s"}}]}`,
	`{"driverIngressOptions":[{"servicePort":80,"servicePortName":"a","ingressURLFormat":"a.example.com"},{"servicePort":81,"servicePortName":"a","ingressURLFormat":"b.example.com"}]}`,
	`{"driverIngressOptions":[{"servicePort":80,"servicePortName":"a","ingressURLFormat":"a.example.com"},{"servicePort":80,"servicePortName":"a","ingressURLFormat":"b.example.com"}]}`,
	`{"driverIngressOptions":[{"servicePort":80,"servicePortName":"a"},{"servicePort":81,"servicePortName":"a"}]}`,
	`{"sparkConf":{"spark.kerberos.keytab":"local:///k"}}`, `{"sparkConf":{"spark.kerberos.keytab":"/k"}}`, `{"sparkConf":{"spark.kubernetes.authenticate.driver.mounted.oauthTokenFile":"/t"}}`,
	`{"sparkConf":{"spark.kubernetes.authenticate.submissions":"x"}}`, `{"sparkConf":{"spark.kubernetes.authenticate.submission.x":"x"}}`, `{"sparkConf":{"spark.masters":"x"}}`, `{"sparkConf":{"spark.master":""}}`,
	`{"sparkConf":{"spark.kubernetes.executor.podNamePrefix":"a-${spark.app.name}"}}`, `{"sparkConf":{"spark.kubernetes.executor.podNamePrefix":"a-"}}`, `{"sparkConf":{"spark.kubernetes.executor.podNamePrefix":"1.b"}}`,
	`{"sparkConf":{"spark.kubernetes.driver.container.image":"x"}}`, `{"sparkConf":{"spark.kubernetes.driver.podTemplateFiles":"x"}}`,
	`{"batchScheduler":"volcano"}`, `{"timeToLiveSeconds":0}`, `{"monitoring":{"exposeDriverMetrics":true,"exposeExecutorMetrics":false,"prometheus":{"jmxExporterJar":"/x.jar","port":1024}}}`,
}

// ofSchedules are values of fields of schedules, like choices.
var ofSchedules = []string{
	`{"schedule":"0 5 * * *"}`, `{"schedule":"0\u00a05\u2003* *\t*"}`, `{"schedule":" @daily "}`, `{"schedule":"@every 1m"}`, `{"schedule":"@Every 1m"}`, `{"schedule":"TZ=UTC 0 5 * * *"}`, `{"schedule":"CRON_TZ= 0 5 * * *"}`,
	`{"schedule":"TZ=UTC"}`, `{"schedule":" TZ=UTC 0 5 * * *"}`, `{"schedule":""}`, `{"schedule":"0 5 * * * *"}`, `{"schedule":"\u00850 5 * * *"}`, `{"schedule":"0 5 * * *\u000b"}`, `{"schedule":"TZ=UTC 0 5 * *"}`,
	`{"timeZone":"Local"}`, `{"timeZone":"Europe/Berlin"}`, `{"concurrencyPolicy":""}`, `{"concurrencyPolicy":"allow"}`, `{"catchUpPolicy":"Last"}`,
	`{"spread":"0"}`, `{"spread":"-0s"}`, `{"spread":"+5m"}`, `{"spread":"-1ns"}`, `{"spread":"5"}`, `{"spread":"1h1.5m"}`, `{"spread":"5µs"}`, `{"spread":""}`, `{"spread":".5s"}`,
	`{"successfulRunHistoryLimit":0}`, `{"failedRunHistoryLimit":-1}`, `{"startingDeadlineSeconds":1}`, `{"suspend":true}`,
}

// ofServers are values of fields of SparkConnects, like choices.
var ofServers = []string{
	`{"sparkVersion":"3.3"}`, `{"sparkVersion":"3"}`, `{"sparkVersion":"v3.4.0"}`, `{"sparkVersion":"3.4"}`, `{"sparkVersion":"3.3-scala2.12"}`, `{"sparkVersion":"3.10.1"}`, `{"sparkVersion":"3.5.6"}`, `{"sparkVersion":"2"}`,
	`{"sparkVersion":"20230101"}`, `{"sparkVersion":" 3.3.1 "}`, `{"sparkVersion":""}`, `{"sparkVersion":"\u00a0"}`, `{"sparkVersion":"\u200b"}`, `{"image":"spark:3.5.1"}`, `{"image":"spark:3.3.1"}`, `{"image":""}`,
	`{"server":{"memory":""}}`, `{"server":{"memory":" 1G "}}`, `{"server":{"memory":"1.5g"}}`, `{"executor":{"memory":"-1g"}}`, `{"executor":{"memory":"1\u212a"}}`, `{"executor":{"memory":"0"}}`, `{"executor":{"memory":"1 g"}}`,
	`{"executor":{"instances":0}}`, `{"executor":{"instances":1}}`, `{"dynamicAllocation":{"enabled":true}}`, `{"dynamicAllocation":{"enabled":false,"initialExecutors":-1}}`,
	`{"sparkConf":{"spark.dynamicAllocation.enabled":"true"}}`, `{"sparkConf":{"spark.dynamicAllocation.enabled":" TRUE "}}`, `{"sparkConf":{"spark.dynamicAllocation.enabled":"no"}}`,
	`{"dynamicAllocation":{"enabled":true,"initialExecutors":2,"minExecutors":2,"maxExecutors":2}}`, `{"dynamicAllocation":{"enabled":true,"initialExecutors":0}}`, `{"dynamicAllocation":{"enabled":true,"initialExecutors":0,"minExecutors":1}}`,
	`{"dynamicAllocation":{"initialExecutors":9,"maxExecutors":1}}`, `{"dynamicAllocation":{"enabled":true,"minExecutors":0,"maxExecutors":1}}`,
	`{"sparkConf":{"spark.connect.grpc.binding.port":"15003"}}`, `{"sparkConf":{"spark.connect.grpc.binding.port":" 15003\n"}}`, `{"sparkConf":{"spark.connect.grpc.binding.port":"+15003"}}`, `{"sparkConf":{"spark.ui.port":"00"}}`,
	`{"sparkConf":{"spark.ui.port":""}}`, `{"sparkConf":{"spark.driver.port":"${spark.ui.port}"}}`, `{"sparkConf":{"spark.driver.port":"-1"}}`, `{"sparkConf":{"spark.driver.port":"\u00a07078"}}`, `{"sparkConf":{"spark.driver.blockManager.port":"0x10"}}`,
	`{"server":{"service":{"metadata":{"name":""}}}}`, `{"server":{"service":{"metadata":{"name":"lab"}}}}`, `{"server":{"service":{"metadata":{"name":"1lab"}}}}`, `{"server":{"service":{"metadata":{"name":"lab-"}}}}`, `{"server":{"service":{"spec":{"type":"NodePort"}}}}`,
	`{"maxAge":"1m"}`, `{"maxAge":"59s999ms"}`, `{"maxAge":"+60s"}`, `{"maxAge":"0.5h"}`, `{"maxAge":"99999h99999h"}`, `{"maxAge":"999999999h"}`, `{"maxAge":"h"}`, `{"maxAge":"0"}`, `{"maxAge":""}`, `{"maxAge":"60000ms"}`, `{"maxAge":"1h1h1h"}`,
	`{"idleTimeout":"1m"}`, `{"idleTimeout":"59999ms"}`, `{"idleTimeout":"1m","maxAge":"60s"}`, `{"idleTimeout":"1h","maxAge":"59m"}`, `{"idleTimeout":"1.5h","maxAge":"1h"}`, `{"idleTimeout":"10m","sparkVersion":"3.4.1"}`,
	`{"sparkConf":{"spark.ui.enabled":"false"}}`, `{"sparkConf":{"spark.ui.enabled":" FALSE "}}`, `{"sparkConf":{"spark.ui.enabled":"no"}}`, `{"sparkConf":{"spark.ui.enabled":"true"}}`,
	`{"authentication":{"generate":true}}`, `{"authentication":{"generate":false}}`, `{"authentication":{"tokenSecret":{"name":"a.b"}}}`, `{"authentication":{"tokenSecret":{"name":"a..b"}}}`, `{"authentication":{"tokenSecret":{"name":"a","key":".x"}}}`,
	`{"authentication":{"tokenSecret":{"name":"a","key":"..x"}}}`, `{"authentication":{"tokenSecret":{"name":"a","key":"."}}}`, `{"authentication":{"tokenSecret":{"name":"a","key":""}}}`, `{"sparkConf":{"spark.connect.authenticate.token":""}}`,
	`{"route":{"type":"Ingress","host":"localhost"}}`, `{"route":{"type":"Ingress","host":"1.2.3"}}`, `{"route":{"type":"Ingress","host":"1.2.3.4.5"}}`, `{"route":{"type":"Ingress","host":"010.0.0.1"}}`, `{"route":{"type":"Ingress","host":"256.1.1.1"}}`,
	`{"route":{"type":"Ingress","host":"a.example.com","uiHost":"10.0.0.2"}}`, `{"route":{"type":"Ingress","host":"a.example.com","uiHost":"","class":"","tlsSecretName":""}}`, `{"route":{"type":"GRPCRoute","host":"a.example.com","parentRefs":[{"name":"g"},{"name":"h.i"}]}}`,
	`{"route":{"type":"GRPCRoute","host":"a.example.com","parentRefs":[{"name":"g"}],"class":""}}`, `{"route":{"type":"GRPCRoute","host":"a.example.com","parentRefs":[{"name":"-"}]}}`,
	`{"sparkConf":{"spark.master":""}}`, `{"sparkConf":{"spark.kerberos.keytab":"local:///k"}}`, `{"sparkConf":{"spark.kerberos.keytab":"/k"}}`, `{"sparkConf":{"spark.kubernetes.container.image":"x"}}`, `{"hadoopConf":{"a":"b"}}`, `{"suspend":true}`,
}

// TestRulesRefuseOnlyWhatCannotRun shows applications, schedules and servers to the CRDs that have
// each of the choices alone, and some of them at random. What it refuses is refused by
// package validation as well, or by the submission.
func TestRulesRefuseOnlyWhatCannotRun(t *testing.T) {
	const namespace, combinations = "generated", 800
	if err := sim.CreateNamespace(t.Context(), api.Core, namespace); err != nil {
		t.Fatal(err)
	}
	objects := make(chan *unstructured.Unstructured)
	var refused, all int
	var lock sync.Mutex
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for object := range objects {
				isRefused := sound(t, "generated", object)
				lock.Lock()
				all++
				if isRefused {
					refused++
				}
				lock.Unlock()
			}
		})
	}
	add := func(build func(map[string]any) (*unstructured.Unstructured, error), choices ...string) {
		object, err := build(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, choice := range choices {
			var spec map[string]any
			if err := json.Unmarshal([]byte(choice), &spec); err != nil {
				t.Fatalf("%s: %v", choice, err)
			}
			admission.Merge(object.Object, map[string]any{"spec": spec})
		}
		object.SetNamespace(namespace)
		objects <- object
	}
	random := rand.New(rand.NewPCG(16, 3))
	pick := func(from []string) (some []string) {
		for range 1 + random.IntN(4) {
			some = append(some, from[random.IntN(len(from))])
		}
		return some
	}
	for _, choice := range choices {
		add(admission.Application, choice)
	}
	for _, choice := range ofSchedules {
		add(admission.Schedule, choice)
	}
	for _, choice := range ofServers {
		add(admission.Connect, choice)
	}
	for range combinations {
		add(admission.Application, pick(choices)...)
	}
	for range combinations / 4 {
		add(admission.Connect, pick(ofServers)...)
	}
	for range combinations / 10 {
		add(admission.Schedule, pick(ofSchedules)...)
	}
	close(objects)
	workers.Wait()
	t.Logf("%d objects, %d of them refused", all, refused)
	if refused < all/10 || refused > all*9/10 {
		t.Errorf("%d of %d refused: the choices are not near the rules", refused, all)
	}
}
