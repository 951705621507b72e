// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"testing"

	"github.com/spark-operator/spark-operator/bench/load"
)

func TestExcess(t *testing.T) {
	app := func(attempts int) []load.App {
		return []load.App{{Namespace: "jobs", Name: "pi", Attempts: attempts}}
	}
	copied := map[string]bool{"jobs/pi": true}
	for _, c := range []struct {
		name          string
		allowance     allowance
		attempts      int
		created, want int
	}{
		{"one", allowance{}, 1, 1, 0},
		{"none yet", allowance{}, 0, 0, 0},
		{"two", allowance{}, 1, 2, 1},
		{"two, which the status calls attempts", allowance{}, 2, 2, 1},
		{"one for each attempt", allowance{retries: true}, 3, 3, 0},
		{"more than attempts", allowance{retries: true}, 2, 4, 2},
		{"one before its attempt is known", allowance{retries: true}, 0, 1, 0},
		{"a second one of a copy", allowance{copied: copied}, 1, 1, 1},
		{"a copy that is left alone", allowance{copied: copied}, 1, 0, 0},
		{"a copy elsewhere", allowance{copied: map[string]bool{"others/pi": true}}, 1, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			created := drivers{"jobs/pi-driver": c.created, "others/pi-driver": 7, "jobs/pi-2-driver": 7}
			if got := c.allowance.excess(app(c.attempts), created); got != c.want {
				t.Errorf("%d, want %d", got, c.want)
			}
		})
	}
}

// TestExcessOfALostNode: a driver that was lost before anybody wrote it down makes
// room for another one.
func TestExcessOfALostNode(t *testing.T) {
	app := load.App{Namespace: namespace, Name: "soak-000012", Attempts: 1}
	for created, want := range map[int]int{1: 0, 2: 0, 3: 1} {
		found := drivers{namespace + "/soak-000012-driver": created}
		if got := (allowance{retries: true}).excess([]load.App{app}, found); got != want {
			t.Errorf("of %d: %d, want %d", created, got, want)
		}
		if got := (allowance{}).excess([]load.App{app}, found); got != created-1 {
			t.Errorf("of %d without retries: %d", created, got)
		}
	}
}
