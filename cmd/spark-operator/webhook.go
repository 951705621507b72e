// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/features"
	"github.com/spark-operator/spark-operator/pkg/webhook"
	"github.com/spark-operator/spark-operator/pkg/webhook/appcache"
	"github.com/spark-operator/spark-operator/pkg/webhook/serve"
)

func newWebhookCommand() *cobra.Command {
	options, err := NewWebhookOptions()
	return asProcess(&cobra.Command{
		Use:   "start",
		Short: "Run the admission webhook",
		Long: `Run the admission webhook. The API server calls it before it stores a
SparkApplication, a ScheduledSparkApplication or an executor pod:

  - Applications get the defaults that kubeflow/spark-operator stores.
  - Applications and schedules that cannot run are refused, with the field and the
    reason. Fields without effect are warnings.
  - Executor pods get spec.executor.memoryLimit, lifecycle and env, which Spark
    overrides, and with PartialRestart the current placement of the application.

The controller does not need the webhook. Any number of replicas may run; they share
one certificate, which the holder of a Lease creates and renews.`,
		Example: `  # With the names of the Helm chart, in addition to the controller.
  spark-operator webhook start --namespaces=jobs --leader-election \
      --webhook-svc-name=spark-operator-webhook-svc --webhook-svc-namespace=spark-operator

  # With a certificate from files that another program renews.
  spark-operator webhook start --webhook-secret-name= --webhook-cert-dir=/certs`,
	}, options, err, runWebhook)
}

// certificateSource keeps the certificate of the server.
type certificateSource interface {
	Run(ctx context.Context)
	Certificate() (*tls.Certificate, error)
	Err() error
	NotAfter() time.Time
}

// lingering is how long the server accepts new connections after SIGTERM:
// until the Service no longer routes to this pod.
const lingering = 3 * time.Second

// What a webhook without a cache of applications has instead of gcPercent. Its heap is small
// and consists of reviews, which are garbage at once: it would collect after every 30 of them.
// The limit, which GOMEMLIMIT replaces, is for large reviews and many connections.
const (
	webhookGCPercent   = 400
	webhookMemoryLimit = 96 << 20 // bytes
)

func runWebhook(ctx context.Context, options *WebhookOptions) error {
	restConfig, err := options.load("spark-operator-webhook")
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	if err := options.Serving.countRequests(registry, restConfig); err != nil {
		return err
	}
	clients, err := newClients(restConfig, false)
	if err != nil {
		return err
	}
	scope, err := options.informers()
	if err != nil {
		return err
	}
	defaultConf, err := options.Defaults.Conf()
	if err != nil {
		return err
	}
	secure, err := options.tlsConfig()
	if err != nil {
		return err
	}
	read := appcache.Clients{Metadata: clients.metadata}
	if options.Gates.Enabled(features.PartialRestart) {
		read.Spark = clients.spark
	} else {
		keepGarbage()
	}
	if options.Quota {
		read.Quotas = clients.kube
	}
	caches := appcache.New(scope, read)
	certificate, manager := options.certificates(clients.kube)

	var counted *serve.Metrics
	if options.Serving.EnableMetrics {
		if counted, err = serve.NewMetrics(registry, clock.RealClock{}); err != nil {
			return err
		}
		if err := countExpiry(registry, certificate); err != nil {
			return err
		}
	}
	var synced atomic.Bool
	endpoints, err := options.Serving.endpoints(probe(), probe(
		check{"end", func(*http.Request) error { return context.Cause(ctx) }},
		check{"certificate", func(*http.Request) error { return certificate.Err() }},
		cachesCheck(&synced)), registry, clients.reviews)
	if err != nil {
		return err
	}
	stopServing, err := listenAndServe(ctx, endpoints)
	if err != nil {
		return err
	}
	defer stopServing()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", options.address())
	if err != nil {
		return fmt.Errorf("--webhook-port: %w", err)
	}

	// Reviews are answered for a while after ctx is done, with caches and certificate.
	background, stopBackground := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer stopBackground()
	defer caches.Shutdown()
	defer stopBackground()
	running.Go(func() { certificate.Run(background) })
	if manager != nil {
		running.Go(func() { options.Election.campaign(ctx, restConfig, manager.Lead) })
	}
	caches.Start(background)
	unread := make(chan error, 1)
	serving, stopReviews := context.WithCancel(ctx)
	defer stopReviews()
	running.Go(func() {
		err := waitForCaches(ctx, caches.Synced(), options.CacheSyncTimeout, caches.Received)
		if err != nil {
			stopReviews()
		}
		synced.Store(err == nil)
		unread <- err
	})
	err = serve.Run(serving, listener, serve.Config{
		Reviewer: webhook.New(webhook.Config{
			Application: caches.Application, Watched: caches.Watched, Quotas: caches.Quotas,
			Selector: scope.ApplicationSelector, DefaultConf: defaultConf,
		}),
		TLS: secure, Certificate: certificate.Certificate, Linger: lingering, Metrics: counted,
	})
	stopReviews()
	select {
	case failed := <-unread:
		return errors.Join(err, failed)
	default:
		return err
	}
}

// keepGarbage lets the heap grow up to a limit, unless the environment says otherwise.
func keepGarbage() {
	collectGarbageAt(webhookGCPercent)
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(webhookMemoryLimit)
	}
}

// countExpiry shows until when the certificate is good: an alert has weeks to see that
// nothing renews it.
func countExpiry(registry prometheus.Registerer, certificate certificateSource) error {
	return registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "spark_operator_webhook_certificate_expiry_timestamp_seconds",
		Help: "Time at which the certificate of the webhook expires, in Unix time; 0 if no certificate exists",
	}, func() float64 {
		if until := certificate.NotAfter(); !until.IsZero() {
			return float64(until.Unix())
		}
		return 0
	}))
}
