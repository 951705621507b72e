// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/test/sim"
)

// connectFaults runs a server that no client uses, but whose web UI is not where the operator
// expects it. It must not stop for idleness, and outlives five executors.
func connectFaults(t *testing.T) {
	s := createConnect(t, "spark-connect.yaml", func(connect *v1alpha1.SparkConnect) {
		connect.Name = "faults"
		connect.Spec.IdleTimeout = &metav1.Duration{Duration: idleTimeout}
		// The operator does not see this property.
		server := &connect.Spec.Server.Template.Spec.Containers[0]
		server.Env = append(server.Env, corev1.EnvVar{Name: "JDK_JAVA_OPTIONS", Value: "-Dspark.ui.port=4999"})
	})
	first := s.untilReady()
	begin := time.Now()
	s.killExecutors(5)
	s.until("cannot be probed", func(status *v1alpha1.SparkConnectStatus) bool {
		detection := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionIdleDetection)
		return detection != nil && detection.Status == metav1.ConditionFalse && detection.Reason == "Unreachable"
	})
	time.Sleep(time.Until(begin.Add(idleTimeout + 20*time.Second)))
	s.wantCount(first.Endpoint) // by a new executor
	now := s.untilReady()
	if now.Server.PodUID != first.Server.PodUID || now.Starts != 1 {
		t.Errorf("the server was replaced: %+v", now)
	}
}

// killExecutors kills executors, one at a time, each when it runs.
func (s *connectServer) killExecutors(count int) {
	s.t.Helper()
	killed := map[types.UID]bool{}
	for range count {
		var victim *corev1.Pod
		err := wait.PollUntilContextTimeout(s.t.Context(), 200*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
			pods, err := s.pods(ctx)
			for i := range pods {
				if pods[i].Labels["spark-role"] == "executor" && pods[i].Status.Phase == corev1.PodRunning && !killed[pods[i].UID] {
					victim = &pods[i]
				}
			}
			return victim != nil, err
		})
		if err != nil {
			s.t.Fatalf("no executor after %d were killed: %v", len(killed), err)
		}
		killed[victim.UID] = true
		// All processes but the first one, which ends with the exit code of Java.
		command := exec.CommandContext(s.t.Context(), sim.Program(s.t, "localcluster"), "kubectl", "exec", "--namespace", jobNamespace, victim.Name, "--", "bash", "-c", "kill -KILL -1")
		if output, err := command.CombinedOutput(); err != nil && !strings.Contains(string(output), "137") {
			s.t.Fatalf("kill executor %s: %v: %s", victim.Name, err, output)
		}
	}
}

// whileAnalyzed calls a function beside a client that asks for the version of Spark again and
// again, in one session. Clients that look at schemas and query plans make such calls.
func (s *connectServer) whileAnalyzed(endpoint string, do func()) {
	s.t.Helper()
	address, token := s.access(endpoint)
	request := append(fromSession(string(uuid.NewUUID())), field(requestAnalyzeVersion, nil)...)
	ctx, cancel := context.WithCancel(s.t.Context())
	answers := make(chan int)
	go func() {
		answered := 0
		wait.UntilWithContext(ctx, func(ctx context.Context) {
			if call(ctx, address, token, "/spark.connect.SparkConnectService/AnalyzePlan", request) == nil {
				answered++
			}
		}, 5*time.Second)
		answers <- answered
	}()
	do()
	cancel()
	if answered, least := <-answers, int(idleTimeout/(10*time.Second)); answered < least {
		s.t.Errorf("%s: %d calls were answered, want at least %d", s.name, answered, least)
	}
}
