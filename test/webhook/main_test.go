// SPDX-License-Identifier: Apache-2.0

// Package webhook drives the webhook of this operator from a real kube-apiserver over
// TLS on the loopback interface.
package webhook

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/hack/localcluster/controlplane"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/operator"
)

// What all tests share; set by TestMain before any of them.
var (
	api            *sim.API
	operatorBinary string
)

func TestMain(m *testing.M) {
	sim.Main(m, sim.Setup{
		ControlPlane: controlplane.Options{CRDs: []string{sim.Repository + "/manifests/crd"}},
		Ready: func(_ context.Context, started *sim.API, binary string) error {
			api, operatorBinary = started, binary
			return nil
		},
	})
}

// installation is a webhook as a chart installs it, with names of its own.
type installation struct {
	name string // of the namespace, the Secret and the configurations
	port int
}

// install creates namespace and configurations. The webhook has yet to be started.
func install(t *testing.T, name string, policy admissionregistrationv1.FailurePolicyType) *installation {
	t.Helper()
	in := &installation{name: name, port: freePort(t)}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := api.Core.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	client := func(path string) admissionregistrationv1.WebhookClientConfig {
		url := fmt.Sprintf("https://localhost:%d%s", in.port, path)
		return admissionregistrationv1.WebhookClientConfig{URL: &url}
	}
	rule := func(group, version, resource string, operations ...admissionregistrationv1.OperationType) []admissionregistrationv1.RuleWithOperations {
		return []admissionregistrationv1.RuleWithOperations{{Operations: operations, Rule: admissionregistrationv1.Rule{
			APIGroups: []string{group}, APIVersions: []string{version}, Resources: []string{resource},
		}}}
	}
	applications := rule("sparkoperator.k8s.io", "v1beta2", "sparkapplications", "CREATE", "UPDATE")
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: name}}
	none, seconds := admissionregistrationv1.SideEffectClassNone, int32(5)
	registration := api.Core.AdmissionregistrationV1()
	mutating := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: name}}
	for path, rules := range map[string][]admissionregistrationv1.RuleWithOperations{
		"/mutate-sparkoperator-k8s-io-v1beta2-sparkapplication": applications, "/mutate--v1-pod": rule("", "v1", "pods", "CREATE"),
	} {
		mutating.Webhooks = append(mutating.Webhooks, admissionregistrationv1.MutatingWebhook{
			Name: strings.Trim(strings.ReplaceAll(path, "--", "-"), "/") + ".sparkoperator.k8s.io", ClientConfig: client(path), Rules: rules, NamespaceSelector: selector,
			FailurePolicy: &policy, SideEffects: &none, TimeoutSeconds: &seconds, AdmissionReviewVersions: []string{"v1"},
		})
	}
	if _, err := registration.MutatingWebhookConfigurations().Create(t.Context(), mutating, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	validating := &admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: name}}
	for path, rules := range map[string][]admissionregistrationv1.RuleWithOperations{
		"/validate-sparkoperator-k8s-io-v1beta2-sparkapplication":          applications,
		"/validate-sparkoperator-k8s-io-v1beta2-scheduledsparkapplication": rule("sparkoperator.k8s.io", "v1beta2", "scheduledsparkapplications", "CREATE", "UPDATE"),
	} {
		validating.Webhooks = append(validating.Webhooks, admissionregistrationv1.ValidatingWebhook{
			Name: strings.Trim(path, "/") + ".sparkoperator.k8s.io", ClientConfig: client(path), Rules: rules, NamespaceSelector: selector,
			FailurePolicy: &policy, SideEffects: &none, TimeoutSeconds: &seconds, AdmissionReviewVersions: []string{"v1"},
		})
	}
	if _, err := registration.ValidatingWebhookConfigurations().Create(t.Context(), validating, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		_ = registration.MutatingWebhookConfigurations().Delete(ctx, name, metav1.DeleteOptions{})
		_ = registration.ValidatingWebhookConfigurations().Delete(ctx, name, metav1.DeleteOptions{})
	})
	return in
}

// start runs a replica of the webhook on a port and returns a function that has it end
// with SIGTERM and returns how it ended.
func (in *installation) start(t *testing.T, port int, flags ...string) (stop func() error) {
	t.Helper()
	process, err := operator.Start(operator.Options{
		Binary: operatorBinary, Kubeconfig: api.Kubeconfig, Log: filepath.Join(t.TempDir(), "webhook.log"),
		Command: []string{"webhook", "start"},
		Flags: append([]string{
			"--namespaces", in.name,
			"--webhook-bind-address=127.0.0.1", fmt.Sprintf("--webhook-port=%d", port),
			"--mutating-webhook-name", in.name, "--validating-webhook-name", in.name,
			"--webhook-secret-name", in.name, "--webhook-secret-namespace", in.name,
			"--webhook-svc-name", "webhook", "--webhook-svc-namespace", in.name,
			"--leader-election", "--leader-election-lock-name", in.name, "--leader-election-lock-namespace", in.name,
		}, flags...),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := process.Stop(); err != nil {
			t.Errorf("the webhook ended with %v", err)
		}
		if t.Failed() {
			t.Logf("log of the webhook:\n%s", process.Tail(40))
		}
	})
	return process.Stop
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("address %v", listener.Addr())
	}
	return address.Port
}

// eventually waits until nothing is wrong any more.
func eventually(t *testing.T, within time.Duration, wrong func() error) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		err := wrong()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %v", within, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
