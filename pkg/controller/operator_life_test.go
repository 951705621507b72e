// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// operatorRecording is what the established operator made of manifests. Package
// translate compares the objects; the lives of some applications are compared here.
const operatorRecording = "../translate/testdata/operator-2.5.2.json.gz"

// recordedLife is an application that goes on after its submission.
type recordedLife struct {
	Case     string                   `json:"case"`
	Manifest v1beta2.SparkApplication `json:"manifest"`
	Steps    []recordedStep           `json:"steps"`
}

// recordedStep is what happened, the status at rest afterwards, and the events
// that had not been seen before, each as reason, type and note.
type recordedStep struct {
	Do     string                         `json:"do"`
	Status v1beta2.SparkApplicationStatus `json:"status"`
	Events [][]any                        `json:"events"`
}

// lifeDeviations are the differences that are meant, by case and step. A row that
// does not differ any more fails the test.
var lifeDeviations = map[string]map[string]string{
	"life-driver-deleted driver-delete": {
		"event Warning SparkApplicationFailed SparkApplication life-driver-deleted failed: driver pod not found":                                   "the end of an application is told",
		"event Warning SparkDriverNotFound Driver pod life-driver-deleted-driver not found after grace period 10s, marking application as Failing": "the established operator tells it in SUBMITTED only",
	},
	"life-failure driver-failed": {
		"event Warning SparkApplicationFailed SparkApplication life-failure failed: driver container failed with ExitCode: 1, Reason: Error": "the end of an application is told",
	},
	"life-sidecar driver-container-done": {
		"state: RUNNING, here COMPLETED":                                                 "the Spark container decides, not its sidecars",
		"terminationTime: false, here true":                                              "as above",
		"event Normal SparkDriverCompleted Driver life-sidecar-driver completed":         "as above",
		"event Normal SparkApplicationCompleted SparkApplication life-sidecar completed": "as above",
	},
	"life-success driver-succeeded": {
		"executorState: map[life-success-exec-1:FAILED], here map[life-success-exec-1:COMPLETED]": "an executor that went before its successful driver did not fail",
		"event Normal SparkApplicationCompleted SparkApplication life-success completed":          "the end of an application is told",
	},
	"life-suspend suspend": {
		"executionAttempts: 1, here 0":  "a suspension is no failure, so it takes no attempt",
		"submissionAttempts: 1, here 0": "as above",
	},
	"life-suspend resume": {
		"executionAttempts: 2, here 1":  "as above",
		"submissionAttempts: 2, here 1": "as above",
	},
}

// TestLivesOfTheEstablishedOperator repeats recorded lives step by step.
func TestLivesOfTheEstablishedOperator(t *testing.T) {
	compared := 0
	for _, life := range readLives(t) {
		t.Run(life.Case, func(t *testing.T) {
			c := newCluster(t)
			p := c.start()
			told := map[string]bool{}
			for _, step := range life.Steps {
				c.doRecorded(p, &life.Manifest, step.Do)
				place := life.Case + " " + step.Do
				differences := compareStep(c, &step, life.Case, told)
				meant := lifeDeviations[place]
				for _, difference := range differences {
					if _, ok := meant[difference]; !ok {
						t.Errorf("%s: %s", place, difference)
					}
				}
				for difference, why := range meant {
					if !slices.Contains(differences, difference) {
						t.Errorf("%s: no longer differs in %q (%s)", place, difference, why)
					}
				}
				compared++
			}
		})
	}
	if compared < 15 {
		t.Errorf("only %d steps", compared)
	}
}

func readLives(t *testing.T) (lives []recordedLife) {
	file, err := os.Open(operatorRecording)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []json.RawMessage
	if err := json.NewDecoder(unpacked).Decode(&cases); err != nil {
		t.Fatal(err)
	}
	for _, text := range cases {
		var named struct {
			Case string `json:"case"`
		}
		if err := json.Unmarshal(text, &named); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(named.Case, "life-") {
			continue
		}
		// Placeholders of times; that there is one is what counts.
		text = []byte(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(text)))
		text = []byte(strings.ReplaceAll(string(text), `"<time>"`, `"2026-01-01T00:00:00Z"`))
		var life recordedLife
		if err := json.Unmarshal(text, &life); err != nil {
			t.Fatalf("%s: %v", named.Case, err)
		}
		lives = append(lives, life)
	}
	return lives
}

// doRecorded does what a step of the recording did and lets the controller settle.
func (c *cluster) doRecorded(p *process, app *v1beta2.SparkApplication, do string) {
	c.t.Helper()
	driver := app.Name + "-driver"
	switch do {
	case "apply":
		app.Namespace = "ns"
		c.addApplication(app)
	case "driver-running":
		c.driverPhase(driver, corev1.PodRunning)
	case "driver-succeeded":
		c.driverPhase(driver, corev1.PodSucceeded)
	case "driver-failed":
		c.driverPhase(driver, corev1.PodFailed)
	case "driver-container-done":
		c.driverPhase(driver, corev1.PodSucceeded)
		c.editPod(driver, func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodRunning })
	case "driver-delete":
		c.deletePod(driver)
	case "exec-running":
		c.addPod(executorOf(c.application(app.Name), c.pod(driver)))
		mustSettle(c.t, p, app.Name)
		c.editPod(app.Name+"-exec-1", func(pod *corev1.Pod) { pod.Status.Phase = corev1.PodRunning })
	case "exec-gone":
		c.deletePod(app.Name + "-exec-1")
	case "suspend":
		c.editSpec(app.Name, func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = ptr.To(true) })
	case "resume":
		c.editSpec(app.Name, func(spec *v1beta2.SparkApplicationSpec) { spec.Suspend = ptr.To(false) })
	default:
		c.t.Fatalf("unknown step %q", do)
	}
	c.clock.Step(time.Second)
	mustSettle(c.t, p, app.Name)
}

func executorOf(app *v1beta2.SparkApplication, driver *corev1.Pod) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: app.Name + "-exec-1", Namespace: "ns",
			Labels: map[string]string{
				v1beta2.LabelSparkRole:               v1beta2.SparkRoleExecutor,
				v1beta2.LabelSparkAppName:            app.Name,
				v1beta2.LabelSubmissionID:            app.Status.SubmissionID,
				v1beta2.LabelLaunchedBySparkOperator: "true",
				v1beta2.LabelSparkExecutorID:         "1",
			},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(driver, corev1.SchemeGroupVersion.WithKind("Pod"))},
		},
		Status: corev1.PodStatus{Phase: corev1.PodPending},
	}
}

// compareStep lists what differs from the recording after a step.
func compareStep(c *cluster, step *recordedStep, name string, told map[string]bool) (differences []string) {
	differ := func(what string, want, got any) {
		if fmt.Sprint(want) != fmt.Sprint(got) {
			differences = append(differences, fmt.Sprintf("%s: %v, here %v", what, want, got))
		}
	}
	want, got := &step.Status, &c.application(name).Status
	differ("state", want.AppState.State, got.AppState.State)
	differ("errorMessage", want.AppState.ErrorMessage, got.AppState.ErrorMessage)
	differ("executionAttempts", want.ExecutionAttempts, got.ExecutionAttempts)
	differ("submissionAttempts", want.SubmissionAttempts, got.SubmissionAttempts)
	differ("executorState", want.ExecutorState, got.ExecutorState)
	differ("driverInfo.podName", want.DriverInfo.PodName, got.DriverInfo.PodName)
	differ("driverInfo.webUIServiceName", want.DriverInfo.WebUIServiceName, got.DriverInfo.WebUIServiceName)
	differ("driverInfo.webUIPort", want.DriverInfo.WebUIPort, got.DriverInfo.WebUIPort)
	differ("terminationTime", !want.TerminationTime.IsZero(), !got.TerminationTime.IsZero())

	recorded, here := map[string]bool{}, map[string]bool{}
	for _, event := range step.Events {
		recorded[fmt.Sprint(event[1], " ", event[0], " ", event[2])] = true
	}
	for _, event := range c.events {
		if !told[event] {
			here[event] = true
		}
		told[event] = true
	}
	for _, event := range slices.Sorted(maps.Keys(recorded)) {
		if !here[event] {
			differences = append(differences, "no event "+event)
		}
	}
	for _, event := range slices.Sorted(maps.Keys(here)) {
		if !recorded[event] {
			differences = append(differences, "event "+event)
		}
	}
	return differences
}
