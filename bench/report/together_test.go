// SPDX-License-Identifier: Apache-2.0

package report

import (
	"math"
	"testing"
	"time"
)

func TestTogether(t *testing.T) {
	fast := &Leg{
		Apps: 500, Seconds: 30, FinishedPerMinute: 1000, SubmittedPerMinute: 1200,
		CreateToDriver: Quantiles{P50: 1}, StatusLag: Quantiles{P50: 2}, WritesPerApp: 13,
		Requests: map[string]float64{"create pods": 1, "create events": 4},
		CPU:      CPU{APIServer: 60, Etcd: 10, Bench: 6},
	}
	slow := &Leg{
		Apps: 1000, Seconds: 120, FinishedPerMinute: 500, SubmittedPerMinute: 600,
		CreateToDriver: Quantiles{P50: 3}, StatusLag: Quantiles{P50: 4}, WritesPerApp: 10,
		Requests: map[string]float64{"create pods": 1}, Refused: map[string]float64{"create pods": 0.3},
		CPU: CPU{APIServer: 90, Etcd: 10, Bench: 9},
	}
	for _, got := range []*Leg{Together(fast, slow, 0), Together(slow, fast, 0)} {
		if got.Apps != 1500 || got.Seconds != 150 || got.FinishedPerMinute != 600 || math.Abs(got.SubmittedPerMinute-720) > 1 {
			t.Errorf("rates %+v", got)
		}
		if got.CPU != (CPU{APIServer: 80, Etcd: 10, Bench: 8}) || got.WritesPerApp != 11 {
			t.Errorf("costs %+v", got)
		}
		if got.Requests["create pods"] != 1 || got.Requests["create events"] != 1.33 || got.Refused["create pods"] != 0.2 {
			t.Errorf("requests %v, refused %v", got.Requests, got.Refused)
		}
		if got.CreateToDriver.P50 != 3 || got.StatusLag.P50 != 4 {
			t.Errorf("times %v, %v are not those of the slower leg", got.CreateToDriver, got.StatusLag)
		}
	}
	if got := Together(fast, slow, 30*time.Second); got.FinishedPerMinute != 750 || got.Seconds != 120 || math.Abs(got.SubmittedPerMinute-720) > 1 {
		t.Errorf("without half a minute of waiting %+v", got)
	}
	if got := Together(&Leg{}, &Leg{}, 0); got.FinishedPerMinute != 0 || got.CPU.Total() != 0 {
		t.Errorf("of nothing %+v", got)
	}
}
