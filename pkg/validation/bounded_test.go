// SPDX-License-Identifier: Apache-2.0

package validation_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/internal/cputime"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

// What one look at the largest object that is decoded may take.
const (
	largestObject = 3 << 19 // bytes in JSON, the limit of etcd
	mostCPU       = 50 * time.Millisecond
	mostBytes     = 64 << 20 // allocated
	mostText      = 32 << 10 // bytes of a refusal
)

// look is what a worker does with an application: defaults, the hash of the spec,
// validation and, of a valid one, the objects of a submission. It returns the
// refusal.
func look(app *v1beta2.SparkApplication) string {
	v1beta2.SetObjectDefaults_SparkApplication(app)
	if text, err := json.Marshal(&app.Spec); err == nil {
		sha256.Sum256(text)
	}
	if errs := validation.ValidateSparkApplication(app); len(errs) > 0 {
		return errs.ToAggregate().Error()
	}
	return submission(app)
}

func submission(app *v1beta2.SparkApplication) string {
	run, err := translate.Build(app, translate.Params{
		SubmissionID: "3e1f7a4c-2f66-4f0e-9d8e-6f1f3a0c9b57", Master: "k8s://https://10.96.0.1:443", SubmitTime: time.Unix(0, 0),
	})
	if err != nil {
		return err.Error()
	}
	return strings.Join(run.Warnings, "")
}

// checkCost looks at an application until the bounds hold, or often enough to be sure
// that they do not. It returns the refusal.
func checkCost(t *testing.T, name string, app *v1beta2.SparkApplication) (refusal string) {
	t.Helper()
	bound := cputime.Scale(mostCPU)
	spent := cputime.Least(bound, func() { refusal = look(app.DeepCopy()) })
	if !raceDetector && (spent.CPU > bound || spent.Bytes > mostBytes) {
		t.Errorf("%s: %v of CPU and %d MiB, want at most %v and %d MiB", name, spent.CPU, spent.Bytes>>20, bound, mostBytes>>20)
	}
	return refusal
}

// checkLarge looks at one application and reports what is beyond the limits.
func checkLarge(t *testing.T, list largeList, size int, kind entries) {
	t.Helper()
	if raceDetector {
		size /= 50 // only what is said about the application
	}
	app, _ := largeApplication(t, list, size, kind)
	text := checkCost(t, fmt.Sprintf("%s, kind %d, %d bytes", list.path, kind, size), app)
	if len(text) > mostText {
		t.Errorf("%s, kind %d: a refusal or warnings of %d bytes: %.200q", list.path, kind, len(text), text)
	}
}

// Whatever list, map or text of the schema is as large as the API server accepts.
func TestLargestApplications(t *testing.T) {
	for _, list := range largeLists() {
		// What is below the first entry of a list is in the next test and in the fuzzer.
		if !strings.Contains(list.path, "[]") {
			checkLarge(t, list, largestObject, allDifferent)
		}
	}
}

// Twice as many entries take about twice the work, also of an application that
// validation would refuse before it is built.
func TestWorkIsLinear(t *testing.T) {
	const (
		size      = 64 << 10
		atOnce    = 60 * time.Millisecond // too little to have a ratio
		mostRatio = 3
	)
	lists := largeLists()
	if raceDetector {
		lists = nil // times mean nothing
	}
	for i, list := range lists {
		for kind := range entryKinds {
			// Below the first entry of a list one kind is enough, each in its turn.
			if strings.Contains(list.path, "[]") && kind != entries(i)%entryKinds {
				continue
			}
			measure := func(size int) time.Duration {
				app, _ := largeApplication(t, list, size, kind)
				begin := cputime.Used()
				look(app)
				submission(app)
				return cputime.Used() - begin
			}
			twice := measure(size)
			if twice < atOnce {
				continue
			}
			once := measure(size / 2)
			for range 4 {
				once, twice = min(once, measure(size/2)), min(twice, measure(size))
			}
			if twice > atOnce && twice > mostRatio*once {
				t.Errorf("%s, kind %d: %v of CPU for %d bytes and %v for half of it", list.path, kind, twice, size, once)
			}
		}
	}
}

// The two attacks that once stopped all tenants: volumes of one name, and
// references that double with each property.
func TestKnownAttacksAreCheap(t *testing.T) {
	volumes := func(app *v1beta2.SparkApplication) {
		app.Spec.Volumes = make([]corev1.Volume, 20_000)
		for i := range app.Spec.Volumes {
			app.Spec.Volumes[i].Name = "v"
		}
		app.Spec.Driver.VolumeMounts = []corev1.VolumeMount{{Name: "v", MountPath: "/v"}}
	}
	references := func(app *v1beta2.SparkApplication) {
		app.Spec.SparkConf = map[string]string{"spark.x": strings.Repeat("x", 512<<10)}
		for key, value := range map[string]string{"spark.a": "spark.b", "spark.b": "spark.c", "spark.c": "spark.x"} {
			app.Spec.SparkConf[key] = strings.Repeat("${"+value+"}", 10_000)
		}
		for _, key := range []string{"spark.ui.port", "spark.kubernetes.context", "spark.kubernetes.hadoop.configMapName"} {
			app.Spec.SparkConf[key] = "${spark.a}"
		}
	}
	for name, test := range map[string]struct {
		edit func(*v1beta2.SparkApplication)
		part string
	}{
		"volumes of one name":      {volumes, "spec.volumes: Too many: 20000: must have at most 2000 volumes"},
		"references that multiply": {references, "more than 4194304 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			app := plainApplication()
			test.edit(app)
			text := checkCost(t, name, app)
			if !strings.Contains(text, test.part) || len(text) > mostText {
				t.Errorf("refusal %.500q, want one with %q", text, test.part)
			}
		})
	}
}

// FuzzLargeApplication fills any list, map or text of the schema up to any size.
func FuzzLargeApplication(f *testing.F) {
	lists := largeLists()
	for i := range lists {
		if i%10 == 0 {
			f.Add(uint16(i), byte(i), uint32(1<<14))
		}
	}
	f.Fuzz(func(t *testing.T, list uint16, kind byte, size uint32) {
		checkLarge(t, lists[int(list)%len(lists)], int(size%largestObject), entries(kind)%entryKinds)
	})
}

func BenchmarkLargeApplication(b *testing.B) {
	for _, list := range largeLists() {
		switch list.path {
		case "spec.volumes", "spec.sparkConf", "spec.arguments", "spec.driver.env", "spec.driver.sidecars", "spec.driver.tolerations",
			"spec.driver.template.spec.containers", "spec.executor.template.spec.volumes":
		default:
			continue
		}
		b.Run(list.path, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				app, _ := largeApplication(b, list, largestObject, allDifferent)
				b.StartTimer()
				look(app)
			}
		})
	}
}
