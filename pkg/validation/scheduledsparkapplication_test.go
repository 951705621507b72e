// SPDX-License-Identifier: Apache-2.0

package validation_test

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

func TestValidateScheduledSparkApplication(t *testing.T) {
	type spec = v1beta2.ScheduledSparkApplicationSpec
	for name, test := range map[string]struct {
		edit func(*spec)
		want []string
	}{
		"valid":     {func(*spec) {}, nil},
		"policy":    {func(s *spec) { s.ConcurrencyPolicy = "Replace" }, nil},
		"time zone": {func(s *spec) { s.TimeZone = "Asia/Tokyo" }, nil},
		"Local":     {func(s *spec) { s.TimeZone = "Local" }, nil},
		"additions": {func(s *spec) {
			s.CatchUpPolicy, s.CatchUpLimit, s.StartingDeadlineSeconds = "All", ptr.To[int32](3), ptr.To[int64](60)
			s.Spread = &metav1.Duration{Duration: time.Minute}
		}, nil},
		"bad schedule": {func(s *spec) { s.Schedule = "bogus" },
			[]string{`spec.schedule: Invalid value: "bogus": expected exactly 5 fields, found 1: [bogus]`}},
		"no schedule": {func(s *spec) { s.Schedule = "" },
			[]string{`spec.schedule: Invalid value: "": expected exactly 5 fields, found 0: []`}},
		"bad time zone": {func(s *spec) { s.TimeZone = "Mars/Olympus" },
			[]string{`spec.timeZone: Invalid value: "Mars/Olympus": Invalid timezone: unknown time zone Mars/Olympus`}},
		"bad time zone in front": {func(s *spec) { s.Schedule = "TZ=Mars/Olympus 0 5 * * *" },
			[]string{`provided bad location Mars/Olympus: unknown time zone Mars/Olympus`}},
		"negative spread": {func(s *spec) { s.Spread = &metav1.Duration{Duration: -time.Minute} },
			[]string{`spec.spread: Invalid value: "-1m0s": must not be negative`}},
		"unknown policies": {func(s *spec) { s.ConcurrencyPolicy, s.CatchUpPolicy = "Sometimes", "Maybe" },
			[]string{`spec.concurrencyPolicy: Unsupported value: "Sometimes"`, `spec.catchUpPolicy: Unsupported value: "Maybe"`}},
		"limits": {func(s *spec) {
			s.CatchUpLimit, s.SuccessfulRunHistoryLimit, s.FailedRunHistoryLimit = ptr.To[int32](0), ptr.To[int32](-1), ptr.To[int32](-2)
			s.StartingDeadlineSeconds = ptr.To[int64](0)
		}, []string{`spec.catchUpLimit`, `spec.successfulRunHistoryLimit`, `spec.failedRunHistoryLimit`, `spec.startingDeadlineSeconds`}},
		"template": {func(s *spec) {
			s.Template.SparkConf = map[string]string{"spark.master": "local", "spark.kubernetes.namespace": "jobs"}
			s.Template.Driver.MemoryLimit = ptr.To("much")
		}, []string{
			`spec.template.sparkConf[spark.master]: Forbidden: sparkConf key "spark.master" is not allowed`,
			`spec.template.driver.memoryLimit: Invalid value: "much"`,
		}},
		"schedule first": {func(s *spec) { s.Template.Driver.MemoryLimit, s.Schedule = ptr.To("much"), "@never" },
			[]string{`unrecognized descriptor: @never`, `spec.template.driver.memoryLimit`}},
	} {
		t.Run(name, func(t *testing.T) {
			app := &v1beta2.ScheduledSparkApplication{
				ObjectMeta: metav1.ObjectMeta{Name: "nightly", Namespace: "jobs"},
				Spec:       spec{Schedule: "@daily", Template: newApplication(nil).Spec},
			}
			test.edit(&app.Spec)
			before := app.DeepCopy()
			expect(t, validation.ValidateScheduledSparkApplication(app), test.want...)
			if !equality.Semantic.DeepEqual(app, before) {
				t.Error("the schedule was changed")
			}
		})
	}
	app := &v1beta2.ScheduledSparkApplication{ObjectMeta: metav1.ObjectMeta{Name: "a.b"}, Spec: spec{Schedule: "@daily", Template: newApplication(nil).Spec}}
	expect(t, validation.ValidateScheduledSparkApplication(app), `invalid ScheduledSparkApplication name "a.b": `)
}
