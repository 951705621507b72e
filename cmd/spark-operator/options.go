// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/featuregate"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
	"github.com/spark-operator/spark-operator/pkg/controller"
	"github.com/spark-operator/spark-operator/pkg/features"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/metrics"
	"github.com/spark-operator/spark-operator/pkg/redact"
	"github.com/spark-operator/spark-operator/pkg/scheduledapp"
	"github.com/spark-operator/spark-operator/pkg/submit/sparksubmit"
	"github.com/spark-operator/spark-operator/pkg/syncloop"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// ControllerOptions are the flags of "controller start" as given.
type ControllerOptions struct {
	Kubeconfig   string
	KubeAPIQPS   float32
	KubeAPIBurst int

	Namespaces        []string
	NamespaceSelector string
	Threads           int
	CacheSyncTimeout  time.Duration

	MaxTrackedExecutors      int
	DriverGracePeriod        time.Duration
	DriverCannotStartTimeout time.Duration
	NodeLossGracePeriod      time.Duration
	DefaultTimeToLive        int64
	EnableDriverPDB          bool

	LogTailLines  int64
	LogTailRedact string

	Submitter         string
	SubmitterDeadline time.Duration
	ServiceLinks      bool

	EnableUIService    bool
	IngressURLFormat   string
	IngressClassName   string
	IngressTLS         string
	IngressAnnotations string

	EnableBatchScheduler  bool
	DefaultBatchScheduler string
	KubeSchedulerNames    []string

	TimestampPrecision string

	Defaults DefaultsOptions
	Election LeaderElectionOptions
	Serving  ServingOptions
	Logging  LoggingOptions
	Gates    featuregate.MutableFeatureGate

	compatibility compatibilityOptions
}

// compatibilityOptions are flags that exist so that command lines written for the
// established operator keep working. Nothing reads them.
type compatibilityOptions struct {
	bucketQPS, bucketSize                                int
	maxDelay                                             time.Duration
	loadSparkDefaults                                    bool
	submitterURL                                         string
	submitterStartup, submitterRequest, submitterBackoff time.Duration
	submitterRetries                                     int
	submitterTLS                                         bool
	submitterTLSCert, submitterTLSKey, submitterTLSCA    string
}

// NewControllerOptions returns the defaults.
func NewControllerOptions() (*ControllerOptions, error) {
	gates, err := features.NewGate()
	if err != nil {
		return nil, fmt.Errorf("feature gates: %w", err)
	}
	return &ControllerOptions{
		KubeAPIQPS:          -1,
		KubeAPIBurst:        30,
		Threads:             controller.DefaultThreads,
		CacheSyncTimeout:    30 * time.Second,
		MaxTrackedExecutors: controller.DefaultMaxTrackedExecutors,
		DriverGracePeriod:   controller.DefaultDriverGracePeriod,
		NodeLossGracePeriod: 5 * time.Minute,
		LogTailLines:        20,
		LogTailRedact:       builtIn,
		Submitter:           v1beta2.SubmitterNative,
		SubmitterDeadline:   sparksubmit.DefaultDeadline,
		EnableUIService:     true,
		TimestampPrecision:  "nanos",
		Election:            newLeaderElectionOptions(),
		Serving:             newServingOptions(),
		Logging:             newLoggingOptions(),
		Gates:               gates,
	}, nil
}

// AddFlags declares the flags, grouped as the help shows them.
func (o *ControllerOptions) AddFlags(sets *cliflag.NamedFlagSets) {
	fs := sets.FlagSet("api server")
	fs.StringVar(&o.Kubeconfig, "kubeconfig", o.Kubeconfig, "File with the address and credentials of the API server. Default: $KUBECONFIG, else the service account of the pod.")
	fs.Float32Var(&o.KubeAPIQPS, "kube-api-qps", o.KubeAPIQPS, "Requests per second that this process allows itself; the server's priority and fairness decides if negative.")
	fs.IntVar(&o.KubeAPIBurst, "kube-api-burst", o.KubeAPIBurst, "Requests at once that this process allows itself if --kube-api-qps is positive.")

	fs = sets.FlagSet("scope")
	fs.StringSliceVar(&o.Namespaces, "namespaces", o.Namespaces, "Namespaces to watch, separated by commas; all if empty or if one of them is empty.")
	fs.StringVar(&o.NamespaceSelector, "namespace-selector", o.NamespaceSelector, "Watch also the namespaces whose labels match, such as team=data,env in (a,b).")
	fs.DurationVar(&o.CacheSyncTimeout, "cache-sync-timeout", o.CacheSyncTimeout, "How long no object may come in at the start, while they are read, before the process gives up; at most ten times as long for all of them.")

	fs = sets.FlagSet("applications")
	fs.IntVar(&o.Threads, "controller-threads", o.Threads, fmt.Sprintf("How many applications of one namespace are worked on at the same time; %d times as many in all namespaces together.", syncloop.Namespaces))
	fs.IntVar(&o.MaxTrackedExecutors, "max-tracked-executor-per-app", o.MaxTrackedExecutors, "How many executors of an application its status names; 0 for none.")
	fs.DurationVar(&o.DriverGracePeriod, "driver-pod-creation-grace-period", o.DriverGracePeriod, "How long a submitted application may be without driver pod before it counts as lost; 0 for no longer than it takes to ask the API server.")
	fs.DurationVar(&o.DriverCannotStartTimeout, "driver-cannot-start-timeout", o.DriverCannotStartTimeout, "How long after its submission a driver fails whose image or configuration keeps its containers from starting; 0 to wait for ever.")
	fs.DurationVar(&o.NodeLossGracePeriod, "node-loss-grace-period", o.NodeLossGracePeriod, "How long a node may not report before driver pods that were deleted but do not go from it are deleted by force; 0 for never. Needs the right to get nodes.")
	fs.Int64Var(&o.DefaultTimeToLive, "default-time-to-live-seconds", o.DefaultTimeToLive, "Delete finished applications without spec.timeToLiveSeconds after this many seconds; 0 keeps them.")
	fs.BoolVar(&o.EnableDriverPDB, "enable-driver-pdb", o.EnableDriverPDB, "Honour spec.driverPodDisruptionBudget.")
	fs.Int64Var(&o.LogTailLines, "log-tail-lines", o.LogTailLines, "How many of the last lines of the log of a failed driver its application's status keeps; 0 for none.")
	fs.StringVar(&o.LogTailRedact, "log-tail-redact", o.LogTailRedact, "Regular expression of what these lines, and whatever else is shown of texts by others, must not show. What its first group matches stays; default stands for the operator's own rules, empty shows everything.")
	fs.StringVar(&o.TimestampPrecision, "scheduled-spark-application-timestamp-precision", o.TimestampPrecision, "Resolution of the time in names of scheduled runs: "+strings.Join(timestampPrecisions, ", ")+".")
	o.Gates.AddFlag(fs)

	fs = sets.FlagSet("submission")
	fs.StringVar(&o.Submitter, "submitter", o.Submitter, "How applications without the annotation "+v1beta2.AnnotationSubmitter+" are submitted: "+strings.Join(submitters, " or ")+".")
	fs.DurationVar(&o.SubmitterDeadline, "submitter-deadline", o.SubmitterDeadline, "How long a Job with spark-submit may take, including the pull of its image.")
	fs.BoolVar(&o.ServiceLinks, "enable-service-links", o.ServiceLinks, "Give driver and executors the variables of every Service of their namespace, as Kubernetes does by default. With thousands of Services they are too many for a process to start. A pod template that sets enableServiceLinks is obeyed.")

	o.Defaults.AddFlags(sets.FlagSet("defaults of applications"))

	fs = sets.FlagSet("web ui")
	fs.BoolVar(&o.EnableUIService, "enable-ui-service", o.EnableUIService, "Give each application a Service for its web UI.")
	fs.StringVar(&o.IngressURLFormat, "ingress-url-format", o.IngressURLFormat, "URL of web UIs, with {{$appName}}, {{$appNamespace}} and {{$appId}} filled in; empty for no Ingress.")
	fs.StringVar(&o.IngressClassName, "ingress-class-name", o.IngressClassName, "Class of every Ingress; empty for the cluster's default.")
	fs.StringVar(&o.IngressTLS, "ingress-tls", o.IngressTLS, `TLS of every Ingress that has none of its own, as JSON: [{"hosts":["*.example.com"],"secretName":"tls"}].`)
	fs.StringVar(&o.IngressAnnotations, "ingress-annotations", o.IngressAnnotations, `Annotations of every Ingress that has none of its own, as a JSON object: {"key":"value"}.`)

	fs = sets.FlagSet("batch scheduling")
	fs.BoolVar(&o.EnableBatchScheduler, "enable-batch-scheduler", o.EnableBatchScheduler, "Honour spec.batchScheduler.")
	fs.StringVar(&o.DefaultBatchScheduler, "default-batch-scheduler", o.DefaultBatchScheduler, "Batch scheduler of applications that name none.")
	fs.StringSliceVar(&o.KubeSchedulerNames, "kube-scheduler-names", o.KubeSchedulerNames, "Profiles of kube-scheduler that have the coscheduling plugin.")

	o.Election.AddFlags(sets.FlagSet("leader election"))
	o.Serving.AddFlags(sets.FlagSet("serving"))
	o.Logging.AddFlags(sets.FlagSet("logging"))
	o.compatibility.AddFlags(sets)
}

// AddFlags declares the flags and says of each that it does nothing.
func (o *compatibilityOptions) AddFlags(sets *cliflag.NamedFlagSets) {
	fs := sets.FlagSet("compatibility")
	help := func(why string) string { return "Accepted for compatibility, without effect: " + why + "." }
	const noBucket = "only failures are delayed, each application on its own"
	fs.IntVar(&o.bucketQPS, "workqueue-ratelimiter-bucket-qps", 10, help(noBucket))
	fs.IntVar(&o.bucketSize, "workqueue-ratelimiter-bucket-size", 100, help(noBucket))
	fs.DurationVar(&o.maxDelay, "workqueue-ratelimiter-max-delay", math.MaxInt64, help(noBucket))
	fs.BoolVar(&o.loadSparkDefaults, "load-spark-defaults", false, help("there is no spark-defaults.conf beside this binary"))
	const builtIn = "submission is built in"
	fs.StringVar(&o.submitterURL, "submitter-service-url", "", help(builtIn))
	fs.DurationVar(&o.submitterStartup, "submitter-startup-timeout", 5*time.Minute, help(builtIn))
	fs.DurationVar(&o.submitterRequest, "submitter-request-timeout", 2*time.Minute, help(builtIn))
	fs.IntVar(&o.submitterRetries, "submitter-max-retries", 3, help(builtIn))
	fs.DurationVar(&o.submitterBackoff, "submitter-initial-backoff", 2*time.Second, help(builtIn))
	fs.BoolVar(&o.submitterTLS, "submitter-tls-enabled", false, help(builtIn))
	fs.StringVar(&o.submitterTLSCert, "submitter-tls-cert-file", "", help(builtIn))
	fs.StringVar(&o.submitterTLSKey, "submitter-tls-key-file", "", help(builtIn))
	fs.StringVar(&o.submitterTLSCA, "submitter-tls-ca-file", "", help(builtIn))
}

var submitters = []string{v1beta2.SubmitterNative, v1beta2.SubmitterSparkSubmit}

var timestampPrecisions = []string{"nanos", "micros", "millis", "seconds", "minutes"}

func (o *ControllerOptions) selector() (labels.Selector, error) {
	if o.NamespaceSelector == "" {
		return nil, nil
	}
	return labels.Parse(o.NamespaceSelector)
}

func (o *ControllerOptions) ui() (ui.Config, error) {
	config := ui.Config{
		WebService:       o.EnableUIService,
		IngressURLFormat: o.IngressURLFormat,
		IngressClassName: o.IngressClassName,
	}
	if err := parseJSON("ingress-tls", o.IngressTLS, &config.IngressTLS); err != nil {
		return ui.Config{}, err
	}
	if err := parseJSON("ingress-annotations", o.IngressAnnotations, &config.IngressAnnotations); err != nil {
		return ui.Config{}, err
	}
	return config, nil
}

// builtIn is the value of --log-tail-redact for the rules of package redact.
const builtIn = "default"

func (o *ControllerOptions) redact() (func(string) string, error) {
	switch o.LogTailRedact {
	case builtIn:
		return redact.Secrets, nil
	case "":
		return nil, nil
	}
	expression, err := regexp.Compile(o.LogTailRedact)
	if err != nil {
		return nil, err
	}
	return redact.Pattern(expression), nil
}

func (o *ControllerOptions) batchSchedulers() batchscheduler.Config {
	return batchscheduler.Config{KubeSchedulerNames: o.KubeSchedulerNames}
}

// ControllerConfig is what follows from valid options.
type ControllerConfig struct {
	Controller       controller.Config
	Schedules        scheduledapp.Config
	Informers        informers.Config
	Metrics          metrics.Config
	CacheSyncTimeout time.Duration
}

// Config returns what follows from the options, which are valid. Master is the
// API server as drivers reach it.
func (o *ControllerOptions) Config(master string) (*ControllerConfig, error) {
	selector, err := o.selector()
	if err != nil {
		return nil, err
	}
	uiConfig, err := o.ui()
	if err != nil {
		return nil, err
	}
	redactTexts, err := o.redact()
	if err != nil {
		return nil, err
	}
	defaultConf, err := o.Defaults.Conf()
	if err != nil {
		return nil, err
	}
	return &ControllerConfig{
		Controller: controller.Config{
			Workers: o.Threads * syncloop.Namespaces,
			Settings: controller.Settings{
				Master:      master,
				DefaultConf: defaultConf,
				UI:          uiConfig,

				Submitter:         o.Submitter,
				SubmitterDeadline: o.SubmitterDeadline,
				ServiceLinks:      o.ServiceLinks,

				BatchScheduling: controller.BatchScheduling{
					Enabled: o.EnableBatchScheduler,
					Default: o.DefaultBatchScheduler,
					Config:  o.batchSchedulers(),
				},
				MaxTrackedExecutors:      o.MaxTrackedExecutors,
				DriverGracePeriod:        o.DriverGracePeriod,
				DriverCannotStartTimeout: o.DriverCannotStartTimeout,
				NodeLossGracePeriod:      o.NodeLossGracePeriod,
				DefaultTimeToLive:        time.Duration(o.DefaultTimeToLive) * time.Second,
				DriverDisruptionBudget:   o.EnableDriverPDB,
				LogTailLines:             o.LogTailLines,
				Redact:                   redactTexts,
				PartialRestart:           o.Gates.Enabled(features.PartialRestart),
			},
		},
		Schedules: scheduledapp.Config{
			TimestampPrecision: scheduledapp.Precision(o.TimestampPrecision),
			Local:              time.Local,
			Redact:             redactTexts,
		},
		Informers: informers.Config{
			Namespaces:        o.Namespaces,
			NamespaceSelector: selector,
		},
		Metrics:          o.Serving.metrics(),
		CacheSyncTimeout: o.CacheSyncTimeout,
	}, nil
}

func tlsVersion(name string) (uint16, error) {
	if name == "" {
		return tls.VersionTLS12, nil
	}
	return cliflag.TLSVersion(name)
}
