// SPDX-License-Identifier: Apache-2.0

// Package ui describes how the ports of a driver are reached: the Service of Spark's
// web UI with its Ingress or HTTPRoute, and those of spec.driverIngressOptions.
//
// The functions are pure. [Build] returns the objects that a run wants;
// comparing them with those that exist, writing and deleting them is the
// controller's part. A URL template is evaluated in one place, so the path given
// to the driver ([ProxyBase]) always agrees with the Ingress or HTTPRoute in front of it.
package ui

import (
	"cmp"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Config are the settings of the operator's flags for all applications.
type Config struct {
	// WebService gives each application a Service for its web UI
	// (--enable-ui-service). Without it the UI has neither an Ingress nor an HTTPRoute.
	WebService bool
	// IngressURLFormat is the URL template of the web UI
	// (--ingress-url-format); empty: no Ingress.
	IngressURLFormat string
	// IngressClassName is the class of every Ingress (--ingress-class-name);
	// empty: the cluster's default class.
	IngressClassName string
	// IngressTLS applies to each Ingress for which the application gives none
	// (--ingress-tls): all of it to that of the web UI, what is for their host to
	// those of driverIngressOptions.
	IngressTLS []networkingv1.IngressTLS
	// IngressAnnotations apply to each Ingress for which the application gives
	// none (--ingress-annotations).
	IngressAnnotations map[string]string
	// RouteURLFormat is the URL template of the web UI behind an HTTPRoute
	// (--ui-route-url-format); empty: no HTTPRoute. Not together with IngressURLFormat.
	RouteURLFormat string
	// RouteGateways are the Gateways of each HTTPRoute for which the application names
	// none (--ui-route-gateways).
	RouteGateways []v1beta2.RouteGateway
	// RouteAnnotations apply to each HTTPRoute for which the application gives none
	// (--ui-route-annotations).
	RouteAnnotations map[string]string
}

// Run identifies the run to which the objects belong.
type Run struct {
	// SubmissionID is status.submissionID of the run.
	SubmissionID string
	// SparkApplicationID is Spark's own id of the run, the value of {{$appId}}.
	// It is known before the submission.
	SparkApplicationID string
}

// Endpoint is one port of the driver and the way to it.
type Endpoint struct {
	// Service selects the driver; never nil.
	Service *corev1.Service
	// Ingress leads to Service; nil if none is configured.
	Ingress *networkingv1.Ingress
	// Route leads to Service, as an object of [RouteResource]; nil if none is configured.
	Route *unstructured.Unstructured
	// URL is the address behind Ingress or Route with its scheme; empty without both.
	URL string
}

// Objects are the endpoints of a run. All their objects are owned by the
// application and carry the submission id as a label, by which those of an
// earlier run are recognised.
type Objects struct {
	// Web is the endpoint of Spark's web UI; nil if it is switched off.
	Web *Endpoint
	// Driver are the endpoints of spec.driverIngressOptions, in their order.
	Driver []Endpoint
}

// Build returns the endpoints of a run of app. What cannot be built is left out
// and named in the error with the field and how to fix it, one joined error for
// each; everything else is complete, so that a mistake in one entry does not
// keep the others from working.
func Build(app *v1beta2.SparkApplication, config Config, run Run) (Objects, error) {
	var objects Objects
	var refused []error

	b := builder{app: app, config: config, run: run}
	if config.WebService {
		web, err := b.web()
		if err != nil {
			refused = append(refused, err)
		}
		objects.Web = web
	}
	for i := range app.Spec.DriverIngressOptions {
		endpoint, err := b.driver(&app.Spec.DriverIngressOptions[i])
		if err != nil {
			refused = append(refused, fmt.Errorf("spec.driverIngressOptions[%d].%w", i, err))
		}
		if endpoint != nil {
			objects.Driver = append(objects.Driver, *endpoint)
		}
	}
	return objects, errors.Join(refused...)
}

// builder holds what all objects of a run share.
type builder struct {
	app    *v1beta2.SparkApplication
	config Config
	run    Run
}

// webURLFormat is the URL template of the web UI; empty if nothing leads to it.
func (c *Config) webURLFormat() string { return cmp.Or(c.IngressURLFormat, c.RouteURLFormat) }

// web builds the endpoint of the web UI. Where only the Ingress or route is impossible
// it returns both the endpoint with its Service and the error.
func (b *builder) web() (*Endpoint, error) {
	service, err := b.webService()
	if err != nil {
		return nil, err
	}
	endpoint := &Endpoint{Service: service}
	if b.config.webURLFormat() == "" {
		return endpoint, nil
	}
	address, err := b.webURL()
	if err != nil {
		return endpoint, err
	}
	options := b.app.Spec.SparkUIOptions
	if options == nil {
		options = &v1beta2.SparkUIConfiguration{}
	}
	endpoint.URL = address.text
	if b.config.IngressURLFormat == "" {
		endpoint.Route, err = b.route(boundedName(b.app.Name, "ui-route"), address, service, options)
		return endpoint, err
	}
	endpoint.Ingress = b.ingress(boundedName(b.app.Name, "ui-ingress"), address, service,
		firstMap(options.IngressAnnotations, b.config.IngressAnnotations),
		firstTLS(options.IngressTLS, b.config.IngressTLS))
	return endpoint, nil
}

// driver builds the endpoint of one entry of driverIngressOptions; see web for
// the results. The error starts with the name of a field of the entry.
func (b *builder) driver(entry *v1beta2.DriverIngressConfiguration) (*Endpoint, error) {
	service, err := b.driverService(entry)
	if err != nil {
		return nil, err
	}
	endpoint := &Endpoint{Service: service}
	address, err := b.evaluate(entry.IngressURLFormat)
	if err != nil {
		return endpoint, fmt.Errorf("ingressURLFormat: %w", err)
	}
	shared := b.app.Spec.SparkUIOptions
	if shared == nil {
		shared = &v1beta2.SparkUIConfiguration{}
	}
	endpoint.URL = address.text
	// The values of sparkUIOptions come second because up to 2.5 they were the
	// only ones; the operator's come last so that what an administrator demands of
	// each Ingress, such as authentication, covers these too. Its certificates are
	// for the host of the web UI; others get one only if it is for them.
	endpoint.Ingress = b.ingress(fmt.Sprintf("%s-ing-%d", b.app.Name, *entry.ServicePort), address, service,
		firstMap(entry.IngressAnnotations, shared.IngressAnnotations, b.config.IngressAnnotations),
		firstTLS(entry.IngressTLS, shared.IngressTLS, tlsFor(address.host, b.config.IngressTLS)))
	return endpoint, nil
}

// evaluate fills in a URL template for this run.
func (b *builder) evaluate(format string) (address, error) {
	return evaluateURL(format, b.app.Name, b.app.Namespace, b.run.SparkApplicationID)
}

// webURL evaluates the URL template of the web UI.
func (b *builder) webURL() (address, error) {
	evaluated, err := b.evaluate(b.config.webURLFormat())
	if err != nil {
		flag := "--ingress-url-format"
		if b.config.IngressURLFormat == "" {
			flag = "--ui-route-url-format"
		}
		return address{}, fmt.Errorf("operator flag %s: %w", flag, err)
	}
	return evaluated, nil
}

// ProxyBase returns the path under which the Ingress or HTTPRoute serves the web UI,
// without a slash at its end: what Spark must know as spark.ui.proxyBase. It is empty if
// neither exists or the UI is served at the root. The error is that of Build for the same
// template; without an Ingress the driver needs no path, so it is no reason to refuse a
// run.
func ProxyBase(app *v1beta2.SparkApplication, config Config, run Run) (string, error) {
	if !config.WebService || config.webURLFormat() == "" {
		return "", nil
	}
	b := builder{app: app, config: config, run: run}
	address, err := b.webURL()
	return address.path, err
}
