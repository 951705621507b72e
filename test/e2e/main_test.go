// SPDX-License-Identifier: Apache-2.0

// Package e2e runs the operator, as its chart installs it, on a real node with real
// Spark. It needs a cluster in KUBECONFIG whose containerd holds the images, which
// `make e2e` provides.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
)

const (
	operatorNamespace = "spark-operator"
	// jobNamespace is watched by the operator under test, as the chart installs it without values.
	jobNamespace = "spark-e2e"
	// reviewedNamespace is watched by an operator with a webhook, in a release and a namespace of its own.
	reviewedNamespace, webhookNamespace, webhookRelease = "spark-e2e-webhook", "spark-operator-webhook", "spark-operator-reviewed"
	// crashNamespace is watched only by operators that a test starts and kills.
	crashNamespace = "spark-e2e-crash"
	release        = "spark-operator"
	// repository is the name of the Helm repository.
	repository     = "spark-operator"
	serviceAccount = "spark-operator-spark"
)

// settings come from the environment, which the Makefile sets.
type settings struct {
	operatorImage, operatorBinary, logArchiverImage, kubectlImage, sparkImage, sparkVersion, helm, chart string
	// Images of Spark 3.5, the last line before 4.0, and of 4.1.
	spark35Image, spark35Version, spark41Image, spark41Version string
}

// sparkLine is a line of Spark: a part of names, an image and its version.
type sparkLine struct{ name, image, version string }

// sparkLines are all lines of Spark that tests run applications with. Most tests use only
// that of cluster.sparkImage.
func sparkLines() []sparkLine {
	return []sparkLine{
		{"35", cluster.spark35Image, cluster.spark35Version},
		{"41", cluster.spark41Image, cluster.spark41Version},
		{"4x", cluster.sparkImage, cluster.sparkVersion},
	}
}

// cluster is the one cluster of this test run; set by TestMain before any test.
var cluster struct {
	settings
	config *rest.Config
	core   kubernetes.Interface
	spark  versioned.Interface
}

func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (int, error) {
	ctx := context.Background()
	if err := connect(); err != nil {
		return 1, err
	}
	for _, namespace := range []string{operatorNamespace, webhookNamespace, jobNamespace, reviewedNamespace, crashNamespace} {
		object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
		if _, err := cluster.core.CoreV1().Namespaces().Create(ctx, object, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return 1, fmt.Errorf("create namespace %s: %w", namespace, err)
		}
	}
	var err error
	if leaks, err = watchForSecrets(ctx, jobNamespace, reviewedNamespace, crashNamespace); err != nil {
		return 1, err
	}
	stop, err := addRepository(ctx)
	defer stop()
	if err != nil {
		return 1, err
	}
	err = errors.Join(
		install(ctx),
		helmInstall(ctx, webhookRelease, webhookNamespace, reviewedNamespace, "webhook.enable=true", "webhook.resourceQuotaEnforcement.enable=true",
			"spark.serviceAccount.name="+serviceAccount, "spark.rbac.submit=true"),
	)
	if err != nil {
		return 1, err
	}
	code := m.Run()
	return code, errors.Join(checkRestarts(ctx), leaks.check(ctx), uninstall(ctx))
}

func connect() error {
	for variable, value := range map[string]*string{
		"E2E_OPERATOR_IMAGE":     &cluster.operatorImage,
		"E2E_OPERATOR_BINARY":    &cluster.operatorBinary,
		"E2E_LOG_ARCHIVER_IMAGE": &cluster.logArchiverImage,
		"E2E_KUBECTL_IMAGE":      &cluster.kubectlImage,
		"E2E_SPARK_IMAGE":        &cluster.sparkImage,
		"E2E_SPARK_VERSION":      &cluster.sparkVersion,
		"E2E_SPARK35_IMAGE":      &cluster.spark35Image,
		"E2E_SPARK35_VERSION":    &cluster.spark35Version,
		"E2E_SPARK41_IMAGE":      &cluster.spark41Image,
		"E2E_SPARK41_VERSION":    &cluster.spark41Version,
		"E2E_HELM":               &cluster.helm,
		"E2E_CHART":              &cluster.chart,
		"KUBECONFIG":             new(string),
	} {
		if *value = os.Getenv(variable); *value == "" {
			return fmt.Errorf("%s is not set: run these tests through `make e2e`", variable)
		}
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS = -1
	cluster.config = config
	if cluster.core, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	cluster.spark, err = versioned.NewForConfig(config)
	return err
}

// addRepository serves a Helm repository with the chart until stop is called, and adds it as users do. Helm keeps nothing
// of it afterwards.
func addRepository(ctx context.Context) (stop func(), err error) {
	folder, err := os.MkdirTemp("", "e2e-helm-")
	if err != nil {
		return func() {}, err
	}
	server := httptest.NewServer(http.FileServer(http.Dir(folder)))
	stop = func() {
		server.Close()
		_ = os.RemoveAll(folder)
	}
	for _, variable := range []string{"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"} {
		if err := os.Setenv(variable, folder); err != nil {
			return stop, err
		}
	}
	for _, arguments := range [][]string{
		{"package", cluster.chart, "--destination", folder},
		{"repo", "index", folder, "--url", server.URL},
		{"repo", "add", repository, server.URL},
		{"repo", "update"},
	} {
		if err := helm(ctx, arguments...); err != nil {
			return stop, err
		}
	}
	return stop, nil
}

// install brings the operator up as a user would, with the chart.
func install(ctx context.Context) error {
	return helmInstall(ctx, release, operatorNamespace, jobNamespace,
		"controller.priorityAndFairness.enable=true",
		"prometheus.metrics.labels=app_type",
		"spark.rbac.submit=true") // for spark-submit of Spark 4.2 and newer in a Job
}

// helmInstall installs or upgrades a release with the image under test.
func helmInstall(ctx context.Context, release, namespace, jobs string, values ...string) error {
	path, tag, ok := strings.Cut(cluster.operatorImage, ":")
	registry, name, ok2 := strings.Cut(path, "/")
	if !ok || !ok2 {
		return fmt.Errorf("E2E_OPERATOR_IMAGE %q is not registry/name:tag", cluster.operatorImage)
	}
	arguments := []string{"upgrade", "--install", release, repository + "/spark-operator", "--namespace", namespace, "--create-namespace", "--wait", "--timeout", "2m"}
	for _, value := range append([]string{
		"image.registry=" + registry, "image.repository=" + name, "image.tag=" + tag, "image.pullPolicy=Never", "spark.jobNamespaces={" + jobs + "}",
	}, values...) {
		arguments = append(arguments, "--set", value)
	}
	return helm(ctx, arguments...)
}

func uninstall(ctx context.Context) error {
	for name, namespace := range map[string]string{release: operatorNamespace, webhookRelease: webhookNamespace} {
		if err := helm(ctx, "uninstall", name, "--namespace", namespace, "--wait", "--timeout", "2m"); err != nil {
			return err
		}
	}
	for _, namespace := range []string{jobNamespace, reviewedNamespace, crashNamespace} {
		if err := cluster.core.CoreV1().Namespaces().Delete(ctx, namespace, metav1.DeleteOptions{}); err != nil {
			return err
		}
	}
	return nil
}

func helm(ctx context.Context, arguments ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	if output, err := exec.CommandContext(ctx, cluster.helm, arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("helm %s: %w\n%s", strings.Join(arguments, " "), err, output)
	}
	return nil
}
