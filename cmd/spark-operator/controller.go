// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/connect"
	"github.com/spark-operator/spark-operator/pkg/controller"
	"github.com/spark-operator/spark-operator/pkg/controller/run"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/metrics"
	"github.com/spark-operator/spark-operator/pkg/rehearsal"
	"github.com/spark-operator/spark-operator/pkg/scheduledapp"
	"github.com/spark-operator/spark-operator/pkg/servedschema"
	"github.com/spark-operator/spark-operator/pkg/serverclock"
)

func newControllerCommand() *cobra.Command {
	options, err := NewControllerOptions()
	return asProcess(&cobra.Command{
		Use:   "start",
		Short: "Run the controller",
		Long: `Run the controller. It watches SparkApplications,
ScheduledSparkApplications and SparkConnects, creates driver pods and their
dependents, and reports the progress in the status.

The flags are compatible with kubeflow/spark-operator. The help of a flag
without effect says so. An unknown flag or an invalid value ends the process
with a one-line error.`,
		Example: `  # Watch two namespaces, with a standby replica.
  spark-operator controller start --namespaces=jobs,etl --leader-election

  # Watch every namespace with a label, and publish web UIs.
  spark-operator controller start --namespace-selector=spark=enabled \
      --ingress-url-format='https://spark.example.com/{{$appNamespace}}/{{$appName}}'`,
	}, options, err, runController)
}

func runController(ctx context.Context, options *ControllerOptions) error {
	restConfig, err := options.load("spark-operator-controller")
	if err != nil {
		return err
	}
	tracer, stopTracing, err := options.Tracing.start(ctx)
	if err != nil {
		return err
	}
	defer stopTracing()
	now := &serverclock.Clock{}
	restConfig.Wrap(now.Wrap)
	if options.DryRun {
		restConfig.Wrap(rehearsal.Wrap)
		// What is not written does not happen: it is neither counted nor done again at once.
		options.Election.Enabled, options.Serving.EnableMetrics = false, false
		klog.FromContext(ctx).Info("Dry run: the log shows what the operator would write; nothing is written, and no leader is elected")
	}
	registry := prometheus.NewRegistry()
	if err := options.Serving.countRequests(registry, restConfig); err != nil {
		return err
	}
	if tracer != nil {
		restConfig.Wrap(tracer.Wrap)
	}
	config, err := options.Config(masterURL(restConfig, os.Getenv))
	if err != nil {
		return err
	}
	clients, err := newClients(restConfig, options.DryRun)
	if err != nil {
		return err
	}
	set, err := informers.New(config.Informers, informers.Clients{Kube: clients.kube, Spark: clients.spark, Metadata: clients.metadata})
	if err != nil {
		return err
	}

	var counted *metrics.Metrics
	var countedSchedules *scheduledapp.Metrics
	var countedConnects *connect.Metrics
	if options.Serving.EnableMetrics {
		if counted, err = metrics.New(registry, config.Metrics); err != nil {
			return err
		}
		if countedSchedules, err = scheduledapp.NewMetrics(registry, config.Metrics.Prefix); err != nil {
			return err
		}
		if options.EnableConnect {
			if countedConnects, err = connect.NewMetrics(registry, config.Metrics.Prefix); err != nil {
				return err
			}
		}
	}

	recorder, stopRecording, err := newRecorder(ctx, clients.events, controller.Component)
	if err != nil {
		return err
	}
	defer stopRecording()
	scheduleRecorder, stopScheduleRecording, err := newRecorder(ctx, clients.events, scheduledapp.Component)
	if err != nil {
		return err
	}
	defer stopScheduleRecording()

	config.Schedules.Clock, config.Controller.Clock, config.Connects.Clock = now, now, now
	config.Schedules.DryRun, config.Controller.DryRun, config.Connects.DryRun = options.DryRun, options.DryRun, options.DryRun
	schedules, err := scheduledapp.New(config.Schedules, clients.spark, set, scheduleRecorder, countedSchedules)
	if err != nil {
		return err
	}
	config.Controller.Starting, config.Controller.Tracer = schedules.Starting, tracer
	c, err := controller.New(config.Controller, run.Clients{Kube: clients.kube, Spark: clients.spark, Dynamic: clients.dynamic}, set, recorder, counted)
	if err != nil {
		return err
	}

	controllers := []func(context.Context) error{c.Run, schedules.Run}
	if options.EnableConnect {
		connectRecorder, stopConnectRecording, err := newRecorder(ctx, clients.events, connect.Component)
		if err != nil {
			return err
		}
		defer stopConnectRecording()
		connects, err := connect.New(config.Connects, connect.Clients{Kube: clients.kube, Spark: clients.spark, Dynamic: clients.dynamic}, set, connectRecorder, countedConnects)
		if err != nil {
			return err
		}
		controllers = append(controllers, connects.Run)
	}

	served := servedschema.New(clients.kube.Discovery().OpenAPIV3())
	if options.Serving.EnableMetrics {
		if err := metrics.RegisterMissingFields(registry, config.Metrics.Prefix, served.Missing); err != nil {
			return err
		}
	}

	var synced atomic.Bool
	watchdog := leaderelection.NewLeaderHealthzAdaptor(20 * time.Second)
	endpoints, err := options.Serving.endpoints(
		probe(check{"leaderElection", watchdog.Check}),
		probe(cachesCheck(&synced), check{"crds", func(*http.Request) error { return served.Err() }}),
		registry, clients.reviews)
	if err != nil {
		return err
	}
	stopServing, err := listenAndServe(ctx, endpoints)
	if err != nil {
		return err
	}
	defer stopServing()

	// An operator whose CRDs are too old works, as far as it can, but is not ready: the
	// jobs that run are not harmed, and a roll-out stops.
	go wait.UntilWithContext(ctx, served.Check, schemaInterval)

	// Caches are filled before the election, so that a standby takes over at once.
	// They outlive the workers, which finish their steps with them.
	cacheCtx, stopCaches := context.WithCancel(context.WithoutCancel(ctx))
	defer set.Shutdown()
	defer stopCaches()
	set.Start(cacheCtx)
	if options.EnableConnect {
		go startConnects(cacheCtx, clients.kube.Discovery(), func() { set.StartConnects(cacheCtx) })
	}
	if err := waitForCaches(ctx, slices.Concat(c.Synced(), schedules.Synced()), config.CacheSyncTimeout, set.Received); err != nil || ctx.Err() != nil {
		return err
	}
	synced.Store(true)

	return options.Election.lead(ctx, restConfig, watchdog, func(ctx context.Context) error {
		if err := counted.RegisterGauges(registry, set.Applications.Outlines, now); err != nil {
			return err
		}
		if err := countedSchedules.RegisterGauges(registry, set.Scheduled.All); err != nil {
			return err
		}
		if err := countedConnects.RegisterGauges(registry, set.Connects.All); err != nil {
			return err
		}
		return runAll(ctx, controllers...)
	})
}

// runAll runs the controllers until ctx is done and all of them have ended.
func runAll(ctx context.Context, controllers ...func(context.Context) error) error {
	failed := make([]error, len(controllers))
	var running sync.WaitGroup
	for i, run := range controllers {
		running.Go(func() { failed[i] = run(ctx) })
	}
	running.Wait()
	return errors.Join(failed...)
}

// schemaInterval is how often the operator reads the schemas of the CRDs. That is one request
// for 400 KB, which the API server has at hand.
const schemaInterval = time.Minute

// syncPatience is how many times the timeout the caches may take to fill while
// objects keep coming in.
const syncPatience = 10

// waitForCaches waits until everything was read once. Missing rights or CRDs show as
// a timeout; the caches have logged what is missing. Where there is much to read
// and the API server is busy, that may take long: a process that gave up then
// would only ask for all of it again.
func waitForCaches(ctx context.Context, synced []cache.DoneChecker, timeout time.Duration, received func() int64) error {
	count := received()
	for range syncPatience {
		waitCtx, cancel := context.WithTimeout(ctx, timeout)
		done := cache.WaitFor(waitCtx, "caches", synced...)
		cancel()
		if done || ctx.Err() != nil {
			return nil //nolint:nilerr // a signal to end is no error
		}
		before := count
		if count = received(); count == before {
			break
		}
		klog.FromContext(ctx).Info("Still syncing the caches", "received", count)
	}
	return fmt.Errorf("the caches did not sync within --cache-sync-timeout=%v; "+
		"check that the CRDs are installed and that the service account may list and watch them", timeout)
}

// masterURL is the API server as spark-submit would get it: by the environment
// of a pod, else as we reach it ourselves.
func masterURL(config *rest.Config, getenv func(string) string) string {
	host, port := getenv("KUBERNETES_SERVICE_HOST"), getenv("KUBERNETES_SERVICE_PORT")
	if host != "" && port != "" {
		return "k8s://https://" + net.JoinHostPort(host, port)
	}
	return "k8s://" + config.Host
}
