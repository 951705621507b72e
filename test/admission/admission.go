// SPDX-License-Identifier: Apache-2.0

// Package admission runs the webhook of this operator outside the cluster, and has the
// API server of a test ask it.
package admission

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/spark-operator/spark-operator/test/sim/operator"
)

// Installation is a webhook as the chart installs it, with names of its own.
type Installation struct {
	// Name is that of both configurations, of the Secret and of the namespace that has it.
	Name string
	// Port is where the API server looks for it, on the loopback interface.
	Port int

	namespaces []string
}

// Install creates configurations for the objects of some namespaces. The webhook has yet
// to be started.
func Install(t *testing.T, core kubernetes.Interface, name string, policy admissionregistrationv1.FailurePolicyType, namespaces ...string) *Installation {
	t.Helper()
	in := &Installation{Name: name, Port: FreePort(t), namespaces: namespaces}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		registration := core.AdmissionregistrationV1()
		_ = registration.MutatingWebhookConfigurations().Delete(ctx, name, metav1.DeleteOptions{})
		_ = registration.ValidatingWebhookConfigurations().Delete(ctx, name, metav1.DeleteOptions{})
	})
	if err := Configure(t.Context(), core, name, policy, in.Port, namespaces...); err != nil {
		t.Fatal(err)
	}
	return in
}

// Configure has the API server ask the webhook on a port of the loopback interface about
// the objects of some namespaces.
func Configure(ctx context.Context, core kubernetes.Interface, name string, policy admissionregistrationv1.FailurePolicyType, port int, namespaces ...string) error {
	client := func(path string) admissionregistrationv1.WebhookClientConfig {
		url := fmt.Sprintf("https://localhost:%d%s", port, path)
		return admissionregistrationv1.WebhookClientConfig{URL: &url}
	}
	rule := func(group, version, resource string, operations ...admissionregistrationv1.OperationType) []admissionregistrationv1.RuleWithOperations {
		return []admissionregistrationv1.RuleWithOperations{{Operations: operations, Rule: admissionregistrationv1.Rule{
			APIGroups: []string{group}, APIVersions: []string{version}, Resources: []string{resource},
		}}}
	}
	applications := rule("sparkoperator.k8s.io", "v1beta2", "sparkapplications", "CREATE", "UPDATE")
	selector := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: namespaces},
	}}
	none, seconds := admissionregistrationv1.SideEffectClassNone, int32(5)
	registration := core.AdmissionregistrationV1()
	mutating := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: name}}
	for path, rules := range map[string][]admissionregistrationv1.RuleWithOperations{
		"/mutate-sparkoperator-k8s-io-v1beta2-sparkapplication": applications, "/mutate--v1-pod": rule("", "v1", "pods", "CREATE"),
	} {
		mutating.Webhooks = append(mutating.Webhooks, admissionregistrationv1.MutatingWebhook{
			Name: strings.Trim(strings.ReplaceAll(path, "--", "-"), "/") + ".sparkoperator.k8s.io", ClientConfig: client(path), Rules: rules, NamespaceSelector: selector,
			FailurePolicy: &policy, SideEffects: &none, TimeoutSeconds: &seconds, AdmissionReviewVersions: []string{"v1"},
		})
	}
	if _, err := registration.MutatingWebhookConfigurations().Create(ctx, mutating, metav1.CreateOptions{}); err != nil {
		return err
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
	_, err := registration.ValidatingWebhookConfigurations().Create(ctx, validating, metav1.CreateOptions{})
	return err
}

// Flags are the flags of a webhook for the configurations of that name.
func Flags(name string, port int, namespaces ...string) []string {
	return []string{
		"--namespaces", strings.Join(namespaces, ","),
		"--webhook-bind-address=127.0.0.1", fmt.Sprintf("--webhook-port=%d", port),
		"--mutating-webhook-name", name, "--validating-webhook-name", name,
		"--webhook-secret-name", name, "--webhook-secret-namespace", name,
		"--webhook-svc-name", "webhook", "--webhook-svc-namespace", name,
		"--leader-election", "--leader-election-lock-name", name, "--leader-election-lock-namespace", name,
	}
}

// Start runs a replica of the webhook on a port and returns a function that has it end
// with SIGTERM and returns how it ended.
func (in *Installation) Start(t *testing.T, binary, kubeconfig string, port int, flags ...string) (stop func() error) {
	t.Helper()
	process, err := operator.Start(operator.Options{
		Binary: binary, Kubeconfig: kubeconfig, Command: []string{"webhook", "start"}, Log: filepath.Join(t.TempDir(), "webhook.log"),
		Env:   []string{"KUBE_CACHE_MUTATION_DETECTOR=true"},
		Flags: append(Flags(in.Name, port, in.namespaces...), flags...),
	})
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceValue(process.Stop)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the webhook: %v", err)
		}
		if log := process.Log(); strings.Contains(log, "WARNING: DATA RACE") {
			t.Errorf("data race in the webhook:\n%s", log)
		} else if t.Failed() {
			t.Logf("log of the webhook:\n%s", process.Tail(40))
		}
	})
	return stop
}

// FreePort returns a port of the loopback interface that nothing listens on.
func FreePort(t *testing.T) int {
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
