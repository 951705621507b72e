// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/spark-operator/spark-operator/pkg/diagnosis"
)

// scheduled is a pod on a node whose containers are being created.
func scheduled(status *corev1.PodStatus) {
	*status = corev1.PodStatus{
		Phase:      corev1.PodPending,
		Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now()}},
		ContainerStatuses: []corev1.ContainerStatus{{
			Name: "spark-kubernetes-driver", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}},
		}},
	}
}

// happens lets the kubelet report an event of the server pod.
func (c *cluster) happens(reason, message string) {
	c.t.Helper()
	c.change(func() {
		event := &corev1.Event{
			ObjectMeta: metav1.ObjectMeta{Name: c.nextVersion(), Namespace: "jobs"}, Reason: reason, Message: message,
			LastTimestamp: metav1.Now(), InvolvedObject: corev1.ObjectReference{UID: c.pod().UID},
		}
		c.must(c.kube.Tracker().Create(corev1.SchemeGroupVersion.WithResource("events"), event, "jobs"))
	})
}

// statusWrites is how often the status was written.
func (c *cluster) statusWrites() (n int) {
	c.lock.Lock()
	defer c.lock.Unlock()
	for _, write := range c.log {
		if write == "update sparkconnects lab" {
			n++
		}
	}
	return n
}

// TestEventsShowWhyAServerDoesNotStart: what the status of a pod does not show is in its
// events, as for drivers. A failed read and a restart of the operator change nothing of it.
func TestEventsShowWhyAServerDoesNotStart(t *testing.T) {
	for name, test := range map[string]struct{ event, message, reason, want string }{
		"volume":     {"FailedMount", `MountVolume.SetUp failed for volume "conf" : configmap "lab" not found`, diagnosis.ReasonVolumeFailed, `a volume of pod lab-server cannot be mounted: MountVolume.SetUp failed for volume "conf"`},
		"attachment": {"FailedAttachVolume", "AttachVolume.Attach failed: volume is in use", diagnosis.ReasonVolumeFailed, "volume is in use"},
		"block":      {"FailedMapVolume", "MapVolume.WaitForAttach failed", diagnosis.ReasonVolumeFailed, "MapVolume.WaitForAttach failed"},
		"sandbox":    {"FailedCreatePodSandBox", "no addresses are left in the range", diagnosis.ReasonSandboxFailed, "the sandbox of pod lab-server cannot be created: no addresses are left in the range"},
		"image":      {"Pulling", `Pulling image "apache/spark:4.3.0"`, diagnosis.ReasonImagePulling, "the node is pulling an image of pod lab-server"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(c *cluster) {
				c.add(connect())
				c.letPass(time.Second)
				c.report(scheduled)
				c.happens("Scheduled", "Successfully assigned jobs/lab-server to node-1")
				c.happens(test.event, test.message)
				c.letPass(10 * time.Second)
				c.want(provisioning, reasonNotReady, "is starting")
				c.letPass(10 * time.Second)
				c.want(provisioning, test.reason, test.want)
				writes := c.statusWrites()
				c.letPass(20 * time.Minute)
				c.want(provisioning, test.reason, test.want)

				c.change(func() {
					c.kube.PrependReactor("list", "events", func(clienttesting.Action) (bool, runtime.Object, error) {
						return true, nil, apierrors.NewServiceUnavailable("overloaded")
					})
				})
				c.stop()
				c.start()
				c.letPass(20 * time.Minute)
				c.want(provisioning, test.reason, test.want)
				if more := c.statusWrites() - writes; more > 0 {
					t.Errorf("%d writes although nothing changed", more)
				}
				c.report(running(false))
				c.letPass(time.Second)
				c.want(provisioning, reasonNotReady, "Server pod is not ready")
			})
		})
	}
}

// TestEventsAreReadAtAPace: the events of a server that stays silent are read less and less
// often, and those of one that starts at once not at all.
func TestEventsAreReadAtAPace(t *testing.T) {
	bubble(t, func(c *cluster) {
		reads := 0
		c.kube.PrependReactor("list", "events", func(clienttesting.Action) (bool, runtime.Object, error) {
			reads++
			return false, nil, nil
		})
		c.ready()
		if reads != 0 {
			t.Errorf("%d reads for a server that started", reads)
		}
		c.report(ended(1, "Error"))
		c.letPass(15 * time.Second)
		c.letPass(time.Second)
		c.report(scheduled)
		c.letPass(time.Hour)
		if reads < 12 || reads > 18 {
			t.Errorf("%d reads in an hour", reads)
		}
	})
}
