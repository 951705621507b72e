// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
)

// describedCases are faults that users meet every day. What the status says of
// each is printed to docs/conditions.md.
var describedCases = []struct {
	title string
	play  func(t *testing.T, c *cluster, p *process)
}{
	{"An image that does not exist", func(t *testing.T, c *cluster, p *process) {
		c.editPod("pi-driver", scheduled(c.clock.Now()))
		mustSettle(t, p, "pi")
		c.editPod("pi-driver", waiting("ErrImagePull", errImagePull))
		mustSettle(t, p, "pi")
		c.editPod("pi-driver", waiting("ImagePullBackOff", `Back-off pulling image "registry.example.com/spark:nope": ErrImagePull: `+errImagePull))
	}},
	{"A volume of a Secret that does not exist", func(t *testing.T, c *cluster, p *process) {
		c.editPod("pi-driver", scheduled(c.clock.Now()))
		mustSettle(t, p, "pi")
		c.addEvent(podEvent("FailedMount", 8*time.Second, `MountVolume.SetUp failed for volume "credentials" : secret "credentials" not found`))
		c.clock.Step(diagnosis.QuietStart)
	}},
	{"No node with room, for 5 minutes", func(t *testing.T, c *cluster, p *process) {
		c.editPod("pi-driver", unscheduled(c.clock.Now(), corev1.PodReasonUnschedulable, noNode))
		mustSettle(t, p, "pi")
		c.clock.Step(diagnosis.UnschedulableDelay)
	}},
	{"A driver that ends with exit code 1", func(t *testing.T, c *cluster, p *process) {
		c.driverPhase("pi-driver", corev1.PodRunning)
		mustSettle(t, p, "pi")
		c.setLog("Exception in thread \"main\" java.lang.ClassNotFoundException: Pi\n\tat java.lang.Class.forName(Class.java:578)\n", nil)
		c.clock.Step(20 * time.Second)
		c.driverPhase("pi-driver", corev1.PodFailed)
	}},
}

// describeCases plays the cases and returns what the status says afterwards.
func describeCases(t *testing.T) string {
	var text strings.Builder
	for _, described := range describedCases {
		c := newCluster(t)
		c.addApplication(newApplication("pi"))
		p := c.start(keepsLog)
		mustSettle(t, p, "pi")
		described.play(t, c, p)
		mustSettle(t, p, "pi")

		status := c.application("pi").Status
		fmt.Fprintf(&text, "\n### %s\n\nState %s.", described.title, status.AppState.State)
		if status.AppState.ErrorMessage != "" {
			fmt.Fprintf(&text, " Its message: %s", status.AppState.ErrorMessage)
		}
		text.WriteString("\n\n| Condition | Status | Reason | Message |\n|---|---|---|---|\n")
		stalled := false
		for _, condition := range status.Conditions {
			fmt.Fprintf(&text, "| %s | %s | %s | %s |\n", condition.Type, condition.Status, condition.Reason, condition.Message)
			stalled = stalled || condition.Type == v1beta2.ConditionStalled && condition.Status == metav1.ConditionTrue
		}
		attempt := status.Attempts[0]
		if failed := status.AppState.State == lifecycle.StateFailed; failed == stalled {
			t.Errorf("%s: state %s, stalled: %t", described.title, status.AppState.State, stalled)
		} else if failed {
			fmt.Fprintf(&text, "\nThe attempt: exit code %d, reason %s, failureType %s, and this logTail:\n\n```text\n%s\n```\n",
				ptr.Deref(attempt.ExitCode, -1), attempt.Reason, attempt.FailureType, attempt.LogTail)
		}
	}
	return text.String()
}
