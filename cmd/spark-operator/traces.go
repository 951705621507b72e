// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/component-base/version"
	"k8s.io/klog/v2"

	"github.com/spark-operator/spark-operator/pkg/tracing"
)

// TracingOptions are the flags of traces.
type TracingOptions struct {
	Endpoint string
}

// AddFlags declares the flags.
func (o *TracingOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Endpoint, "otlp-traces-endpoint", o.Endpoint, "Address of an OpenTelemetry collector that receives a trace of each submission by OTLP over HTTP, such as http://collector.monitoring:4318. If empty, nothing is traced.")
}

// Validate returns what is wrong with the flags.
func (o *TracingOptions) Validate() error {
	if o.Endpoint == "" {
		return nil
	}
	if _, err := tracing.ParseEndpoint(o.Endpoint); err != nil {
		return fmt.Errorf("--otlp-traces-endpoint: %w", err)
	}
	return nil
}

// start returns the tracer, which is nil if nothing is traced, and a function that sends
// what is left.
func (o *TracingOptions) start(ctx context.Context) (tracer *tracing.Tracer, stop func(), err error) {
	if o.Endpoint == "" {
		return nil, func() {}, nil
	}
	endpoint, err := tracing.ParseEndpoint(o.Endpoint)
	if err != nil {
		return nil, nil, err
	}
	tracer, err = tracing.New(ctx, endpoint, version.Get().GitVersion, func(err error) {
		klog.FromContext(ctx).Error(err, "Traces are lost")
	})
	if err != nil {
		return nil, nil, err
	}
	return tracer, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTraces)
		defer cancel()
		if err := tracer.Shutdown(ctx); err != nil {
			klog.FromContext(ctx).Error(err, "Traces are lost")
		}
	}, nil
}

// lastTraces is how long a process that ends waits for the collector.
const lastTraces = 2 * time.Second
