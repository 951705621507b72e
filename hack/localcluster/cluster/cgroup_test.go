// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"os"
	"path/filepath"
	"testing"
)

// A group gets its share of the processors from the controller that knows shares, and
// stays as it is below the others.
func TestSharesAreSetWhereTheyExist(t *testing.T) {
	for file, want := range map[string]string{"cpu.weight": "400", "cpu.shares": "4096", "memory.max": "before"} {
		path := filepath.Join(t.TempDir(), file)
		if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := setShares(filepath.Dir(path)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", file, got, err, want)
		}
	}
}
