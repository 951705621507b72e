// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/operator"
)

// rendered is the chart with the webhook, for the namespace spark-operator.
const rendered = sim.Repository + "/test/chart/testdata/namespace-selector.golden.yaml"

// resources are the kinds of the chart that the test creates.
var resources = map[string]schema.GroupVersionResource{
	"ServiceAccount":                 {Version: "v1", Resource: "serviceaccounts"},
	"Role":                           {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"},
	"RoleBinding":                    {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
	"ClusterRole":                    {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
	"ClusterRoleBinding":             {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
	"MutatingWebhookConfiguration":   {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"},
	"ValidatingWebhookConfiguration": {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"},
}

// TestRightsAndArgumentsOfTheChart: the webhook works with the objects of the chart, its
// command line and the rights of its service account, and asks for no others.
func TestRightsAndArgumentsOfTheChart(t *testing.T) {
	for _, namespace := range []string{"spark-operator", "team-a"} {
		if err := sim.CreateNamespace(t.Context(), api.Core, namespace); err != nil {
			t.Fatal(err)
		}
	}
	port := admission.FreePort(t)
	arguments := createChart(t, port)
	lifetime := int64(time.Hour / time.Second)
	token, err := api.Core.CoreV1().ServiceAccounts("spark-operator").CreateToken(t.Context(), "spark-operator-webhook",
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &lifetime}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	config := clientcmdapi.NewConfig()
	config.Clusters["c"] = &clientcmdapi.Cluster{Server: api.Config.Host, CertificateAuthorityData: api.Config.CAData, CertificateAuthority: api.Config.CAFile}
	config.AuthInfos["u"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	config.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	config.CurrentContext = "x"
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		t.Fatal(err)
	}
	process, err := operator.Start(operator.Options{
		Binary: operatorBinary, Kubeconfig: kubeconfig, Command: []string{"webhook", "start"}, Log: filepath.Join(t.TempDir(), "webhook.log"),
		Flags: append(arguments, "--webhook-bind-address=127.0.0.1", fmt.Sprintf("--webhook-port=%d", port),
			"--health-probe-bind-address=0", "--metrics-bind-address=0"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Kill)
	in := &installation{name: "team-a", port: port, labels: map[string]string{"team": "data"}}
	in.works(t, 40*time.Second)
	secrets := api.Core.CoreV1().Secrets("spark-operator")
	if err := secrets.Delete(t.Context(), "spark-operator-webhook-certs", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() error {
		_, err := secrets.Get(t.Context(), "spark-operator-webhook-certs", metav1.GetOptions{})
		return err
	})
	in.works(t, 10*time.Second)
	if err := process.Stop(); err != nil {
		t.Error(err)
	}
	for line := range strings.Lines(process.Log()) {
		if strings.Contains(strings.ToLower(line), "forbidden") {
			t.Errorf("a right is missing: %s", line)
		}
	}
}

// renderedObjects reads the objects of a rendered chart.
func renderedObjects(t *testing.T, path string) (objects []*unstructured.Unstructured) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := yaml.NewYAMLOrJSONDecoder(file, 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
			return objects
		} else if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
}

// createRendered creates the ClusterRoles of a rendered chart that have one of the names.
// Tests may share them.
func createRendered(t *testing.T, path string, names ...string) {
	t.Helper()
	created := map[string]bool{}
	for _, object := range renderedObjects(t, path) {
		if object.GetKind() != "ClusterRole" || !slices.Contains(names, object.GetName()) {
			continue
		}
		if _, err := api.Dynamic.Resource(resources["ClusterRole"]).Create(t.Context(), object, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
		created[object.GetName()] = true
	}
	if len(created) != len(names) {
		t.Fatalf("%s has only %v of %v", path, created, names)
	}
}

// createChart creates what the chart has for the webhook, with configurations that lead
// to a port of loopback, and returns the arguments of the Deployment, without the command.
func createChart(t *testing.T, port int) (arguments []string) {
	t.Helper()
	for _, object := range renderedObjects(t, rendered) {
		if object.GetName() != "spark-operator-webhook" {
			continue
		}
		if object.GetKind() == "Deployment" {
			var deployment appsv1.Deployment
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &deployment); err != nil {
				t.Fatal(err)
			}
			arguments = slices.Clone(deployment.Spec.Template.Spec.Containers[0].Args[2:])
		}
		resource, wanted := resources[object.GetKind()]
		if !wanted {
			continue
		}
		leadToLoopback(t, object, port)
		if _, err := api.Dynamic.Resource(resource).Namespace(object.GetNamespace()).Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
			t.Fatalf("%s: %v", object.GetKind(), err)
		}
	}
	t.Cleanup(func() {
		for _, kind := range []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} {
			_ = api.Dynamic.Resource(resources[kind]).Delete(context.WithoutCancel(t.Context()), "spark-operator-webhook", metav1.DeleteOptions{})
		}
	})
	if len(arguments) == 0 {
		t.Fatalf("%s has no webhook", rendered)
	}
	return arguments
}

// leadToLoopback replaces the Service of each webhook, which nothing here could reach.
func leadToLoopback(t *testing.T, object *unstructured.Unstructured, port int) {
	t.Helper()
	webhooks, found, err := unstructured.NestedSlice(object.Object, "webhooks")
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		return
	}
	for _, entry := range webhooks {
		webhook, ok := entry.(map[string]any)
		if !ok {
			t.Fatalf("webhook %v", entry)
		}
		path, _, err := unstructured.NestedString(webhook, "clientConfig", "service", "path")
		if err != nil {
			t.Fatal(err)
		}
		webhook["clientConfig"] = map[string]any{"url": fmt.Sprintf("https://localhost:%d%s", port, path)}
	}
	if err := unstructured.SetNestedSlice(object.Object, webhooks, "webhooks"); err != nil {
		t.Fatal(err)
	}
}
