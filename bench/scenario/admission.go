// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/bench/report"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
	"github.com/spark-operator/spark-operator/test/sim/operator"
)

// reviewedNamespace has the webhook in the path of its creations, the usual namespace
// has not.
const reviewedNamespace = "reviewed"

// parent is the application of the executor pods.
const parent = "parent"

// AdmissionSize is how much [Admission] does.
type AdmissionSize struct {
	// Rounds of creations: each creates as many objects without the webhook as with it.
	Rounds, Creations int
	// Reviews of each kind that are sent to the webhook itself.
	Reviews int
	// Connections that are open at the end.
	Connections int
}

// reviewed is a control plane with a webhook, and nothing that runs applications.
type reviewed struct {
	setup   *Setup
	plane   *plane.Plane
	webhook *operator.Process
	port    int
	core    kubernetes.Interface
	spark   versioned.Interface
	extra   map[string]float64
	last    review // that was answered
}

// Admission measures what the webhook costs: creations of applications and of executor
// pods with and without it, in turns; reviews that are sent to it directly; and
// connections that do nothing.
func Admission(ctx context.Context, s *Setup, size AdmissionSize) (_ *report.Result, err error) {
	ctx, cancel := context.WithTimeout(ctx, courseMax)
	defer cancel()
	r := &reviewed{setup: s, extra: map[string]float64{}}
	defer func() { err = errors.Join(err, r.stop()) }()
	if err := r.start(ctx); err != nil {
		return nil, fmt.Errorf("admission: %w", err)
	}
	begun := time.Now()
	if s.Profiles != "" {
		stop, failed := s.profile(ctx, r.plane, r.webhook, "admission")
		if failed != nil {
			return nil, failed
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	for _, step := range []func(context.Context, AdmissionSize) error{r.creations, r.reviews, r.connections} {
		if err := step(ctx, size); err != nil {
			return nil, fmt.Errorf("admission: %w; the log of the webhook ends with\n%s", err, r.webhook.Tail(20))
		}
	}
	return &report.Result{Scenario: "admission", Time: begun.UTC().Truncate(time.Second), Cold: s.Cold, Extra: r.extra}, nil
}

func (r *reviewed) start(ctx context.Context) (err error) {
	if r.plane, err = plane.Start(ctx, r.setup.Work, r.setup.CRDs, r.setup.Chart); err != nil {
		return err
	}
	for _, name := range []string{namespace, reviewedNamespace} {
		if err := load.Namespace(ctx, r.plane, name); err != nil {
			return err
		}
	}
	if r.core, err = kubernetes.NewForConfig(r.plane.Config(plane.Person)); err != nil {
		return err
	}
	if r.spark, err = versioned.NewForConfig(r.plane.Config(plane.Person)); err != nil {
		return err
	}
	if r.port, err = freePort(ctx); err != nil {
		return err
	}
	if err := admission.Configure(ctx, r.core, ".", reviewedNamespace, admissionregistrationv1.Fail, r.port, reviewedNamespace); err != nil {
		return err
	}
	kubeconfig, err := r.plane.Kubeconfig(plane.Person)
	if err != nil {
		return err
	}
	r.webhook, err = operator.StartReady(ctx, operator.Options{
		Binary: r.setup.Binary, Kubeconfig: kubeconfig, Command: []string{"webhook", "start"}, Log: filepath.Join(r.plane.Folder(), "webhook.log"),
		Env:   []string{"GOMAXPROCS=1"}, // one core
		Flags: admission.Flags(reviewedNamespace, r.port, reviewedNamespace),
	})
	if err != nil {
		return err
	}
	return r.untilReviewed(ctx)
}

// untilReviewed waits until the API server trusts the webhook.
func (r *reviewed) untilReviewed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for n := 0; ; n++ {
		pod, err := r.core.CoreV1().Pods(reviewedNamespace).Create(ctx, limited(executorOf(reviewedNamespace, "probe", n)), metav1.CreateOptions{})
		if err == nil && pod.Spec.Containers[0].Resources.Limits.Memory().String() == "2Gi" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the webhook does not answer: %w", errors.Join(context.Cause(ctx), err))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (r *reviewed) stop() error {
	var failed []error
	if r.webhook != nil {
		failed = append(failed, r.webhook.Stop())
	}
	if r.plane != nil {
		failed = append(failed, r.plane.Stop())
	}
	return errors.Join(failed...)
}

func freePort(ctx context.Context) (int, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("address %v has no port", listener.Addr())
	}
	return address.Port, nil
}

// executorOf is the n-th executor pod of the parent, as its driver creates it.
func executorOf(namespace, prefix string, n int) *corev1.Pod {
	driver := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: prefix, UID: "0f3b4c1e-8a39-4d0e-9d25-0f6a9f1a6f0b",
		Labels: map[string]string{
			v1beta2.LabelSparkAppName: parent, v1beta2.LabelLaunchedBySparkOperator: "true",
			v1beta2.LabelSparkApplicationSelector: "spark-0f3b4c1e8a394d0e9d250f6a9f1a6f0b", v1beta2.LabelSparkVersion: "4.0.4",
		},
	}}
	return kubelet.ExecutorPod(driver, n)
}

// limited has a memory limit, which its driver overrides: the webhook changes the pod.
func limited(pod *corev1.Pod) *corev1.Pod {
	pod.Labels[v1beta2.LabelCompleteExecutor] = "true"
	metav1.SetMetaDataAnnotation(&pod.ObjectMeta, v1beta2.AnnotationExecutorFields, `{"memoryLimit":"2g"}`)
	return pod
}

// creations compares creations with and without the webhook.
func (r *reviewed) creations(ctx context.Context, size AdmissionSize) error {
	kinds := map[string]func(ctx context.Context, namespace, prefix string, n int) error{
		// All defaults are given: one review.
		"application": func(ctx context.Context, namespace, prefix string, n int) error {
			app := load.Application(namespace, load.Name(prefix, n), 1)
			app.Spec.Mode = v1beta2.DeployModeCluster
			_, err := r.spark.SparkoperatorV1beta2().SparkApplications(namespace).Create(ctx, app, metav1.CreateOptions{})
			return err
		},
		// The mode is stored: two reviews.
		"defaultedApplication": func(ctx context.Context, namespace, prefix string, n int) error {
			app, err := r.spark.SparkoperatorV1beta2().SparkApplications(namespace).Create(ctx, load.Application(namespace, load.Name(prefix, n), 1), metav1.CreateOptions{})
			if err == nil && (app.Spec.Mode != "") != (namespace == reviewedNamespace) {
				err = fmt.Errorf("application in namespace %s is stored with mode %q", namespace, app.Spec.Mode)
			}
			return err
		},
		// No field that the driver overrides: no review.
		"pod": func(ctx context.Context, namespace, prefix string, n int) error {
			_, err := r.core.CoreV1().Pods(namespace).Create(ctx, executorOf(namespace, prefix, n), metav1.CreateOptions{})
			return err
		},
		"completedPod": func(ctx context.Context, namespace, prefix string, n int) error {
			pod, err := r.core.CoreV1().Pods(namespace).Create(ctx, limited(executorOf(namespace, prefix, n)), metav1.CreateOptions{})
			if err == nil && (pod.Spec.Containers[0].Resources.Limits.Memory().String() == "2Gi") != (namespace == reviewedNamespace) {
				err = fmt.Errorf("pod in namespace %s is stored with memory limit %v", namespace, pod.Spec.Containers[0].Resources.Limits.Memory())
			}
			return err
		},
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		create := kinds[name]
		var ratios []float64
		var spent = map[string]block{}
		for round := range size.Rounds + 1 {
			lanes := []string{namespace, reviewedNamespace}
			if round%2 == 1 {
				slices.Reverse(lanes)
			}
			took := map[string]block{}
			for _, lane := range lanes {
				done, err := r.block(ctx, size.Creations, func(ctx context.Context, n int) error {
					return create(ctx, lane, fmt.Sprintf("%s-%d", strings.ToLower(name), round), n)
				})
				if err != nil {
					return err
				}
				took[lane] = done
			}
			if round == 0 {
				continue // the servers warm up
			}
			ratios = append(ratios, took[namespace].wall.Seconds()/took[reviewedNamespace].wall.Seconds())
			for lane, done := range took {
				sum := spent[lane]
				spent[lane] = block{sum.wall + done.wall, sum.cpu + done.cpu, sum.webhook + done.webhook}
			}
		}
		slices.Sort(ratios)
		without, with := spent[namespace], spent[reviewedNamespace]
		count := float64(size.Rounds * size.Creations)
		r.extra[name+"Ratio"] = report.Round(ratios[len(ratios)/2])
		r.extra[name+"CPURatio"] = report.Round(without.cpu.Seconds() / with.cpu.Seconds())
		r.extra[name+"sPerSecondWithout"], r.extra[name+"sPerSecond"] = report.Round(count/without.wall.Seconds()), report.Round(count/with.wall.Seconds())
		r.extra[name+"CPUMsWithout"], r.extra[name+"CPUMs"] = report.Round(1000*without.cpu.Seconds()/count), report.Round(1000*with.cpu.Seconds()/count)
		r.extra[name+"WebhookCPUMs"] = report.Round(1000 * with.webhook.Seconds() / count)
		r.setup.logf("admission: creations of %ss: %v of the rate without the webhook (rounds %.2f), %v of the CPU time",
			name, r.extra[name+"Ratio"], ratios, r.extra[name+"CPURatio"])
	}
	return nil
}

// block is what creations took: the time on the clock, the CPU time of all processes,
// and that of the webhook alone.
type block struct{ wall, cpu, webhook time.Duration }

func (r *reviewed) block(ctx context.Context, count int, create func(ctx context.Context, n int) error) (block, error) {
	before, err := r.costs()
	if err != nil {
		return block{}, err
	}
	begun := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.setup.Writers)
	for n := range count {
		group.Go(func() error { return create(ctx, n) })
	}
	if err := group.Wait(); err != nil {
		return block{}, err
	}
	took := time.Since(begun)
	after, err := r.costs()
	return block{took, after.cpu - before.cpu, after.webhook - before.webhook}, err
}

// costs are the CPU times so far.
func (r *reviewed) costs() (block, error) {
	var sum block
	for _, pid := range []int{r.plane.Env().APIServerPID(), r.plane.Env().EtcdPID(), os.Getpid(), r.webhook.PID()} {
		cost, err := plane.CostOf(pid)
		if err != nil {
			return block{}, err
		}
		sum.cpu += cost.CPU
		sum.webhook = cost.CPU // the last is what is kept
	}
	return sum, nil
}
