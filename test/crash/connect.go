// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/test/sim/faultproxy"
)

// ConnectTarget is where and with what the matrix of Spark Connect servers runs.
type ConnectTarget struct {
	Config *rest.Config
	// Binary is the operator's.
	Binary string
	// NewNamespace creates a namespace that no other operator watches.
	NewNamespace func(t *testing.T, name string) string
}

// RunConnectMatrix lets a Spark Connect server live once for every write of its life, twice:
// it becomes ready and is stopped, and the operator is killed before the API server sees the
// write, and after it carried it out but before the operator hears of it. Once restarted,
// there must be one server pod, ever, one token, one start and one stop on record, and no
// event twice. The test plays the kubelet.
func RunConnectMatrix(t *testing.T, target ConnectTarget) {
	without := newConnectLife(t, target, "connect-crash-none")
	without.proxy.Observe(func(faultproxy.Moment, int64, *http.Request) error { return nil })
	without.live()
	writes := without.proxy.Writes()
	t.Logf("the life of a server takes %d writes", writes)
	if writes < 8 { // Secret, ConfigMap, two Services, pod, its deletion, three statuses
		t.Fatalf("the life of a server took only %d writes", writes)
	}
	for number := int64(1); number <= writes; number++ {
		for moment, word := range map[faultproxy.Moment]string{faultproxy.Before: "before", faultproxy.After: "after"} {
			name := fmt.Sprintf("connect-crash-%d-%s", number, word)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				life := newConnectLife(t, target, name)
				life.killAt(func(at faultproxy.Moment, n int64, _ *http.Request) bool { return at == moment && n == number })
				life.live()
				if !life.restarted && number < writes { // a life may do with one status less
					t.Errorf("write %d did not come", number)
				}
			})
		}
	}
}

// connectLife is the life of one server in a namespace of its own.
type connectLife struct{ *victim }

func newConnectLife(t *testing.T, target ConnectTarget, name string) connectLife {
	t.Helper()
	return connectLife{newVictim(t, target.Config, target.Binary, target.NewNamespace(t, name))}
}

// live takes a server through its life and judges it.
func (l connectLife) live() {
	l.t.Helper()
	servers := countSeen(l.t, func(ctx context.Context) (watch.Interface, error) {
		return l.core.CoreV1().Pods(l.namespace).Watch(ctx, metav1.ListOptions{LabelSelector: v1alpha1.LabelConnectName + "=lab"})
	})
	tokens := countSeen(l.t, func(ctx context.Context) (watch.Interface, error) {
		return l.core.CoreV1().Secrets(l.namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=lab-token"})
	})
	l.start()
	connects := l.spark.SparkoperatorV1alpha1().SparkConnects(l.namespace)
	connect := &v1alpha1.SparkConnect{ObjectMeta: metav1.ObjectMeta{Name: "lab"}}
	connect.Spec.SparkVersion, connect.Spec.Image = "4.3.0", ptr.To("example.com/spark:4.3.0")
	connect.Spec.Authentication = &v1alpha1.Authentication{Generate: true}
	if _, err := connects.Create(l.t.Context(), connect, metav1.CreateOptions{}); err != nil {
		l.t.Fatal(err)
	}
	pods := l.core.CoreV1().Pods(l.namespace)
	l.until("is ready", func(ctx context.Context, status *v1alpha1.SparkConnectStatus) bool {
		pod, err := pods.Get(ctx, "lab-server", metav1.GetOptions{})
		if err == nil && pod.Status.Phase != corev1.PodRunning {
			pod.Status = corev1.PodStatus{
				Phase: corev1.PodRunning, PodIP: "10.1.2.3", PodIPs: []corev1.PodIP{{IP: "10.1.2.3"}},
				Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
			}
			_, err = pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{})
		}
		return err == nil && status.State == v1alpha1.SparkConnectStateReady
	})
	if _, err := connects.Patch(l.t.Context(), "lab", types.MergePatchType, []byte(`{"spec":{"suspend":true}}`), metav1.PatchOptions{}); err != nil {
		l.t.Fatal(err)
	}
	status := l.until("is stopped", func(ctx context.Context, status *v1alpha1.SparkConnectStatus) bool {
		_, err := pods.Get(ctx, "lab-server", metav1.GetOptions{})
		return status.StopReason == v1alpha1.StopReasonUserRequest && apierrors.IsNotFound(err) && l.nothingFollows()
	})
	time.Sleep(time.Second) // a second server would come by now
	if servers() != 1 || tokens() != 1 || status.Starts != 1 || status.Restarts != 0 {
		l.t.Errorf("%d server pods and %d tokens were created; %d starts and %d restarts are on record", servers(), tokens(), status.Starts, status.Restarts)
	}
	l.reportedOnce()
}

// until waits for a status. The operator is started again if it was killed meanwhile.
func (l connectLife) until(what string, done func(context.Context, *v1alpha1.SparkConnectStatus) bool) v1alpha1.SparkConnectStatus {
	l.t.Helper()
	var connect *v1alpha1.SparkConnect
	err := wait.PollUntilContextTimeout(l.t.Context(), 100*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		l.revive()
		var err error
		connect, err = l.spark.SparkoperatorV1alpha1().SparkConnects(l.namespace).Get(ctx, "lab", metav1.GetOptions{})
		return err == nil && done(ctx, &connect.Status), err
	})
	if err != nil {
		l.t.Fatalf("not true that the server %s: %v; status %+v", what, err, connect.Status)
	}
	return connect.Status
}

// reportedOnce fails if an event came twice. The last may be missing: it follows the write
// of the status.
func (l connectLife) reportedOnce() {
	l.t.Helper()
	list, err := l.core.EventsV1().Events(l.namespace).List(l.t.Context(), metav1.ListOptions{FieldSelector: "regarding.kind=SparkConnect"})
	if err != nil {
		l.t.Fatal(err)
	}
	seen := map[string]int{}
	for i := range list.Items {
		seen[list.Items[i].Reason]++
		if list.Items[i].Series != nil {
			seen[list.Items[i].Reason] += int(list.Items[i].Series.Count)
		}
	}
	for _, reason := range []string{"Started", "Ready", "Stopped"} {
		if seen[reason] > 1 || seen[reason] == 0 && !l.restarted {
			l.t.Errorf("%d events %s", seen[reason], reason)
		}
	}
}
