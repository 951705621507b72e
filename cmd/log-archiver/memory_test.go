// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

// TestMemoryLimitFollowsThatOfTheContainer, if there is one, and not that of the user.
func TestMemoryLimitFollowsThatOfTheContainer(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	file := filepath.Join(t.TempDir(), "memory.max")
	for _, test := range []struct {
		content, given string
		want           int64
	}{{"", "", before}, {"max\n", "", before}, {"1000000000\n", "1GiB", before}, {"1000000000\n", "", 900000000}} {
		t.Setenv("GOMEMLIMIT", test.given)
		if test.content != "" {
			if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		limitMemory(file)
		if got := debug.SetMemoryLimit(-1); got != test.want {
			t.Errorf("%q, GOMEMLIMIT=%q: limit %d, want %d", test.content, test.given, got, test.want)
		}
	}
}
