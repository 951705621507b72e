// SPDX-License-Identifier: Apache-2.0

// Command log-archiver copies the logs of Spark drivers to a bucket before their pods are
// deleted. docs/logs-and-history.md describes it.
//
// It is a process of its own, in a module of its own: it has the credentials of a bucket
// and reads the logs of all applications, which the operator need not, and it links the
// SDKs of three clouds, which are larger than the operator.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/pflag"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/cmd/log-archiver/archive"
)

func main() {
	limitMemory("/sys/fs/cgroup/memory.max")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "log-archiver:", err)
		os.Exit(1)
	}
}

// limitMemory makes the garbage collector work harder before the memory limit of the container,
// which a file of the kernel contains, is reached. GOMEMLIMIT sets another limit.
func limitMemory(file string) {
	content, err := os.ReadFile(file)
	if err != nil || os.Getenv("GOMEMLIMIT") != "" {
		return // on other systems, there is no such file
	}
	if limit, err := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64); err == nil { // otherwise "max"
		debug.SetMemoryLimit(limit - limit/10)
	}
}

// run works until the context is done.
func run(ctx context.Context, args []string) error {
	o := newOptions()
	fs := pflag.NewFlagSet("log-archiver", pflag.ContinueOnError)
	o.addFlags(fs)
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", fs.Arg(0))
	}
	if err := o.validate(); err != nil {
		return err
	}
	hide, err := o.hide()
	if err != nil {
		return err
	}
	bucket, err := archive.OpenBucket(ctx, o.bucket, o.public)
	if err != nil {
		return err
	}
	defer bucket.Close()
	kube, err := connect(o.kubeconfig)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	archiver, err := archive.New(archive.Config{
		Kube: kube, Bucket: bucket, Namespaces: o.namespaces,
		Workers: o.workers, Follow: o.follow, MaxBytes: o.maxBytes, Timeout: o.timeout,
		Hide: hide, Done: newMetrics(registry),
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	serve(ctx, cancel, o.health, healthHandler(archiver.Ready))
	if o.metrics != "0" {
		mux := http.NewServeMux()
		mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
		serve(ctx, cancel, o.metrics, mux)
	}
	if err := archiver.Run(ctx); err != nil {
		return err
	}
	if unable := (*listenError)(nil); errors.As(context.Cause(ctx), &unable) {
		return unable
	}
	return nil
}

// connect returns a client of the API server. Requests are limited by API Priority and
// Fairness.
func connect(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("connection to the API server: %w", err)
	}
	config.QPS = -1
	config.UserAgent = archive.FieldManager
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connection to the API server: %w", err)
	}
	return client, nil
}

// newMetrics registers the metrics and returns what counts a try.
func newMetrics(registry *prometheus.Registry) func(bytes int64, err error) {
	tries := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "spark_log_archiver_copies_total", Help: "Tries to copy a log to the bucket, by result: archived, gone or failed.",
	}, []string{"result"})
	size := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "spark_log_archiver_read_bytes_total", Help: "Bytes of logs that were read.",
	})
	registry.MustRegister(tries, size)
	for _, result := range []string{"archived", "gone", "failed"} {
		tries.WithLabelValues(result)
	}
	return func(bytes int64, err error) {
		size.Add(float64(bytes))
		switch {
		case err == nil:
			tries.WithLabelValues("archived").Inc()
		case archive.IsGone(err):
			tries.WithLabelValues("gone").Inc()
		default:
			tries.WithLabelValues("failed").Inc()
		}
	}
}

func healthHandler(ready func() bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready() {
			http.Error(w, "the pods are not known yet", http.StatusServiceUnavailable)
		}
	})
	return mux
}

// serve serves until the context is done, and cancels it if it cannot.
func serve(ctx context.Context, cancel context.CancelCauseFunc, address string, handler http.Handler) {
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			klog.Background().Error(err, "Cannot serve", "address", address)
			cancel(&listenError{address, err})
		}
	}()
}

// listenError is why the process cannot serve.
type listenError struct {
	address string
	error
}

func (e *listenError) Error() string { return "listen on " + e.address + ": " + e.error.Error() }
