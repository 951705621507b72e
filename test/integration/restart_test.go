// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
	"github.com/spark-operator/spark-operator/test/sim/rights"
)

// The full size is that of `make restarts`: 900 applications and 10 restarts.
var (
	restartApps = flag.Int("restart-apps", 60, "applications that are submitted while the API server restarts")
	restarts    = flag.Int("restarts", 2, "restarts of the API server, by SIGKILL and SIGTERM in turn")
)

// grantedPlane is a control plane of its own on which the operator has the rights that
// the chart grants, and nothing else.
type grantedPlane struct {
	*sim.API
	operator string // its kubeconfig
}

func newGrantedPlane(t *testing.T, namespace string) *grantedPlane {
	t.Helper()
	ctx, folder := t.Context(), t.TempDir()
	tokens := filepath.Join(folder, "tokens.csv")
	if err := os.WriteFile(tokens, []byte("operator,"+rights.Account+",operator,\"system:serviceaccounts\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	options := controlPlane()
	options.APIServerFlags["token-auth-file"] = tokens
	started, err := sim.StartAPI(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = started.Stop() })
	p := &grantedPlane{API: started}
	for _, name := range []string{rights.Namespace, namespace} {
		if err := sim.CreateNamespace(ctx, p.Core, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := rights.Grant(ctx, p.Core.RbacV1(), "../chart/testdata/all-namespaces.golden.yaml"); err != nil {
		t.Fatal(err)
	}

	access := clientcmdapi.NewConfig()
	access.Clusters["plane"] = &clientcmdapi.Cluster{Server: p.Access.Server, CertificateAuthorityData: p.Access.Authority}
	access.AuthInfos["operator"] = &clientcmdapi.AuthInfo{Token: "operator"}
	access.Contexts["operator"] = &clientcmdapi.Context{Cluster: "plane", AuthInfo: "operator"}
	access.CurrentContext = "operator"
	p.operator = filepath.Join(folder, "operator.kubeconfig")
	if err := clientcmd.WriteToFile(*access, p.operator); err != nil {
		t.Fatal(err)
	}
	return p
}

// endDrivers plays a kubelet that lets every driver end well once the ConfigMaps exist
// that it mounts. It ends with the test.
func (p *grantedPlane) endDrivers(t *testing.T, namespace string) {
	t.Helper()
	node := kubelet.New(kubelet.Config{
		Namespace: namespace, Mounts: true, LeaveGarbage: true, LifeOf: kubelet.Always(kubelet.Life{}),
	}, p.Core)
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(node.Wait)
}

// TestRestartsOfTheAPIServer: a kube-apiserver that starts refuses whatever its caches
// of roles do not permit yet, and serves custom resources later than the rest. None of
// that ends an application whose restart policy is Never, nor starts one twice, nor
// leaves the Service of a run behind.
func TestRestartsOfTheAPIServer(t *testing.T) {
	t.Parallel()
	const namespace = "restarts"
	plane := newGrantedPlane(t, namespace)
	sim.StartOperator(t, operatorBinary, plane.operator, namespace)

	ctx, cancel := context.WithCancel(t.Context())
	var helpers sync.WaitGroup
	defer func() {
		cancel()
		helpers.Wait()
	}()
	plane.endDrivers(t, namespace)

	apps, created := plane.Spark.SparkoperatorV1beta2().SparkApplications(namespace), make(chan error, 1)
	helpers.Go(func() { created <- steadily(ctx, *restartApps, apps) })
	begun := time.Now()
	for n := range *restarts {
		time.Sleep(3 * time.Second)
		end := plane.KillAPIServer
		if n%2 == 1 {
			end = plane.StopAPIServer
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if err := plane.StartAPIServer(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-created; err != nil {
		t.Fatal(err)
	}
	restarted := time.Since(begun)

	states := map[v1beta2.ApplicationStateType]int{}
	err := wait.PollUntilContextTimeout(ctx, time.Second, 5*time.Minute, true, func(ctx context.Context) (bool, error) {
		list, err := apps.List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		clear(states)
		for i := range list.Items {
			states[list.Items[i].Status.AppState.State]++
		}
		return states[v1beta2.ApplicationStateCompleted]+states[v1beta2.ApplicationStateFailed] == *restartApps, nil
	})
	if err != nil {
		t.Errorf("states %v: %v", states, err)
	}
	checkEnds(t, plane.API, namespace, *restartApps)
	t.Logf("%d applications, %d restarts in %v: states %v", *restartApps, *restarts, restarted.Round(time.Second), states)
}

// steadily creates so many applications, ten in a second, and again those whose
// creation was not confirmed.
func steadily(ctx context.Context, count int, apps interface {
	Create(ctx context.Context, app *v1beta2.SparkApplication, options metav1.CreateOptions) (*v1beta2.SparkApplication, error)
}) error {
	for n := range count {
		app := sparkPi(fmt.Sprintf("pi-%d", n))
		app.Spec.RestartPolicy.Type = v1beta2.RestartPolicyNever
		err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, 3*time.Minute, false, func(ctx context.Context) (bool, error) {
			_, err := apps.Create(ctx, app, metav1.CreateOptions{})
			return err == nil || apierrors.IsAlreadyExists(err), nil
		})
		if err != nil {
			return fmt.Errorf("create %s: %w", app.Name, err)
		}
	}
	return nil
}

// checkEnds checks that so many applications ended well, after one submission each, and
// left their drivers and nothing else of their runs behind.
func checkEnds(t *testing.T, api *sim.API, namespace string, count int) {
	t.Helper()
	list, err := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		app := &list.Items[i]
		status := &app.Status
		if status.AppState.State != v1beta2.ApplicationStateCompleted || status.SubmissionAttempts != 1 || status.ExecutionAttempts != 1 {
			t.Errorf("%s is %q after %d submissions and %d runs: %s", app.Name, status.AppState.State,
				status.SubmissionAttempts, status.ExecutionAttempts, status.AppState.ErrorMessage)
		}
	}
	pods, err := api.Core.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	services, err := api.Core.CoreV1().Services(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != count || len(pods.Items) != count || len(services.Items) != 0 {
		t.Errorf("%d applications, %d driver pods and %d services at the end; want %d, %d and none",
			len(list.Items), len(pods.Items), len(services.Items), count, count)
	}
}
