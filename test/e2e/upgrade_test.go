// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
)

const (
	// rollingRelease runs in, and watches, a namespace of its own.
	rollingRelease   = "rolling"
	rollingNamespace = "spark-e2e-rolling"
	// noScheduler keeps the scheduler of the cluster from the drivers: test/sim plays the
	// node, because a hundred real drivers take many minutes on two cores.
	noScheduler = "simulated"
)

// TestUpgradeUnderLoad replaces both replicas of the operator with `helm upgrade` while a
// hundred applications arrive. Each is submitted once, and all complete.
func TestUpgradeUnderLoad(t *testing.T) {
	const applications = 100
	createRollingNamespace(t)
	if err := helmRolling(t.Context(), "info"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := helm(context.Background(), "uninstall", rollingRelease, "--namespace", rollingNamespace, "--wait", "--timeout", "2m"); err != nil {
			t.Error(err)
		}
	})
	before := controllers(t)

	var drivers atomic.Int64
	node := kubelet.New(kubelet.Config{
		Namespace: rollingNamespace, LifeOf: kubelet.Always(kubelet.Life{Start: 100 * time.Millisecond, Run: 2 * time.Second}), Workers: 4, LeaveGarbage: true,
		OnEvent: func(event kubelet.Event) {
			if event.Moment == kubelet.Created {
				drivers.Add(1)
			}
		},
	}, cluster.core)
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(node.Wait)

	upgraded := make(chan error, 1)
	apps := cluster.spark.SparkoperatorV1beta2().SparkApplications(rollingNamespace)
	for n := range applications {
		if n == applications/5 {
			go func() { upgraded <- helmRolling(t.Context(), "debug") }()
		}
		app := sparkPi(fmt.Sprintf("rolling-%d", n), "1")
		app.Namespace, app.Spec.Driver.ServiceAccount, app.Spec.Driver.SchedulerName = rollingNamespace, nil, ptr.To(noScheduler)
		app.Spec.RestartPolicy.Type = v1beta2.RestartPolicyNever
		if _, err := apps.Create(t.Context(), app, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	if err := <-upgraded; err != nil {
		t.Fatal(err)
	}
	for name := range controllers(t) {
		if before[name] {
			t.Errorf("the upgrade kept %s", name)
		}
	}

	var unfinished []string
	err := wait.PollUntilContextTimeout(t.Context(), time.Second, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		list, err := apps.List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		unfinished = nil
		for i := range list.Items {
			app := &list.Items[i]
			switch status := &app.Status; {
			case status.AppState.State != v1beta2.ApplicationStateCompleted:
				unfinished = append(unfinished, fmt.Sprintf("%s is %s: %s", app.Name, status.AppState.State, status.AppState.ErrorMessage))
			case status.SubmissionAttempts != 1 || status.ExecutionAttempts != 1:
				return false, fmt.Errorf("%s has %d submissions and %d runs", app.Name, status.SubmissionAttempts, status.ExecutionAttempts)
			}
		}
		if len(list.Items) != applications {
			return false, fmt.Errorf("%d applications", len(list.Items))
		}
		return len(unfinished) == 0, nil
	})
	if err != nil {
		t.Errorf("%v: %s", err, strings.Join(unfinished, "; "))
	}
	if drivers.Load() != applications {
		t.Errorf("%d drivers of %d applications", drivers.Load(), applications)
	}
	if overlaps := node.Overlaps(); len(overlaps) > 0 {
		t.Errorf("drivers at once: %v", overlaps)
	}
}

func createRollingNamespace(t *testing.T) {
	t.Helper()
	namespaces := cluster.core.CoreV1().Namespaces()
	_, err := namespaces.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: rollingNamespace}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := namespaces.Delete(context.Background(), rollingNamespace, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// helmRolling installs or upgrades two replicas as in production; a new log level is a new
// template of their pods.
func helmRolling(ctx context.Context, logLevel string) error {
	return helmInstall(ctx, rollingRelease, rollingNamespace, rollingNamespace,
		"controller.logLevel="+logLevel, "controller.replicas=2", "controller.podDisruptionBudget.enable=true",
		"controller.priorityClassName=system-cluster-critical",
		"controller.topologySpreadConstraints[0].maxSkew=1",
		"controller.topologySpreadConstraints[0].topologyKey=kubernetes.io/hostname",
		"controller.topologySpreadConstraints[0].whenUnsatisfiable=ScheduleAnyway")
}

// controllers are the names of the pods of the release that run.
func controllers(t *testing.T) map[string]bool {
	t.Helper()
	pods, err := cluster.core.CoreV1().Pods(rollingNamespace).List(t.Context(), metav1.ListOptions{
		LabelSelector: "app.kubernetes.io/component=controller,app.kubernetes.io/instance=" + rollingRelease,
	})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for i := range pods.Items {
		if pods.Items[i].DeletionTimestamp == nil {
			found[pods.Items[i].Name] = true
		}
	}
	if len(found) == 0 {
		t.Fatal("the release has no pods")
	}
	return found
}
