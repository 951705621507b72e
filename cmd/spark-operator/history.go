// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// HistoryOptions are the flags about event logs and the history server that reads them.
type HistoryOptions struct {
	Dir         string
	ClaimName   string
	URLTemplate string
}

// AddFlags declares the flags.
func (o *HistoryOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Dir, "history-dir", o.Dir, "URL of the directory for the event logs of applications without spec.history.dir, such as s3a://bucket/spark-events or file:///spark-events. Drivers write event logs unless spec.history.enabled or the property spark.eventLog.enabled is false. If empty, only applications with spec.history or event log properties of their own have one.")
	fs.StringVar(&o.ClaimName, "history-claim", o.ClaimName, "PersistentVolumeClaim that drivers mount at the path of --history-dir. It must exist in the namespace of each application.")
	fs.StringVar(&o.URLTemplate, "history-url-template", o.URLTemplate, "URL at which a Spark history server shows a run, such as https://history.example.com/history/{{$appId}}/jobs/, with the placeholders of --ingress-url-format. It is written to status.attempts[].historyURL. If empty, no address is written.")
}

// Validate returns what is wrong with the flags, alone and beside the default properties.
func (o *HistoryOptions) Validate(defaults *DefaultsOptions) error {
	var errs []error
	if o.Dir != "" {
		if reason := translate.CheckEventLogDir(o.Dir); reason != "" {
			errs = append(errs, fmt.Errorf("--history-dir: %s", reason))
		} else if conf, err := defaults.Conf(); err == nil { // DefaultsOptions.Validate reports it
			for _, ours := range [][2]string{{sparkconf.EventLogEnabled, "true"}, {sparkconf.EventLogDir, o.Dir}} {
				if value, set := conf[ours[0]]; set && value != ours[1] {
					errs = append(errs, fmt.Errorf("--history-dir: --default-spark-conf sets %s to %s; remove one of both", ours[0], value))
				}
			}
		}
	}
	if o.ClaimName != "" {
		if problems := validation.IsDNS1123Subdomain(o.ClaimName); len(problems) > 0 {
			errs = append(errs, fmt.Errorf("--history-claim: %q: %s", o.ClaimName, problems[0]))
		}
		if !strings.HasPrefix(o.Dir, "file:///") || strings.Contains(o.Dir, "${") {
			errs = append(errs, errors.New("--history-claim: the claim is mounted at the path of --history-dir; set that to a URL such as file:///spark-events"))
		}
	}
	if o.URLTemplate != "" {
		if _, err := ui.HistoryURL(o.URLTemplate, "app", "default", "spark-1"); err != nil {
			errs = append(errs, fmt.Errorf("--history-url-template: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (o *HistoryOptions) history() translate.History {
	return translate.History{Dir: o.Dir, ClaimName: o.ClaimName}
}
