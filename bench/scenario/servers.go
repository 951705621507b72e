// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/test/sim/connectui"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
)

const (
	// serversNamespace has the Spark Connect servers.
	serversNamespace = "servers"
	// serversIdleAfter is longer than the scenario takes; each server is probed every minute.
	serversIdleAfter = time.Hour
	// serversObserved is how long the operator does nothing but probe them.
	serversObserved = time.Minute
)

// Connect measures what the detection of idle Spark Connect servers costs: the memory of the
// operator with and without so many ready servers, its CPU time and the probes while nothing
// else happens, and a burst of applications alone and beside the servers. The web UIs are
// played: their documents are as long as those of real servers.
func Connect(ctx context.Context, s *Setup, servers, apps int) (*report.Result, error) {
	var without, with memory
	var alone, beside time.Duration
	var cpu, probes, failed, stops float64
	return s.run(ctx, course{
		name:       "connect",
		namespaces: []string{serversNamespace},
		kubelet:    kubelet.Config{LifeOf: kubelet.Always(kubelet.Life{Run: burstRun})},
		load: func(l *leg) (err error) {
			if without, err = l.memory(); err != nil {
				return err
			}
			if alone, err = l.timedBurst("alone", apps, apps); err != nil {
				return err
			}
			uis, err := connectui.Start()
			if err != nil {
				return err
			}
			defer uis.Close()
			if err := l.serve(servers, uis); err != nil {
				return err
			}
			if with, err = l.memory(); err != nil {
				return err
			}
			if cpu, probes, err = l.probed(serversObserved); err != nil {
				return err
			}
			if beside, err = l.timedBurst("beside", apps, 2*apps); err != nil {
				return err
			}
			metrics, err := l.operator.Metrics(l.ctx)
			if err != nil {
				return err
			}
			failed = metrics.Sum("spark_connect_probes_total") - metrics[succeeded]
			stops = metrics.Sum("spark_connect_stops_total")
			return nil
		},
		judge: func(_ *leg, result *report.Result) error {
			result.ForgetCosts() // those of the servers are among them
			result.Extra = map[string]float64{
				"servers": float64(servers), "rssMBWithout": report.Round(float64(without.resident) / (1 << 20)), "rssMBWith": report.Round(float64(with.resident) / (1 << 20)),
				"heapKBPerServer": report.Round((with.heap - without.heap) / 1024 / float64(servers)),
				"probesPerSecond": report.Round(probes), "cpuMsPerSecond": report.Round(cpu), "cpuMsPerProbe": report.Round(cpu / probes),
				"failedProbes": failed, "stops": stops,
				"aloneSeconds": report.Round(alone.Seconds()), "besideSeconds": report.Round(beside.Seconds()),
				"slowdown": report.Round(max(beside, shortestBurst).Seconds() / max(alone, shortestBurst).Seconds()),
			}
			s.logf("connect: %d servers: %.1f probes/s, %.1f ms of CPU a second; %d applications took %v alone and %v beside them",
				servers, probes, cpu, apps, alone.Round(time.Millisecond), beside.Round(time.Millisecond))
			return nil
		},
	})
}

// succeeded is the metric of the probes that succeed.
const succeeded = `spark_connect_probes_total{namespace="` + serversNamespace + `",result="Succeeded"}`

// serve creates servers, plays the kubelet and the web UI of each, and returns when all are
// ready and were probed.
func (l *leg) serve(servers int, uis *connectui.UIs) error {
	client, err := versioned.NewForConfig(l.plane.Config(plane.Person))
	if err != nil {
		return err
	}
	core, err := kubernetes.NewForConfig(l.plane.BinaryConfig(plane.Kubelet))
	if err != nil {
		return err
	}
	connects, pods := client.SparkoperatorV1alpha1().SparkConnects(serversNamespace), core.CoreV1().Pods(serversNamespace)
	err = l.each(servers, func(ctx context.Context, n int) error {
		connect := &v1alpha1.SparkConnect{ObjectMeta: metav1.ObjectMeta{Name: load.Name("lab", n)}}
		connect.Spec.SparkVersion, connect.Spec.Image = "4.3.0", ptr.To("apache/spark:4.3.0")
		connect.Spec.SparkConf = map[string]string{"spark.ui.port": strconv.Itoa(uis.Port)}
		connect.Spec.Server.ServiceAccount = ptr.To("spark")
		connect.Spec.IdleTimeout = &metav1.Duration{Duration: serversIdleAfter}
		_, err := connects.Create(ctx, connect, metav1.CreateOptions{})
		return err
	})
	if err != nil {
		return err
	}
	running := map[string]bool{}
	for len(running) < servers {
		list, err := pods.List(l.ctx, metav1.ListOptions{LabelSelector: v1beta2.LabelSparkRole + "=" + v1alpha1.SparkRoleConnectServer})
		if err != nil {
			return err
		}
		var fresh []*corev1.Pod
		for i := range list.Items {
			if pod := &list.Items[i]; !running[pod.Name] {
				running[pod.Name] = true
				fresh = append(fresh, pod)
			}
		}
		first := len(running) - len(fresh)
		err = l.each(len(fresh), func(ctx context.Context, n int) error {
			pod, number := fresh[n], first+n
			address := fmt.Sprintf("127.1.%d.%d", number/250, 1+number%250)
			uis.Set(address, connectui.Server{ApplicationID: pod.Labels[v1beta2.LabelSparkApplicationSelector], Sessions: 1})
			pod.Status.Phase, pod.Status.PodIP, pod.Status.PodIPs = corev1.PodRunning, address, []corev1.PodIP{{IP: address}}
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
			_, err := pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{})
			return err
		})
		if err != nil {
			return err
		}
		if err := l.sleep(200 * time.Millisecond); err != nil {
			return fmt.Errorf("%d of %d servers have a pod: %w", len(running), servers, err)
		}
	}
	for seen := 0; seen < servers; {
		if err := l.sleep(time.Second); err != nil {
			return fmt.Errorf("%d of %d servers were probed: %w", seen, servers, err)
		}
		list, err := connects.List(l.ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		seen = 0
		for i := range list.Items {
			if meta.IsStatusConditionTrue(list.Items[i].Status.Conditions, v1alpha1.ConditionIdleDetection) {
				seen++
			}
		}
	}
	return nil
}

// probed measures the CPU time of the operator in milliseconds, and its probes, in a second.
func (l *leg) probed(period time.Duration) (cpu, probes float64, err error) {
	var used [2]time.Duration
	var made [2]float64
	begin := time.Now()
	for i := range used {
		cost, err := plane.CostOf(l.operator.PID())
		if err != nil {
			return 0, 0, err
		}
		metrics, err := l.operator.Metrics(l.ctx)
		if err != nil {
			return 0, 0, err
		}
		used[i], made[i] = cost.CPU, metrics.Sum("spark_connect_probes_total")
		if i == 0 {
			if err := l.sleep(period); err != nil {
				return 0, 0, err
			}
		}
	}
	seconds := time.Since(begin).Seconds()
	return float64((used[1] - used[0]).Milliseconds()) / seconds, (made[1] - made[0]) / seconds, nil
}
