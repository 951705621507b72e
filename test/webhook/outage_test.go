// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim"
)

// service is the Service of the webhook: it leads each new connection to one replica.
type service struct{ replica atomic.Int64 }

// serve listens on a port until the test ends.
func (s *service) serve(t *testing.T, port int) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				replica, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", s.replica.Load()))
				if err != nil {
					return
				}
				defer replica.Close()
				go func() {
					_, _ = io.Copy(replica, client)
					_ = replica.Close()
				}()
				_, _ = io.Copy(client, replica)
			}()
		}
	}()
}

// TestReplicaRestart: while applications are created all the time, one replica after the
// other is replaced, also the one that the API server is connected to, and no request
// fails.
func TestReplicaRestart(t *testing.T) {
	in := install(t, "restarted", admissionregistrationv1.Fail)
	ports := []int{admission.FreePort(t), admission.FreePort(t)}
	stops := []func() error{in.start(t, ports[0]), in.start(t, ports[1])}
	var replicas service
	replicas.replica.Store(int64(ports[0]))
	replicas.serve(t, in.port)
	in.works(t, 30*time.Second)

	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	var requests atomic.Int64
	for range 2 {
		load.Go(func() {
			for ctx.Err() == nil {
				if err := in.tryReview(context.WithoutCancel(ctx)); err != nil {
					t.Errorf("during a restart: %v", err)
					return
				}
				requests.Add(2)
			}
		})
	}
	for i := range stops {
		// The endpoints of the Service change when the pod gets its signal, and new
		// connections still reach it for a moment.
		ended := make(chan error, 1)
		go func() { ended <- stops[i]() }()
		time.Sleep(500 * time.Millisecond)
		replicas.replica.Store(int64(ports[1-i]))
		if err := <-ended; err != nil {
			t.Error(err)
		}
		stops[i] = in.start(t, ports[i])
		eventually(t, 30*time.Second, func() error {
			_, err := served(t.Context(), ports[i])
			return err
		})
	}
	stop()
	load.Wait()
	t.Logf("%d requests", requests.Load())
	if requests.Load() < 20 {
		t.Errorf("only %d requests", requests.Load())
	}
}

// TestJobsRunWhileTheWebhookIsDown: with the failure policy Ignore, and an operator that
// leaves the fields of executors to the webhook, a job runs from its creation to its end.
func TestJobsRunWhileTheWebhookIsDown(t *testing.T) {
	in := install(t, "down", admissionregistrationv1.Ignore)
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, in.name, "--pod-webhook")
	if _, err := create(t.Context(), app(in.name, "pi", "executor", map[string]any{"memoryLimit": "2g"})); err != nil {
		t.Fatal(err)
	}
	in.driver(t, "pi", corev1.PodRunning, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}})
	in.reached(t, "pi", "RUNNING")
	pod, err := api.Core.CoreV1().Pods(in.name).Create(t.Context(), executor(in.name, "pi", "pi-exec-1"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if sent := executor(in.name, "pi", "pi-exec-1"); !reflect.DeepEqual(pod.Spec.Containers[0].Resources, sent.Spec.Containers[0].Resources) {
		t.Errorf("the executor is stored with %v, sent with %v", pod.Spec.Containers[0].Resources, sent.Spec.Containers[0].Resources)
	}
	in.driver(t, "pi", corev1.PodSucceeded, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}})
	in.reached(t, "pi", "COMPLETED")
}

// TestSilentWebhook: a webhook that accepts connections and never answers costs each
// request the timeout of the configuration, and then counts as one that is down.
func TestSilentWebhook(t *testing.T) {
	for name, policy := range map[string]admissionregistrationv1.FailurePolicyType{
		"silent-fail": admissionregistrationv1.Fail, "silent-ignore": admissionregistrationv1.Ignore,
	} {
		t.Run(name, func(t *testing.T) {
			in := install(t, name, policy)
			var connections sync.Map
			listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", in.port))
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					connections.Store(conn, true)
				}
			}()
			t.Cleanup(func() {
				_ = listener.Close()
				connections.Range(func(conn, _ any) bool { _ = conn.(net.Conn).Close(); return true })
			})
			// One entry of the configuration that is asked, with the shortest timeout.
			begun := time.Now()
			_, err = api.Core.CoreV1().Pods(name).Create(t.Context(), executor(name, "pi", "pi-exec-1"), metav1.CreateOptions{})
			took := time.Since(begun)
			var status apierrors.APIStatus
			switch {
			case policy == admissionregistrationv1.Ignore && err != nil:
				t.Errorf("Ignore: %v", err)
			case policy == admissionregistrationv1.Fail && (!errors.As(err, &status) || !strings.Contains(err.Error(), "failed calling webhook")):
				t.Errorf("Fail: %v", err)
			}
			if took < 4*time.Second || took > 20*time.Second {
				t.Errorf("the request took %v, want the timeout of 5s", took)
			}
			connected := 0
			connections.Range(func(any, any) bool { connected++; return true })
			if connected == 0 {
				t.Error("nothing was asked")
			}
		})
	}
}
