// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/connect/probe"
)

// idleAfter sets spec.idleTimeout.
func idleAfter(timeout time.Duration) func(*v1alpha1.SparkConnect) {
	return func(connect *v1alpha1.SparkConnect) { connect.Spec.IdleTimeout = &metav1.Duration{Duration: timeout} }
}

// detection returns the condition IdleDetection.
func (c *cluster) detection() metav1.Condition {
	c.t.Helper()
	if found := meta.FindStatusCondition(c.get().Status.Conditions, v1alpha1.ConditionIdleDetection); found != nil {
		return *found
	}
	return metav1.Condition{}
}

func TestIdleServerStopsUntilItIsWoken(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(idleAfter(10 * time.Minute))
		begin := time.Now()
		c.letPass(9 * time.Minute)
		if status := c.want(ready, reasonReady, ""); status.OpenSessions == nil || *status.OpenSessions != 0 || status.LastActivityTime == nil {
			t.Errorf("status %+v", status)
		}
		if detection := c.detection(); detection.Status != metav1.ConditionTrue || detection.Reason != reasonProbed {
			t.Errorf("IdleDetection %+v", detection)
		}
		c.letPass(70 * time.Second)
		status := c.want(notReady, reasonStopped, "was not in use since")
		if status.StopReason != v1alpha1.StopReasonIdle || status.Endpoint != "" || status.OpenSessions != nil || status.LastActivityTime.Sub(begin) > 2*time.Second {
			t.Errorf("status %+v", status)
		}
		if suspended := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionSuspended); suspended == nil || suspended.Reason != "Idle" || c.detection().Status != "" {
			t.Errorf("conditions %+v", status.Conditions)
		}
		probes := c.ui.probes
		c.letPass(time.Hour)
		if c.pod() != nil || len(c.pods) != 1 || c.count(eventStopped) != 1 || c.ui.probes != probes {
			t.Errorf("%d pods, events %q, %d probes of a stopped server", len(c.pods), c.events, c.ui.probes-probes)
		}
		c.edit(func(connect *v1alpha1.SparkConnect) {
			connect.Annotations = map[string]string{v1alpha1.AnnotationWake: "1"}
		})
		c.letPass(time.Second)
		c.report(running(true))
		c.want(ready, reasonReady, "")
		c.letPass(9 * time.Minute)
		c.want(ready, reasonReady, "") // the use of the first server does not count
		c.letPass(2 * time.Minute)
		c.want(notReady, reasonStopped, "was not in use")
		if c.count(eventStopped) != 2 {
			t.Errorf("events %q", c.events)
		}
	})
}

func TestUseKeepsTheServer(t *testing.T) {
	for _, version := range []string{"4.3.0", "4.1.4"} {
		for name, use := range map[string]func(c *cluster, n int){
			"a long query":            func(c *cluster, _ int) { c.ui.sessions, c.ui.running = 1, 1 },
			"a job":                   func(c *cluster, _ int) { c.ui.active = 1 },
			"jobs between the probes": func(c *cluster, n int) { c.ui.all = n },
			"operations":              func(c *cluster, n int) { c.ui.sessions, c.ui.operations = 1, n },
			"new sessions":            func(c *cluster, n int) { c.ui.sessions = n },
		} {
			t.Run(version+" "+name, func(t *testing.T) {
				bubble(t, func(c *cluster) {
					c.change(func() { c.ui.version = version })
					c.ready(idleAfter(10 * time.Minute))
					writes := len(c.log)
					for n := range 20 {
						c.change(func() { use(c, n+1) })
						c.letPass(9 * time.Minute)
					}
					c.want(ready, reasonReady, "")
					// Three hours: one write in five minutes for the time, and those for new sessions.
					if got := len(c.log) - writes; got > 60 {
						t.Errorf("%d writes in three hours", got)
					}
					c.change(func() { c.ui.running, c.ui.active = 0, 0 })
					c.letPass(12 * time.Minute)
					c.want(notReady, reasonStopped, "was not in use")
				})
			})
		}
	}
}

// TestOpenSessionDoesNotHoldTheServer: most clients leave their sessions open.
func TestOpenSessionDoesNotHoldTheServer(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(idleAfter(10 * time.Minute))
		c.change(func() { c.ui.sessions = 3 })
		c.letPass(3 * time.Minute)
		if status := c.get().Status; status.OpenSessions == nil || *status.OpenSessions != 3 {
			t.Errorf("status %+v", status)
		}
		c.letPass(10 * time.Minute)
		c.want(notReady, reasonStopped, "was not in use")
	})
}

// TestUseAtTheLastMoment: the probe before the stop counts. No other one is due at that time.
func TestUseAtTheLastMoment(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(idleAfter(10*time.Minute + 30*time.Second))
		begin := time.Now()
		c.change(func() {
			c.ui.asked = func() {
				if time.Since(begin) > 10*time.Minute+20*time.Second {
					c.ui.active = 1
				}
			}
		})
		c.letPass(time.Hour)
		c.want(ready, reasonReady, "")
		if c.count(eventStopped) != 0 {
			t.Errorf("events %q", c.events)
		}
	})
}

// TestNoStopOnDoubt: as long as probes fail, the server runs; one event says so.
func TestNoStopOnDoubt(t *testing.T) {
	for name, test := range map[string]struct {
		edit   func(*shownUI)
		reason string
	}{
		"unreachable":         {func(ui *shownUI) { ui.down = true }, probe.Unreachable},
		"another application": {func(ui *shownUI) { ui.application = "spark-other" }, probe.WrongApplication},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(c *cluster) {
				c.ready(idleAfter(10 * time.Minute))
				c.letPass(5 * time.Minute)
				c.change(func() { test.edit(&c.ui) })
				writes := len(c.log)
				c.letPass(10 * time.Hour)
				c.want(ready, reasonReady, "")
				if detection := c.detection(); detection.Status != metav1.ConditionFalse || detection.Reason != test.reason || c.count(eventUndetected) != 1 {
					t.Errorf("IdleDetection %+v, events %q", detection, c.events)
				}
				if got := len(c.log) - writes; got > 1 {
					t.Errorf("%d writes while the server is not seen", got)
				}
				c.change(func() { c.ui = shownUI{version: "4.3.0"} })
				c.letPass(9 * time.Minute)
				c.want(ready, reasonReady, "") // the failures count as use
				if detection := c.detection(); detection.Status != metav1.ConditionTrue {
					t.Errorf("IdleDetection %+v", detection)
				}
				c.letPass(15 * time.Minute)
				c.want(notReady, reasonStopped, "was not in use")
			})
		})
	}
}

// TestServerIsProbedAtTheAddressOfItsPod: also when the pod gets another one, and not at one that
// is no address of a pod.
func TestServerIsProbedAtTheAddressOfItsPod(t *testing.T) {
	bubble(t, func(c *cluster) {
		at := func(address string) {
			c.report(func(status *corev1.PodStatus) { status.PodIP = address })
		}
		c.ready(idleAfter(10 * time.Minute))
		c.letPass(5 * time.Minute)
		at("10.9.9.9")
		c.letPass(4 * time.Minute)
		if status := c.want(ready, reasonReady, ""); status.Server.PodIP != "10.9.9.9" || c.detection().Status != metav1.ConditionTrue || c.count(eventUndetected) != 0 {
			t.Errorf("status %+v, events %q", status, c.events)
		}
		at("169.254.169.254")
		c.letPass(time.Minute)
		probes := c.ui.probes
		c.letPass(time.Hour)
		c.want(ready, reasonReady, "")
		if detection := c.detection(); detection.Reason != probe.NoSignal || !strings.Contains(detection.Message, "no IP address that belongs to a pod") || c.ui.probes != probes {
			t.Errorf("IdleDetection %+v, %d probes", detection, c.ui.probes-probes)
		}
		c.change(func() { c.ui.down = true })
		for _, address := range []string{"10.7.7.7", "10.8.8.8"} { // the status names the one that it has
			at(address)
			writes := len(c.log)
			c.letPass(time.Hour)
			if detection := c.detection(); detection.Reason != probe.Unreachable || !strings.Contains(detection.Message, address+":4040") || len(c.log)-writes > 2 {
				t.Errorf("IdleDetection %+v after %q", detection, c.log[writes:])
			}
		}
		c.change(func() { c.ui.down = false })
		at("10.9.9.9")
		c.letPass(20 * time.Minute)
		c.want(notReady, reasonStopped, "was not in use")
	})
}

func TestSingleFailureIsTolerated(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(idleAfter(10 * time.Minute))
		c.change(func() { c.ui.down = true })
		c.letPass(90 * time.Second)
		c.change(func() { c.ui.down = false })
		c.letPass(5 * time.Minute)
		if detection := c.detection(); detection.Status != metav1.ConditionTrue || c.count(eventUndetected) != 0 {
			t.Errorf("IdleDetection %+v, events %q", detection, c.events)
		}
	})
}

// TestRestartOfTheOperatorCountsAsUse before Spark 4.3, which reports when it was used.
func TestRestartOfTheOperatorCountsAsUse(t *testing.T) {
	for version, want := range map[string]v1alpha1.SparkConnectState{"4.1.4": ready, "4.3.0": notReady} {
		bubble(t, func(c *cluster) {
			c.change(func() { c.ui.version = version })
			c.ready(idleAfter(10 * time.Minute))
			c.letPass(8 * time.Minute)
			c.stop()
			c.start()
			c.letPass(4 * time.Minute)
			if state := c.get().Status.State; state != want {
				t.Errorf("Spark %s: state %s four minutes after the restart, want %s", version, state, want)
			}
			c.letPass(10 * time.Minute)
			c.want(notReady, reasonStopped, "was not in use")
		})
	}
}

// TestUseDuringARestartOfTheOperator: Spark 4.3 reports it.
func TestUseDuringARestartOfTheOperator(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(idleAfter(10 * time.Minute))
		c.letPass(8 * time.Minute)
		c.stop()
		c.change(func() { c.ui.sessions, c.ui.operations, c.ui.latest = 1, 1, time.Now() })
		c.letPass(2 * time.Minute)
		c.start()
		c.letPass(7 * time.Minute)
		c.want(ready, reasonReady, "")
		c.letPass(2 * time.Minute)
		c.want(notReady, reasonStopped, "was not in use")
	})
}

func TestIdleServerIsDeletedIfTheSpecSaysSo(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(idleAfter(10*time.Minute), func(connect *v1alpha1.SparkConnect) { connect.Spec.OnStop = v1alpha1.StopDelete })
		c.letPass(12 * time.Minute)
		c.letPass(time.Minute)
		if c.exists() {
			t.Errorf("the object exists: %+v", c.get().Status)
		}
	})
}

// TestIdleTimeoutOfARunningServer: it applies to the server that runs, and may go again.
func TestIdleTimeoutOfARunningServer(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready()
		c.letPass(time.Hour)
		if c.ui.probes != 0 || c.detection().Status != "" {
			t.Fatalf("%d probes without idleTimeout", c.ui.probes)
		}
		c.edit(idleAfter(2 * time.Hour))
		c.letPass(time.Minute)
		status := c.want(ready, reasonReady, "")
		if c.detection().Status != metav1.ConditionTrue || !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionUpToDate) {
			t.Errorf("conditions %+v", status.Conditions)
		}
		c.edit(func(connect *v1alpha1.SparkConnect) { connect.Spec.IdleTimeout = nil })
		c.letPass(5 * time.Hour)
		status = c.want(ready, reasonReady, "")
		if c.detection().Status != "" || status.OpenSessions != nil || status.LastActivityTime != nil {
			t.Errorf("status %+v", status)
		}
		c.edit(idleAfter(time.Second)) // invalid, and stored before the rule was there
		c.letPass(time.Hour)
		c.want(ready, reasonReady, "")
		c.edit(idleAfter(2 * time.Hour)) // the server was idle for longer
		c.letPass(2 * time.Minute)
		c.want(notReady, reasonStopped, "was not in use")
	})
}

// TestServerThatLostItsReadinessIsNotStopped, and its time begins again.
func TestServerThatLostItsReadinessIsNotStopped(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(idleAfter(10 * time.Minute))
		c.letPass(8 * time.Minute)
		c.report(running(false))
		c.letPass(time.Hour)
		if status := c.want(notReady, reasonNotReady, ""); status.StopReason != "" || status.OpenSessions != nil || c.detection().Status != "" {
			t.Errorf("status %+v", status)
		}
		c.report(running(true))
		c.letPass(9 * time.Minute)
		c.want(ready, reasonReady, "")
		c.letPass(2 * time.Minute)
		c.want(notReady, reasonStopped, "was not in use")
	})
}

// TestTwoOperatorsStopAnIdleServerOnce, and the server that follows is not hit.
func TestTwoOperatorsStopAnIdleServerOnce(t *testing.T) {
	bubble(t, func(c *cluster) {
		first := c.stop
		c.start()
		second := c.stop
		c.stop = func() { first(); second() }
		c.ready(idleAfter(10 * time.Minute))
		c.letPass(11 * time.Minute)
		c.want(notReady, reasonStopped, "was not in use")
		c.edit(func(connect *v1alpha1.SparkConnect) {
			connect.Annotations = map[string]string{v1alpha1.AnnotationWake: "1"}
		})
		for range 30 {
			c.letPass(time.Second)
		}
		c.report(running(true))
		c.letPass(5 * time.Minute)
		if status := c.want(ready, reasonReady, ""); len(c.pods) != 2 || status.Starts != 2 || c.count(eventStopped) != 1 {
			t.Errorf("%d pods, %+v, events %q", len(c.pods), status, c.events)
		}
	})
}

func TestProbesAreCounted(t *testing.T) {
	bubble(t, func(c *cluster) {
		c.ready(idleAfter(time.Hour))
		c.letPass(10 * time.Minute)
		c.change(func() { c.ui.active = 1 })
		c.letPass(10 * time.Minute)
		c.change(func() { c.ui.down = true })
		c.letPass(10 * time.Minute)
		got := map[string]float64{}
		families, err := c.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			for _, metric := range family.GetMetric() {
				for _, label := range metric.GetLabel() {
					if label.GetName() == "result" || label.GetName() == "use" {
						got[label.GetValue()] = metric.GetCounter().GetValue()
					}
				}
			}
		}
		if got["Succeeded"] < 20 || got["Unreachable"] < 4 || got["Idle"] < 500 || got["Idle"] > 600 || got["Busy"] < 600 || got["Busy"] > 660 {
			t.Errorf("counted %v", got)
		}
	})
}
