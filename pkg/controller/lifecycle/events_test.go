// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// TestJoinWithin: each text shows, and short ones are whole.
func TestJoinWithin(t *testing.T) {
	long := strings.Repeat("ä", 700)
	for name, texts := range map[string][]string{
		"all fit":          {"one", "two"},
		"one is long":      {"one", "A" + long, "two"},
		"several are long": {"A" + long, "one", "B" + long, "C" + long},
		"there are many":   strings.Split(strings.Repeat("some text that is a warning about a field,", 60), ","),
		"none":             nil,
	} {
		got := joinWithin(texts, 1000)
		if len(got) > 1000 || !utf8.ValidString(got) {
			t.Errorf("%s: %d bytes", name, len(got))
		}
		for _, text := range texts {
			if len(texts) < 10 && !strings.Contains(got, text[:3]) || len(text) < 10 && !strings.Contains(got, text) {
				t.Errorf("%s: %q does not show in %q", name, text[:3], got)
			}
		}
	}
	if got := fmt.Sprint(joinWithin([]string{"one", "two"}, 100)); got != "one; two" {
		t.Error(got)
	}
}

func TestLogEventFits(t *testing.T) {
	tr := &transition{in: &Input{App: newApplication("pi")}, new: &v1beta2.SparkApplicationStatus{DriverInfo: v1beta2.DriverInfo{PodName: strings.Repeat("d", 253)}}}
	tr.logEvent(&Outcome{LogTail: strings.Repeat("0123456789\n", 400) + "the end"})
	if note := tr.events[0].Note; len(note) > reconcile.MaxNote || !strings.HasSuffix(note, "\n0123456789\nthe end") || !strings.Contains(note, ":\n0123456789\n") {
		t.Errorf("%d bytes: %q", len(note), note)
	}
}
