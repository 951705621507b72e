// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/pflag"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/klog/v2"
)

// LoggingOptions are the flags of Kubernetes components and, mapped to them, those
// of zap that kubeflow/spark-operator has.
type LoggingOptions struct {
	config *logsapi.LoggingConfiguration

	zapLevel   string
	zapEncoder string

	zapDevel        bool
	zapStacktrace   string
	zapTimeEncoding string
}

func newLoggingOptions() LoggingOptions {
	return LoggingOptions{config: logsapi.NewLoggingConfiguration()}
}

// debugVerbosity is what --zap-log-level=debug means: every sync is logged.
const debugVerbosity = 4

// AddFlags declares the flags.
func (o *LoggingOptions) AddFlags(fs *pflag.FlagSet) {
	logsapi.AddFlags(o.config, fs)
	fs.StringVar(&o.zapLevel, "zap-log-level", o.zapLevel, "Alias of --v: info is 0, debug is 4, a number is used as is, up to 7; error and panic mean info.")
	fs.StringVar(&o.zapEncoder, "zap-encoder", o.zapEncoder, "Alias of --logging-format: json, or console for text.")
	const noEffect = "Accepted for compatibility, without effect: the operator does not use zap."
	fs.BoolVar(&o.zapDevel, "zap-devel", false, noEffect)
	fs.StringVar(&o.zapStacktrace, "zap-stacktrace-level", "", noEffect)
	fs.StringVar(&o.zapTimeEncoding, "zap-time-encoding", "", noEffect)
}

// Validate applies the flags of zap and returns what is wrong with them.
func (o *LoggingOptions) Validate() error {
	switch o.zapEncoder {
	case "":
	case "json":
		o.config.Format = logsapi.JSONLogFormat
	case "console":
		o.config.Format = logsapi.DefaultLogFormat
	default:
		return fmt.Errorf("--zap-encoder: %q is invalid; use json or console", o.zapEncoder)
	}
	switch o.zapLevel {
	case "", "info", "error", "panic":
	case "debug":
		o.config.Verbosity = max(o.config.Verbosity, debugVerbosity)
	default:
		level, err := strconv.ParseUint(o.zapLevel, 10, 31)
		if err != nil {
			return fmt.Errorf("--zap-log-level: %q is invalid; use debug, info, error, panic or a positive number", o.zapLevel)
		}
		o.config.Verbosity = max(o.config.Verbosity, logsapi.VerbosityLevel(level))
	}
	if err := logsapi.Validate(o.config, nil, nil).ToAggregate(); err != nil {
		return fmt.Errorf("--logging-format, --v or --vmodule: %w", err)
	}
	return nil
}

// maxVerbosity is the highest level that has an effect: from 8 on, client-go logs the
// bodies of requests, which contain Secrets and the credentials of applications.
const maxVerbosity = 7

// limit lowers the levels above maxVerbosity and reports whether there were any.
func (o *LoggingOptions) limit() (limited bool) {
	lower := func(level *logsapi.VerbosityLevel) {
		if *level > maxVerbosity {
			*level, limited = maxVerbosity, true
		}
	}
	lower(&o.config.Verbosity)
	for i := range o.config.VModule {
		lower(&o.config.VModule[i].Verbosity)
	}
	return limited
}

// Apply sets up the process-wide logger.
func (o *LoggingOptions) Apply() error {
	limited := o.limit()
	if err := logsapi.ValidateAndApply(o.config, nil); err != nil {
		return fmt.Errorf("logging: %w", err)
	}
	if limited {
		klog.Background().Info("The verbosity is limited: from level 8 on, the log would contain the secrets in requests", "level", maxVerbosity)
	}
	return nil
}
