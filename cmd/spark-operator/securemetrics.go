// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
	authenticationv1 "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorizationv1 "k8s.io/client-go/kubernetes/typed/authorization/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/spark-operator/spark-operator/pkg/scrapeauth"
	"github.com/spark-operator/spark-operator/pkg/webhook/certificates"
)

// SecureMetricsOptions are the flags of metrics that are served over HTTPS, to clients
// that may read them.
type SecureMetricsOptions struct {
	Enable          bool
	TLSMinVersion   string
	TLSCipherSuites []string
	CertDir         string
	CertName        string
	KeyName         string
}

func newSecureMetricsOptions() SecureMetricsOptions {
	return SecureMetricsOptions{TLSMinVersion: "VersionTLS12", CertName: "tls.crt", KeyName: "tls.key"}
}

// AddFlags declares the flags.
func (o *SecureMetricsOptions) AddFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.Enable, "secure-metrics", o.Enable, "Serve the metrics over HTTPS, and only to clients with a bearer token whose user may get the path of the metrics. The operator needs the permission to create TokenReviews and SubjectAccessReviews.")
	addTLSFlags(fs, "metric", " of --secure-metrics", &o.TLSMinVersion, &o.TLSCipherSuites)
	fs.StringVar(&o.CertDir, "metrics-cert-dir", o.CertDir, "Directory of the certificate and the key of --secure-metrics. The operator reloads changed files. If empty, each process has a self-signed certificate in memory.")
	fs.StringVar(&o.CertName, "metrics-cert-name", o.CertName, "File name of the certificate in --metrics-cert-dir.")
	fs.StringVar(&o.KeyName, "metrics-key-name", o.KeyName, "File name of the key in --metrics-cert-dir.")
}

// Validate returns what is wrong with the flags.
func (o *SecureMetricsOptions) Validate() error {
	var errs []error
	if _, err := o.tlsConfig(); err != nil {
		errs = append(errs, err)
	}
	switch {
	case o.CertDir != "" && !o.Enable:
		errs = append(errs, errors.New("--metrics-cert-dir: requires --secure-metrics"))
	case o.CertDir != "" && (o.CertName == "" || o.KeyName == ""):
		errs = append(errs, errors.New("--metrics-cert-dir: requires --metrics-cert-name and --metrics-key-name"))
	}
	return errors.Join(errs...)
}

func (o *SecureMetricsOptions) tlsConfig() (*tls.Config, error) {
	return tlsConfig("metric", o.TLSMinVersion, o.TLSCipherSuites)
}

// checksScrapes reports whether the process checks who scrapes its metrics.
func (o *ServingOptions) checksScrapes() bool {
	return o.Secure.Enable && !isOff(o.MetricsAddress)
}

// certificate returns who keeps the certificate.
func (o *SecureMetricsOptions) certificate() (certificateSource, error) {
	if o.CertDir != "" {
		return &certificates.Files{CertificateFile: filepath.Join(o.CertDir, o.CertName), KeyFile: filepath.Join(o.CertDir, o.KeyName)}, nil
	}
	names := []string{"localhost"}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	return certificates.NewSelfSigned(clock.RealClock{}, names...)
}

// secure has an endpoint serve HTTPS to clients that may get the path.
func (o *SecureMetricsOptions) secure(e *endpoint, path string, asked reviewers) error {
	config, err := o.tlsConfig()
	if err != nil {
		return err
	}
	certificate, err := o.certificate()
	if err != nil {
		return err
	}
	config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate.Certificate() }
	e.tls, e.background = config, certificate.Run
	e.handler = scrapeauth.New(scrapeauth.Config{
		Tokens: asked.tokens, Access: asked.access, Path: path, Clock: clock.RealClock{},
	}).Protect(e.handler)
	return nil
}

// reviewers are the clients that check who scrapes the metrics. Their limit is one of their
// own: scrapes never delay the work of the operator.
type reviewers struct {
	tokens scrapeauth.TokenReviews
	access scrapeauth.SubjectAccessReviews
}

// Limits of the requests of reviewers, in requests per second.
const (
	reviewQPS   = 20
	reviewBurst = 40
)

func newReviewers(config *rest.Config, connection *http.Client) (reviewers, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = reviewQPS, reviewBurst
	tokens, err := authenticationv1.NewForConfigAndClient(config, connection)
	if err != nil {
		return reviewers{}, fmt.Errorf("client of TokenReviews: %w", err)
	}
	access, err := authorizationv1.NewForConfigAndClient(config, connection)
	if err != nil {
		return reviewers{}, fmt.Errorf("client of SubjectAccessReviews: %w", err)
	}
	return reviewers{tokens.TokenReviews(), access.SubjectAccessReviews()}, nil
}
