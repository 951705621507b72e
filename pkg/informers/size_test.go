// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/spark-operator/spark-operator/internal/cputime"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned/scheme"
	"github.com/spark-operator/spark-operator/pkg/decode"
)

// largestObject is what etcd takes, in bytes.
const largestObject = 3 << 19

// decoder is that of the client.
func decoder() tolerantDecoder {
	return tolerantDecoder{scheme.Codecs.UniversalDeserializer()}
}

// filled is an object with a part that repeats until it is as large as the API server
// accepts. The part has one %d for a number.
func filled(kind, metadata, spec, status, part string, size int) string {
	var text strings.Builder
	for i := 0; text.Len() < size; i++ {
		if i > 0 {
			text.WriteByte(',')
		}
		if strings.Contains(part, "%d") {
			fmt.Fprintf(&text, part, i)
		} else {
			text.WriteString(part)
		}
	}
	fill := func(outer string) string { return strings.Replace(outer, "FILL", text.String(), 1) }
	return `{"apiVersion":"sparkoperator.k8s.io/v1beta2","kind":"` + kind + `","metadata":{"name":"a","namespace":"n","uid":"u","resourceVersion":"5"` + fill(metadata) +
		`},"spec":` + fill(spec) + `,"status":` + fill(status) + `}`
}

// shapes are the lists and maps whose values take most to decode, for a kind.
func shapes(kind string) map[string]func(size int) string {
	wrap := func(spec string) string {
		if kind == "ScheduledSparkApplication" {
			return `{"schedule":"@daily","template":` + spec + `}`
		}
		return spec
	}
	inSpec := func(spec, part string) func(int) string {
		return func(size int) string { return filled(kind, "", wrap(spec), `{}`, part, size) }
	}
	list := `"pastFailedRunNames":[FILL]`
	part := `""`
	if kind == "SparkApplication" {
		list, part = `"submissionID":"s","executorState":{FILL}`, `"%d":""`
	}
	return map[string]func(size int) string{
		"empty containers of a template": inSpec(`{"driver":{"template":{"spec":{"containers":[FILL]}}}}`, `{}`),
		"empty volumes of a template":    inSpec(`{"executor":{"template":{"spec":{"volumes":[FILL]}}}}`, `{}`),
		"empty variables of a container": inSpec(`{"driver":{"template":{"spec":{"containers":[{"env":[FILL]}]}}}}`, `{}`),
		"empty sidecars":                 inSpec(`{"driver":{"sidecars":[FILL]}}`, `{}`),
		"empty affinity terms":           inSpec(`{"driver":{"affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[FILL]}}}}`, `{}`),
		"numbers":                        inSpec(`{"driver":{"podSecurityContext":{"supplementalGroups":[FILL]}}}`, `1`),
		"empty arguments":                inSpec(`{"arguments":[FILL]}`, `""`),
		"properties":                     inSpec(`{"sparkConf":{FILL}}`, `"%d":""`),
		"unknown fields":                 inSpec(`{"driver":{"template":{FILL}}}`, `"%d":{}`),
		"nesting":                        inSpec(`{"driver":{"template":{"x":[FILL]}}}`, strings.Repeat("[", 90)+strings.Repeat("]", 90)),
		"labels": func(size int) string {
			return filled(kind, `,"labels":{FILL}`, wrap(`{}`), `{}`, `"%d":""`, size)
		},
		"finalizers": func(size int) string { return filled(kind, `,"finalizers":[FILL]`, wrap(`{}`), `{}`, `""`, size) },
		"status":     func(size int) string { return filled(kind, "", wrap(`{}`), `{`+list+`}`, part, size) },
		"one text":   inSpec(`{"mainClass":"FILL"}`, `x`),
		"escapes":    inSpec(`{"mainClass":"FILL"}`, `\"\\`),
		"a fault at the end": func(size int) string {
			return filled(kind, "", wrap(`{"arguments":[FILL,1]}`), `{}`, `"`+strings.Repeat("x", 200)+`"`, size)
		},
		"a time in the status that cannot be read": func(size int) string {
			return filled(kind, "", wrap(`{}`), `{`+list+`,"lastSubmissionAttemptTime":"2026-03-01t12:00:00x","lastRun":"2026-03-01t12:00:00x"}`, part, size)
		},
	}
}

// TestLargestObjectsAreDecodedCheaply: whatever the API server accepts is decoded, or made
// a stub that says why, within bounds that hold for the sum of all decoders: CPU time of
// the process, the least of a few tries because other processes disturb, and bytes
// allocated.
func TestLargestObjectsAreDecodedCheaply(t *testing.T) {
	const (
		mostCPU   = 50 * time.Millisecond
		mostBytes = 64 << 20
	)
	bound := cputime.Scale(mostCPU)
	for _, kind := range []string{"SparkApplication", "ScheduledSparkApplication"} {
		for name, make := range shapes(kind) {
			for _, size := range []int{largestObject, 3 * 9_900} { // beyond and just below what is decoded
				data := []byte(make(size))
				spent := cputime.Least(bound, func() {
					if object, _, err := decoder().Decode(data, &schema.GroupVersionKind{}, nil); err != nil || object == nil {
						t.Fatalf("%s, %s: %v", kind, name, err)
					}
				})
				t.Logf("%s, %s: %v of CPU, %d MiB", kind, name, spent.CPU, spent.Bytes>>20)
				if !raceDetector && spent.CPU > bound || spent.Bytes > mostBytes {
					t.Errorf("%s, %s: %v of CPU and %d MiB, want at most %v and %d MiB", kind, name, spent.CPU, spent.Bytes>>20, bound, mostBytes>>20)
				}
			}
		}
	}
}

// TestObjectsWithTooManyValues: they become stubs with what ends and removes a run, in
// lists as well, and the objects beside them are decoded.
func TestObjectsWithTooManyValues(t *testing.T) {
	large := shapes("SparkApplication")
	for name, want := range map[string]string{
		"empty containers of a template": "spec: has ",
		"labels":                         "metadata: has ",
		"status":                         "",
	} {
		text := strings.Replace(large[name](largestObject), `"uid":"u"`, `"uid":"u","generation":3`, 1)
		text = strings.Replace(text, `"spec":{`, `"spec":{"timeToLiveSeconds":60,`, 1)
		text = strings.Replace(text, `60,}`, `60}`, 1)
		good := application("SparkApplication", "good", "6", goodSpec)
		list := `{"apiVersion":"sparkoperator.k8s.io/v1beta2","kind":"SparkApplicationList","metadata":{"resourceVersion":"9"},"items":[` + text + "," + good + `]}`
		object, _, err := decoder().Decode([]byte(list), nil, &v1beta2.SparkApplicationList{})
		if err != nil {
			t.Fatal(err)
		}
		items := object.(*v1beta2.SparkApplicationList).Items
		if len(items) != 2 {
			t.Fatalf("%s: %d items", name, len(items))
		}
		app := &items[0]
		fault, stub := DecodeError(app)
		if stub != (want != "") || !strings.HasPrefix(fault, want) {
			t.Errorf("%s: fault %q", name, fault)
		}
		if app.Name != "a" || app.UID != "u" || app.Generation != 3 || app.Spec.TimeToLiveSeconds == nil || *app.Spec.TimeToLiveSeconds != 60 {
			t.Errorf("%s: %+v", name, app.ObjectMeta)
		}
		if name == "status" && (app.Status.SubmissionID != "s" || len(app.Status.ExecutorState) > 0) {
			t.Errorf("status %+v", app.Status)
		}
		if _, stub := DecodeError(&items[1]); stub || items[1].Name != "good" {
			t.Errorf("%s: the other one is %+v", name, items[1].ObjectMeta)
		}
	}
}

// TestFieldOwnershipDoesNotCount: the API server adds it.
func TestFieldOwnershipDoesNotCount(t *testing.T) {
	text := filled("SparkApplication", `,"managedFields":[{"fieldsV1":{FILL}}],"labels":{"a":"b"}`, `{"arguments":["a","b"]}`, `{}`, `"f:%d":{}`, 1<<18)
	if got := decode.CountValues([]byte(text)); got.TooMany() || got.Metadata == 0 || got.Metadata > 20 || got.Spec != 4 {
		t.Errorf("counted %+v", got)
	}
}

// FuzzCountValues: counting ends, and never counts more than there are bytes.
func FuzzCountValues(f *testing.F) {
	f.Add([]byte(application("SparkApplication", "a", "1", goodSpec)))
	f.Add([]byte(`{"items":[{"metadata":{"name":"a\"","managedFields":[{}]},"spec":[]},7]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got := decode.CountValues(data); got.Spec+got.Metadata+got.Status > 3*len(data) {
			t.Errorf("counted %+v of %d bytes", got, len(data))
		}
	})
}
