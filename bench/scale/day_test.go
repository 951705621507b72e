// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/spark-operator/spark-operator/bench/report"
)

func testCosts() costs {
	return costs{submission: 60 * time.Millisecond, running: 20 * time.Millisecond, end: 50 * time.Millisecond, executor: 40 * time.Millisecond}
}

// A day that is far from full costs what its work costs, and no application waits.
func TestIdleDay(t *testing.T) {
	l := load{applications: 1000, executors: 2, duration: time.Minute}
	c := testCosts()
	got := simulate(l.items(c, rand.New(rand.NewPCG(1, 2))), 4)
	want := 1000 * c.application(2).Seconds() / 4 / day.Seconds()
	if math.Abs(got.utilization-want) > 0.01*want {
		t.Errorf("utilization %v, want %v", got.utilization, want)
	}
	if got.toDriver.N != 1000 || got.toDriver.P50 != 15 { // 60 ms on 4 cores
		t.Errorf("creation to driver pod %+v", got.toDriver)
	}
}

// All that is due at once has to wait for what is due with it.
func TestDueAtOnce(t *testing.T) {
	l := load{applications: 2400, scheduled: 1, duration: time.Minute}
	at := func(spread time.Duration) outcome {
		l.spread = spread
		return simulate(l.items(testCosts(), rand.New(rand.NewPCG(1, 2))), 1)
	}
	// About 100 in an hour, 60 ms each.
	if got := at(0).toDriver.P50; got < 2000 || got > 4500 {
		t.Errorf("p50 %v ms, want about 3 s", got)
	}
	if got := at(10 * time.Minute).toDriver.P50; got > 100 {
		t.Errorf("p50 %v ms although spread", got)
	}
}

// A control plane that is too small falls behind more and more.
func TestOverload(t *testing.T) {
	l := load{applications: 100_000, executors: 50, duration: time.Minute}
	got := simulate(l.items(testCosts(), rand.New(rand.NewPCG(1, 2))), 1)
	if got.utilization < 0.9 || got.behind < time.Hour {
		t.Errorf("%+v", got)
	}
}

func TestCreationsFollowTheHoursOfTheDay(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var night, noon int
	for range 10_000 {
		switch at := (load{}).creation(random); {
		case at < time.Hour:
			night++
		case at >= 12*time.Hour && at < 13*time.Hour:
			noon++
		case at < 0 || at >= day:
			t.Fatalf("created at %v", at)
		}
	}
	if night > 20 || noon < 700 { // of 417 on average
		t.Errorf("%d in the first hour, %d at noon", night, noon)
	}
}

func TestCostsOf(t *testing.T) {
	result := func(executors int, server, etcd float64) *report.Result {
		r := &report.Result{Executors: executors}
		r.CPU.APIServer, r.CPU.Etcd = server, etcd
		return r
	}
	got := costsOf(result(0, 110, 20), result(0, 90, 10), result(5, 300, 50))
	want := costs{submission: 60 * time.Millisecond, running: 20 * time.Millisecond, end: 50 * time.Millisecond, executor: 50 * time.Millisecond}
	if got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// The table of docs/scale.md has a row for every day and number of cores. Here the
// days are short of applications, so that they pass quickly.
func TestReference(t *testing.T) {
	few := days()
	for i := range few {
		few[i].applications /= 50
	}
	var text bytes.Buffer
	if err := run([]string{"../results/reference.jsonl"}, &text, few); err != nil {
		t.Fatal(err)
	}
	if rows := strings.Count(text.String(), " % | "); rows != 24 { // two such columns in each
		t.Errorf("%d cells, want 24:\n%s", rows, text.String())
	}
	if err := run(nil, &text, few); err == nil {
		t.Error("want an error without a file")
	}
}
