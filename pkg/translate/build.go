// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
	"github.com/spark-operator/spark-operator/pkg/monitoring"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// sparkUser is SPARK_USER in driver and executors unless the application says otherwise.
const sparkUser = "spark"

// Preview is [Build] for who needs to know what would be created and creates nothing.
// Nothing in it identifies a submission, and no warning is given of what a webhook for
// executor pods applies.
func Preview(app *v1beta2.SparkApplication, defaultConf map[string]string) (*Run, error) {
	return Build(app, Params{
		SubmissionID: "00000000-0000-4000-8000-000000000000",
		Master:       "k8s://https://kubernetes.default.svc:443",
		SubmitTime:   time.Unix(0, 0),
		DefaultConf:  defaultConf,
		PodWebhook:   true,
		preview:      true,
	})
}

// Build returns what one submission of the application creates. The application
// has its defaults (v1beta2.SetObjectDefaults_SparkApplication) and is not
// changed; the result may share memory with it, so neither may be changed
// afterwards. Equal arguments give equal results.
//
// An error refuses the submission for good: it is one line, names the field at
// fault and contains the remedy. After the checks of the application it is a
// *Refusal; the errors of package submit, *submit.Error, are wrapped in it.
func Build(app *v1beta2.SparkApplication, p Params) (*Run, error) {
	if err := checkMode(app); err != nil {
		return nil, err
	}
	exporter, err := monitoring.Build(app, p.SubmissionID)
	if err != nil {
		return nil, err
	}
	exporter.RenameConfigMap(p.MonitoringConfigName)
	run, err := build(app, &p, &exporter, &batchscheduler.PodEdits{})
	if err != nil || p.Scheduler == nil {
		return run, err
	}
	// What a gang needs shows only on finished pods. Its marks on the pods change
	// nothing about that, but they are set by properties: build once more.
	plan, err := p.Scheduler.Plan(withoutPrefixes(app).app, batchscheduler.Pods{
		SubmissionID:      p.SubmissionID,
		Driver:            run.Driver,
		ExecutorTemplate:  run.ExecutorTemplate,
		ExecutorResources: run.ExecutorResources,
		Executors:         run.Executors,
		Properties:        run.Properties,
	})
	if err != nil {
		return nil, err
	}
	if run, err = build(app, &p, &exporter, &plan.Edits); err != nil {
		return nil, err
	}
	run.Groups = plan.Groups
	return run, nil
}

func checkMode(app *v1beta2.SparkApplication) error {
	if mode := app.Spec.Mode; mode != "" && mode != v1beta2.DeployModeCluster {
		return errors.New("spec.mode: " + string(mode) + " is not supported: a driver never runs inside the operator; " +
			"use cluster or remove it")
	}
	return nil
}

func build(
	app *v1beta2.SparkApplication, p *Params, exporter *monitoring.Exporter, scheduling *batchscheduler.PodEdits,
) (*Run, error) {
	b := &builder{params: p, exporter: exporter, scheduling: scheduling, conf: newConf(app, p), ids: submit.NewIDs(p.SubmissionID)}
	run, err := b.build()
	if err != nil {
		return nil, b.explain(err)
	}
	return run, nil
}

// builder is one submission in the making.
type builder struct {
	*conf
	params     *Params
	exporter   *monitoring.Exporter
	scheduling *batchscheduler.PodEdits
	version    sparkconf.Version
	// ids are zero if spark-submit will draw them.
	ids submit.IDs
}

func (b *builder) build() (*Run, error) {
	in, template, err := b.input()
	if err != nil {
		return nil, err
	}
	objects, err := submit.Build(*in)
	if err != nil {
		return nil, err
	}
	b.editDriver(objects.Driver)
	mergeConfigMaps(&objects)
	openPorts(objects.NetworkPolicy, b.exporter.Executor.Ports)
	b.executorConflicts(template, objects.Properties, objects.Driver)
	if err := b.refusal(); err != nil {
		return nil, err
	}
	final := sparkconf.New(objects.Properties, nil, b.version)
	initial := initialExecutors(final)
	run := &Run{
		Objects:           objects,
		ExecutorTemplate:  template,
		ExecutorResources: executorResources(final, template),
		Executors:         initial,
		LeastExecutors:    leastExecutors(final, initial),
		MonitoringConfig:  b.exporter.ConfigMap,
		Warnings:          sortedWarnings(append(b.warnings, objects.Warnings...)),
	}
	return run, nil
}

// Limits of the warnings about one application. Each becomes an Event.
const (
	maxWarnings      = 50
	maxWarningLength = 1024 // bytes
)

// sortedWarnings returns the warnings, each once: maps have no order, but the same
// application gets the same warnings. The last one counts those beyond the limit.
func sortedWarnings(warnings []string) []string {
	slices.Sort(warnings)
	warnings = slices.Compact(warnings)
	if more := len(warnings) - maxWarnings; more > 0 {
		warnings = append(warnings[:maxWarnings:maxWarnings], fmt.Sprintf("and %d more warnings, which are not listed", more))
	}
	for i := range warnings {
		warnings[i] = sparkconf.Excerpt(warnings[i], maxWarningLength)
	}
	return warnings
}

// input returns the call of spark-submit that stands for the application, and the
// executors' template, of which the call holds the text.
func (b *builder) input() (*submit.Input, *corev1.PodTemplateSpec, error) {
	version := SparkVersionOf(b.app)
	if b.version = version.Version; version.Warning != "" {
		b.warn(version.Warning)
	}
	b.warnIneffective()

	driver, executor := driverRole(b.app), executorRole(b.app)
	b.setDriver(&driver)
	b.setAdditions(&driver, &b.exporter.Driver, b.scheduling.DriverLabels, b.scheduling.DriverAnnotations)
	driverDirs := b.setLocalDirs(&driver, b.version)
	b.setExecutor(&executor)
	b.setAdditions(&executor, &b.exporter.Executor, b.scheduling.ExecutorLabels, b.scheduling.ExecutorAnnotations)
	executorDirs := b.setLocalDirs(&executor, b.version)
	b.setNodeSelector()
	b.setDynamicAllocation()
	b.setMap("", b.exporter.Properties, "spec.monitoring")

	template := b.executorTemplate(&executor, executorDirs)
	driverTemplate := b.driverTemplate(&driver, driverDirs)
	if err := b.refusal(); err != nil {
		return nil, nil, err
	}
	text, err := renderTemplate(template)
	if err != nil {
		return nil, nil, err
	}
	return &submit.Input{
		SparkVersion:     b.version.String(),
		VersionGuessed:   version.Guessed,
		Conf:             b.values,
		MainClass:        valueOf(b.app.Spec.MainClass),
		PrimaryResource:  valueOf(b.app.Spec.MainApplicationFile),
		AllowServers:     true,
		Arguments:        b.app.Spec.Arguments,
		ProxyUser:        valueOf(b.app.Spec.ProxyUser),
		User:             sparkUser,
		DriverTemplate:   driverTemplate,
		ExecutorTemplate: text,
		IDs:              b.ids,
		SubmitTime:       b.params.SubmitTime,
	}, template, nil
}

// setAdditions sets labels, annotations and JVM options that come from elsewhere
// than from the role's own fields.
func (b *builder) setAdditions(r *role, metrics *monitoring.Role, labels, annotations map[string]string) {
	b.setLabels(r, labels, b.params.SubmissionID)
	for key, value := range metrics.Annotations {
		given, set := b.values[r.keys.annotation+key]
		if !set {
			given, set = templateAnnotations(r)[key]
		}
		switch {
		case !set:
			b.set(r.keys.annotation+key, value)
		case given != value:
			b.warn("spec.monitoring: the " + string(r.name) + "'s annotation " + key + "=" + given + " stays; the exporter would set " + value)
		}
	}
	b.setMap(r.keys.annotation, annotations, "the batch scheduler")
	if metrics.JavaOption != "" {
		options := metrics.JavaOption
		if own := b.values[r.keys.javaOptions]; own != "" {
			options = own + " " + options
		}
		b.set(r.keys.javaOptions, options)
	}
}

func templateAnnotations(r *role) map[string]string {
	if r.Template == nil {
		return nil
	}
	return r.Template.Annotations
}

// fields returns the typed fields of a role for package podspec, with what the
// batch scheduler and the exporter add.
func (b *builder) fields(name podspec.Role, metrics *monitoring.Role) podspec.Fields {
	fields := podspec.FieldsOf(b.app, name)
	fields.ContainerName = b.values[name.ContainerNameKey()]
	if b.scheduling.SchedulerName != "" {
		fields.SchedulerName = b.scheduling.SchedulerName
	}
	fields.Extra = podspec.Extra{
		Place: "spec.monitoring.prometheus", Ports: metrics.Ports, Volumes: metrics.Volumes, VolumeMounts: metrics.VolumeMounts,
	}
	return fields
}

// apply puts typed fields into a pod and keeps errors and warnings.
func (b *builder) apply(fields *podspec.Fields, pod *corev1.PodSpec, container int) {
	warnings, errs := fields.Apply(pod, container)
	b.warnings = append(b.warnings, warnings...)
	b.faults.Add(errs...)
}

// refusal makes one error of the faults; nil if there are none.
func (c *conf) refusal() error {
	if faults := c.faults.List(); len(faults) > 0 {
		return faults.ToAggregate()
	}
	return nil
}

func valueOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
