// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"testing"

	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// Names of applications end in a number that says how their first run ends.
func TestWrongEnd(t *testing.T) {
	const fails, losesNode, cannotPull, succeeds = "soak-000010", "soak-000012", "soak-000013", "soak-000014"
	done := v1beta2.ApplicationStateCompleted
	for _, c := range []struct {
		app               string
		state             v1beta2.ApplicationStateType
		attempts, drivers int
		want              bool
	}{
		{succeeds, done, 1, 1, false},
		{succeeds, v1beta2.ApplicationStateFailed, 1, 1, true},
		{succeeds, done, 2, 2, true},
		{succeeds, done, 1, 2, true},
		{cannotPull, done, 1, 1, false},
		{cannotPull, done, 2, 2, true},
		{fails, done, 2, 2, false},
		{fails, done, 1, 1, true},
		{fails, done, 3, 3, true},
		{losesNode, done, 2, 2, false},
		{losesNode, done, 3, 3, false},
		{losesNode, done, 1, 2, false}, // lost before it was written down
		{losesNode, done, 1, 1, true},
		{losesNode, done, 1, 3, true},
		{losesNode, done, 2, 3, true},
	} {
		app := &load.App{Name: c.app, State: c.state, Attempts: c.attempts, Driver: load.Driver{Drivers: c.drivers}}
		if got := wrongEnd(app); got != c.want {
			t.Errorf("%s, %s after %d attempts with %d drivers: wrong %t, want %t", c.app, c.state, c.attempts, c.drivers, got, c.want)
		}
	}
}
