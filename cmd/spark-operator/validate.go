// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
)

// maxThreads keeps a mistyped number from becoming that many goroutines.
const maxThreads = 1000

// Validate returns what is wrong with the flags, each with its name.
func (o *ControllerOptions) Validate() error {
	errs := []error{o.AccessOptions.Validate(), o.ScopeOptions.Validate(), o.Tracing.Validate()}
	wrong := func(flag, format string, arguments ...any) {
		errs = append(errs, fmt.Errorf("--%s: %s", flag, fmt.Sprintf(format, arguments...)))
	}
	if o.ApplicationSelector != "" && o.Election.Enabled && !o.DryRun && o.Election.LockName == newLeaderElectionOptions().LockName {
		wrong("application-selector", "set --leader-election-lock-name to a name of its own: whoever holds the Lease %s keeps this operator a standby", o.Election.LockName)
	}
	switch {
	case o.Threads < 1:
		wrong("controller-threads", "%d is not positive", o.Threads)
	case o.Threads > maxThreads:
		wrong("controller-threads", "%d is more than %d; the limit for all namespaces together is %d times as high", o.Threads, maxThreads, loop.Namespaces)
	}
	if o.MaxTrackedExecutors < 0 {
		wrong("max-tracked-executor-per-app", "%d is negative; 0 names no executors", o.MaxTrackedExecutors)
	}
	if o.DriverGracePeriod < 0 {
		wrong("driver-pod-creation-grace-period", "%v is negative; 0 does not wait", o.DriverGracePeriod)
	}
	if o.DriverCannotStartTimeout < 0 {
		wrong("driver-cannot-start-timeout", "%v is negative; 0 waits without limit", o.DriverCannotStartTimeout)
	}
	if o.NodeLossGracePeriod < 0 {
		wrong("node-loss-grace-period", "%v is negative; 0 disables force deletion", o.NodeLossGracePeriod)
	}
	switch {
	case o.DefaultTimeToLive < 0:
		wrong("default-time-to-live-seconds", "%d is negative; 0 keeps applications", o.DefaultTimeToLive)
	case o.DefaultTimeToLive > int64(math.MaxInt64/time.Second):
		wrong("default-time-to-live-seconds", "%d is too large", o.DefaultTimeToLive)
	}
	if o.LogTailLines < 0 {
		wrong("log-tail-lines", "%d is negative; 0 keeps no lines", o.LogTailLines)
	}
	if o.ArchiveLogs && !o.EnableLogArchive {
		wrong("archive-logs", "needs --enable-log-archive")
	}
	if o.LogArchiveDeadline <= 0 {
		wrong("log-archive-deadline", "%v is not positive", o.LogArchiveDeadline)
	}
	if _, err := o.redact(); err != nil {
		wrong("log-tail-redact", "%v", err)
	}
	if !slices.Contains(timestampPrecisions, o.TimestampPrecision) {
		wrong("scheduled-spark-application-timestamp-precision", "%q is not one of %s", o.TimestampPrecision, strings.Join(timestampPrecisions, ", "))
	}
	if !slices.Contains(submitters, o.Submitter) {
		wrong("submitter", "%q is not one of %s", o.Submitter, strings.Join(submitters, ", "))
	}
	if o.SubmitterDeadline < time.Second {
		wrong("submitter-deadline", "%v is less than a second", o.SubmitterDeadline)
	}
	if problems := validation.IsDNS1123Subdomain(o.IngressClassName); o.IngressClassName != "" && len(problems) > 0 {
		wrong("ingress-class-name", "%q: %s", o.IngressClassName, problems[0])
	}
	if config, err := o.ui(); err != nil {
		errs = append(errs, err)
	} else if err := apivalidation.ValidateAnnotations(config.IngressAnnotations, field.NewPath("annotations")).ToAggregate(); err != nil {
		wrong("ingress-annotations", "%v", err)
	} else if err := apivalidation.ValidateAnnotations(config.RouteAnnotations, field.NewPath("annotations")).ToAggregate(); err != nil {
		wrong("ui-route-annotations", "%v", err)
	}
	for _, name := range o.KubeSchedulerNames {
		if problems := validation.IsDNS1123Subdomain(name); len(problems) > 0 {
			wrong("kube-scheduler-names", "%q: %s", name, problems[0])
		}
	}
	if o.EnableBatchScheduler && o.DefaultBatchScheduler != "" {
		if _, err := batchscheduler.New(o.DefaultBatchScheduler, o.batchSchedulers()); err != nil {
			wrong("default-batch-scheduler", "%v", err)
		}
	}
	errs = append(errs, o.Defaults.Validate(), o.History.Validate(&o.Defaults), o.Election.Validate(), o.Serving.Validate(), o.Logging.Validate())
	return oneLineError(errors.Join(errs...))
}

// oneLineError joins the lines of joined errors.
func oneLineError(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
}

func parseJSON[T []networkingv1.IngressTLS | map[string]string](flag, text string, into *T) error {
	if text == "" {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("--%s: %w", flag, err)
	}
	if decoder.More() {
		return fmt.Errorf("--%s: text after the end of the JSON value", flag)
	}
	return nil
}

// checkAddress checks an address to listen on: host:port, where the host may be empty,
// or noAddress or nothing for none.
func checkAddress(address string) error {
	if isOff(address) {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not an address such as :8080: %w", address, err)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("port %q of %q is not a number from 0 to 65535", port, address)
	}
	return nil
}

// parseBuckets reads upper bounds of a histogram.
func parseBuckets(texts []string) ([]float64, error) {
	var buckets []float64
	for _, text := range texts {
		bound, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", text)
		}
		if !(bound >= 0 && bound <= math.MaxFloat64) {
			return nil, fmt.Errorf("%v is not a valid number of seconds", bound)
		}
		if len(buckets) > 0 && bound <= buckets[len(buckets)-1] {
			return nil, fmt.Errorf("%v does not follow %v; bounds must increase", bound, buckets[len(buckets)-1])
		}
		buckets = append(buckets, bound)
	}
	return buckets, nil
}
