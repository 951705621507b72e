// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
)

// TestEachTransitionIsLoggedOnce: one line for each state that was written, also if the
// first write of it fails.
func TestEachTransitionIsLoggedOnce(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) {
		app.Spec.RestartPolicy = v1beta2.RestartPolicy{Type: v1beta2.RestartPolicyOnFailure, OnFailureRetries: ptr.To[int32](1), OnFailureRetryInterval: ptr.To[int64](5)}
	}))
	p := c.start()
	logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	p.ctx = klog.NewContext(p.ctx, logger)
	failed := false
	c.spark.PrependReactor("update", "sparkapplications", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if failed {
			return false, nil, nil
		}
		failed = true
		return busy(action)
	})
	mustSettle(t, p, "pi")
	c.clock.Step(90 * time.Second)
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.driverPhase("pi-driver", corev1.PodFailed)
	mustSettle(t, p, "pi")
	c.wantState("pi", lifecycle.StateSubmitted)

	var got []string
	for _, entry := range logger.GetSink().(ktesting.Underlier).GetBuffer().Data() {
		if entry.Message != "State changed" {
			continue
		}
		fields := map[string]any{}
		for i := 0; i+1 < len(entry.ParameterKVList); i += 2 {
			fields[fmt.Sprint(entry.ParameterKVList[i])] = entry.ParameterKVList[i+1]
		}
		got = append(got, fmt.Sprintf("%v to %v, attempt %v, after %v, reason %v", fields["from"], fields["to"], fields["attempt"], fields["after"], fields["reason"]))
	}
	for i, want := range []string{
		" to SUBMITTED, attempt 1", "SUBMITTED to RUNNING, attempt 1, after 1m30s", "RUNNING to FAILING, attempt 1, after 0s, reason Error",
		"FAILING to PENDING_RERUN, attempt 1", "PENDING_RERUN to SUBMITTED, attempt 2",
	} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Errorf("transition %d is logged as %q, want %q", i, got, want)
		}
	}
	if !failed || len(got) != 5 {
		t.Errorf("%d lines for 5 transitions: %q", len(got), got)
	}
}
