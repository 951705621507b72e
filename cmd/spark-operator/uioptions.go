// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// ui returns the settings of the objects in front of a driver.
func (o *ControllerOptions) ui() (ui.Config, error) {
	config := ui.Config{
		WebService:       o.EnableUIService,
		IngressURLFormat: o.IngressURLFormat,
		IngressClassName: o.IngressClassName,
		RouteURLFormat:   o.RouteURLFormat,
	}
	if o.IngressURLFormat != "" && o.RouteURLFormat != "" {
		return ui.Config{}, errors.New("--ui-route-url-format and --ingress-url-format: the web UI has one URL; set only one of them")
	}
	for _, text := range o.RouteGateways {
		gateway, err := parseGateway(text)
		if err != nil {
			return ui.Config{}, fmt.Errorf("--ui-route-gateways: %w", err)
		}
		config.RouteGateways = append(config.RouteGateways, gateway)
	}
	if err := parseJSON("ingress-tls", o.IngressTLS, &config.IngressTLS); err != nil {
		return ui.Config{}, err
	}
	if err := parseJSON("ingress-annotations", o.IngressAnnotations, &config.IngressAnnotations); err != nil {
		return ui.Config{}, err
	}
	if err := parseJSON("ui-route-annotations", o.RouteAnnotations, &config.RouteAnnotations); err != nil {
		return ui.Config{}, err
	}
	return config, nil
}

// parseGateway reads [NAMESPACE/]NAME[:LISTENER].
func parseGateway(text string) (v1beta2.RouteGateway, error) {
	name, listener, hasListener := strings.Cut(text, ":")
	namespace, base, hasNamespace := strings.Cut(name, "/")
	if !hasNamespace {
		namespace, base = "", name
	}
	gateway := v1beta2.RouteGateway{Namespace: namespace, Name: base, SectionName: listener}
	if hasNamespace && namespace == "" || hasListener && listener == "" {
		return gateway, fmt.Errorf("%q is not of the form [NAMESPACE/]NAME[:LISTENER]", text)
	}
	if err := ui.CheckGateway(&gateway); err != nil {
		return gateway, fmt.Errorf("%q is not of the form [NAMESPACE/]NAME[:LISTENER]: %w", text, err)
	}
	return gateway, nil
}
