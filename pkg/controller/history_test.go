// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/redact"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

func withHistory(config *Config) {
	config.History = translate.History{Dir: "s3a://logs/events"}
	config.HistoryURLFormat = "https://history.example.com/history/{{$appId}}/jobs/"
}

// TestHistoryOfEachAttempt: each attempt has the address of its own run, with either
// submitter, and no write more than without.
func TestHistoryOfEachAttempt(t *testing.T) {
	for name, edit := range map[string]func(*v1beta2.SparkApplication){"native": func(*v1beta2.SparkApplication) {}, "spark-submit": bySparkSubmit} {
		t.Run(name, func(t *testing.T) {
			run := func(configure ...func(*Config)) (*v1beta2.SparkApplication, []string) {
				c := newCluster(t)
				c.addApplication(newApplication("pi", onFailure(1, 10), edit))
				p := c.start(configure...)
				for range 2 {
					mustSettle(t, p, "pi")
					if name == "spark-submit" {
						job := c.activeJob()
						c.runClient(job)
						c.endJob(job, batchv1.JobComplete, "Completed")
						mustSettle(t, p, "pi")
					}
					c.driverPhase("pi-driver", corev1.PodRunning)
					mustSettle(t, p, "pi")
					c.driverPhase("pi-driver", corev1.PodFailed)
					c.clock.Step(mustSettle(t, p, "pi"))
				}
				return c.wantState("pi", lifecycle.StateFailed), c.log
			}
			without, writesWithout := run()
			with, writes := run(withHistory)
			if !slices.Equal(writes, writesWithout) {
				t.Errorf("writes %q\nwithout %q", writes, writesWithout)
			}
			if len(with.Status.Attempts) != 2 || with.Status.Attempts[0].SparkApplicationID == with.Status.Attempts[1].SparkApplicationID {
				t.Fatalf("attempts %+v", with.Status.Attempts)
			}
			for i, attempt := range with.Status.Attempts {
				if want := "https://history.example.com/history/" + attempt.SparkApplicationID + "/jobs/"; attempt.HistoryURL != want {
					t.Errorf("attempt %d: %q, want %q", i, attempt.HistoryURL, want)
				}
				if got := without.Status.Attempts[i].HistoryURL; got != "" {
					t.Errorf("without the flags: %q", got)
				}
			}
		})
	}
}

// TestNoHistoryNoAddress: what the history server does not read has no address.
func TestNoHistoryNoAddress(t *testing.T) {
	for name, test := range map[string]struct {
		edit      func(*v1beta2.SparkApplicationSpec)
		configure func(*Config)
		want      bool
	}{
		"default":        {func(*v1beta2.SparkApplicationSpec) {}, withHistory, true},
		"the same place": {func(s *v1beta2.SparkApplicationSpec) { s.History = &v1beta2.History{Dir: ptr.To("s3a://logs/events/")} }, withHistory, true},
		"another place":  {func(s *v1beta2.SparkApplicationSpec) { s.History = &v1beta2.History{Dir: ptr.To("s3a://mine/events")} }, withHistory, false},
		"another property": {func(s *v1beta2.SparkApplicationSpec) {
			s.SparkConf = map[string]string{"spark.eventLog.dir": "s3a://mine"}
		}, withHistory, false},
		"switched off": {func(s *v1beta2.SparkApplicationSpec) { s.History = &v1beta2.History{Enabled: ptr.To(false)} }, withHistory, false},
		"no event log": {func(*v1beta2.SparkApplicationSpec) {}, func(c *Config) { withHistory(c); c.History = translate.History{} }, false},
		"its own, without a default": {func(s *v1beta2.SparkApplicationSpec) { s.History = &v1beta2.History{Dir: ptr.To("s3a://mine")} },
			func(c *Config) { withHistory(c); c.History = translate.History{} }, true},
	} {
		c := newCluster(t)
		c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) { test.edit(&app.Spec) }))
		mustSettle(t, c.start(test.configure), "pi")
		if got := c.wantState("pi", lifecycle.StateSubmitted).Status.Attempts[0].HistoryURL; (got != "") != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestEventLogThatCannotBeBegun: the message names the directory and the remedy, also if the
// exception is far before the end of the log. The log tail is as short as without.
func TestEventLogThatCannotBeBegun(t *testing.T) {
	text := "starting\nException in thread \"main\" java.io.FileNotFoundException: File file:/x does not exist password=abc\n" +
		"\tat org.apache.spark.scheduler.EventLoggingListener.start(EventLoggingListener.scala:83)\n" + strings.Repeat("\tat org.example.Main\n", 40)
	for name, test := range map[string]struct {
		configure []func(*Config)
		lines     int64
		want      bool
	}{
		"event log": {[]func(*Config){keepsLog, withHistory}, diagnosis.EventLogLines, true},
		"none":      {[]func(*Config){keepsLog}, 20, false},
	} {
		c := newCluster(t)
		c.addApplication(newApplication("pi"))
		p := c.start(test.configure...)
		mustSettle(t, p, "pi")
		c.driverPhase("pi-driver", corev1.PodRunning)
		mustSettle(t, p, "pi")
		requests := c.setLog(text, nil)
		c.driverPhase("pi-driver", corev1.PodFailed)
		mustSettle(t, p, "pi")
		status := c.wantState("pi", lifecycle.StateFailed).Status
		if len(*requests) != 1 || *(*requests)[0].TailLines != test.lines {
			t.Errorf("%s: requests %+v", name, *requests)
		}
		for where, message := range map[string]string{"attempt": status.Attempts[0].Message, "error": status.AppState.ErrorMessage} {
			const want = "; Spark cannot write the event log to s3a://logs/events: java.io.FileNotFoundException: File file:/x does not exist password=" + redact.Mark + "; create the directory"
			if strings.Contains(message, want) != test.want || strings.Count(message, "event log") > 1 {
				t.Errorf("%s: %s %q", name, where, message)
			}
		}
		if tail := status.Attempts[0].LogTail; test.want && strings.Count(tail, "\n") != 19 {
			t.Errorf("%s: log tail %q", name, tail)
		}
	}
}
