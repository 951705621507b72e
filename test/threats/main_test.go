// SPDX-License-Identifier: Apache-2.0

// Package threats runs the operator and its webhook with exactly the permissions that
// their flags need, and attacks them as a tenant who may use one namespace. The API
// server, a real one, keeps an audit log of what both ask for. docs/security.md lists the
// attacks.
package threats

import (
	"context"
	"flag"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
	"github.com/spark-operator/spark-operator/test/sim/rights"
)

// What all tests share; set by TestMain before any of them.
var (
	api            *sim.API
	operatorBinary string
)

func TestMain(m *testing.M) {
	// The tests wait most of the time, so more of them run at once than there are processors.
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	options := sim.ControlPlane(sim.Repository + "/test/goldens/testdata/podgroups.yaml")
	// So that owner references need the permissions that the operator has for them.
	options.APIServerFlags["enable-admission-plugins"] = "OwnerReferencesPermissionEnforcement"
	sim.Main(m, sim.Setup{
		ControlPlane: options, AuditPolicy: auditPolicy,
		Ready: func(ctx context.Context, started *sim.API, binary string) error {
			api, operatorBinary = started, binary
			return sim.CreateNamespace(ctx, api.Core, rights.Namespace)
		},
	})
}

// auditPolicy records who asked for what, of the accounts of the operator alone.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: ["system:serviceaccounts:` + rights.Namespace + `"]
- level: None
`

// account creates the service account of a process in the namespace of the operator,
// with the permissions that its flags need, and returns its credentials.
func account(t *testing.T, name string, command []string, flags ...string) (*rights.Process, *rest.Config) {
	t.Helper()
	process := &rights.Process{Binary: operatorBinary, Namespace: rights.Namespace, Name: name, Command: command, Flags: flags}
	if err := process.Grant(t.Context(), api.Core); err != nil {
		t.Fatal(err)
	}
	token, err := process.Token(t.Context(), api.Core)
	if err != nil {
		t.Fatal(err)
	}
	config := rest.AnonymousClientConfig(api.Config)
	config.BearerToken, config.QPS, config.WarningHandler = token, -1, rest.NoWarnings{}
	return process, config
}

// kubeconfigOf writes a kubeconfig file.
func kubeconfigOf(t *testing.T, config *rest.Config) string {
	t.Helper()
	written := clientcmdapi.NewConfig()
	written.Clusters["c"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData, CertificateAuthority: config.CAFile}
	written.AuthInfos["u"] = &clientcmdapi.AuthInfo{Token: config.BearerToken}
	written.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	written.CurrentContext = "x"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*written, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// newNamespace creates a namespace that the operators with the selector "watched=BY"
// watch, with a node.
func newNamespace(t *testing.T, name, by string) {
	t.Helper()
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"watched": by}}}
	if _, err := api.Core.CoreV1().Namespaces().Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := sim.CreateServiceAccount(t.Context(), api.Core, name, "default"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	node := kubelet.New(kubelet.Config{Namespace: name, Workers: 2, LifeOf: lifeOf}, api.Core)
	if err := node.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); node.Wait() })
}

// Annotations of driver pods that say how they live; without them, drivers run for ever.
const (
	annotationFails = "threats/fails"
	annotationEnds  = "threats/ends"
	annotationSlow  = "threats/slow"
)

func lifeOf(driver *corev1.Pod) kubelet.Life {
	life := kubelet.Life{Until: make(chan struct{})}
	switch {
	case driver.Annotations[annotationFails] != "":
		life = kubelet.Life{Outcome: kubelet.Fail, Run: 200 * time.Millisecond}
	case driver.Annotations[annotationEnds] != "":
		life = kubelet.Life{Run: 200 * time.Millisecond}
	case driver.Annotations[annotationSlow] != "":
		life.Start = time.Hour
	}
	return life
}

// sparkPi is an application whose driver lives as an annotation says.
func sparkPi(namespace, name, life string) *v1beta2.SparkApplication {
	app := &v1beta2.SparkApplication{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1beta2.SparkApplicationSpec{
			SparkVersion:        "4.3.0",
			Image:               ptr.To("example.com/spark:4.3.0"),
			MainClass:           ptr.To("org.apache.spark.examples.SparkPi"),
			MainApplicationFile: ptr.To("local:///opt/spark/examples/jars/spark-examples.jar"),
		},
	}
	if life != "" {
		app.Spec.Driver.Annotations = map[string]string{life: "true"}
	}
	return app
}

func create(t *testing.T, app *v1beta2.SparkApplication) *v1beta2.SparkApplication {
	t.Helper()
	created, err := api.Spark.SparkoperatorV1beta2().SparkApplications(app.Namespace).Create(t.Context(), app, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("create %s: %v", app.Name, err)
	}
	return created
}

// waitFor polls an application until done says so.
func waitFor(t *testing.T, namespace, name, what string, done func(*v1beta2.SparkApplication) bool) *v1beta2.SparkApplication {
	t.Helper()
	var app *v1beta2.SparkApplication
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		var err error
		app, err = api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Get(ctx, name, metav1.GetOptions{})
		return err == nil && done(app), err
	})
	if err != nil {
		status := v1beta2.SparkApplicationStatus{}
		if app != nil {
			status = app.Status
		}
		t.Fatalf("%s never became %s: %v; status %+v", name, what, err, status)
	}
	return app
}

func inState(state v1beta2.ApplicationStateType) func(*v1beta2.SparkApplication) bool {
	return func(app *v1beta2.SparkApplication) bool { return app.Status.AppState.State == state }
}

// waitState waits until an application has a state.
func waitState(t *testing.T, app *v1beta2.SparkApplication, state v1beta2.ApplicationStateType) *v1beta2.SparkApplication {
	t.Helper()
	return waitFor(t, app.Namespace, app.Name, string(state), inState(state))
}

// eventually waits until nothing is wrong any more.
func eventually(t *testing.T, within time.Duration, wrong func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, within, true, func(ctx context.Context) (bool, error) {
		last = wrong(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("after %v: %v", within, last)
	}
}

// number makes names unique.
var number atomic.Int64
