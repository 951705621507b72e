// SPDX-License-Identifier: Apache-2.0

// Package webhook drives the webhook of this operator from a real kube-apiserver over
// TLS on the loopback interface.
package webhook

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/spark-operator/spark-operator/hack/localcluster/controlplane"
)

const repository = "../.."

// api is the one control plane of this test run; set by TestMain before any test.
var api struct {
	kubeconfig     string
	operatorBinary string
	config         *rest.Config
	core           kubernetes.Interface
	dynamic        dynamic.Interface
}

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "webhook:", err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (int, error) {
	folder, err := os.MkdirTemp("", "spark-operator-webhook-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder)
	api.operatorBinary = filepath.Join(folder, "spark-operator")
	build := exec.Command("go", "build", "-o", api.operatorBinary, "./cmd/spark-operator")
	build.Dir = repository
	if output, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build the operator: %w\n%s", err, output)
	}
	// A cold build of the servers takes minutes, a start seconds.
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	environment, err := controlplane.Start(ctx, controlplane.Options{CRDs: []string{repository + "/manifests/crd"}})
	if err != nil {
		return 1, fmt.Errorf("start the control plane: %w", err)
	}
	defer func() { _ = environment.Stop() }()
	api.kubeconfig = environment.Kubeconfig
	if api.config, err = clientcmd.BuildConfigFromFlags("", api.kubeconfig); err != nil {
		return 1, err
	}
	api.config.QPS = -1
	api.config.WarningHandler = rest.NoWarnings{}
	if api.core, err = kubernetes.NewForConfig(api.config); err != nil {
		return 1, err
	}
	if api.dynamic, err = dynamic.NewForConfig(api.config); err != nil {
		return 1, err
	}
	return m.Run(), nil
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
	if _, err := api.core.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
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
	registration := api.core.AdmissionregistrationV1()
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
	logFile, err := os.CreateTemp(t.TempDir(), "webhook-*.log")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(api.operatorBinary, append([]string{
		"webhook", "start", "--kubeconfig", api.kubeconfig, "--namespaces", in.name,
		"--webhook-bind-address=127.0.0.1", fmt.Sprintf("--webhook-port=%d", port),
		"--mutating-webhook-name", in.name, "--validating-webhook-name", in.name,
		"--webhook-secret-name", in.name, "--webhook-secret-namespace", in.name,
		"--webhook-svc-name", "webhook", "--webhook-svc-namespace", in.name,
		"--leader-election", "--leader-election-lock-name", in.name, "--leader-election-lock-namespace", in.name,
		"--health-probe-bind-address", "0",
	}, flags...)...)
	command.Stdout, command.Stderr = logFile, logFile
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	over := false
	stop = func() error {
		if over {
			return nil
		}
		over = true
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			return err
		case <-time.After(20 * time.Second):
			_ = command.Process.Kill()
			return fmt.Errorf("did not end within 20 s: %w", <-ended)
		}
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the webhook ended with %v", err)
		}
		if text, err := os.ReadFile(logFile.Name()); err == nil && t.Failed() {
			lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
			t.Logf("log of the webhook:\n%s", strings.Join(lines[max(0, len(lines)-40):], "\n"))
		}
		_ = logFile.Close()
	})
	return stop
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
