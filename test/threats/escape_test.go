// SPDX-License-Identifier: Apache-2.0

package threats

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim"
)

// Attacks that try to leave the namespace, or to get more than a pod in it has.

func (by *tenant) appWith(name string, properties map[string]string) *v1beta2.SparkApplication {
	app := by.app(name, "")
	app.Spec.SparkConf = properties
	return app
}

// createInAnotherNamespace names another namespace wherever a namespace can be named.
func createInAnotherNamespace(t *testing.T, by *tenant) {
	by.fails(t, by.appWith("property", map[string]string{"spark.kubernetes.namespace": victim}), "spark.kubernetes.namespace")
	template := by.app("template", "")
	template.Spec.Driver.Template = &corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Namespace: victim}}
	template = waitState(t, by.create(t, template), v1beta2.ApplicationStateRunning)
	by.watchOver(t, pods, template.Status.DriverInfo.PodName) // it is in the tenant's own
	list, err := api.Core.CoreV1().Pods(victim).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		if owner := metav1.GetControllerOf(&list.Items[i]); owner == nil || owner.Name == "property" || owner.Name == "template" {
			t.Errorf("pod %s in the namespace of the victim", list.Items[i].Name)
		}
	}
}

// named is how a refusal names a property: the CRD does not list those of a prefix.
func named(key string) string {
	const prefix = "spark.kubernetes.authenticate.submission."
	if strings.HasPrefix(key, prefix) {
		return prefix
	}
	return key
}

// readTheEnvironment has the operator replace references to its environment and to system
// properties of its process.
func readTheEnvironment(t *testing.T, by *tenant) {
	for i, reference := range []string{"${env:PLANTED}", "${sys:PLANTED}", "${system:PLANTED}", "$(PLANTED)", "${spark.x:-${env:PLANTED}}", "{{PLANTED}}"} {
		app := by.appWith(fmt.Sprintf("reference-%d", i), map[string]string{"spark.planted": reference, "spark.driver.extraJavaOptions": "-Dx=" + reference})
		app.Spec.Arguments = []string{reference}
		app.Spec.Driver.EnvVars = map[string]string{"PLANTED_TOO": reference}
		by.create(t, app)
	}
	settle()
	if strings.Contains(by.contents(t), plantedEnv) {
		t.Error("an object contains a variable of the operator's environment")
	}
}

// readFiles names a file of the operator in each property that names a file of whoever
// submits.
func readFiles(t *testing.T, by *tenant) {
	for i, key := range []string{
		"spark.kubernetes.driver.podTemplateFile", "spark.kubernetes.executor.podTemplateFile", "spark.kubernetes.kerberos.krb5.path",
		"spark.kerberos.keytab", "spark.kubernetes.scheduler.volcano.podGroupTemplateFile",
		"spark.kubernetes.authenticate.driver.caCertFile", "spark.kubernetes.authenticate.driver.clientKeyFile",
		"spark.kubernetes.authenticate.driver.clientCertFile", "spark.kubernetes.authenticate.driver.oauthTokenFile",
		"spark.kubernetes.authenticate.submission.oauthTokenFile", "spark.kubernetes.authenticate.oauthTokenFile",
	} {
		app := by.appWith(fmt.Sprintf("file-%d", i), map[string]string{key: under.file})
		if key == "spark.kerberos.keytab" {
			app.Spec.SparkConf["spark.kerberos.principal"] = "p"
		}
		by.fails(t, app, named(key))
	}
	for i, key := range []string{"spark.files", "spark.jars", "spark.submit.pyFiles", "spark.archives"} {
		by.create(t, by.appWith(fmt.Sprintf("upload-%d", i), map[string]string{key: "file://" + under.file, "spark.kubernetes.file.upload.path": "file:///tmp"}))
	}
	main := by.app("main", "")
	main.Spec.MainApplicationFile = ptr.To("file://" + under.file)
	by.create(t, main)
	settle()
	if strings.Contains(by.contents(t), plantedFile) {
		t.Error("an object contains a file of the operator")
	}
}

// readSecrets uses the operator to read Secrets that the tenant may not read. It reads the
// token of a SparkConnect by the name in the spec, and nothing else.
func readSecrets(t *testing.T, by *tenant) {
	const planted = "planted;in-a-secret"
	for _, namespace := range []string{victim, by.namespace} {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "planted"}, StringData: map[string]string{"key": planted}}
		if _, err := api.Core.CoreV1().Secrets(namespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	config := rest.CopyConfig(api.Config)
	config.Impersonate.UserName = under.user
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{victim, by.namespace, "spark-operator", "kube-system"} {
		secrets := client.CoreV1().Secrets(namespace)
		if _, err := secrets.List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("the operator lists Secrets of %s: %v", namespace, err)
		}
		if err := secrets.Delete(t.Context(), "planted", metav1.DeleteOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("the operator deletes Secrets of %s: %v", namespace, err)
		}
		if _, err := secrets.Patch(t.Context(), "planted", types.MergePatchType, []byte(`{}`), metav1.PatchOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("the operator changes Secrets of %s: %v", namespace, err)
		}
	}
	// A reference to a Secret is one to the tenant's own namespace.
	app := by.app("mounted", "")
	app.Spec.Driver.Secrets = []v1beta2.SecretInfo{{Name: victim + "/planted", Path: "/planted"}}
	by.fails(t, app, "planted")
	// What is wrong with a token is said without it. The API server refuses what is no name.
	for name, want := range map[string]string{"planted": "contains ';'", victim + "/planted": ""} {
		connect := &v1alpha1.SparkConnect{ObjectMeta: metav1.ObjectMeta{Name: "token-" + strconv.Itoa(len(name))}}
		connect.Spec.SparkVersion, connect.Spec.Image = "4.3.0", ptr.To("apache/spark:4.3.0")
		connect.Spec.Authentication = &v1alpha1.Authentication{TokenSecret: &v1alpha1.TokenSecret{Name: name, Key: "key"}}
		connects := api.Spark.SparkoperatorV1alpha1().SparkConnects(by.namespace)
		if _, err := connects.Create(t.Context(), connect, metav1.CreateOptions{}); apierrors.IsInvalid(err) && want == "" {
			continue
		} else if err != nil || want == "" {
			t.Fatalf("the name %q of a Secret: error %v", name, err)
		}
		eventually(t, time.Minute, func(ctx context.Context) error {
			stored, err := connects.Get(ctx, connect.Name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			text, err := json.Marshal(stored)
			switch {
			case err != nil:
				return err
			case strings.Contains(string(text), "in-a-secret"):
				t.Errorf("the status contains the Secret: %s", text)
			case !strings.Contains(string(text), want):
				return fmt.Errorf("no %q in %s", want, text)
			}
			return nil
		})
	}
	events, err := api.Core.CoreV1().Events(by.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || strings.Contains(fmt.Sprint(events.Items), "in-a-secret") {
		t.Errorf("the events contain the Secret, or cannot be read: %v", err)
	}
}

// useOtherCredentials asks for the credentials of the operator, or for another API server.
func useOtherCredentials(t *testing.T, by *tenant) {
	for i, key := range []string{
		"spark.kubernetes.authenticate.oauthToken", "spark.kubernetes.authenticate.driver.oauthToken", "spark.kubernetes.authenticate.submission.oauthToken",
		"spark.kubernetes.authenticate.submission.caCertFile", "spark.master", "spark.kubernetes.driver.master",
	} {
		by.fails(t, by.appWith(fmt.Sprintf("credential-%d", i), map[string]string{key: "k8s://https://attacker.example.com"}), named(key))
	}
	app := by.app("account", "")
	app.Spec.Driver.ServiceAccount = ptr.To("spark-operator-controller")
	by.fails(t, app, "spark-operator-controller")
	list, err := api.Core.CoreV1().Pods(by.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) > 0 {
		t.Errorf("%d pods, %v", len(list.Items), err)
	}
}

// useAnotherServiceAccount runs a driver with the most powerful account of the namespace.
// The operator does not prevent it, and Kubernetes does not: it gives the tenant nothing
// that the tenant's own pods would not have.
func useAnotherServiceAccount(t *testing.T, by *tenant) {
	if err := sim.CreateServiceAccount(t.Context(), api.Core, by.namespace, "powerful"); err != nil {
		t.Fatal(err)
	}
	app := by.app("powerful", "")
	app.Spec.Driver.ServiceAccount = ptr.To("powerful")
	waitState(t, by.create(t, app), v1beta2.ApplicationStateRunning)
	own := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "own"}, Spec: corev1.PodSpec{
		ServiceAccountName: "powerful", Containers: []corev1.Container{{Name: "main", Image: "example.com/main"}},
	}}
	if _, err := by.core.CoreV1().Pods(by.namespace).Create(t.Context(), own, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		t.Errorf("the operator gives an account that the tenant's own pod could not have: %v", err)
	}
	// Accounts of other namespaces cannot be named.
	other := by.app("other", "")
	other.Spec.Driver.ServiceAccount = ptr.To(victim + "/default")
	by.fails(t, other, "default")
}

// evadePodSecurity asks for a privileged pod where Pod Security forbids it.
func evadePodSecurity(t *testing.T, by *tenant) {
	enforce := []byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/enforce":"baseline"}}}`)
	if _, err := api.Core.CoreV1().Namespaces().Patch(t.Context(), by.namespace, types.MergePatchType, enforce, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	privileged := by.app("privileged", "")
	privileged.Spec.Driver.SecurityContext = &corev1.SecurityContext{Privileged: ptr.To(true)}
	by.fails(t, privileged, "PodSecurity")
	host := by.appWith("host-path", map[string]string{
		"spark.kubernetes.driver.volumes.hostPath.host.mount.path": "/host", "spark.kubernetes.driver.volumes.hostPath.host.options.path": "/",
	})
	by.fails(t, host, "PodSecurity")
	network := by.app("host-network", "")
	network.Spec.Driver.HostNetwork = ptr.To(true)
	by.fails(t, network, "PodSecurity")
}

// readThroughTheWebhook creates executors of an application of another namespace, without
// its annotation: the webhook would copy the variables of its executors into them.
func readThroughTheWebhook(t *testing.T, by *tenant) {
	startSharedWebhook(t, by.namespace)
	app := sparkPi(victim, "env", "")
	app.Spec.Executor.Env = []corev1.EnvVar{{Name: "SPARK_EXECUTOR_ID", Value: "planted-in-env"}}
	app.Spec.Executor.NodeSelector = map[string]string{"planted": "placement"}
	create(t, app)
	for i, labels := range []map[string]string{
		{v1beta2.LabelSparkAppName: "env"}, {v1beta2.LabelSparkAppName: "env", "sparkoperator.k8s.io/namespace": victim},
	} {
		labels[v1beta2.LabelSparkRole], labels[v1beta2.LabelLaunchedBySparkOperator] = v1beta2.SparkRoleExecutor, "true"
		labels[v1beta2.LabelCompleteExecutor] = "true"
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("executor-%d", i), Labels: labels},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{
				Name: v1beta2.ExecutorContainerName, Image: "example.com/main", Env: []corev1.EnvVar{{Name: "SPARK_EXECUTOR_ID", Value: "1"}},
			}}},
		}
		stored, err := by.core.CoreV1().Pods(by.namespace).Create(t.Context(), pod, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := stored.Spec.Containers[0].Env; len(got) != 1 || got[0].Value != "1" || len(stored.Spec.NodeSelector) != 0 {
			t.Errorf("variables %v, placement %v", got, stored.Spec.NodeSelector)
		}
	}
}

// startSharedWebhook runs a webhook for the namespace of a tenant and that of the victim,
// and returns its port.
func startSharedWebhook(t *testing.T, namespace string) int {
	t.Helper()
	in := admission.Install(t, api.Core, namespace, admissionregistrationv1.Fail, namespace)
	process, config := account(t, namespace+"-webhook", []string{"webhook", "start"}, "--namespace-selector=watched=attacks", "--feature-gates=PartialRestart=true",
		"--webhook-bind-address=127.0.0.1", fmt.Sprintf("--webhook-port=%d", in.Port),
		"--mutating-webhook-name="+namespace, "--validating-webhook-name="+namespace,
		"--webhook-secret-name="+namespace, "--webhook-secret-namespace=spark-operator",
		"--webhook-svc-name=webhook", "--webhook-svc-namespace=spark-operator")
	start(t, process, kubeconfigOf(t, config))
	reviews(t, namespace, time.Minute)
	return in.Port
}

// reviews fails if the webhook does not answer.
func reviews(t *testing.T, namespace string, within time.Duration) {
	t.Helper()
	eventually(t, within, func(ctx context.Context) error {
		_, err := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Create(ctx, sparkPi(namespace, "probe", ""), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	})
}

// floodTheWebhook sends the webhook what no API server sends: pods of the tenant reach its
// Service unless a NetworkPolicy prevents it.
func floodTheWebhook(t *testing.T, by *tenant) {
	port := startSharedWebhook(t, by.namespace)
	client := &http.Client{
		Timeout:   20 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxConnsPerHost: 16}, // an attacker checks nothing
	}
	defer client.CloseIdleConnections()
	bomb := `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","object":` + strings.Repeat("[", 1<<20)
	for name, body := range map[string][]byte{
		"empty": nil, "no JSON": []byte("a: &a [*a]"), "deep": []byte(bomb), "wrong kind": []byte(`{"apiVersion":"v1","kind":"Pod"}`),
		"wrong group": []byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","kind":{"group":"x","version":"v1","kind":"X"},"object":{}}}`),
		"large":       bytes.Repeat([]byte(" "), 10<<20),
	} {
		for _, path := range []string{"/mutate--v1-pod", "/validate-sparkoperator-k8s-io-v1beta2-sparkapplication", "/none"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("https://127.0.0.1:%d%s", port, path), bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			response, err := client.Do(request)
			if err != nil {
				continue // closed while the body was sent
			}
			answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
			_ = response.Body.Close()
			if err != nil || len(answer) > 10<<10 || response.StatusCode == http.StatusOK && bytes.Contains(answer, []byte(`"allowed":true`)) {
				t.Errorf("%s to %s: %s: %v: %.200s", name, path, response.Status, err, answer)
			}
		}
	}
	reviews(t, by.namespace, 10*time.Second)
}

// takeAJob uses a Job with the name that the operator will use. Tenants who may create
// Jobs can take a name; the operator then submits nothing with it.
func takeAJob(t *testing.T, by *tenant) {
	grant := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "jobs"}, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{"batch"}, Resources: []string{"jobs"}, Verbs: []string{"create"},
	}}}
	if _, err := api.Core.RbacV1().Roles(by.namespace).Create(t.Context(), grant, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "jobs"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "jobs"},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: by.namespace}},
	}
	if _, err := api.Core.RbacV1().RoleBindings(by.namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	app := sparkPi(by.namespace, "victim", "")
	app.Annotations = map[string]string{v1beta2.AnnotationSubmitter: v1beta2.SubmitterSparkSubmit}
	app.Spec.Suspend = ptr.To(true)
	app = create(t, app)
	job := forgedJob(app)
	eventually(t, 10*time.Second, func(ctx context.Context) error {
		_, err := by.core.BatchV1().Jobs(by.namespace).Create(ctx, job, metav1.CreateOptions{})
		return err
	})
	if _, err := api.Spark.SparkoperatorV1beta2().SparkApplications(by.namespace).Patch(t.Context(), app.Name, types.MergePatchType,
		[]byte(`{"spec":{"suspend":false}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	failed := waitState(t, app, v1beta2.ApplicationStateFailed)
	if !strings.Contains(failed.Status.AppState.ErrorMessage, "belongs to no known owner") {
		t.Errorf("status %+v", failed.Status)
	}
	live, err := api.Core.BatchV1().Jobs(by.namespace).Get(t.Context(), job.Name, metav1.GetOptions{})
	if err != nil || len(live.OwnerReferences) > 0 || live.DeletionTimestamp != nil {
		t.Errorf("the operator has changed the job: %+v, %v", live.ObjectMeta, err)
	}
}
