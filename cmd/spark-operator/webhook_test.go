// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

// parseWebhook reads a command line as "webhook start" does.
func parseWebhook(t *testing.T, arguments ...string) (*WebhookOptions, error) {
	t.Helper()
	return parseInto(t, NewWebhookOptions, arguments)
}

// TestWebhookFlagsOfKubeflow parses every flag that command lines for kubeflow's webhook
// may carry.
func TestWebhookFlagsOfKubeflow(t *testing.T) {
	options, err := parseWebhook(t,
		"--controller-threads=10", "--namespaces=a,b", "--label-selector-filter=", "--cache-sync-timeout=30s", "--kube-api-qps=20", "--kube-api-burst=30",
		"--webhook-cert-dir=/etc/certs", "--webhook-cert-name=tls.crt", "--webhook-key-name=tls.key",
		"--mutating-webhook-name=spark-operator-webhook", "--validating-webhook-name=spark-operator-webhook", "--webhook-port=9443",
		"--webhook-secret-name=spark-operator-webhook-certs", "--webhook-secret-namespace=spark-operator",
		"--webhook-svc-name=spark-operator-webhook-svc", "--webhook-svc-namespace=spark-operator",
		"--enable-resource-quota-enforcement=true", "--enable-cert-manager=false",
		"--leader-election=true", "--leader-election-lock-name=lock", "--leader-election-lock-namespace=spark-operator",
		"--leader-election-lease-duration=15s", "--leader-election-renew-deadline=14s", "--leader-election-retry-period=4s",
		"--enable-metrics=true", "--metrics-bind-address=:8080", "--metrics-endpoint=/metrics", "--metrics-prefix=", "--metrics-labels=app_type",
		"--metrics-job-submit-latency-buckets=1", "--metrics-job-start-latency-buckets=1", "--secure-metrics=false",
		"--health-probe-bind-address=:8081", "--webhook-tls-min-version=VersionTLS13", "--webhook-tls-cipher-suites=",
		"--zap-log-level=info", "--zap-encoder=console", "--zap-devel", "--pprof-bind-address=0", "--kubeconfig=",
	)
	if err != nil {
		t.Fatal(err)
	}
	if source, manager := options.certificates(nil); manager == nil || source == nil || manager.Names[0] != "spark-operator-webhook-svc.spark-operator.svc" {
		t.Errorf("certificates %v, %v", source, manager)
	}
	if options.address() != ":9443" {
		t.Errorf("address %s", options.address())
	}
}

func TestCertificateSources(t *testing.T) {
	for flags, managed := range map[string]bool{"": true, "--enable-cert-manager": false, "--webhook-secret-name=": false} {
		options, err := parseWebhook(t, strings.Fields(flags)...)
		if err != nil {
			t.Errorf("%q: %v", flags, err)
			continue
		}
		source, manager := options.certificates(nil)
		if (manager != nil) != managed || source.Err() == nil {
			t.Errorf("%q: %T, managed %t, %v", flags, source, manager != nil, source.Err())
		}
	}
}

func TestWrongWebhookFlags(t *testing.T) {
	for argument, want := range map[string]string{
		"--webhook-port=70000":                                 "--webhook-port: 70000: must be between 1 and 65535",
		"--webhook-bind-address=localhost":                     `--webhook-bind-address: "localhost" is not an IP address`,
		"--webhook-tls-min-version=VersionTLS9":                "--webhook-tls-min-version: ",
		"--webhook-tls-cipher-suites=NONE":                     "--webhook-tls-cipher-suites: ",
		"--webhook-svc-name=a.b":                               `--webhook-svc-name: "a.b" is not a valid name`,
		"--webhook-secret-name=A":                              `--webhook-secret-name: "A" is not a valid name`,
		"--mutating-webhook-name=_":                            `--mutating-webhook-name: "_" is not a valid name`,
		"--enable-cert-manager --webhook-secret-name=":         "--enable-cert-manager: requires --webhook-secret-name",
		"--webhook-secret-name= --webhook-key-name=":           "--webhook-cert-dir: without --webhook-secret-name",
		"--webhook-ca-propagation=-1s":                         "--webhook-ca-propagation: -1s is not between",
		"--namespaces=A":                                       "--namespaces: ",
		"--kube-api-qps=0":                                     "--kube-api-qps: 0 allows no request",
		"--default-spark-conf=x":                               "--default-spark-conf: ",
		"--leader-election --leader-election-lease-duration=0": "--leader-election-lease-duration: ",
		"--metrics-bind-address=x":                             "--metrics-bind-address: ",
	} {
		_, err := parseWebhook(t, strings.Fields(argument)...)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", argument, err, want)
		}
	}
}
