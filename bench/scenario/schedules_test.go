// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"testing"

	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/report"
)

func TestJudgeStarts(t *testing.T) {
	for _, c := range []struct {
		name             string
		runs             []string
		duplicates, lost int
	}{
		{"one each", []string{"schedule-000000-1700000000", "schedule-000001-1700000000"}, 0, 0},
		{"one twice", []string{"schedule-000000-1700000000", "schedule-000001-1700000000", "schedule-000001-1700000060"}, 1, 0},
		{"one not at all", []string{"schedule-000001-1700000000"}, 0, 1},
		{"one instead of another", []string{"schedule-000001-1700000000", "schedule-000001-1700000060"}, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var runs []load.App
			for _, name := range c.runs {
				runs = append(runs, load.App{Namespace: namespace, Name: name})
			}
			result := &report.Result{Lost: 2} // as none has come to its end
			judgeStarts(result, runs, 2)
			if result.Duplicates != c.duplicates || result.Lost != c.lost {
				t.Errorf("%d duplicates and %d lost, want %d and %d", result.Duplicates, result.Lost, c.duplicates, c.lost)
			}
		})
	}
}
