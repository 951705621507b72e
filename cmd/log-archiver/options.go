// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/spark-operator/spark-operator/pkg/redact"
)

// options are the flags as given.
type options struct {
	kubeconfig     string
	bucket, public string
	namespaces     []string
	workers        int
	follow         int
	maxBytes       int64
	timeout        time.Duration
	redact         string
	health         string
	metrics        string
}

// builtIn is the value of --redact for the rules of package redact.
const builtIn = "default"

func newOptions() *options {
	return &options{workers: 4, follow: 20, maxBytes: 1 << 30, timeout: 5 * time.Minute, redact: builtIn, health: ":8081", metrics: ":8080"}
}

func (o *options) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.kubeconfig, "kubeconfig", o.kubeconfig, "Kubeconfig file. Without, the service account of the pod.")
	fs.StringVar(&o.bucket, "bucket", o.bucket, "URL of the bucket, as gocloud.dev/blob takes it: s3://NAME?region=REGION, gs://NAME, azblob://CONTAINER or file:///FOLDER. The parameter prefix, such as prefix=logs/, is put before the key of each object.")
	fs.StringVar(&o.public, "public-url", o.public, "Beginning of the URL at which users find the objects. If empty, status.attempts[].logURL is the URL of the bucket and the key.")
	fs.StringSliceVar(&o.namespaces, "namespaces", o.namespaces, "Comma-separated list of the namespaces whose pods are watched. If empty, all.")
	fs.IntVar(&o.workers, "workers", o.workers, "How many logs of containers that have ended are copied at a time.")
	fs.IntVar(&o.follow, "follow", o.follow, "How many logs of running drivers are copied at a time, from their start. The others are copied at the end of their driver, as far as the kubelet has kept them. Each takes about 15 MiB of memory.")
	fs.Int64Var(&o.maxBytes, "max-bytes", o.maxBytes, "Maximum number of bytes of a log that are copied, before compression. Of a longer log, the first part and the last lines are kept.")
	fs.DurationVar(&o.timeout, "timeout", o.timeout, "How long one try may take after the end of the container.")
	fs.StringVar(&o.redact, "redact", o.redact, "Regular expression for text to redact; the first capture group is kept. \"default\" uses the built-in rules; an empty value disables redaction.")
	fs.StringVar(&o.health, "health-address", o.health, "Address of /healthz and /readyz.")
	fs.StringVar(&o.metrics, "metrics-address", o.metrics, "Address of /metrics; 0 for none.")
}

// hide returns what hides secrets.
func (o *options) hide() (func(string) string, error) {
	switch o.redact {
	case builtIn:
		return redact.Secrets, nil
	case "":
		return func(text string) string { return text }, nil
	}
	expression, err := regexp.Compile(o.redact)
	if err != nil {
		return nil, err
	}
	return redact.Pattern(expression), nil
}

// validate returns all that is wrong, in one line.
func (o *options) validate() error {
	var errs []string
	wrong := func(flag, format string, args ...any) {
		errs = append(errs, "--"+flag+": "+fmt.Sprintf(format, args...))
	}
	if o.bucket == "" {
		wrong("bucket", "is required, such as s3://NAME?region=REGION")
	}
	for _, name := range o.namespaces {
		if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
			wrong("namespaces", "%q: %s", name, problems[0])
		}
	}
	if o.workers < 1 {
		wrong("workers", "%d is less than 1", o.workers)
	}
	if o.follow < 0 {
		wrong("follow", "%d is negative; 0 copies logs at the end of their driver", o.follow)
	}
	if o.maxBytes < 1 {
		wrong("max-bytes", "%d is less than 1", o.maxBytes)
	}
	if o.timeout < time.Second {
		wrong("timeout", "%v is less than a second", o.timeout)
	}
	if _, err := o.hide(); err != nil {
		wrong("redact", "%v", err)
	}
	if len(errs) == 0 {
		return nil
	}
	return errors.New(strings.Join(errs, "; "))
}
