// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log" //nolint:depguard // the type of http.Server.ErrorLog; its lines go to klog
	"net"
	"net/http"
	"net/http/pprof"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/pflag"
	k8svalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/metrics"
	"github.com/spark-operator/spark-operator/pkg/webhook/serve"
)

// ServingOptions are the flags of the HTTP endpoints of the process.
type ServingOptions struct {
	HealthAddress string

	EnableMetrics   bool
	MetricsAddress  string
	MetricsEndpoint string
	MetricsPrefix   string
	MetricsLabels   []string
	UsageTeamLabel  string
	SubmitBuckets   []string
	StartBuckets    []string

	Secure SecureMetricsOptions

	ProfilingAddress string
}

// endpointPath is what a path for the metrics may look like: [http.ServeMux] gives
// braces and blanks a meaning.
var endpointPath = regexp.MustCompile(`^/[A-Za-z0-9._~/-]*$`)

// noAddress switches an endpoint off.
const noAddress = "0"

// isOff reports whether an endpoint with this address is not served.
func isOff(address string) bool { return address == noAddress || address == "" }

func newServingOptions() ServingOptions {
	return ServingOptions{
		HealthAddress:    ":8081",
		MetricsAddress:   noAddress,
		MetricsEndpoint:  "/metrics",
		SubmitBuckets:    bucketTexts(metrics.DefaultSubmitLatencyBuckets()),
		StartBuckets:     bucketTexts(metrics.DefaultStartLatencyBuckets()),
		Secure:           newSecureMetricsOptions(),
		ProfilingAddress: noAddress,
	}
}

func bucketTexts(bounds []float64) []string {
	texts := make([]string, 0, len(bounds))
	for _, bound := range bounds {
		texts = append(texts, fmt.Sprint(bound))
	}
	return texts
}

// AddFlags declares the flags.
func (o *ServingOptions) AddFlags(fs *pflag.FlagSet) {
	o.addProcessFlags(fs)
	fs.StringVar(&o.MetricsPrefix, "metrics-prefix", o.MetricsPrefix, "Prefix of the names of application metrics.")
	fs.StringSliceVar(&o.MetricsLabels, "metrics-labels", o.MetricsLabels, "Labels of an application that become labels of its metrics; \"namespace\" means its namespace.")
	fs.StringVar(&o.UsageTeamLabel, "metrics-usage-team-label", o.UsageTeamLabel, "Label of an application whose value becomes the label team of the metrics of its usage; empty for none.")
	fs.StringSliceVar(&o.SubmitBuckets, "metrics-job-submit-latency-buckets", o.SubmitBuckets, "Upper bounds in seconds of the histogram of the time from creation to submission.")
	fs.StringSliceVar(&o.StartBuckets, "metrics-job-start-latency-buckets", o.StartBuckets, "Upper bounds in seconds of the histogram of the time from creation to the start of the driver.")
}

// addProcessFlags declares those that every process has.
func (o *ServingOptions) addProcessFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.HealthAddress, "health-probe-bind-address", o.HealthAddress, "Address of /healthz and /readyz; 0 disables.")
	fs.BoolVar(&o.EnableMetrics, "enable-metrics", o.EnableMetrics, "Also export the metrics of the operator, not only those of the process.")
	fs.StringVar(&o.MetricsAddress, "metrics-bind-address", o.MetricsAddress, "Address of the metrics endpoint, such as :8080; 0 disables.")
	fs.StringVar(&o.MetricsEndpoint, "metrics-endpoint", o.MetricsEndpoint, "Path of the metrics endpoint.")
	o.Secure.AddFlags(fs)
	fs.StringVar(&o.ProfilingAddress, "pprof-bind-address", o.ProfilingAddress, "Address of /debug/pprof; 0 disables.")
}

// Validate returns what is wrong with the flags.
func (o *ServingOptions) Validate() error {
	var errs []error
	wrong := func(flag string, err error) { errs = append(errs, fmt.Errorf("--%s: %w", flag, err)) }
	if _, err := parseBuckets(o.SubmitBuckets); err != nil {
		wrong("metrics-job-submit-latency-buckets", err)
	}
	if _, err := parseBuckets(o.StartBuckets); err != nil {
		wrong("metrics-job-start-latency-buckets", err)
	}
	addresses := map[string]string{}
	for _, listening := range []struct{ flag, address string }{
		{"health-probe-bind-address", o.HealthAddress}, {"metrics-bind-address", o.MetricsAddress}, {"pprof-bind-address", o.ProfilingAddress},
	} {
		if err := checkAddress(listening.address); err != nil {
			wrong(listening.flag, err)
		}
		_, port, _ := net.SplitHostPort(listening.address)
		if port == "" || port == "0" {
			continue
		}
		if other, taken := addresses[listening.address]; taken {
			wrong(listening.flag, fmt.Errorf("%s is already the address of --%s", listening.address, other))
		}
		addresses[listening.address] = listening.flag
	}
	if !endpointPath.MatchString(o.MetricsEndpoint) {
		wrong("metrics-endpoint", fmt.Errorf("%q is not a path such as /metrics", o.MetricsEndpoint))
	}
	seen := map[string]bool{}
	for _, label := range o.MetricsLabels {
		if label == "" || seen[label] {
			wrong("metrics-labels", fmt.Errorf("%q is empty or a duplicate", label))
		}
		if slices.Contains(metrics.OwnLabels(), label) {
			wrong("metrics-labels", fmt.Errorf("%q is already a label of some metrics; choose another label of the applications", label))
		}
		seen[label] = true
	}
	if label := o.UsageTeamLabel; label != "" {
		if problems := k8svalidation.IsQualifiedName(label); len(problems) > 0 {
			wrong("metrics-usage-team-label", fmt.Errorf("%q is not the key of a label: %s", label, problems[0]))
		}
	}
	return errors.Join(append(errs, o.Secure.Validate())...)
}

// addTLSFlags declares the flags --PREFIX-tls-min-version and --PREFIX-tls-cipher-suites.
func addTLSFlags(fs *pflag.FlagSet, prefix, of string, minVersion *string, cipherSuites *[]string) {
	fs.StringVar(minVersion, prefix+"-tls-min-version", *minVersion, "Minimum TLS version"+of+": "+strings.Join(cliflag.TLSPossibleVersions(), ", ")+".")
	fs.StringSliceVar(cipherSuites, prefix+"-tls-cipher-suites", *cipherSuites, "Comma-separated list of cipher suites"+of+". If empty, the defaults of Go.")
}

// tlsConfig reads the flags --PREFIX-tls-min-version and --PREFIX-tls-cipher-suites.
func tlsConfig(prefix, minVersion string, cipherSuites []string) (*tls.Config, error) {
	version := uint16(tls.VersionTLS12)
	if minVersion != "" {
		var err error
		if version, err = cliflag.TLSVersion(minVersion); err != nil {
			return nil, fmt.Errorf("--%s-tls-min-version: %w", prefix, err)
		}
	}
	suites, err := cliflag.TLSCipherSuites(cipherSuites)
	if err != nil {
		return nil, fmt.Errorf("--%s-tls-cipher-suites: %w", prefix, err)
	}
	return &tls.Config{MinVersion: version, CipherSuites: suites}, nil
}

func (o *ServingOptions) metrics() metrics.Config {
	// Validate has parsed them before.
	submit, _ := parseBuckets(o.SubmitBuckets)
	start, _ := parseBuckets(o.StartBuckets)
	return metrics.Config{
		Prefix:               o.MetricsPrefix,
		Labels:               o.MetricsLabels,
		TeamLabel:            o.UsageTeamLabel,
		SubmitLatencyBuckets: submit,
		StartLatencyBuckets:  start,
	}
}

// check is one part of the health of the process.
type check struct {
	name string
	run  func(*http.Request) error
}

// cachesCheck passes once the caches are synced.
func cachesCheck(synced *atomic.Bool) check {
	return check{"caches", func(*http.Request) error {
		if !synced.Load() {
			return errors.New("the caches are not synced yet")
		}
		return nil
	}}
}

// probe answers whether all checks pass.
func probe(checks ...check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, c := range checks {
			if err := c.run(r); err != nil {
				http.Error(w, fmt.Sprintf("%s: %v", c.name, err), http.StatusInternalServerError)
				return
			}
		}
		fmt.Fprint(w, "ok")
	})
}

// countRequests has the clients of config count their requests, if metrics are enabled.
func (o *ServingOptions) countRequests(registry *prometheus.Registry, config *rest.Config) error {
	if !o.EnableMetrics {
		return nil
	}
	requests, err := metrics.NewRequests(registry)
	if err == nil {
		config.Wrap(requests.Wrap)
	}
	return err
}

// endpoint is one listener and what it serves.
type endpoint struct {
	name    string
	address string
	handler http.Handler
	tls     *tls.Config // nil for plain HTTP
	// background runs until the process ends; nil for nothing.
	background func(context.Context)
	// write is how long a response may take.
	write time.Duration
}

// endpoints returns everything that the flags switch on.
func (o *ServingOptions) endpoints(healthy, ready http.Handler, applications prometheus.Gatherer, asked reviewers) ([]endpoint, error) {
	health := http.NewServeMux()
	health.Handle("/healthz", healthy)
	health.Handle("/healthz/", healthy)
	health.Handle("/readyz", ready)
	health.Handle("/readyz/", ready)

	gatherers := prometheus.Gatherers{queueMetrics{legacyregistry.DefaultGatherer}, applications}
	scrape := http.NewServeMux()
	scrape.Handle(o.MetricsEndpoint, promhttp.HandlerFor(gatherers, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: maxScrapes,
	}))

	profiling := http.NewServeMux()
	profiling.HandleFunc("/debug/pprof/", pprof.Index)
	profiling.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	profiling.HandleFunc("/debug/pprof/profile", pprof.Profile)
	profiling.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	profiling.HandleFunc("/debug/pprof/trace", pprof.Trace)

	if !isOff(o.ProfilingAddress) {
		// Rare enough to cost nothing: waits in proportion to their length, once for
		// every millisecond, and one of a hundred contended locks.
		runtime.SetBlockProfileRate(int(time.Millisecond))
		runtime.SetMutexProfileFraction(100)
	}
	all := []endpoint{
		{name: "health", address: o.HealthAddress, handler: health, write: writeTimeout},
		{name: "metrics", address: o.MetricsAddress, handler: scrape, write: writeTimeout},
		{name: "pprof", address: o.ProfilingAddress, handler: profiling, write: profileTimeout},
	}
	if o.Secure.Enable {
		if err := o.Secure.secure(&all[1], o.MetricsEndpoint, asked); err != nil {
			return nil, fmt.Errorf("metrics endpoint: %w", err)
		}
	}
	var enabled []endpoint
	for _, e := range all {
		if !isOff(e.address) {
			enabled = append(enabled, e)
		}
	}
	return enabled, nil
}

// Limits of every endpoint. Whoever connects, and whatever arrives of a request, each
// endpoint uses little.
const (
	headerTimeout = 10 * time.Second
	bodyTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	// profileTimeout is the longest time that a profile or a trace may cover.
	profileTimeout = 5 * time.Minute
	maxHeader      = 32 << 10 // bytes
	maxConnections = 100
	// maxScrapes is how many clients may scrape at the same time.
	maxScrapes = 8
)

// listenAndServe listens on every endpoint and returns a function that stops them. An
// address that cannot be bound is an error.
func listenAndServe(ctx context.Context, endpoints []endpoint) (stop func(), err error) {
	var servers []*http.Server
	background, stopBackground := context.WithCancel(ctx)
	var running sync.WaitGroup
	stop = func() {
		stopBackground()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		for _, server := range servers {
			_ = server.Shutdown(ctx)
		}
		running.Wait()
	}
	for _, e := range endpoints {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", e.address)
		if err != nil {
			stop()
			return nil, fmt.Errorf("%s endpoint: %w", e.name, err)
		}
		if e.tls != nil {
			listener = tls.NewListener(listener, e.tls)
		}
		if e.background != nil {
			running.Go(func() { e.background(background) })
		}
		logger := klog.FromContext(ctx).WithValues("endpoint", e.name, "address", listener.Addr())
		server := newServer(e)
		server.ErrorLog = log.New(serve.NewErrorLog(logger), "", 0)
		servers = append(servers, server)
		logger.Info("Serving")
		go func() {
			if err := server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
				logger.Error(err, "Server stopped")
			}
		}()
	}
	return stop, nil
}

// newServer returns the server of an endpoint.
func newServer(e endpoint) *http.Server {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// Only here, as the limit ends long responses to requests without a body, too.
			_ = http.NewResponseController(w).SetReadDeadline(clock.RealClock{}.Now().Add(bodyTimeout))
		}
		e.handler.ServeHTTP(w, r)
	})
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		WriteTimeout:      e.write,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState:         serve.LimitConnections(maxConnections),
	}
}
