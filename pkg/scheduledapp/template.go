// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"fmt"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// ownNames are the properties by which a template names objects that only one run
// can have, because they outlast it or because runs may go side by side: the driver
// pod stays for its log, and so do executors that are not deleted on termination.
//
// Other names in a template are shared on purpose (claims, ConfigMaps, Secrets and
// service accounts that exist, queues, hosts of Ingresses), or made from the name or
// the submission of the run (Services, the metrics ConfigMap, pod groups,
// spark.app.name, spark.app.id and with it event logs).
var ownNames = []string{sparkconf.DriverPodName, sparkconf.ExecutorPodNamePrefix}

// nameRun replaces such names by ones of the run's own.
func nameRun(spec *v1beta2.SparkApplicationSpec, schedule, run string) {
	if name := spec.Driver.PodName; name != nil && *name != "" {
		spec.Driver.PodName = ptr.To(nameOfRun(*name, schedule, run))
	}
	for _, key := range ownNames {
		if name := spec.SparkConf[key]; name != "" {
			spec.SparkConf[key] = nameOfRun(name, schedule, run)
		}
	}
}

// nameOfRun is <name>-<time>-<hash>. The hash is of the schedule: several schedules
// made from one manifest may fix the same name and be due at the same time.
func nameOfRun(name, schedule, run string) string {
	moment := run[strings.LastIndexByte(run, '-')+1:] // for a run that was asked for, a hash
	return boundedName(name, moment+"-"+shortHash(schedule))
}

// notice says what a schedule makes of its template; empty if that is just what the
// template says.
func notice(app *v1beta2.ScheduledSparkApplication) string {
	template := &app.Spec.Template
	var texts []string
	rename := func(field, name string) {
		texts = append(texts, fmt.Sprintf("spec.template.%s: each run has its own name, %s",
			field, boundedName(name, "<time>-"+shortHash(app.Name))))
	}
	if name := ptr.Deref(template.Driver.PodName, ""); name != "" {
		rename("driver.podName", name)
	}
	for _, key := range ownNames {
		if name := template.SparkConf[key]; name != "" {
			rename("sparkConf["+key+"]", name)
		}
	}
	if ptr.Deref(template.Suspend, false) && app.Labels[v1beta2.LabelKueueQueue] == "" {
		text := "spec.template.suspend: each run waits until someone sets its spec.suspend to false"
		if app.Spec.ConcurrencyPolicy == v1beta2.ConcurrencyForbid {
			text += "; until then no other run starts"
		}
		texts = append(texts, text)
	}
	if policy := app.Spec.ConcurrencyPolicy; policy == v1beta2.ConcurrencyAllow || policy == "" {
		for i, ingress := range template.DriverIngressOptions {
			if format := ingress.IngressURLFormat; !strings.Contains(format, "$appName") && !strings.Contains(format, "$appId") {
				texts = append(texts, fmt.Sprintf("spec.template.driverIngressOptions[%d].ingressURLFormat: concurrent runs share "+
					"the URL; use {{$appName}}", i))
			}
		}
	}
	return strings.Join(texts, "; ")
}
