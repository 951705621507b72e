// SPDX-License-Identifier: Apache-2.0

// Package admission runs the webhook of this operator outside the cluster, and has the
// API server of a test ask it.
package admission

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/test/sim"
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
	if err := Configure(t.Context(), core, sim.Repository, name, policy, in.Port, namespaces...); err != nil {
		t.Fatal(err)
	}
	return in
}

// Rendered is the chart with the webhook, in the repository.
const Rendered = "manifests/overlays/webhook/operator.yaml"

// Configure has the API server ask the webhook on a port of the loopback interface about
// the objects of some namespaces, as the chart of the repository does.
func Configure(ctx context.Context, core kubernetes.Interface, repository, name string, policy admissionregistrationv1.FailurePolicyType, port int, namespaces ...string) error {
	mutating, validating, err := configurations(filepath.Join(repository, Rendered))
	if err != nil {
		return err
	}
	mutating.Name, validating.Name = name, name
	selector := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: namespaces},
	}}
	seconds := int32(5)
	lead := func(client *admissionregistrationv1.WebhookClientConfig) {
		url := fmt.Sprintf("https://localhost:%d%s", port, *client.Service.Path)
		client.Service, client.URL = nil, &url
	}
	for i := range mutating.Webhooks {
		webhook := &mutating.Webhooks[i]
		webhook.FailurePolicy, webhook.NamespaceSelector, webhook.TimeoutSeconds = &policy, selector, &seconds
		lead(&webhook.ClientConfig)
	}
	for i := range validating.Webhooks {
		webhook := &validating.Webhooks[i]
		webhook.FailurePolicy, webhook.NamespaceSelector, webhook.TimeoutSeconds = &policy, selector, &seconds
		lead(&webhook.ClientConfig)
	}
	registration := core.AdmissionregistrationV1()
	if _, err := registration.MutatingWebhookConfigurations().Create(ctx, mutating, metav1.CreateOptions{}); err != nil {
		return err
	}
	_, err = registration.ValidatingWebhookConfigurations().Create(ctx, validating, metav1.CreateOptions{})
	return err
}

// configurations reads those of a rendered chart.
func configurations(path string) (*admissionregistrationv1.MutatingWebhookConfiguration, *admissionregistrationv1.ValidatingWebhookConfiguration, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	mutating, validating := &admissionregistrationv1.MutatingWebhookConfiguration{}, &admissionregistrationv1.ValidatingWebhookConfiguration{}
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		switch kind.Kind {
		case "MutatingWebhookConfiguration":
			err = yaml.UnmarshalStrict([]byte(document), mutating)
		case "ValidatingWebhookConfiguration":
			err = yaml.UnmarshalStrict([]byte(document), validating)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if len(mutating.Webhooks) == 0 || len(validating.Webhooks) == 0 {
		return nil, nil, fmt.Errorf("%s has no webhooks", path)
	}
	return mutating, validating, nil
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
