// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/featuregate"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
	"github.com/spark-operator/spark-operator/pkg/connect"
	"github.com/spark-operator/spark-operator/pkg/controller"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/controller/run"
	"github.com/spark-operator/spark-operator/pkg/features"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/metrics"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
	"github.com/spark-operator/spark-operator/pkg/redact"
	"github.com/spark-operator/spark-operator/pkg/scheduledapp"
	"github.com/spark-operator/spark-operator/pkg/submit/sparksubmit"
)

// ControllerOptions are the flags of "controller start" as given.
type ControllerOptions struct {
	AccessOptions
	ScopeOptions

	DryRun  bool
	Threads int

	MaxTrackedExecutors      int
	DriverGracePeriod        time.Duration
	DriverCannotStartTimeout time.Duration
	NodeLossGracePeriod      time.Duration
	DefaultTimeToLive        int64
	EnableDriverPDB          bool
	EnableConnect            bool
	ConnectAuthentication    bool

	LogTailLines  int64
	LogTailRedact string

	EnableLogArchive   bool
	ArchiveLogs        bool
	LogArchiveDeadline time.Duration

	Submitter         string
	SubmitterDeadline time.Duration
	ServiceLinks      bool
	PodWebhook        bool

	EnableUIService    bool
	IngressURLFormat   string
	IngressClassName   string
	IngressTLS         string
	IngressAnnotations string
	RouteURLFormat     string
	RouteGateways      []string
	RouteAnnotations   string

	History HistoryOptions

	EnableBatchScheduler  bool
	DefaultBatchScheduler string
	KubeSchedulerNames    []string

	TimestampPrecision string

	Defaults DefaultsOptions
	Election LeaderElectionOptions
	Serving  ServingOptions
	Tracing  TracingOptions
	Logging  LoggingOptions
	Gates    featuregate.MutableFeatureGate

	compatibility compatibilityOptions
}

// compatibilityOptions are flags that exist so that command lines written for
// kubeflow/spark-operator keep working. Nothing reads them.
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
		AccessOptions:       newAccessOptions(),
		ScopeOptions:        newScopeOptions(),
		Threads:             controller.DefaultThreads,
		MaxTrackedExecutors: lifecycle.DefaultMaxTrackedExecutors,
		DriverGracePeriod:   lifecycle.DefaultDriverGracePeriod,
		NodeLossGracePeriod: 5 * time.Minute,
		LogTailLines:        20,
		LogTailRedact:       builtIn,
		LogArchiveDeadline:  lifecycle.DefaultLogArchiveDeadline,
		Submitter:           v1beta2.SubmitterNative,
		SubmitterDeadline:   sparksubmit.DefaultDeadline,
		EnableUIService:     true,
		EnableConnect:       true,

		ConnectAuthentication: true,
		TimestampPrecision:    "nanos",
		Election:              newLeaderElectionOptions(),
		Serving:               newServingOptions(),
		Logging:               newLoggingOptions(),
		Gates:                 gates,
	}, nil
}

// AddFlags declares the flags, grouped as the help shows them.
func (o *ControllerOptions) AddFlags(sets *cliflag.NamedFlagSets) {
	o.AccessOptions.AddFlags(sets.FlagSet("API server"))
	o.ScopeOptions.AddFlags(sets.FlagSet("scope"))

	fs := sets.FlagSet("applications")
	fs.BoolVar(&o.DryRun, "dry-run", o.DryRun, "Decide and log what to write, but write nothing: no object, no status, no event and no Lease. Another operator may run at the same time. For a rehearsal before a migration.")
	fs.IntVar(&o.Threads, "controller-threads", o.Threads, fmt.Sprintf("Maximum number of applications of one namespace that are synced concurrently. The limit for all namespaces together is %d times as high.", loop.Namespaces))
	fs.IntVar(&o.MaxTrackedExecutors, "max-tracked-executor-per-app", o.MaxTrackedExecutors, "Maximum number of executors that the status of an application lists; 0 lists none.")
	fs.DurationVar(&o.DriverGracePeriod, "driver-pod-creation-grace-period", o.DriverGracePeriod, "How long a submitted application may have no driver pod in the cache before the driver counts as lost. With 0, the operator reads the pod from the API server at once.")
	fs.DurationVar(&o.DriverCannotStartTimeout, "driver-cannot-start-timeout", o.DriverCannotStartTimeout, "How long a driver may be unable to start its containers, from its submission on, before the run fails; 0 waits without limit.")
	fs.DurationVar(&o.NodeLossGracePeriod, "node-loss-grace-period", o.NodeLossGracePeriod, "How long a node must be unreachable before its terminating driver and server pods are force-deleted; 0 disables. Needs permission to get nodes.")
	fs.Int64Var(&o.DefaultTimeToLive, "default-time-to-live-seconds", o.DefaultTimeToLive, "Seconds after which a finished application without spec.timeToLiveSeconds is deleted; 0 keeps it.")
	fs.BoolVar(&o.EnableDriverPDB, "enable-driver-pdb", o.EnableDriverPDB, "Create a PodDisruptionBudget for the driver of each application that sets spec.driverPodDisruptionBudget.")
	fs.BoolVar(&o.EnableConnect, "enable-connect", o.EnableConnect, "Run Spark Connect servers (SparkConnect). Without the CRD of SparkConnect, the operator waits for it and runs applications and schedules meanwhile.")
	fs.BoolVar(&o.ConnectAuthentication, "enable-connect-authentication", o.ConnectAuthentication, "Enable spec.authentication of SparkConnects, for which the operator reads and creates Secrets. Without it, a SparkConnect with this field is not started.")
	fs.Int64Var(&o.LogTailLines, "log-tail-lines", o.LogTailLines, "Number of log lines of a failed driver that the status of its application keeps; 0 keeps none.")
	fs.StringVar(&o.LogTailRedact, "log-tail-redact", o.LogTailRedact, "Regular expression for text to redact in log lines, messages and events; the first capture group is kept. \"default\" uses the built-in rules; an empty value disables redaction.")
	fs.BoolVar(&o.EnableLogArchive, "enable-log-archive", o.EnableLogArchive, "Enable spec.logArchive: label pods whose logs the log archiver copies, and keep them until their logs are copied.")
	fs.BoolVar(&o.ArchiveLogs, "archive-logs", o.ArchiveLogs, "Archive the driver logs of applications that do not set spec.logArchive.enabled. Needs --enable-log-archive.")
	fs.DurationVar(&o.LogArchiveDeadline, "log-archive-deadline", o.LogArchiveDeadline, "How long after the end of a run its pods are kept for the log archiver. The next run waits for 30 s at most, and not after a failed try of the log archiver.")
	fs.StringVar(&o.TimestampPrecision, "scheduled-spark-application-timestamp-precision", o.TimestampPrecision, "Precision of the time in the names of scheduled runs: "+strings.Join(timestampPrecisions, ", ")+".")
	o.Gates.AddFlag(fs)

	fs = sets.FlagSet("submission")
	fs.StringVar(&o.Submitter, "submitter", o.Submitter, "Submitter of applications without the annotation "+v1beta2.AnnotationSubmitter+": "+strings.Join(submitters, " or ")+".")
	fs.DurationVar(&o.SubmitterDeadline, "submitter-deadline", o.SubmitterDeadline, "Time limit of a Job that runs spark-submit, including the image pull.")
	fs.BoolVar(&o.PodWebhook, "pod-webhook", o.PodWebhook, "The webhook of this operator applies executor fields that Spark overrides: mark these executors for it, and send no Warning events.")
	fs.BoolVar(&o.ServiceLinks, "enable-service-links", o.ServiceLinks, "Set enableServiceLinks in driver and executor pods, so that they get environment variables for every Service of their namespace. With thousands of Services, a process may fail to start. A pod template that sets enableServiceLinks takes precedence.")

	o.Defaults.AddFlags(sets.FlagSet(applicationDefaults))

	fs = sets.FlagSet("web UI")
	fs.BoolVar(&o.EnableUIService, "enable-ui-service", o.EnableUIService, "Create a Service for the web UI of each running driver.")
	fs.StringVar(&o.IngressURLFormat, "ingress-url-format", o.IngressURLFormat, "URL of the web UI of an application, with the placeholders {{$appName}}, {{$appNamespace}} and {{$appId}}. If empty, no Ingress is created.")
	fs.StringVar(&o.IngressClassName, "ingress-class-name", o.IngressClassName, "Class of every Ingress. If empty, the default class of the cluster.")
	fs.StringVar(&o.IngressTLS, "ingress-tls", o.IngressTLS, `TLS of every Ingress whose application sets none, as JSON: [{"hosts":["*.example.com"],"secretName":"tls"}].`)
	fs.StringVar(&o.IngressAnnotations, "ingress-annotations", o.IngressAnnotations, `Annotations of every Ingress whose application sets none, as a JSON object: {"key":"value"}.`)
	fs.StringVar(&o.RouteURLFormat, "ui-route-url-format", o.RouteURLFormat, "URL of the web UI of an application behind an HTTPRoute of the Gateway API, with the placeholders of --ingress-url-format. If empty, no HTTPRoute is created. Not together with --ingress-url-format.")
	fs.StringSliceVar(&o.RouteGateways, "ui-route-gateways", o.RouteGateways, "Comma-separated list of the Gateways of every HTTPRoute whose application names none, as [NAMESPACE/]NAME[:LISTENER]. Without NAMESPACE, the Gateway is in the namespace of the application.")
	fs.StringVar(&o.RouteAnnotations, "ui-route-annotations", o.RouteAnnotations, `Annotations of every HTTPRoute whose application sets none, as a JSON object: {"key":"value"}.`)

	o.History.AddFlags(sets.FlagSet("Spark history"))

	fs = sets.FlagSet("batch scheduling")
	fs.BoolVar(&o.EnableBatchScheduler, "enable-batch-scheduler", o.EnableBatchScheduler, "Enable spec.batchScheduler.")
	fs.StringVar(&o.DefaultBatchScheduler, "default-batch-scheduler", o.DefaultBatchScheduler, "Batch scheduler of applications that do not set spec.batchScheduler.")
	fs.StringSliceVar(&o.KubeSchedulerNames, "kube-scheduler-names", o.KubeSchedulerNames, "Comma-separated list of kube-scheduler profiles with the coscheduling plugin.")

	o.Election.AddFlags(sets.FlagSet("leader election"))
	o.Serving.AddFlags(sets.FlagSet("serving"))
	o.Tracing.AddFlags(sets.FlagSet("tracing"))
	o.Logging.AddFlags(sets.FlagSet("logging"))
	o.compatibility.AddFlags(sets)
}

// AddFlags declares the flags; their help says that they have no effect.
func (o *compatibilityOptions) AddFlags(sets *cliflag.NamedFlagSets) {
	fs := sets.FlagSet("compatibility")
	help := func(why string) string { return "Accepted for compatibility, without effect: " + why + "." }
	const noBucket = "only failed syncs are delayed, per application"
	fs.IntVar(&o.bucketQPS, "workqueue-ratelimiter-bucket-qps", 10, help(noBucket))
	fs.IntVar(&o.bucketSize, "workqueue-ratelimiter-bucket-size", 100, help(noBucket))
	fs.DurationVar(&o.maxDelay, "workqueue-ratelimiter-max-delay", math.MaxInt64, help(noBucket))
	fs.BoolVar(&o.loadSparkDefaults, "load-spark-defaults", false, help("the operator has no spark-defaults.conf"))
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

// logArchiveDeadline is 0 without archive.
func (o *ControllerOptions) logArchiveDeadline() time.Duration {
	if !o.EnableLogArchive {
		return 0
	}
	return o.LogArchiveDeadline
}

func (o *ControllerOptions) batchSchedulers() batchscheduler.Config {
	return batchscheduler.Config{KubeSchedulerNames: o.KubeSchedulerNames}
}

// ControllerConfig is what follows from valid options.
type ControllerConfig struct {
	Controller       controller.Config
	Schedules        scheduledapp.Config
	Connects         connect.Config
	Informers        informers.Config
	Metrics          metrics.Config
	CacheSyncTimeout time.Duration
}

// Config returns what follows from the options, which are valid. Master is the
// API server as drivers reach it.
func (o *ControllerOptions) Config(master string) (*ControllerConfig, error) {
	scope, err := o.informers()
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
			Workers: o.Threads * loop.Namespaces,
			Settings: run.Settings{
				Settings: lifecycle.Settings{
					SubmitterDeadline:        o.SubmitterDeadline,
					MaxTrackedExecutors:      o.MaxTrackedExecutors,
					DriverGracePeriod:        o.DriverGracePeriod,
					DriverCannotStartTimeout: o.DriverCannotStartTimeout,
					DefaultTimeToLive:        time.Duration(o.DefaultTimeToLive) * time.Second,
					Redact:                   redactTexts,
					LogArchive:               lifecycle.LogArchive{Enabled: o.EnableLogArchive, Default: o.ArchiveLogs, Deadline: o.LogArchiveDeadline},
					PartialRestart:           o.Gates.Enabled(features.PartialRestart),
				},
				Master:      master,
				DefaultConf: defaultConf,
				UI:          uiConfig,

				History:          o.History.history(),
				HistoryURLFormat: o.History.URLTemplate,

				Submitter:    o.Submitter,
				ServiceLinks: o.ServiceLinks,
				PodWebhook:   o.PodWebhook,

				BatchScheduling: run.BatchScheduling{
					Enabled: o.EnableBatchScheduler,
					Default: o.DefaultBatchScheduler,
					Config:  o.batchSchedulers(),
				},
				NodeLossGracePeriod:    o.NodeLossGracePeriod,
				DriverDisruptionBudget: o.EnableDriverPDB,
				LogTailLines:           o.LogTailLines,
			},
		},
		Schedules: scheduledapp.Config{
			TimestampPrecision: scheduledapp.Precision(o.TimestampPrecision),
			Local:              time.Local,
			Redact:             redactTexts,
			LogArchiveDeadline: o.logArchiveDeadline(),
		},
		Connects: connect.Config{
			Master:       master,
			DefaultConf:  defaultConf,
			ServiceLinks: o.ServiceLinks,
			Redact:       redactTexts,

			Authentication:      o.ConnectAuthentication,
			IngressClassName:    o.IngressClassName,
			NodeLossGracePeriod: o.NodeLossGracePeriod,
		},
		Informers:        scope,
		Metrics:          o.Serving.metrics(),
		CacheSyncTimeout: o.CacheSyncTimeout,
	}, nil
}

func (o *ControllerOptions) logging() *LoggingOptions { return &o.Logging }
