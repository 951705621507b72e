// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/hack/localcluster/controlplane"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
)

// Repository is the root of the repository, as the tests of each package in test/ see
// it.
const Repository = "../.."

// API is a running kube-apiserver with etcd, and clients of it that have no limit of
// their own.
type API struct {
	*controlplane.Env
	Config  *rest.Config
	Core    kubernetes.Interface
	Spark   versioned.Interface
	Dynamic dynamic.Interface
	// Minor is the minor version of the API server, such as 36 for Kubernetes 1.36.
	Minor int
	// AuditLog is the path of the audit log; empty without Setup.AuditPolicy.
	AuditLog string
}

// ControlPlane returns the options of an API server with the CRDs of the operator, and
// those in more files. As in every cluster, it refuses a pod whose service account does
// not exist.
func ControlPlane(crds ...string) controlplane.Options {
	return controlplane.Options{
		CRDs:           append([]string{Repository + "/manifests/crd"}, crds...),
		APIServerFlags: map[string]string{"disable-admission-plugins": controlplane.RemoveFlag},
	}
}

// StartAPI starts an API server. Stop ends it.
func StartAPI(ctx context.Context, options controlplane.Options) (_ *API, err error) {
	api := &API{}
	if api.Env, err = controlplane.Start(ctx, options); err != nil {
		return nil, fmt.Errorf("start the control plane: %w", err)
	}
	defer func() {
		if err != nil {
			_ = api.Stop()
		}
	}()
	if api.Config, err = clientcmd.BuildConfigFromFlags("", api.Kubeconfig); err != nil {
		return nil, err
	}
	api.Config.QPS = -1
	api.Config.WarningHandler = rest.NoWarnings{}
	if api.Core, err = kubernetes.NewForConfig(api.Config); err != nil {
		return nil, err
	}
	if api.Spark, err = versioned.NewForConfig(api.Config); err != nil {
		return nil, err
	}
	if api.Dynamic, err = dynamic.NewForConfig(api.Config); err != nil {
		return nil, err
	}
	version, err := api.Core.Discovery().ServerVersion()
	if err != nil {
		return nil, err
	}
	if api.Minor, err = strconv.Atoi(version.Minor); err != nil {
		return nil, fmt.Errorf("version of the API server: %w", err)
	}
	return api, nil
}

// BuildOperator builds the operator's binary in a folder and returns its path. Flags are
// those of go build.
func BuildOperator(folder string, flags ...string) (string, error) {
	binary := filepath.Join(folder, "spark-operator")
	build := exec.Command("go", append(append([]string{"build"}, flags...), "-o", binary, "./cmd/spark-operator")...)
	build.Dir = Repository
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the operator: %w\n%s", err, output)
	}
	return binary, nil
}

// Setup is what the tests of a package share.
type Setup struct {
	// BuildFlags are those of go build for the operator. Binary is one to use instead of a
	// new one, unless it is empty.
	BuildFlags   []string
	Binary       string
	ControlPlane controlplane.Options
	// AuditPolicy has the API server write an audit log, unless it is empty.
	AuditPolicy string
	// Ready takes over what was started, before the first test. Binary is the operator's.
	Ready func(ctx context.Context, api *API, binary string) error
}

// Main builds the operator, starts an API server, runs all tests of a package and ends
// the process: it is the whole of a TestMain.
func Main(m *testing.M, setup Setup) {
	code, err := runAll(m, setup)
	if err != nil {
		fmt.Fprintln(os.Stderr, "prepare the tests:", err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M, setup Setup) (int, error) {
	folder, err := os.MkdirTemp("", "spark-operator-test-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder)
	binary := setup.Binary
	if binary == "" {
		if binary, err = BuildOperator(folder, setup.BuildFlags...); err != nil {
			return 1, err
		}
	}
	auditLog := ""
	if setup.AuditPolicy != "" {
		auditLog = filepath.Join(folder, "audit.log")
		policy := filepath.Join(folder, "audit-policy.yaml")
		if err := os.WriteFile(policy, []byte(setup.AuditPolicy), 0o600); err != nil {
			return 1, fmt.Errorf("audit policy: %w", err)
		}
		setup.ControlPlane.APIServerFlags["audit-policy-file"], setup.ControlPlane.APIServerFlags["audit-log-path"] = policy, auditLog
	}
	// A cold build of the servers takes minutes, a start seconds.
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	api, err := StartAPI(ctx, setup.ControlPlane)
	if err != nil {
		return 1, err
	}
	defer func() { _ = api.Stop() }()
	api.AuditLog = auditLog
	if err := setup.Ready(ctx, api, binary); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// CreateNamespace creates a namespace with its default service account, which nothing
// else does where no controllers run.
func CreateNamespace(ctx context.Context, core kubernetes.Interface, name string) error {
	_, err := core.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return CreateServiceAccount(ctx, core, name, "default")
}

// CreateServiceAccount creates a service account whose token is not put into pods, so
// that these are stored as they are created.
func CreateServiceAccount(ctx context.Context, core kubernetes.Interface, namespace, name string) error {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}, AutomountServiceAccountToken: ptr.To(false)}
	_, err := core.CoreV1().ServiceAccounts(namespace).Create(ctx, account, metav1.CreateOptions{})
	return err
}
