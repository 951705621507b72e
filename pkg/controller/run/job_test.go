// SPDX-License-Identifier: Apache-2.0

package run

import (
	"strings"
	"testing"
)

func TestLastLines(t *testing.T) {
	log := strings.Repeat("an early line\n", 200) +
		"Exception in thread \"main\" java.lang.Exception: refused\n\tat a.B.c(D.scala:1)\n\t... 3 more\nCaused by: why\n\n"
	got := lastLines(log)
	if !strings.HasSuffix(got, `Exception in thread "main" java.lang.Exception: refused | Caused by: why`) {
		t.Errorf("got %q", got)
	}
	if strings.Contains(got, "a.B.c") || len(got) > 2*maxLogTail || strings.Contains(got, "\n") {
		t.Errorf("got %d bytes: %q", len(got), got)
	}
	if got := lastLines("\n\tat a.b\n"); got != "" {
		t.Errorf("got %q of a log that says nothing", got)
	}
}
