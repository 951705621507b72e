// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/ui"
	"github.com/spark-operator/spark-operator/test/browser"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/gateway"
)

// uiScript is an application with something on every page of its web UI. Its last job ends
// only when the UI kills it, which does not make the application fail.
const uiScript = `
import time
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.range(0, 100, 1, 2).cache().count()
for number in range(2):
    try:
        spark.sparkContext.parallelize([3600], 1).foreach(time.sleep)
    except Exception as error:
        print("KILLED", error)
spark.stop()
`

const uiConfig = "ui-script"

// uiPages are the pages that are opened: the path, and a text that is there once the page is
// complete.
var uiPages = []struct{ name, path, text string }{
	{"jobs", "/jobs/", "Active Jobs (1)"},
	{"job", "/jobs/job/?id=0", "Completed Stages"},
	{"stages", "/stages/", "Active Stages (1)"},
	// Not that which runs: Spark answers 404 for the summary of a stage without a finished task.
	{"stage", "/stages/stage/?id=0&attempt=0", "Showing 1 to 2 of 2 entries"},
	{"storage", "/storage/", "Fraction Cached"},
	{"environment", "/environment/", "Java Home"},
	{"executors", "/executors/", "Showing 1 to 2 of 2 entries"},
	{"sql", "/SQL/", "count at NativeMethodAccessorImpl"},
	{"query", "/SQL/execution/?id=0", "Details for Query 0"},
}

// TestUIUnderASubPath opens the web UI of running applications in a browser, through a real
// proxy that does what the HTTPRoute or the Ingress asks for. Every page is complete, every
// request and link stays under the path of the application, and a job can be killed.
func TestUIUnderASubPath(t *testing.T) {
	t.Parallel()
	client, err := dynamic.NewForConfig(cluster.config)
	if err != nil {
		t.Fatal(err)
	}
	gateway.InstallRoutes(t, client)
	t.Run("HTTPRoute", func(t *testing.T) {
		t.Parallel()
		runUI(t, "spark-e2e-route", "--ui-route-url-format", cluster.sparkImage, cluster.sparkVersion,
			func(namespace, app string) (gateway.Rule, error) {
				stored, err := client.Resource(ui.RouteResource).Namespace(namespace).Get(t.Context(), app+"-ui-route", metav1.GetOptions{})
				if err != nil {
					return gateway.Rule{}, err
				}
				var route gatewayv1.HTTPRoute
				if err := runtime.DefaultUnstructuredConverter.FromUnstructured(stored.Object, &route); err != nil {
					return gateway.Rule{}, err
				}
				return gateway.FromRoute(&route)
			}, "--ui-route-gateways=infra/web")
	})
	t.Run("Ingress", func(t *testing.T) {
		t.Parallel()
		runUI(t, "spark-e2e-ingress", "--ingress-url-format", cluster.spark35Image, cluster.spark35Version,
			func(namespace, app string) (gateway.Rule, error) {
				ingress, err := cluster.core.NetworkingV1().Ingresses(namespace).Get(t.Context(), app+"-ui-ingress", metav1.GetOptions{})
				if err != nil {
					return gateway.Rule{}, err
				}
				return gateway.FromIngress(ingress)
			})
	})
}

// runUI runs an application under an operator of its own, in a namespace of its own.
func runUI(t *testing.T, namespace, formatFlag, image, version string, rule func(namespace, app string) (gateway.Rule, error), flags ...string) {
	t.Helper()
	createJobNamespace(t, namespace)
	createConfigMap(t, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: uiConfig}, Data: map[string]string{"main.py": uiScript},
	})
	address := freeAddress(t)
	_, port, _ := strings.Cut(address, ":")
	// A browser takes each name under localhost for this machine.
	format := "http://spark.localhost:" + port + "/{{$appNamespace}}/{{$appName}}"
	sim.StartOperator(t, cluster.operatorBinary, os.Getenv("KUBECONFIG"), namespace, append(flags, formatFlag+"="+format)...)

	app := sparkPi("pi")
	app.Namespace = namespace
	app.Spec.Image, app.Spec.SparkVersion = ptr.To(image), version
	app.Spec.Type = v1beta2.SparkApplicationTypePython
	app.Spec.MainClass = nil
	app.Spec.MainApplicationFile = ptr.To("local:///opt/ui/main.py")
	app.Spec.Driver.ServiceAccount = nil // the namespace has only the default one
	app.Spec.Driver.ConfigMaps = []v1beta2.NamePath{{Name: uiConfig, Path: "/opt/ui"}}
	app = create(t, app)
	running := waitFor(t, app, "running with a web UI", func(app *v1beta2.SparkApplication) bool {
		return app.Status.AppState.State == v1beta2.ApplicationStateRunning && app.Status.DriverInfo.WebUIIngressAddress != ""
	})
	info := running.Status.DriverInfo
	if want := "http://spark.localhost:" + port + "/" + namespace + "/pi"; info.WebUIIngressAddress != want {
		t.Fatalf("the status names %s, want %s", info.WebUIIngressAddress, want)
	}
	// Until now, nothing listens there: that the proxy is down has no effect on the application.
	proxied, err := rule(namespace, app.Name)
	if err != nil {
		t.Fatal(err)
	}
	gateway.Start(t, address, proxied, func(to gateway.Backend) string { return forward(t, namespace, to) })
	openUI(t, running)

	done := waitForState(t, app, v1beta2.ApplicationStateCompleted)
	log, err := driverLog(t.Context(), namespace, done.Status.DriverInfo.PodName)
	if err != nil {
		t.Fatal(err)
	}
	if kills := strings.Count(log, "\nKILLED "); kills != 2 {
		t.Errorf("%d jobs were killed, want 2:\n%s", kills, tail(log, 40))
	}
	if done.Status.SubmissionAttempts != 1 {
		t.Errorf("%d submissions", done.Status.SubmissionAttempts)
	}
}

// openUI opens each page at the address in the status, and kills both jobs by their links.
func openUI(t *testing.T, app *v1beta2.SparkApplication) {
	t.Helper()
	waitForJob(t, app)
	root := app.Status.DriverInfo.WebUIIngressAddress
	tab := browser.Start(t)
	tab.Open(root, "Active Jobs (1)")
	if got := browser.Evaluate[string](tab, "location.href"); got != root+"/jobs/" {
		t.Errorf("%s led to %s", root, got)
	}
	screenshot := func(name string) {
		tab.Screenshot(filepath.Join(sim.Repository, ".out", fmt.Sprintf("ui-%s-%s.png", app.Spec.SparkVersion, name)))
	}
	links := map[string]bool{}
	for _, page := range uiPages {
		tab.Open(root+page.path, page.text)
		screenshot(page.name)
		for _, link := range browser.Evaluate[[]string](tab, "Array.from(document.links, link => link.href)") {
			if !isUnder(root, link) {
				t.Errorf("page %s has a link to %s", page.name, link)
			}
			link, _, _ = strings.Cut(link, "#")
			links[link] = true
		}
	}
	for _, page := range uiPages {
		if !links[root+page.path] {
			t.Errorf("no page has a link to %s", page.path)
		}
	}

	// Spark 3.5 has a page for it, Spark 4.3 loads it into that of the executors.
	tab.Open(root+"/executors/", "Thread Dump")
	browser.Evaluate[any](tab, "Array.from(document.links).find(link => link.text == 'Thread Dump').click()")
	tab.WaitFor("RUNNABLE")
	screenshot("thread-dump")

	if _, exceptions := tab.Seen(); len(exceptions) > 0 {
		t.Errorf("exceptions of scripts: %q", exceptions)
	}

	// The script by which Spark 3.5 asks whether to kill a job throws one, everywhere.
	tab.Open(root+"/jobs/", "Active Jobs (1)")
	kill := func() {
		browser.Evaluate[any](tab, "window.confirm = () => true, document.querySelector('a.kill-link').click()")
	}
	kill()
	// Spark leads from the job that it kills back to all jobs.
	tab.WaitFor("Failed Jobs (1)")
	if got := browser.Evaluate[string](tab, "location.href"); got != root+"/jobs/" {
		t.Errorf("the link that kills a job led to %s", got)
	}
	requests, _ := tab.Seen()
	for _, request := range requests {
		if strings.HasPrefix(request.URL, "data:") {
			continue
		}
		if !isUnder(root, request.URL) || request.Status >= 400 || request.Failure != "" {
			t.Errorf("%s: %d %s", request.URL, request.Status, request.Failure)
		}
	}
	if len(requests) < 10*len(uiPages) {
		t.Errorf("only %d requests were recorded", len(requests))
	}
	tab.Open(root+"/jobs/", "Active Jobs (1)")
	kill() // the application ends with this job, perhaps before it answers
}

// isUnder reports whether an address is root or one below it.
func isUnder(root, address string) bool {
	return address == root || strings.HasPrefix(address, root+"/")
}

// waitForJob waits until the job runs that the tests kill. Asked before, the UI may have no
// pages yet.
func waitForJob(t *testing.T, app *v1beta2.SparkApplication) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 500*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		log, err := driverLog(ctx, app.Namespace, app.Status.DriverInfo.PodName)
		_, after, _ := strings.Cut(log, "(foreach at ")
		return err == nil && strings.Contains(after, "Starting task 0.0 "), nil
	})
	if err != nil {
		t.Fatalf("the job of %s does not run: %v", app.Name, err)
	}
}

// forward makes the port of a Service reachable from this machine, which Pods and Services
// are not. It ends with the test.
func forward(t *testing.T, namespace string, to gateway.Backend) (address string) {
	t.Helper()
	command := exec.Command(sim.Program(t, "localcluster"), "kubectl", "port-forward", "--namespace", namespace, "service/"+to.Service, fmt.Sprintf(":%d", to.Port))
	var complaints bytes.Buffer
	command.Stderr = &complaints
	output, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		<-ended
		_ = command.Wait()
		if t.Failed() {
			t.Logf("kubectl port-forward: %s", &complaints)
		}
	})
	for address == "" && lines.Scan() {
		if text, isForwarded := strings.CutPrefix(lines.Text(), "Forwarding from 127.0.0.1:"); isForwarded {
			port, _, _ := strings.Cut(text, " ")
			address = "127.0.0.1:" + port
		}
	}
	go func() { // it writes a line for each connection
		defer close(ended)
		_, _ = io.Copy(io.Discard, output)
	}()
	if address == "" {
		t.Fatalf("kubectl does not forward to %s", to.Service)
	}
	return address
}

// freeAddress returns an address of this machine on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// createJobNamespace creates a namespace in which the drivers of the default ServiceAccount
// may run, until the test ends.
func createJobNamespace(t *testing.T, name string) {
	t.Helper()
	namespaces := cluster.core.CoreV1().Namespaces()
	if _, err := namespaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := namespaces.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	_, err := cluster.core.RbacV1().RoleBindings(name).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "spark"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "edit"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "default", Namespace: name}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}
