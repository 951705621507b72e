// SPDX-License-Identifier: Apache-2.0

// Package integration runs the API and the operator's binary against a real
// kube-apiserver with etcd. There is no node: drivers stay pending, nothing
// collects garbage.
package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/spark-operator/spark-operator/hack/localcluster/controlplane"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/test/lifecycle"
)

const repository = "../.."

// api is the one control plane of this test run; set by TestMain before any test.
var api struct {
	kubeconfig     string
	operatorBinary string
	config         *rest.Config
	core           kubernetes.Interface
	spark          versioned.Interface
	dynamic        dynamic.Interface
}

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "integration:", err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (int, error) {
	folder, err := os.MkdirTemp("", "spark-operator-integration-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder)
	api.operatorBinary = filepath.Join(folder, "spark-operator")
	// With the race detector, so that the tests of the whole program find races, too.
	build := exec.Command("go", "build", "-race", "-o", api.operatorBinary, "./cmd/spark-operator")
	build.Dir = repository
	if output, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build the operator: %w\n%s", err, output)
	}

	// A cold build of the servers takes minutes, a start seconds.
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	environment, err := controlplane.Start(ctx, controlPlane())
	if err != nil {
		return 1, fmt.Errorf("start the control plane: %w", err)
	}
	defer func() { _ = environment.Stop() }()
	api.kubeconfig = environment.Kubeconfig
	if api.config, err = clientcmd.BuildConfigFromFlags("", api.kubeconfig); err != nil {
		return 1, err
	}
	api.config.QPS = -1
	if api.core, err = kubernetes.NewForConfig(api.config); err != nil {
		return 1, err
	}
	if api.spark, err = versioned.NewForConfig(api.config); err != nil {
		return 1, err
	}
	if api.dynamic, err = dynamic.NewForConfig(api.config); err != nil {
		return 1, err
	}
	// No controller creates that of the namespace that exists from the start.
	if err = lifecycle.CreateServiceAccount(ctx, api.core, "default", "default"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func controlPlane() controlplane.Options {
	return controlplane.Options{
		CRDs: []string{repository + "/manifests/crd"},
		APIServerFlags: map[string]string{
			// As in every cluster: a pod whose service account does not exist is refused.
			"disable-admission-plugins": controlplane.RemoveFlag,
			// Both families, so that Services may ask for either.
			"service-cluster-ip-range": "198.19.0.0/16,fd00:c613::/112",
		},
	}
}

// newNamespace creates a namespace for one test.
func newNamespace(t *testing.T, name string) string {
	t.Helper()
	if err := createNamespace(t.Context(), api.core, name); err != nil {
		t.Fatal(err)
	}
	return name
}

// createNamespace creates a namespace with its default service account, which nobody
// else does where no controllers run.
func createNamespace(ctx context.Context, core kubernetes.Interface, name string) error {
	_, err := core.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return lifecycle.CreateServiceAccount(ctx, core, name, "default")
}

// waitFor polls an application until done says so.
func waitFor(t *testing.T, namespace, name, what string, done func(*v1beta2.SparkApplication) bool) *v1beta2.SparkApplication {
	t.Helper()
	var app *v1beta2.SparkApplication
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		var err error
		app, err = api.spark.SparkoperatorV1beta2().SparkApplications(namespace).Get(ctx, name, metav1.GetOptions{})
		return err == nil && done(app), err
	})
	if err != nil {
		t.Fatalf("%s never became %s: %v; status %+v", name, what, err, app.Status)
	}
	return app
}
