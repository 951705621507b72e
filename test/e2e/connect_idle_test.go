// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
)

// connectIdleness has a server with the shortest time-out for idleness. A query takes longer,
// and its client goes without a word: the server stops when the query has ended and the
// time-out has passed since, and not before. Then it is woken.
func connectIdleness(t *testing.T) {
	t.Helper()
	const timeout, query = time.Minute, 65 * time.Second
	s := createConnect(t, "spark-connect.yaml", func(connect *v1alpha1.SparkConnect) {
		connect.Name = "notebook-idle"
		connect.Spec.IdleTimeout = &metav1.Duration{Duration: timeout}
	})
	first := s.untilReady()
	begin := time.Now()
	ctx, kill := context.WithTimeout(t.Context(), 10*time.Second)
	defer kill()
	// One task of an executor sleeps a second for each row. Spark does not notice that a
	// client is gone as long as there is nothing to send to it.
	err := runQuery(ctx, s.forward(first.Endpoint), s.token(), fmt.Sprintf(
		"SELECT count(x) FROM (SELECT java_method('java.lang.Thread', 'sleep', 1000 + id - id) AS x FROM range(0, %d, 1, 1))", int(query.Seconds())))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the query of %v ended: %v", query, err)
	}
	seen := s.until("shows an open session", func(status *v1alpha1.SparkConnectStatus) bool { return ptr.Deref(status.OpenSessions, 0) > 0 })
	if !meta.IsStatusConditionTrue(seen.Conditions, v1alpha1.ConditionIdleDetection) {
		t.Errorf("status during the query: %+v", seen)
	}
	stopped := s.untilIdle()
	if took := stopped.StoppedAt.Sub(begin); stopped.Starts != 1 || took < query+timeout-2*time.Second {
		t.Errorf("stopped after %v, want at least %v after the query of %v: %+v", took, timeout, query, stopped)
	}
	s.untilPodsGone(first.Server.PodName)

	s.patch(map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.AnnotationWake: "1"}}})
	second := s.until("is woken", func(status *v1alpha1.SparkConnectStatus) bool {
		return status.State == v1alpha1.SparkConnectStateReady && status.Starts == 2
	})
	if second.Endpoint != first.Endpoint || second.StopReason != "" {
		t.Errorf("status after the wake: %+v", second)
	}
	s.wantCount(second.Endpoint)
}

// untilIdle waits until the server was stopped because it was not in use.
func (s *connectServer) untilIdle() *v1alpha1.SparkConnectStatus {
	s.t.Helper()
	return s.until("is stopped for idleness", func(status *v1alpha1.SparkConnectStatus) bool {
		return status.State == v1alpha1.SparkConnectStateNotReady && status.StopReason == v1alpha1.StopReasonIdle
	})
}
