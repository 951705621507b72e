// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestQuantiles(t *testing.T) {
	var durations []time.Duration
	for i := range 200 {
		durations = append(durations, time.Duration(200-i)*time.Millisecond)
	}
	q := QuantilesOf(durations)
	if q.N != 200 || q.P50 != 100 || q.P99 != 198 || q.Max != 200 || len(q.Curve) != 21 || q.Curve[0] != 1 || q.Curve[20] != 200 {
		t.Errorf("%+v", q)
	}
	if q := QuantilesOf(nil); q.N != 0 || q.Curve != nil {
		t.Errorf("of nothing: %+v", q)
	}
}

func TestBounds(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		p50, p99 float64
		want     string
	}{
		{9.999999999999999e-05, 0.1, `{"p50":0.1,"p99":100}`},
		{1e-8, 10, `{"p50":0.01,"p99":10000}`},
		{10, inf, `{"p50":10000}`},
		{inf, inf, `{}`},
		{nan, nan, `null`},
	} {
		got, err := json.Marshal(BoundsOf(c.p50, c.p99))
		if err != nil || string(got) != c.want {
			t.Errorf("%v, %v: %s, %v; want %s", c.p50, c.p99, got, err, c.want)
		}
	}
}

// TestOldResultsAreRead: the lines of earlier commits have fields that are no more.
func TestOldResultsAreRead(t *testing.T) {
	old := filepath.Join(t.TempDir(), "old.jsonl")
	line := `{"scenario":"retry","commit":"9e9b671","queueWaitMs":{"n":0,"p50":1000,"p99":10000,"max":-1},"rssPeakMB":42.4}` + "\n"
	if err := os.WriteFile(old, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{old, "../results/reference.jsonl"} {
		results, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(results) == 0 || len(Judge(results)) < len(results) {
			t.Errorf("%d results in %s", len(results), path)
		}
	}
}

func TestResultsAreReadAsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "results.jsonl")
	var printed bytes.Buffer
	for _, name := range []string{"burst-0", "latency"} {
		result := &Result{Scenario: name, Leg: Leg{Apps: 7}, Floor: &Leg{Apps: 8}}
		if err := result.Write(&printed, path); err != nil {
			t.Fatal(err)
		}
	}
	results, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 2 || results[1].Scenario != "latency" || results[0].Apps != 7 || results[0].Floor.Apps != 8 {
		t.Errorf("%+v", results)
	}
	if lines := bytes.Count(printed.Bytes(), []byte("\n")); lines != 2 {
		t.Errorf("%d lines printed", lines)
	}
}

// TestMissesUnderCPUStealAreMarked: missed times are marked with the CPU steal, missed
// counts are not.
func TestMissesUnderCPUStealAreMarked(t *testing.T) {
	results := []*Result{
		{Scenario: "steady", Stolen: 0.25, Leg: Leg{StatusLag: Quantiles{P99: targetLagP99 + 1}}, Extra: map[string]float64{"offeredOfFloor": 0.5}},
		{Scenario: "steady", Stolen: 0.01, Leg: Leg{StatusLag: Quantiles{P99: targetLagP99 + 1}}, Extra: map[string]float64{"offeredOfFloor": 0.5}},
		{Scenario: "churn", Stolen: 0.25, RSSPeakMB: targetRSS + 1, Leg: Leg{CPU: CPU{Operator: 1}}, Extra: map[string]float64{"operatorCPUBase": 1}},
	}
	var table bytes.Buffer
	if wrong := Print(&table, Judge(results)); wrong != 0 {
		t.Errorf("%d wrong", wrong)
	}
	missed, excused := bytes.Count(table.Bytes(), []byte("missed")), bytes.Count(table.Bytes(), []byte("(CPU steal 25 %)"))
	if missed != 3 || excused != 1 {
		t.Errorf("%d missed, %d of them excused, in\n%s", missed, excused, table.String())
	}
}

// TestOnlyCorrectnessIsWrong: a slow run is a miss, a duplicate is wrong.
func TestOnlyCorrectnessIsWrong(t *testing.T) {
	slow := &Result{Scenario: "burst-0", Leg: Leg{WritesPerApp: 9, CPU: CPU{Operator: 9, APIServer: 10}}, Floor: &Leg{}, Ratio: 0.1, CPURatio: 0.9}
	var table bytes.Buffer
	if wrong := Print(&table, Judge([]*Result{slow})); wrong != 0 || bytes.Count(table.Bytes(), []byte("missed")) != 2 {
		t.Errorf("%d wrong in\n%s", wrong, table.String())
	}
	doubled := &Result{Scenario: "retry", Duplicates: 1, Extra: map[string]float64{"wrongEnds": 2}}
	if wrong := Print(&table, Judge([]*Result{doubled})); wrong != 2 {
		t.Errorf("%d wrong, want the duplicate and the ends", wrong)
	}
	chatty := &Result{Scenario: "latency", Leg: Leg{WritesPerApp: boundWrites + 1}}
	if wrong := Print(&table, Judge([]*Result{chatty})); wrong != 1 {
		t.Errorf("%d wrong, want the number of writes", wrong)
	}
}

// TestTimesOfAColdStart: they are not judged, nor is a rate without anything to compare it with.
func TestTimesOfAColdStart(t *testing.T) {
	slow := Leg{CPU: CPU{Operator: 9, APIServer: 10}, StatusLag: Quantiles{P99: targetLagP99 + 1}}
	for _, r := range []*Result{
		{Scenario: "burst-0", Cold: true, Leg: slow, Floor: &Leg{}},
		{Scenario: "steady", Leg: Leg{StatusLag: slow.StatusLag}},
	} {
		for _, verdict := range r.judge() {
			if verdict.Nature == Timed {
				t.Errorf("%s: %+v", r.Scenario, verdict)
			}
		}
	}
}

// TestCPUIsJudgedEverywhere, not only where there is a floor.
func TestCPUIsJudgedEverywhere(t *testing.T) {
	verdicts := Judge([]*Result{{Scenario: "retry", Leg: Leg{CPU: CPU{Operator: 9, APIServer: 10}}}, {Scenario: "restart"}})
	judged := 0
	for _, verdict := range verdicts {
		if verdict.Nature == Timed {
			judged++
		}
	}
	if judged != 1 {
		t.Errorf("%d verdicts in %+v", judged, verdicts)
	}
}

// TestSoakFailsTheCommand: what grows, what is counted wrongly and what was not checked
// at.
func TestSoakFailsTheCommand(t *testing.T) {
	well := map[string]float64{"countedWrongly": 0, "successMiscounted": 0, "submitsMiscounted": 0, "memoryGrowth": 1.02, "goroutineGrowth": 0.99}
	for _, c := range []struct {
		name  string
		spoil func(map[string]float64)
		want  int
	}{
		{"well", func(map[string]float64) {}, 0},
		{"memory grows", func(x map[string]float64) { x["memoryGrowth"] = 1.2 }, 1},
		{"goroutines grow", func(x map[string]float64) { x["goroutineGrowth"] = 1.2 }, 1},
		{"too few samples", func(x map[string]float64) { x["memoryGrowth"], x["goroutineGrowth"] = -1, -1 }, 2},
		{"too many successes", func(x map[string]float64) { x["successMiscounted"] = 1 }, 1},
		{"too few submissions", func(x map[string]float64) { x["submitsMiscounted"] = -1 }, 1},
		{"not checked", func(x map[string]float64) { clear(x) }, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			extra := maps.Clone(well)
			c.spoil(extra)
			if wrong := Print(io.Discard, Judge([]*Result{{Scenario: "soak", Extra: extra}})); wrong != c.want {
				t.Errorf("%d wrong, want %d", wrong, c.want)
			}
		})
	}
}

// TestAdmissionFailsTheCommand: a webhook that costs several times what the API server
// costs, memory that grows with the connections, and what was not measured. Times do not.
func TestAdmissionFailsTheCommand(t *testing.T) {
	well := map[string]float64{"applicationRatio": 0.1, "applicationCPURatio": 0.6, "podRatio": 0.1, "podCPURatio": 0.8,
		"defaultedApplicationCPURatio": 0.6, "completedPodCPURatio": 0.6, "mutateP99Ms": 99, "connectionsMemoryRatio": 1.1}
	for _, c := range []struct {
		name  string
		spoil func(map[string]float64)
		want  int
	}{
		{"well", func(map[string]float64) {}, 0},
		{"dear applications", func(x map[string]float64) { x["applicationCPURatio"] = 0.2 }, 1},
		{"dear pods", func(x map[string]float64) { x["podCPURatio"] = 0.2 }, 1},
		{"memory grows", func(x map[string]float64) { x["connectionsMemoryRatio"] = 9 }, 1},
		{"not measured", func(x map[string]float64) { clear(x) }, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			extra := maps.Clone(well)
			c.spoil(extra)
			if wrong := Print(io.Discard, Judge([]*Result{{Scenario: "admission", Extra: extra}})); wrong != c.want {
				t.Errorf("%d wrong, want %d", wrong, c.want)
			}
		})
	}
}
