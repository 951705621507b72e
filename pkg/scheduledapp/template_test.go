// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// hourlyAgg is the manifest of kubeflow/spark-operator#300.
const hourlyAgg = `
apiVersion: sparkoperator.k8s.io/v1beta2
kind: ScheduledSparkApplication
metadata: {name: hourly-agg, namespace: ns, generation: 1}
spec:
  schedule: "@every 15s"
  concurrencyPolicy: Forbid
  successfulRunHistoryLimit: 1
  failedRunHistoryLimit: 3
  template:
    type: Scala
    mode: cluster
    sparkVersion: 3.5.9
    image: example.org/team/spark:3.5
    mainClass: com.example.Job
    mainApplicationFile: local:///opt/app/job.jar
    restartPolicy: {type: Never}
    driver: {podName: hourly-agg-driver, serviceAccount: spark}
    executor: {instances: 1}`

// TestFixedDriverPodName: kept pods of finished runs hold their names, so each run
// has one of its own, and the schedule says so once.
func TestFixedDriverPodName(t *testing.T) {
	bubble(t, func(c *cluster) {
		app := &v1beta2.ScheduledSparkApplication{}
		if err := yaml.UnmarshalStrict([]byte(hourlyAgg), app); err != nil {
			t.Fatal(err)
		}
		c.addSchedule(app)
		names := map[string]bool{}
		for range 4 {
			c.letPass(15*time.Second + time.Millisecond)
			for _, run := range c.runs() {
				if name := *run.Spec.Driver.PodName; strings.HasPrefix(name, "hourly-agg-driver-") {
					names[name] = true
				}
			}
			c.endAll(v1beta2.ApplicationStateCompleted)
		}
		if len(names) < 3 {
			t.Errorf("driver pods %v, want one for each run", names)
		}
		condition := c.wantCondition("hourly-agg", v1beta2.ConditionScheduled, reasonActive)
		if want := "spec.template.driver.podName: each run has its own name, hourly-agg-driver-<time>-"; !strings.Contains(condition.Message, want) {
			t.Errorf("message %q", condition.Message)
		}
		c.wantEvents(eventNotice, 1)
	})
}

// Names that only one run can have are made for each run; the template of the
// schedule, and names that are shared on purpose, stay.
func TestNamesOfRuns(t *testing.T) {
	long := strings.Repeat("a", 60) + ".b"
	schedule := newSchedule("s", "* * * * *", func(app *v1beta2.ScheduledSparkApplication) {
		app.Spec.Template.Driver.PodName = ptr.To(long)
		app.Spec.Template.SparkConf = map[string]string{
			"spark.kubernetes.driver.pod.name": "d.x", "spark.kubernetes.executor.podNamePrefix": "e",
			"spark.app.name": "a", "spark.kubernetes.driver.volumes.persistentVolumeClaim.data.options.claimName": "c",
		}
	})
	other := schedule.DeepCopy()
	other.Name = "t"
	scheduled := time.Date(2024, 12, 25, 12, 0, 0, 0, time.UTC)
	made := map[string]map[string]bool{}
	for _, app := range []*v1beta2.ScheduledSparkApplication{schedule, other} {
		for _, r := range []run{
			{name: runName(app.Name, scheduled, PrecisionNanos), scheduled: scheduled},
			{name: runName(app.Name, scheduled.Add(time.Minute), PrecisionNanos), scheduled: scheduled.Add(time.Minute)},
			{name: runNowName(app, "1")},
		} {
			spec := &newApplication(app, r).Spec
			if again := newApplication(app, r).Spec; *again.Driver.PodName != *spec.Driver.PodName {
				t.Error("the same run has two names")
			}
			for place, name := range map[string]string{
				long[:20]: *spec.Driver.PodName, "d.x": spec.SparkConf["spark.kubernetes.driver.pod.name"],
				"e": spec.SparkConf["spark.kubernetes.executor.podNamePrefix"],
			} {
				if reasons := validation.IsDNS1123Subdomain(name); len(reasons) > 0 || len(name) > 63 || !strings.HasPrefix(name, place) {
					t.Errorf("name %q: %v", name, reasons)
				}
				if made[place] == nil {
					made[place] = map[string]bool{}
				}
				if made[place][name] {
					t.Errorf("%q is the name of two runs", name)
				}
				made[place][name] = true
			}
			if spec.SparkConf["spark.app.name"] != "a" || spec.SparkConf["spark.kubernetes.driver.volumes.persistentVolumeClaim.data.options.claimName"] != "c" {
				t.Errorf("sparkConf is %v", spec.SparkConf)
			}
		}
	}
	if *schedule.Spec.Template.Driver.PodName != long || schedule.Spec.Template.SparkConf["spark.kubernetes.driver.pod.name"] != "d.x" {
		t.Error("the template was changed")
	}
	text := notice(schedule)
	for _, want := range []string{"driver.podName", "sparkConf[spark.kubernetes.driver.pod.name]", "sparkConf[spark.kubernetes.executor.podNamePrefix]"} {
		if !strings.Contains(text, want) {
			t.Errorf("notice %q lacks %s", text, want)
		}
	}
}

func TestNotices(t *testing.T) {
	ingress := func(format string) func(*v1beta2.ScheduledSparkApplication) {
		return func(app *v1beta2.ScheduledSparkApplication) {
			app.Spec.Template.DriverIngressOptions = []v1beta2.DriverIngressConfiguration{{IngressURLFormat: format}}
		}
	}
	if text := notice(newSchedule("s", "* * * * *")); text != "" {
		t.Errorf("plain template: %q", text)
	}
	if text := notice(newSchedule("s", "* * * * *", ingress("fixed.example.com"))); !strings.Contains(text, "driverIngressOptions[0].ingressURLFormat") {
		t.Errorf("fixed URL: %q", text)
	}
	if text := notice(newSchedule("s", "* * * * *", ingress("{{ $appName }}.example.com"))); text != "" {
		t.Errorf("URL of each run: %q", text)
	}
	if text := notice(newSchedule("s", "* * * * *", ingress("fixed.example.com"), policy(v1beta2.ConcurrencyForbid))); text != "" {
		t.Errorf("fixed URL, one run at a time: %q", text)
	}
}

// TestTemplateSuspend: runs that are created suspended do not pile up, and the
// schedule says for what it waits. A run that was resumed once is as any other.
func TestTemplateSuspend(t *testing.T) {
	suspendRuns := func(c *cluster) {
		for _, run := range c.runs() {
			if run.Status.AppState.State == v1beta2.ApplicationStateNew {
				c.setState(run.Name, v1beta2.ApplicationStateSuspended)
			}
		}
	}
	suspended := func(app *v1beta2.ScheduledSparkApplication) { app.Spec.Template.Suspend = ptr.To(true) }
	for _, test := range []struct {
		policy v1beta2.ConcurrencyPolicy
		catch  v1beta2.CatchUpPolicy
		reason string
	}{
		{v1beta2.ConcurrencyForbid, v1beta2.CatchUpSkip, reasonSkipped},
		{v1beta2.ConcurrencyForbid, v1beta2.CatchUpAll, reasonWaiting},
		{v1beta2.ConcurrencyReplace, v1beta2.CatchUpSkip, reasonWaiting},
	} {
		bubble(t, func(c *cluster) {
			c.addSchedule(newSchedule("s", "* * * * *", suspended, policy(test.policy), catchUp(test.catch)))
			for range 5 {
				c.letPass(time.Minute + time.Second)
				suspendRuns(c)
			}
			c.wantTimes("12:01")
			condition := c.wantCondition("s", v1beta2.ConditionOnTime, test.reason)
			if test.policy == v1beta2.ConcurrencyForbid && !strings.Contains(condition.Message, "spec.template.suspend") {
				t.Errorf("message %q", condition.Message)
			}
			if scheduled := c.wantCondition("s", v1beta2.ConditionScheduled, reasonActive); !strings.Contains(scheduled.Message, "waits until someone sets its spec.suspend to false") {
				t.Errorf("message %q", scheduled.Message)
			}
		})
	}
	bubble(t, func(c *cluster) { // resumed, submitted, then suspended by its user
		c.addSchedule(newSchedule("s", "* * * * *", suspended, policy(v1beta2.ConcurrencyForbid)))
		c.letPass(time.Minute + time.Second)
		app := c.runs()[0]
		app.Status.AppState.State, app.Status.SubmissionID = v1beta2.ApplicationStateSuspended, "submission"
		c.putRun(app)
		c.letPass(time.Minute)
		c.wantTimes("12:01 12:02")
	})
}
