// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/kubernetes"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/component-base/featuregate"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/features"
	"github.com/spark-operator/spark-operator/pkg/webhook/certificates"
)

// WebhookOptions are the flags of "webhook start" as given.
type WebhookOptions struct {
	AccessOptions
	ScopeOptions

	BindAddress     string
	Port            int
	TLSMinVersion   string
	TLSCipherSuites []string

	MutatingName   string
	ValidatingName string

	ServiceName      string
	ServiceNamespace string
	SecretName       string
	SecretNamespace  string
	Propagation      time.Duration
	CertManager      bool
	CertDir          string
	CertName         string
	KeyName          string

	Quota bool

	Defaults DefaultsOptions
	Election LeaderElectionOptions
	Serving  ServingOptions
	Logging  LoggingOptions
	Gates    featuregate.MutableFeatureGate

	compatibility webhookCompatibility
}

// webhookCompatibility are flags of kubeflow/spark-operator that nothing reads.
type webhookCompatibility struct {
	threads                      int
	labelSelector, metricsPrefix string
	metricsLabels                []string
	submitBuckets, startBuckets  []string
}

// NewWebhookOptions returns the defaults.
func NewWebhookOptions() (*WebhookOptions, error) {
	gates, err := features.NewGate()
	if err != nil {
		return nil, fmt.Errorf("feature gates: %w", err)
	}
	return &WebhookOptions{
		AccessOptions:    newAccessOptions(),
		ScopeOptions:     newScopeOptions(),
		Port:             9443,
		TLSMinVersion:    "VersionTLS12",
		MutatingName:     "spark-operator-webhook",
		ValidatingName:   "spark-operator-webhook",
		ServiceName:      "spark-webhook",
		ServiceNamespace: "spark-webhook",
		SecretName:       "spark-operator-webhook-certs",
		SecretNamespace:  "spark-operator",
		Propagation:      10 * time.Second,
		CertDir:          "/etc/k8s-webhook-server/serving-certs",
		CertName:         "tls.crt",
		KeyName:          "tls.key",
		Election:         newLeaderElectionOptions(),
		Serving:          newServingOptions(),
		Logging:          newLoggingOptions(),
		Gates:            gates,
	}, nil
}

// AddFlags declares the flags, grouped as the help shows them.
func (o *WebhookOptions) AddFlags(sets *cliflag.NamedFlagSets) {
	o.AccessOptions.AddFlags(sets.FlagSet("API server"))
	o.ScopeOptions.AddFlags(sets.FlagSet("scope"))

	fs := sets.FlagSet("webhook")
	fs.StringVar(&o.BindAddress, "webhook-bind-address", o.BindAddress, "IP address of the webhook server. If empty, all addresses.")
	fs.IntVar(&o.Port, "webhook-port", o.Port, "Port of the webhook server; 0 selects a free port, which the log shows.")
	addTLSFlags(fs, "webhook", "", &o.TLSMinVersion, &o.TLSCipherSuites)
	fs.StringVar(&o.MutatingName, "mutating-webhook-name", o.MutatingName, "Name of the MutatingWebhookConfiguration whose caBundle the webhook updates. If empty, none.")
	fs.StringVar(&o.ValidatingName, "validating-webhook-name", o.ValidatingName, "Name of the ValidatingWebhookConfiguration whose caBundle the webhook updates. If empty, none.")
	fs.BoolVar(&o.Quota, "enable-resource-quota-enforcement", o.Quota, "Refuses applications whose driver and executors can never fit the ResourceQuotas of the namespace. Schedules get a warning.")
	o.Gates.AddFlag(fs)

	fs = sets.FlagSet("certificate")
	fs.StringVar(&o.SecretName, "webhook-secret-name", o.SecretName, "Name of the Secret with the certificate. The webhook creates and renews it, unless --enable-cert-manager is set. If empty, the webhook reads the certificate from --webhook-cert-dir.")
	fs.StringVar(&o.SecretNamespace, "webhook-secret-namespace", o.SecretNamespace, "Namespace of the Secret.")
	fs.StringVar(&o.ServiceName, "webhook-svc-name", o.ServiceName, "Name of the Service of the webhook, for the names in the certificate.")
	fs.StringVar(&o.ServiceNamespace, "webhook-svc-namespace", o.ServiceNamespace, "Namespace of the Service.")
	fs.DurationVar(&o.Propagation, "webhook-ca-propagation", o.Propagation, "How long the webhook configurations contain a new certificate authority before the webhook uses a certificate that it signed.")
	fs.BoolVar(&o.CertManager, "enable-cert-manager", o.CertManager, "cert-manager manages the Secret (tls.crt, tls.key) and the caBundle. The webhook only reads the Secret.")
	fs.StringVar(&o.CertDir, "webhook-cert-dir", o.CertDir, "Directory of the certificate and the key, if --webhook-secret-name is empty. The webhook reloads changed files, and does not update the caBundle.")
	fs.StringVar(&o.CertName, "webhook-cert-name", o.CertName, "File name of the certificate in --webhook-cert-dir.")
	fs.StringVar(&o.KeyName, "webhook-key-name", o.KeyName, "File name of the key in --webhook-cert-dir.")

	// What the controller assumes of all applications must not be hidden by stored defaults.
	o.Defaults.AddFlags(sets.FlagSet(applicationDefaults))
	o.Election.AddFlags(sets.FlagSet("leader election"))
	o.Serving.addProcessFlags(sets.FlagSet("serving"))
	o.Logging.AddFlags(sets.FlagSet("logging"))

	fs = sets.FlagSet("compatibility")
	help := func(why string) string { return "Accepted for compatibility, without effect: " + why + "." }
	fs.IntVar(&o.compatibility.threads, "controller-threads", 10, help("reviews need no workers"))
	fs.StringVar(&o.compatibility.labelSelector, "label-selector-filter", "", help("the webhook configurations contain the selectors"))
	const noApplications = "the webhook has no metrics of applications"
	fs.StringVar(&o.compatibility.metricsPrefix, "metrics-prefix", "", help(noApplications))
	fs.StringSliceVar(&o.compatibility.metricsLabels, "metrics-labels", nil, help(noApplications))
	fs.StringSliceVar(&o.compatibility.submitBuckets, "metrics-job-submit-latency-buckets", nil, help(noApplications))
	fs.StringSliceVar(&o.compatibility.startBuckets, "metrics-job-start-latency-buckets", nil, help(noApplications))
}

// Validate returns what is wrong with the flags, each with its name.
func (o *WebhookOptions) Validate() error {
	errs := []error{
		o.AccessOptions.Validate(), o.ScopeOptions.Validate(), o.Defaults.Validate(), o.Election.Validate(), o.Serving.Validate(), o.Logging.Validate(),
	}
	wrong := func(flag, format string, arguments ...any) {
		errs = append(errs, fmt.Errorf("--%s: %s", flag, fmt.Sprintf(format, arguments...)))
	}
	if o.BindAddress != "" && net.ParseIP(o.BindAddress) == nil {
		wrong("webhook-bind-address", "%q is not an IP address", o.BindAddress)
	}
	if problems := validation.IsValidPortNum(o.Port); o.Port != 0 && len(problems) > 0 {
		wrong("webhook-port", "%d: %s", o.Port, problems[0])
	}
	for flag, name := range map[string]string{
		"mutating-webhook-name": o.MutatingName, "validating-webhook-name": o.ValidatingName, "webhook-secret-name": o.SecretName,
	} {
		if problems := validation.IsDNS1123Subdomain(name); name != "" && len(problems) > 0 {
			wrong(flag, "%q is not a valid name: %s", name, problems[0])
		}
	}
	if o.SecretName != "" {
		for flag, name := range map[string]string{
			"webhook-secret-namespace": o.SecretNamespace, "webhook-svc-namespace": o.ServiceNamespace, "webhook-svc-name": o.ServiceName,
		} {
			if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
				wrong(flag, "%q is not a valid name: %s", name, problems[0])
			}
		}
	}
	if o.CertManager && o.SecretName == "" {
		wrong("enable-cert-manager", "requires --webhook-secret-name, the Secret of cert-manager")
	}
	if o.SecretName == "" && (o.CertDir == "" || o.CertName == "" || o.KeyName == "") {
		wrong("webhook-cert-dir", "without --webhook-secret-name, this flag, --webhook-cert-name and --webhook-key-name are required")
	}
	if o.Propagation < 0 || o.Propagation > 10*time.Minute {
		wrong("webhook-ca-propagation", "%v is not between 0s and 10m", o.Propagation)
	}
	if _, err := o.tlsConfig(); err != nil {
		errs = append(errs, err)
	}
	return oneLineError(errors.Join(errs...))
}

func (o *WebhookOptions) tlsConfig() (*tls.Config, error) {
	return tlsConfig("webhook", o.TLSMinVersion, o.TLSCipherSuites)
}

func (o *WebhookOptions) logging() *LoggingOptions { return &o.Logging }

func (o *WebhookOptions) address() string {
	return net.JoinHostPort(o.BindAddress, strconv.Itoa(o.Port))
}

// certificates returns who keeps the certificate. A manager has a part that only the
// leader does.
func (o *WebhookOptions) certificates(client kubernetes.Interface) (source certificateSource, manager *certificates.Manager) {
	if o.SecretName == "" {
		return &certificates.Files{
			CertificateFile: filepath.Join(o.CertDir, o.CertName), KeyFile: filepath.Join(o.CertDir, o.KeyName),
		}, nil
	}
	config := certificates.Config{
		Client: client, Namespace: o.SecretNamespace, Secret: o.SecretName,
		Names:                 []string{o.ServiceName + "." + o.ServiceNamespace + ".svc", "localhost"},
		MutatingConfiguration: o.MutatingName, ValidatingConfiguration: o.ValidatingName,
		Propagation: o.Propagation,
		Clock:       clock.RealClock{},
	}
	if o.CertManager {
		return certificates.NewFollower(config), nil
	}
	manager = certificates.NewManager(config)
	return manager, manager
}
