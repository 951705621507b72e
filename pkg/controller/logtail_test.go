// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/controller/run"
	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/redact"
)

func keepsLog(config *Config) {
	config.LogTailLines, config.Redact = 20, redact.Secrets
}

// setLog gives all pods a log, or an error instead, and returns the requests.
func (c *cluster) setLog(text string, err error) *[]*corev1.PodLogOptions {
	requests := &[]*corev1.PodLogOptions{}
	c.kube.PrependReactor("get", "pods/log", func(action clienttesting.Action) (bool, runtime.Object, error) {
		*requests = append(*requests, action.(clienttesting.GenericAction).GetValue().(*corev1.PodLogOptions))
		return true, &runtime.Unknown{Raw: []byte(text)}, err
	})
	return requests
}

func (c *cluster) logEvents() []string {
	var found []string
	for _, text := range c.events {
		if note, ok := strings.CutPrefix(text, "Warning SparkDriverLogTail "); ok {
			found = append(found, note)
		}
	}
	return found
}

// TestLogTailIsKept: the last lines of a failed driver are in the record of its attempt and in
// an event, whether another run follows or not.
func TestLogTailIsKept(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", onFailure(1, 10)))
	p := c.start(keepsLog)
	for attempt, text := range []string{"starting\nfs.s3a.secret.key=abc\nException: first\n", "starting\nException: second\n"} {
		mustSettle(t, p, "pi")
		c.driverPhase("pi-driver", corev1.PodRunning)
		mustSettle(t, p, "pi")
		requests := c.setLog(text, nil)
		c.driverPhase("pi-driver", corev1.PodFailed)
		after := mustSettle(t, p, "pi")
		if len(*requests) != 1 {
			t.Fatalf("the log was read %d times", len(*requests))
		}
		if r := (*requests)[0]; r.Container != v1beta2.DriverContainerName || *r.TailLines != 20 || *r.LimitBytes != run.MaxReadBytes || r.Follow {
			t.Errorf("request %+v", r)
		}
		want := strings.TrimSpace(strings.Replace(text, "abc", redact.Mark, 1))
		attempts := c.application("pi").Status.Attempts
		if got := attempts[len(attempts)-1].LogTail; len(attempts) != attempt+1 || got != want {
			t.Errorf("attempt %d of %d: %q", attempt, len(attempts), got)
		}
		notes := c.logEvents()
		if len(notes) != attempt+1 || notes[attempt] != "Last lines of driver pi-driver:\n"+want {
			t.Errorf("events %q", notes)
		}
		c.clock.Step(after)
	}
	c.wantState("pi", lifecycle.StateFailed)
	if got := c.application("pi").Status.Attempts[0].LogTail; !strings.Contains(got, "first") {
		t.Errorf("the first attempt has lost its words: %q", got)
	}
}

// TestNoLog: a log that cannot be read changes nothing but its own record.
func TestNoLog(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start(keepsLog)
	mustSettle(t, p, "pi")
	c.setLog("", errors.New("dial tcp 10.0.0.7:10250: connect: no route to host"))
	c.driverPhase("pi-driver", corev1.PodFailed)
	mustSettle(t, p, "pi")
	app := c.wantState("pi", lifecycle.StateFailed)
	if got := app.Status.Attempts[0].LogTail; !strings.HasPrefix(got, diagnosis.NoLog) || !strings.Contains(got, "no route to host") {
		t.Errorf("%q", got)
	}
	if got := c.logEvents(); len(got) != 0 {
		t.Errorf("events %q", got)
	}
	if !strings.HasPrefix(app.Status.AppState.ErrorMessage, "driver container failed with ExitCode: 1, Reason: Error") {
		t.Errorf("message %q", app.Status.AppState.ErrorMessage)
	}
}

// TestLogIsNotRead if it does not exist, is not wanted, or nothing failed.
func TestLogIsNotRead(t *testing.T) {
	for name, test := range map[string]struct {
		edit  func(*Config)
		phase corev1.PodPhase
	}{
		"off":       {func(*Config) {}, corev1.PodFailed},
		"succeeded": {keepsLog, corev1.PodSucceeded},
	} {
		c := newCluster(t)
		c.addApplication(newApplication("pi"))
		p := c.start(test.edit)
		mustSettle(t, p, "pi")
		requests := c.setLog("text", nil)
		c.driverPhase("pi-driver", test.phase)
		mustSettle(t, p, "pi")
		if len(*requests) != 0 || c.application("pi").Status.Attempts[0].LogTail != "" {
			t.Errorf("%s: read %d times", name, len(*requests))
		}
	}
}

// TestTimedOutRunKeepsItsLogTail, too, although its driver still runs.
func TestTimedOutRunKeepsItsLogTail(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi", func(app *v1beta2.SparkApplication) {
		app.Spec.Timeouts = &v1beta2.Timeouts{RunSeconds: new(int64)}
		*app.Spec.Timeouts.RunSeconds = 60
	}))
	p := c.start(keepsLog)
	mustSettle(t, p, "pi")
	c.setLog("still at work\n", nil)
	c.driverPhase("pi-driver", corev1.PodRunning)
	mustSettle(t, p, "pi")
	c.clock.Step(time.Hour)
	if _, err := p.step("pi"); err != nil {
		t.Fatal(err)
	}
	app := c.application("pi")
	if app.Status.AppState.State == lifecycle.StateRunning || app.Status.Attempts[0].LogTail != "still at work" {
		t.Errorf("%s: %q", app.Status.AppState.State, app.Status.Attempts[0].LogTail)
	}
	if got := app.Status.TerminationTime; got.Time.Equal(metav1.Time{}.Time) {
		t.Error("no end")
	}
}

// TestLastMessagesAreRedacted: with FallbackToLogsOnError, the last message of a
// container is the end of its log.
func TestLastMessagesAreRedacted(t *testing.T) {
	c := newCluster(t)
	c.addApplication(newApplication("pi"))
	p := c.start(func(config *Config) { config.Redact = redact.Secrets })
	mustSettle(t, p, "pi")
	c.editPod("pi-driver", func(pod *corev1.Pod) {
		pod.Status.Phase = corev1.PodFailed
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: v1beta2.DriverContainerName, State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", Message: "cannot connect with password=hunter2"},
		}}}
	})
	mustSettle(t, p, "pi")
	status := c.wantState("pi", lifecycle.StateFailed).Status
	if text := status.AppState.ErrorMessage; !strings.HasSuffix(text, "password="+redact.Mark) {
		t.Errorf("message %q", text)
	}
	for _, text := range append([]string{status.Attempts[0].Message}, c.events...) {
		if strings.Contains(text, "hunter2") {
			t.Errorf("%q", text)
		}
	}
}

// TestRefusalsAreRedacted: what quotes the spec shows no secret, wherever it appears:
// refusals by the operator, by the API server, and objects that cannot be read.
func TestRefusalsAreRedacted(t *testing.T) {
	const secret = "hunter2"
	hides := func(config *Config) { config.Redact = redact.Secrets }
	for name, test := range map[string]struct {
		edit    func(*v1beta2.SparkApplication)
		breakIt func(*cluster)
	}{
		"validation": {edit: func(app *v1beta2.SparkApplication) {
			options := "-Xmx1g -Dpassword=" + secret
			app.Spec.Driver.JavaOptions = &options
		}},
		"API server": {breakIt: func(c *cluster) {
			c.kube.PrependReactor("create", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, apierrors.NewBadRequest("admission webhook denied: env DB_PASSWORD=" + secret)
			})
		}},
		"unreadable": {edit: func(app *v1beta2.SparkApplication) {
			informers.MarkUndecodable(app, `spec.driver.env: cannot read "token": "`+secret+`"`)
		}},
		"retried": {breakIt: func(c *cluster) {
			c.kube.PrependReactor("create", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, apierrors.NewInternalError(errors.New("webhook said: password '" + secret + "'"))
			})
		}},
	} {
		c := newCluster(t)
		app := newApplication("pi")
		if test.edit != nil {
			test.edit(app)
		}
		c.addApplication(app)
		if test.breakIt != nil {
			test.breakIt(c)
		}
		p := c.start(hides)
		var texts []string
		for failures := range lifecycle.QuietFailures + 1 {
			p.refresh()
			if _, err := p.sync(p.ctx, cache.MetaObjectToName(app), failures); err != nil {
				texts = append(texts, err.Error())
			}
		}
		status, err := json.Marshal(c.application("pi").Status)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(append(texts, c.events...), string(status))
		if all := strings.Join(texts, "\n"); strings.Contains(all, secret) || !strings.Contains(all, redact.Mark) {
			t.Errorf("%s: %s", name, all)
		}
	}
}
