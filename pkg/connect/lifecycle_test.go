// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

const (
	provisioning = v1alpha1.SparkConnectStateProvisioning
	ready        = v1alpha1.SparkConnectStateReady
	notReady     = v1alpha1.SparkConnectStateNotReady
	failed       = v1alpha1.SparkConnectStateFailed
)

func TestServerBecomesReady(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.add(connect())
		c.letPass(time.Second)
		status := c.want(provisioning, reasonNotReady, "pod lab-server is starting")
		if status.Endpoint != "" || status.Server.ServiceName != "lab-server" || status.Server.PodName != "lab-server" {
			t.Errorf("status %+v", status)
		}
		c.report(running(false))
		c.want(provisioning, reasonNotReady, "Server pod is not ready: containers with unready status")
		c.report(running(true))
		status = c.want(ready, reasonReady, "Server pod is ready")
		if status.Endpoint != "sc://lab-server.jobs.svc:15002" || status.Server.PodIP != "10.1.2.3" || status.ObservedGeneration != 1 || status.Starts != 1 || status.StartTime.IsZero() {
			t.Errorf("status %+v", status)
		}
		if up := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionUpToDate); up == nil || up.Status != metav1.ConditionTrue {
			t.Errorf("UpToDate %+v", up)
		}
		want := []string{"create configmaps lab-conf", "create services lab-server", "create pods lab-server"}
		if len(c.log) < 3 || !slices.Equal(c.log[:3], want) {
			t.Errorf("writes %q, want %q first", c.log, want)
		}
		if c.count(eventStarted) != 1 || c.count(eventReady) != 1 {
			t.Errorf("events %q", c.events)
		}
		writes := len(c.log)
		c.letPass(time.Hour)
		if len(c.log) != writes {
			t.Errorf("a server at rest causes writes: %q", c.log)
		}
	})
}

func TestSuspendStopsAndResumes(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready()
		first := c.pod()
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = ptr.To(true) })
		status := c.want(notReady, reasonStopped, "spec.suspend is true")
		if status.StopReason != v1alpha1.StopReasonUserRequest || status.Endpoint != "" || !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionSuspended) {
			t.Errorf("status %+v", status)
		}
		c.letPass(time.Minute)
		if c.pod() != nil || c.count(eventStopped) != 1 {
			t.Errorf("pod %v, events %q", c.pod(), c.events)
		}
		if _, err := c.kube.Tracker().Get(servicesResource, "jobs", "lab-server"); err != nil {
			t.Errorf("the Service is gone: %v", err)
		}
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = nil })
		c.letPass(time.Second)
		c.report(running(true))
		status = c.want(ready, reasonReady, "")
		second := c.pod()
		if status.Starts != 2 || first.UID == second.UID || first.Labels[v1beta2.LabelSubmissionID] == second.Labels[v1beta2.LabelSubmissionID] {
			t.Errorf("the server that was started is not a new one: %+v", status)
		}
		if meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionSuspended) {
			t.Errorf("Suspended is still true")
		}
		conf, err := c.kube.Tracker().Get(configMapsResource, "jobs", "lab-conf")
		if err != nil || !strings.Contains(conf.(*corev1.ConfigMap).Data["spark.properties"], "spark.app.id="+second.Labels[v1beta2.LabelSparkApplicationSelector]) {
			t.Errorf("the ConfigMap is not that of the second server: %v", err)
		}
	})
}

func TestSuspendedFromTheStartCreatesNoPod(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.add(connect(func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = ptr.To(true) }))
		c.letPass(time.Hour)
		c.want(notReady, reasonStopped, "")
		if len(c.pods) != 0 {
			t.Errorf("%d pods", len(c.pods))
		}
	})
}

func TestResumedWhileTheOldPodEndsWaitsForIt(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready()
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = ptr.To(true) })
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = ptr.To(false) })
		if len(c.pods) != 1 || c.pod().DeletionTimestamp == nil {
			t.Fatalf("%d pods were created before the first was gone", len(c.pods))
		}
		c.letPass(2 * time.Second)
		if len(c.pods) != 2 || c.count(eventStopped) != 1 {
			t.Errorf("%d pods, events %q", len(c.pods), c.events)
		}
	})
}

func TestServerThatEndsIsRestartedAfterGrowingDelays(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready()
		for i, delay := range []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second} {
			c.report(ended(137, "OOMKilled"))
			status := c.want(notReady, reasonServerEnded, "OOMKilled")
			if status.Restarts != int32(i+1) || status.NextRestartTime == nil || status.Endpoint != "" {
				t.Fatalf("status %+v", status)
			}
			c.letPass(delay - 2*time.Second)
			if len(c.pods) != i+1 {
				t.Fatalf("restarted before %v", delay)
			}
			c.letPass(3 * time.Second)
			c.letPass(2 * time.Second)
			if len(c.pods) != i+2 {
				t.Fatalf("not restarted after %v: %+v", delay, c.get().Status)
			}
		}
		c.report(running(true))
		c.letPass(11 * time.Minute)
		if status := c.want(ready, reasonReady, ""); status.Restarts != 0 {
			t.Errorf("%d failures are remembered after eleven minutes", status.Restarts)
		}
	})
}

func TestMaxRestartsEndsInFailedUntilTheSpecChanges(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(func(connect *v1alpha1.SparkConnect) { connect.Spec.MaxRestarts = ptr.To[int32](0) })
		c.report(ended(1, "Error"))
		c.want(failed, reasonServerEnded, "spec.maxRestarts, 0, is used up")
		c.letPass(time.Hour)
		if len(c.pods) != 1 || c.count(eventFailed) != 1 || c.pod() == nil {
			t.Errorf("%d pods, the last one is %v, events %q", len(c.pods), c.pod(), c.events)
		}
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Server.Memory = ptr.To("2g") })
		c.letPass(time.Second)
		c.letPass(time.Second)
		if len(c.pods) != 2 {
			t.Errorf("%d pods after the change of the spec: %+v", len(c.pods), c.get().Status)
		}
	})
}

func TestDeletedPodIsReplacedAtOnce(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready()
		c.change(func() { c.must(c.kube.Tracker().Delete(podsResource, "jobs", "lab-server")) })
		c.letPass(time.Second)
		if status := c.want(provisioning, reasonNotReady, ""); len(c.pods) != 2 || status.Restarts != 0 {
			t.Errorf("%d pods, %+v", len(c.pods), status)
		}
	})
}

// The kubelet reports how the containers of a deleted pod ended, and then removes the pod.
func TestEndOfADeletedPodIsNoFailure(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(func(connect *v1alpha1.SparkConnect) { connect.Spec.MaxRestarts = ptr.To[int32](0) })
		c.must(c.kube.CoreV1().Pods("jobs").Delete(t.Context(), "lab-server", metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(c.pod().UID))}))
		synctest.Wait()
		c.want(notReady, reasonTerminating, "")
		c.report(ended(143, "Error"))
		if status := c.want(notReady, reasonTerminating, ""); status.NextRestartTime != nil || status.Restarts != 0 {
			t.Errorf("status %+v", status)
		}
		c.letPass(time.Second)
		if status := c.want(provisioning, reasonNotReady, ""); len(c.pods) != 2 || status.Restarts != 0 || c.count(eventFailed)+c.count(eventRestarting) != 0 {
			t.Errorf("%d pods, %+v, events %q", len(c.pods), status, c.events)
		}
	})
}

func TestManualUpdateLeavesTheServer(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready()
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Server.Memory = ptr.To("2g") })
		c.letPass(time.Minute)
		status := c.want(ready, reasonReady, "")
		if up := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionUpToDate); up.Status != metav1.ConditionFalse || up.Reason != reasonSpecChanged {
			t.Errorf("UpToDate %+v", up)
		}
		if len(c.pods) != 1 || c.count(eventUpdatePending) != 1 {
			t.Errorf("%d pods, events %q", len(c.pods), c.events)
		}
	})
}

func TestRecreateReplacesTheServerOnce(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(func(connect *v1alpha1.SparkConnect) { connect.Spec.UpdatePolicy = v1alpha1.UpdateRecreate })
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Server.Memory = ptr.To("2g") })
		c.letPass(time.Second)
		c.letPass(time.Second)
		c.report(running(true))
		c.letPass(time.Hour)
		status := c.want(ready, reasonReady, "")
		if len(c.pods) != 2 || status.Restarts != 0 || !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionUpToDate) {
			t.Errorf("%d pods, %+v", len(c.pods), status)
		}
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Server.Memory = ptr.To("1.5g") })
		c.letPass(time.Minute)
		status = c.want(ready, reasonReady, "")
		if up := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionUpToDate); len(c.pods) != 2 || !strings.Contains(up.Message, "invalid") {
			t.Errorf("an invalid spec replaced the server: %d pods, UpToDate %+v", len(c.pods), up)
		}
	})
}

func TestMaxAgeStopsUntilTheServerIsWoken(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(func(connect *v1alpha1.SparkConnect) { connect.Spec.MaxAge = &metav1.Duration{Duration: time.Hour} })
		c.letPass(50 * time.Minute)
		c.want(ready, reasonReady, "")
		c.letPass(10 * time.Minute)
		if status := c.want(notReady, reasonStopped, "spec.maxAge"); status.StopReason != v1alpha1.StopReasonMaxAge {
			t.Errorf("status %+v", status)
		}
		c.letPass(time.Hour)
		if c.pod() != nil || len(c.pods) != 1 {
			t.Fatalf("%d pods", len(c.pods))
		}
		c.edit(func(connect *v1alpha1.SparkConnect) {
			connect.Annotations = map[string]string{v1alpha1.AnnotationWake: "1"}
		})
		c.letPass(time.Second)
		c.report(running(true))
		c.want(ready, reasonReady, "")
		c.letPass(61 * time.Minute)
		c.want(notReady, reasonStopped, "spec.maxAge")
		if c.count(eventStopped) != 2 {
			t.Errorf("events %q", c.events)
		}
	})
}

func TestOnStopDeleteDeletesTheObject(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(func(connect *v1alpha1.SparkConnect) {
			connect.Spec.MaxAge, connect.Spec.OnStop = &metav1.Duration{Duration: time.Hour}, v1alpha1.StopDelete
		})
		c.letPass(time.Hour)
		c.letPass(time.Minute)
		if c.exists() {
			t.Errorf("the object exists: %+v", c.get().Status)
		}
	})
}

func TestTimeToLiveDeletesWhatStoppedOrFailed(t *testing.T) {
	for name, edit := range map[string]func(*v1alpha1.SparkConnect){
		"stopped": func(connect *v1alpha1.SparkConnect) { connect.Spec.Suspend = ptr.To(true) },
		"failed":  func(connect *v1alpha1.SparkConnect) { connect.Spec.Server.Memory = ptr.To("much") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(c *cluster) {
				c.add(connect(edit, func(connect *v1alpha1.SparkConnect) { connect.Spec.TimeToLiveSeconds = ptr.To[int64](600) }))
				c.letPass(9 * time.Minute)
				if !c.exists() {
					t.Fatal("deleted too early")
				}
				c.letPass(2 * time.Minute)
				if c.exists() {
					t.Errorf("the object exists: %+v", c.get().Status)
				}
			})
		})
	}
}

func TestInvalidSpecFails(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.add(connect(func(connect *v1alpha1.SparkConnect) { connect.Spec.Image = nil }))
		c.letPass(time.Hour)
		c.want(failed, reasonInvalidSpec, "image must be specified")
		if len(c.pods) != 0 || len(c.log) != 1 {
			t.Errorf("writes %q", c.log)
		}
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.Image = ptr.To("apache/spark:4.3.0") })
		c.letPass(time.Second)
		c.want(provisioning, reasonNotReady, "")
	})
}

func TestRefusalsAreExplained(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	for name, test := range map[string]struct {
		err    error
		state  v1alpha1.SparkConnectState
		reason string
	}{
		"quota":     {apierrors.NewForbidden(pods, "lab-server", fmt.Errorf("exceeded quota: compute")), provisioning, "QuotaExceeded"},
		"account":   {apierrors.NewForbidden(pods, "lab-server", fmt.Errorf(`error looking up service account jobs/spark: serviceaccount "spark" not found`)), provisioning, "ReferenceNotFound"},
		"rights":    {apierrors.NewForbidden(pods, "lab-server", fmt.Errorf(`User "system:anonymous" cannot create resource "pods" in API group ""`)), provisioning, "NotPermitted"},
		"admission": {apierrors.NewForbidden(pods, "lab-server", fmt.Errorf("violates PodSecurity")), failed, reasonRefused},
		"invalid":   {apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "lab-server", nil), failed, reasonRefused},
		"outage":    {apierrors.NewGenericServerResponse(http.StatusInternalServerError, "create", pods, "lab-server", "etcd", 0, false), provisioning, "Retrying"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(c *cluster) {
				c.refuse = func(action clienttesting.Action) error {
					if action.GetVerb() == "create" && action.GetResource() == podsResource {
						return test.err
					}
					return nil
				}
				c.add(connect())
				c.letPass(2 * time.Minute)
				c.want(test.state, test.reason, "")
				if test.state == failed {
					return
				}
				c.change(func() { c.refuse = nil })
				c.letPass(2 * time.Minute)
				if len(c.pods) != 1 {
					t.Errorf("%d pods after the refusal ended", len(c.pods))
				}
			})
		})
	}
}

// kubeflow stores a SparkConnect whose server kubeflow/spark-operator started.
func (c *cluster) kubeflow(edits ...func(*v1alpha1.SparkConnect)) {
	c.t.Helper()
	old := connect(edits...)
	c.change(func() {
		c.stamp(old)
		old.Status = v1alpha1.SparkConnectStatus{State: ready, Server: v1alpha1.ServerStatus{PodName: "lab-server", PodIP: "10.1.2.3", ServiceName: "lab-server"}}
		owner := *metav1.NewControllerRef(old, v1alpha1.SchemeGroupVersion.WithKind("SparkConnect"))
		labels := map[string]string{
			v1beta2.LabelLaunchedBySparkOperator: "true", v1alpha1.LabelConnectName: "lab", v1beta2.LabelSparkRole: v1alpha1.SparkRoleConnectServer, v1beta2.LabelSparkVersion: "4.0.0",
		}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "lab-server", Namespace: "jobs", UID: "old", ResourceVersion: "7", Labels: labels, OwnerReferences: []metav1.OwnerReference{owner}}}
		running(true)(&pod.Status)
		c.must(c.kube.Tracker().Create(podsResource, pod, "jobs"))
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "lab-server", Namespace: "jobs", UID: "old-service", ResourceVersion: "8", OwnerReferences: []metav1.OwnerReference{owner}}}
		service.Spec.Selector = labels
		service.Spec.ClusterIP = "10.9.9.9"
		service.Spec.Ports = []corev1.ServicePort{{Name: "spark-connect-server", Port: 15002, TargetPort: intstr.FromInt32(15002), NodePort: 30123}}
		c.must(c.kube.Tracker().Create(servicesResource, service, "jobs"))
		c.must(c.spark.Tracker().Create(connectsResource, old, "jobs"))
	})
}

// TestServersOfKubeflowAreAdopted: a server that kubeflow/spark-operator started runs on.
func TestServersOfKubeflowAreAdopted(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.kubeflow()
		c.letPass(time.Minute)
		status := c.want(ready, reasonReady, "")
		if len(c.pods) != 0 || status.Server.PodUID != "old" || status.Endpoint == "" || status.Starts != 0 {
			t.Errorf("%d pods, status %+v", len(c.pods), status)
		}
		stored, err := c.kube.Tracker().Get(servicesResource, "jobs", "lab-server")
		c.must(err)
		service := stored.(*corev1.Service)
		if _, byVersion := service.Spec.Selector[v1beta2.LabelSparkVersion]; byVersion || service.Spec.ClusterIP != "10.9.9.9" {
			t.Errorf("Service %+v", service.Spec)
		}
		for _, port := range service.Spec.Ports {
			if port.Name == "spark-connect-server" && port.NodePort != 30123 {
				t.Errorf("the node port changed: %+v", port)
			}
		}
	})
}

// TestRefusedServersOfKubeflowRunOn: a spec that is refused does not end the server that
// kubeflow/spark-operator started. It is said, and no other server is started.
func TestRefusedServersOfKubeflowRunOn(t *testing.T) {
	for name, edit := range map[string]func(*v1alpha1.SparkConnect){
		"invalid": func(connect *v1alpha1.SparkConnect) { connect.Spec.SparkVersion = "3.3.2" },
		"cannot be made": func(connect *v1alpha1.SparkConnect) {
			connect.Spec.SparkConf = map[string]string{"spark.kubernetes.driver.request.cores": "many"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(c *cluster) {
				c.stop()
				c.kubeflow(edit)
				c.start() // which fills its caches before it does anything
				c.letPass(time.Hour)
				status := c.want(ready, reasonReady, "")
				if c.pod() == nil || c.pod().UID != "old" || status.Server.PodUID != "old" {
					t.Fatalf("status %+v", status)
				}
				if upToDate := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionUpToDate); name == "invalid" && !strings.Contains(upToDate.Message, "which is kept; the spec is invalid: spec.sparkVersion") {
					t.Errorf("%+v", upToDate)
				}
				c.report(ended(1, "Error"))
				c.letPass(time.Minute)
				c.letPass(time.Minute)
				if status := &c.get().Status; status.State != failed || len(c.pods) != 0 {
					t.Errorf("%d pods, status %+v", len(c.pods), status)
				}
			})
		})
	}
}

// TestOldCRD: the API server drops our fields, because the CRD is that of
// kubeflow/spark-operator.
func TestOldCRD(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.prunes = true
		c.ready()
		c.letPass(time.Hour)
		c.want(ready, reasonReady, "")
		before := c.written()
		c.letPass(time.Hour)
		if writes := c.written() - before; len(c.pods) != 1 || writes > 30 {
			t.Errorf("%d pods, %d writes in an hour", len(c.pods), writes)
		}
		c.report(ended(1, "Error"))
		c.letPass(15 * time.Second)
		c.letPass(2 * time.Second)
		if len(c.pods) != 2 {
			t.Errorf("%d pods after the first ended", len(c.pods))
		}
	})
}
