// SPDX-License-Identifier: Apache-2.0

package serverclock

import (
	"errors"
	"net/http"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// TestClockOfTheServerCounts: once the clocks differ by more than an answer can be
// wrong, and until they agree again.
func TestClockOfTheServerCounts(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	machine := clocktesting.NewFakePassiveClock(start)
	c := &Clock{machine: machine}
	for _, step := range []struct {
		name         string
		server, want time.Duration // from the machine's time
		took         time.Duration
		date         string
		err          error
	}{
		{name: "no answer yet"},
		{name: "agrees", server: 3 * time.Second},
		{name: "an hour behind", server: time.Hour, want: time.Hour},
		{name: "the same with jitter", server: time.Hour + 4*time.Second, want: time.Hour},
		{name: "slow answer", server: 0, took: time.Minute, want: time.Hour},
		{name: "no date", date: "yesterday", want: time.Hour},
		{name: "error", err: errors.New("no"), want: time.Hour},
		{name: "an hour ahead", server: -time.Hour, want: -time.Hour},
		{name: "set right", server: -time.Second, want: 0},
	} {
		transport := c.Wrap(roundTripper(func(*http.Request) (*http.Response, error) {
			date := step.date
			if date == "" {
				date = machine.Now().Add(step.server).Format(http.TimeFormat)
			}
			machine.SetTime(machine.Now().Add(step.took))
			return &http.Response{Header: http.Header{"Date": {date}}}, step.err
		}))
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if step.name != "no answer yet" {
			answer, err := transport.RoundTrip(request) //nolint:bodyclose // it has none
			if !errors.Is(err, step.err) || answer == nil {
				t.Errorf("%s: error %v", step.name, err)
			}
		}
		if got := c.Now().Sub(machine.Now()); (got-step.want).Abs() > time.Second || c.Since(c.Now()) != 0 {
			t.Errorf("%s: differs by %v, want %v", step.name, got, step.want)
		}
	}
}

// TestClockOfTheMachine is the one that counts before the first answer.
func TestClockOfTheMachine(t *testing.T) {
	c := &Clock{}
	if difference := c.RealClock.Since(c.Now()).Abs(); difference > time.Minute {
		t.Errorf("differs by %v", difference)
	}
	c.behind.Store(int64(time.Hour))
	if difference := c.Timers().Since(c.RealClock.Now()).Abs(); difference > time.Minute {
		t.Errorf("that of timers differs by %v", difference)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
