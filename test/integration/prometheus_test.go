// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
	"github.com/spark-operator/spark-operator/test/sim/prometheus"
)

// conditionalPanels have no data in TestPrometheus, for the reasons given.
var conditionalPanels = map[string]string{
	"operator.json: Repeated requests":                                  "the API server was never too busy",
	"operator.json: Time spent waiting for the client's own rate limit": "the clients have no limit of their own, as by default",
}

// TestPrometheus: a real Prometheus finds controller and webhook by the chart's PodMonitor,
// evaluates the chart's alerts, and has data for the panels of the dashboards, of which it draws pictures.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	start := time.Now()
	const release, jobs, idle = "prom-operator", "prom-jobs", "prom-idle"
	for _, namespace := range []string{release, jobs, idle} {
		newNamespace(t, namespace)
	}
	chart := prometheus.Render(t, "spark-operator", release, "webhook.enable=true,prometheus.podMonitor.create=true,prometheus.prometheusRule.create=true")

	controller, webhook := freeAddress(t), freeAddress(t)
	in := admission.Install(t, api.Core, release, admissionregistrationv1.Fail, jobs)
	in.Start(t, operatorBinary, api.Kubeconfig, in.Port, "--enable-metrics", "--metrics-bind-address", webhook)
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, jobs+","+idle, "--enable-metrics", "--metrics-bind-address", controller, "--metrics-labels=app_type",
		"--leader-election", "--leader-election-lock-name=spark-operator-controller-lock", "--leader-election-lock-namespace="+release)
	placePod(t, chart, release, "controller", controller)
	placePod(t, chart, release, "webhook", webhook)
	server := prometheus.Start(t, prometheus.Config{
		Binary: sim.Program(t, "prometheus"), Kubeconfig: api.Kubeconfig, Monitors: chart.Monitors, Alerts: chart.Alerts,
	})
	server.ExpectTargets(2)

	node := kubelet.New(kubelet.Config{Namespace: jobs, LifeOf: func(driver *corev1.Pod) kubelet.Life {
		life := kubelet.Life{Executors: 1, Run: 2 * time.Second}
		if strings.HasPrefix(driver.Name, "bad-") {
			life.Outcome = kubelet.Fail
		}
		return life
	}}, api.Core)
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(node.Wait)
	schedule := newSchedule("tick", "@every 1s")
	schedule.Spec.ConcurrencyPolicy = v1beta2.ConcurrencyForbid
	createSchedule(t, jobs, schedule)
	// A rate needs a counter that increases while it is scraped.
	for n := range 2 {
		for _, name := range []string{"good", "bad"} {
			app := sparkPi(fmt.Sprintf("%s-%d", name, n))
			app.Labels = map[string]string{"app_type": name}
			if _, err := api.Spark.SparkoperatorV1beta2().SparkApplications(jobs).Create(t.Context(), app, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		count := strconv.Itoa(n + 1)
		server.Expect(`sum(spark_application_success_count{app_type="good", namespace="prom-operator"})`, count)
		server.Expect(`sum(spark_application_failure_count{app_type="bad", namespace="prom-operator", job="prom-operator/spark-operator-podmonitor"})`, count)
	}
	server.Expect(`count(spark_application_failure_count{app_type="good"}) or vector(0)`, "0")
	server.Expect(`sum(spark_application_state_count{state="FAILED", app_type="bad"})`, "2")
	server.Expect(`sum(leader_election_master_status{name="spark-operator-controller-lock"})`, "1")
	stall(t, idle, "stalled")
	server.Expect(`sum(spark_application_stalled{reason="InvalidImageName"})`, "1")

	dashboards, err := prometheus.ReadDashboards(sim.Repository + "/charts/spark-operator/dashboards")
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{"namespace": release, "type": ".*", "__rate_interval": "1m", "__range": "1h"}
	for file, dashboard := range dashboards {
		if file != "application.json" { // it shows what Spark serves: test/e2e
			server.ExpectPanels(file, &dashboard, variables, conditionalPanels)
			server.Draw(prometheus.Picture(file), &dashboard, variables, start)
		}
	}
	if alerts := server.Alerts(); slices.Contains(alerts, "SparkOperatorDown") || slices.Contains(alerts, "SparkOperatorCertificateExpires") {
		t.Errorf("alerts %q", alerts)
	}
}

// stall creates an application whose image a kubelet cannot name.
func stall(t *testing.T, namespace, name string) {
	t.Helper()
	createApplication(t, namespace, name)
	waitSubmitted(t, namespace, name)
	pods := api.Core.CoreV1().Pods(namespace)
	driver, err := pods.Get(t.Context(), name+"-driver", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	driver.Status.Phase = corev1.PodPending
	driver.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: driver.Spec.Containers[0].Name, Image: driver.Spec.Containers[0].Image,
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "InvalidImageName", Message: "couldn't parse the image"}},
	}}
	if _, err := pods.UpdateStatus(t.Context(), driver, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// placePod creates the pod of a component, whose process listens on an address of this
// machine, as a Deployment and a kubelet would.
func placePod(t *testing.T, chart *prometheus.Chart, namespace, component, address string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	template := chart.Deployments[component].Spec.Template
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "spark-operator-" + component, Labels: template.Labels}}
	pod.Spec.Containers = []corev1.Container{{Name: template.Spec.Containers[0].Name, Image: "operator", Ports: template.Spec.Containers[0].Ports}}
	for i := range pod.Spec.Containers[0].Ports {
		if p := &pod.Spec.Containers[0].Ports[i]; p.Name == "metrics" {
			p.ContainerPort = int32(number)
		}
	}
	pod.Spec.AutomountServiceAccountToken = ptr.To(false)
	pods := api.Core.CoreV1().Pods(namespace)
	if pod, err = pods.Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	pod.Status.Phase, pod.Status.PodIP, pod.Status.PodIPs = corev1.PodRunning, host, []corev1.PodIP{{IP: host}}
	if _, err := pods.UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}
