// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"strings"
	"testing"
)

func TestTruncateKeepsCharactersWhole(t *testing.T) {
	if got := Truncate("short", 10); got != "short" {
		t.Errorf("%q", got)
	}
	long := strings.Repeat("ü", 20)
	got := Truncate(long, 16)
	if len(got) > 16 || !strings.HasSuffix(got, "...") || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("%q", got)
	}
	if got := Truncate(long, 2); got != "..." {
		t.Errorf("%q", got)
	}
}
