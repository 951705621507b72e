// SPDX-License-Identifier: Apache-2.0

package v1beta2_test

import (
	"reflect"
	"testing"

	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

func TestDefaults(t *testing.T) {
	type spec = v1beta2.SparkApplicationSpec
	one, memory, five := ptr.To[int32](1), ptr.To("1g"), ptr.To[int64](5)
	plain := func() spec {
		s := spec{Type: "Scala", Mode: "cluster", RestartPolicy: v1beta2.RestartPolicy{Type: "Never"}}
		s.Driver.Cores, s.Driver.Memory = one, memory
		s.Executor.Cores, s.Executor.Memory, s.Executor.Instances = one, memory, one
		return s
	}
	with := func(edit func(*spec)) spec {
		s := plain()
		edit(&s)
		return s
	}
	for name, test := range map[string]struct{ given, want spec }{
		"empty": {spec{}, plain()},
		"given values stay": {
			spec{Type: "R", Mode: "client", RestartPolicy: v1beta2.RestartPolicy{Type: "Never", OnFailureRetries: one}},
			with(func(s *spec) { s.Type, s.Mode, s.RestartPolicy.OnFailureRetries = "R", "client", one }),
		},
		"intervals only if something restarts": {
			spec{RestartPolicy: v1beta2.RestartPolicy{Type: "Always", OnFailureRetryInterval: ptr.To[int64](7)}},
			with(func(s *spec) {
				s.RestartPolicy = v1beta2.RestartPolicy{
					Type: "Always", OnFailureRetryInterval: ptr.To[int64](7), OnSubmissionFailureRetryInterval: five,
				}
			}),
		},
		"sparkConf stands for fields": {
			spec{SparkConf: map[string]string{
				"spark.driver.cores": "", "spark.driver.memory": "2g", "spark.executor.cores": "2", "spark.executor.instances": "3",
			}},
			with(func(s *spec) {
				s.SparkConf = map[string]string{
					"spark.driver.cores": "", "spark.driver.memory": "2g", "spark.executor.cores": "2", "spark.executor.instances": "3",
				}
				s.Driver.Cores, s.Driver.Memory, s.Executor.Cores, s.Executor.Instances = nil, nil, nil, nil
			}),
		},
		"empty number of executors counts as none": {
			spec{SparkConf: map[string]string{"spark.executor.instances": ""}},
			with(func(s *spec) { s.SparkConf = map[string]string{"spark.executor.instances": ""} }),
		},
		"dynamic allocation": {
			spec{DynamicAllocation: &v1beta2.DynamicAllocation{Enabled: true}},
			with(func(s *spec) {
				s.Executor.Instances = nil
				s.DynamicAllocation = &v1beta2.DynamicAllocation{Enabled: true, ShuffleTrackingEnabled: ptr.To(true)}
			}),
		},
		"dynamic allocation in sparkConf": {
			spec{SparkConf: map[string]string{"spark.dynamicAllocation.enabled": "TRUE"}},
			with(func(s *spec) {
				s.SparkConf = map[string]string{"spark.dynamicAllocation.enabled": "TRUE"}
				s.Executor.Instances = nil
			}),
		},
		"shuffle tracking in sparkConf": {
			spec{
				DynamicAllocation: &v1beta2.DynamicAllocation{Enabled: true},
				SparkConf:         map[string]string{"spark.dynamicAllocation.shuffleTracking.enabled": "false"},
			},
			with(func(s *spec) {
				s.SparkConf = map[string]string{"spark.dynamicAllocation.shuffleTracking.enabled": "false"}
				s.Executor.Instances = nil
				s.DynamicAllocation = &v1beta2.DynamicAllocation{Enabled: true}
			}),
		},
		"dynamic allocation that is off": {
			spec{DynamicAllocation: &v1beta2.DynamicAllocation{}},
			with(func(s *spec) { s.DynamicAllocation = &v1beta2.DynamicAllocation{} }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			app := &v1beta2.SparkApplication{Spec: test.given}
			v1beta2.SetObjectDefaults_SparkApplication(app)
			if !reflect.DeepEqual(app.Spec, test.want) {
				t.Errorf("got  %+v\nwant %+v", app.Spec, test.want)
			}
			v1beta2.SetObjectDefaults_SparkApplication(app)
			if !reflect.DeepEqual(app.Spec, test.want) {
				t.Errorf("defaults change when set again: %+v", app.Spec)
			}
		})
	}
}

// Properties of the operator beat its built-in defaults and leave spec.sparkConf as
// it is.
func TestDefaultsOverProperties(t *testing.T) {
	properties := map[string]string{
		"spark.driver.memory": "2g", "spark.executor.cores": "4", "spark.executor.instances": "3",
		"spark.dynamicAllocation.shuffleTracking.enabled": "false",
	}
	app := &v1beta2.SparkApplication{}
	app.Spec.Driver.Cores = ptr.To[int32](2)
	app.Spec.SparkConf = map[string]string{"spark.executor.memory": "3g"}
	app.Spec.DynamicAllocation = &v1beta2.DynamicAllocation{Enabled: true}
	v1beta2.SetObjectDefaultsOver(app, properties)
	spec := &app.Spec
	if *spec.Driver.Cores != 2 || spec.Driver.Memory != nil || spec.Executor.Cores != nil || spec.Executor.Memory != nil ||
		spec.Executor.Instances != nil || spec.DynamicAllocation.ShuffleTrackingEnabled != nil {
		t.Errorf("driver %+v, executor %+v, dynamic allocation %+v", spec.Driver, spec.Executor, spec.DynamicAllocation)
	}
	if len(spec.SparkConf) != 1 || len(properties) != 4 {
		t.Errorf("sparkConf is %v, properties are %v", spec.SparkConf, properties)
	}
}

// Kueue writes 0 when it stops an application that leaves the number of executors
// open, and lets it go later without writing another one.
func TestZeroExecutorsOfQueuedApplicationsCountAsUnset(t *testing.T) {
	for name, test := range map[string]struct {
		labels map[string]string
		conf   map[string]string
		given  *int32
		want   *int32
	}{
		"queued, 0":                         {map[string]string{v1beta2.LabelKueueQueue: "team"}, nil, ptr.To[int32](0), ptr.To[int32](1)},
		"queued, unset":                     {map[string]string{v1beta2.LabelKueueQueue: "team"}, nil, nil, ptr.To[int32](1)},
		"queued, given":                     {map[string]string{v1beta2.LabelKueueQueue: "team"}, nil, ptr.To[int32](3), ptr.To[int32](3)},
		"queued, 0 beside a property":       {map[string]string{v1beta2.LabelKueueQueue: "team"}, map[string]string{"spark.executor.instances": "4"}, ptr.To[int32](0), nil},
		"not queued, 0":                     {nil, nil, ptr.To[int32](0), ptr.To[int32](0)},
		"another label of Kueue, 0":         {map[string]string{v1beta2.LabelPrefixKueue + "priority-class": "high"}, nil, ptr.To[int32](0), ptr.To[int32](0)},
		"queue with an empty name, so none": {map[string]string{v1beta2.LabelKueueQueue: ""}, nil, ptr.To[int32](0), ptr.To[int32](0)},
	} {
		t.Run(name, func(t *testing.T) {
			app := &v1beta2.SparkApplication{}
			app.Labels, app.Spec.SparkConf, app.Spec.Executor.Instances = test.labels, test.conf, test.given
			v1beta2.SetObjectDefaults_SparkApplication(app)
			if got := app.Spec.Executor.Instances; !reflect.DeepEqual(got, test.want) {
				t.Errorf("instances = %v, want %v", ptr.Deref(got, -1), ptr.Deref(test.want, -1))
			}
		})
	}
}

// The template of a schedule keeps its gaps: its defaults are those of the runs.
func TestScheduledDefaults(t *testing.T) {
	app := &v1beta2.ScheduledSparkApplication{}
	v1beta2.SetObjectDefaults_ScheduledSparkApplication(app)
	want := v1beta2.ScheduledSparkApplicationSpec{
		TimeZone: "Local", ConcurrencyPolicy: "Allow",
		SuccessfulRunHistoryLimit: ptr.To[int32](1), FailedRunHistoryLimit: ptr.To[int32](1),
		StartingDeadlineSeconds: ptr.To[int64](600), CatchUpPolicy: "Skip", CatchUpLimit: ptr.To[int32](10),
	}
	if !reflect.DeepEqual(app.Spec, want) {
		t.Errorf("got  %+v\nwant %+v", app.Spec, want)
	}
	given := v1beta2.ScheduledSparkApplicationSpec{
		TimeZone: "UTC", ConcurrencyPolicy: "Forbid",
		SuccessfulRunHistoryLimit: ptr.To[int32](0), FailedRunHistoryLimit: ptr.To[int32](9),
		CatchUpPolicy: "Last", CatchUpLimit: ptr.To[int32](3), // without a deadline
	}
	app.Spec = given
	v1beta2.SetObjectDefaults_ScheduledSparkApplication(app)
	if !reflect.DeepEqual(app.Spec, given) {
		t.Errorf("given values became %+v", app.Spec)
	}
}
