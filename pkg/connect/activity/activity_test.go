// SPDX-License-Identifier: Apache-2.0

package activity

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// versions are those of the recorded servers.
var versions = []string{"4.3.0", "4.2.1", "4.1.4", "4.0.5", "3.5.9"}

// recorded reads what a real server served: see testdata/README.md.
func recorded(t *testing.T, version, stage, document string) io.Reader {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", version, stage, document))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReader(string(text))
}

// reading joins what a real server served at one stage.
func reading(t *testing.T, version, stage string) Reading {
	t.Helper()
	var r Reading
	app, err := ReadApplication(recorded(t, version, stage, "applications.json"))
	if err != nil || app.Version != version || app.ID == "" {
		t.Fatalf("application %+v, %v", app, err)
	}
	page, err := ReadConnectPage(recorded(t, version, stage, "connect.html"))
	if err != nil {
		t.Fatal(err)
	}
	r.Connect = page
	if version == "4.3.0" {
		sessions, err := ReadSessions(recorded(t, version, stage, "sessions.json"))
		if err != nil {
			t.Fatal(err)
		}
		if r.Connect, err = sessions.ReadOperations(recorded(t, version, stage, "operations.json")); err != nil {
			t.Fatal(err)
		}
		if page.Open != r.Connect.Open || page.Sessions != r.Connect.Sessions || page.Operations != r.Connect.Operations {
			t.Errorf("the page shows %+v, the REST API %+v", page, r.Connect)
		}
	}
	if r.Jobs, err = ReadJobs(recorded(t, version, stage, "metrics.json")); err != nil {
		t.Fatal(err)
	}
	// Until the first streaming query, Spark redirected to its first page.
	if _, err := os.Stat(filepath.Join("testdata", version, stage, "streaming.html")); err == nil {
		r.Streamed = true
		if r.Streams, err = ReadStreams(recorded(t, version, stage, "streaming.html")); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// TestRecordedServers: what real servers of all versions show while a client works. The
// operation that started a streaming query runs for ever; the page cannot tell it from others,
// so that the server stays busy until the session is closed.
func TestRecordedServers(t *testing.T) {
	for _, stage := range []struct {
		name     string
		open     int32
		busy     bool // in Spark 4.3
		page     bool // by the page
		streams  int64
		streamed bool
	}{
		{"idle", 0, false, false, 0, false},
		{"session-open", 1, false, false, 0, false},
		{"query-running", 1, true, true, 0, false},
		{"query-ended", 1, false, false, 0, false},
		{"stream-running", 1, true, true, 1, true},
		{"stream-ended", 1, false, true, 0, true},
		{"stream-ended-session-closed", 0, false, false, 0, true},
	} {
		for _, version := range versions {
			t.Run(version+" "+stage.name, func(t *testing.T) {
				r := reading(t, version, stage.name)
				busy, open := stage.busy, stage.open
				if version != "4.3.0" {
					busy = stage.page
				}
				if version == "3.5.9" && stage.name == "stream-ended-session-closed" {
					busy, open = true, 1 // 3.5 has no call that closes a session
				}
				if r.Connect.Open != open || r.Busy() != busy || r.Streams != stage.streams || r.Streamed != stage.streamed {
					t.Errorf("busy %t, %+v", r.Busy(), r)
				}
				if r.Connect.Dated != (version == "4.3.0") {
					t.Errorf("%+v", r.Connect)
				}
			})
		}
	}
}

// TestUseChangesTheCounters: from one stage to the next something was done, and it shows even
// if no probe came at that time.
func TestUseChangesTheCounters(t *testing.T) {
	stages := []string{"idle", "session-open", "query-running", "query-ended", "stream-running", "stream-ended"}
	for _, version := range versions {
		for i := range stages[1:] {
			before, after := reading(t, version, stages[i]), reading(t, version, stages[i+1])
			if before.counters() == after.counters() {
				t.Errorf("%s: %s and %s show the same: %+v", version, stages[i], stages[i+1], after)
			}
		}
	}
}

func TestLatestTimeOfTheRESTAPI(t *testing.T) {
	r := reading(t, "4.3.0", "query-ended")
	// The closeTimestamp of the query.
	if want := time.UnixMilli(1795976279294); !r.Connect.Latest.Equal(want) {
		t.Errorf("latest time %v, want %v", r.Connect.Latest, want)
	}
}

// TestOperations has constructed lists: states that are hard to catch in a recording.
func TestOperations(t *testing.T) {
	const sessions = `[{"sessionId":"a","userId":"u","startTimestamp":1,"finishTimestamp":0},{"sessionId":"b","userId":"u","startTimestamp":1,"finishTimestamp":9}]`
	for name, test := range map[string]struct {
		operation string
		running   int32
	}{
		"started":                    {`{"sessionId":"a","userId":"u","state":"STARTED","statement":"project {"}`, 1},
		"result not fetched":         {`{"sessionId":"a","userId":"u","state":"FINISHED","statement":"project {","finishTimestamp":5}`, 1},
		"closed":                     {`{"sessionId":"a","userId":"u","state":"CLOSED","finishTimestamp":5,"closeTimestamp":6}`, 0},
		"failed":                     {`{"sessionId":"a","userId":"u","state":"FAILED","finishTimestamp":5}`, 0},
		"canceled":                   {`{"sessionId":"a","userId":"u","state":"CANCELED","finishTimestamp":5}`, 0},
		"state of another version":   {`{"sessionId":"a","userId":"u","state":"PAUSED"}`, 1},
		"of a closed session":        {`{"sessionId":"b","userId":"u","state":"STARTED"}`, 0},
		"of another user's session":  {`{"sessionId":"a","userId":"v","state":"STARTED"}`, 0},
		"that started a stream":      {`{"sessionId":"a","userId":"u","state":"STARTED","statement":"write_stream_operation_start {\n"}`, 0},
		"that only names the stream": {`{"sessionId":"a","userId":"u","state":"STARTED","statement":"sql { query: \"write_stream_operation_start\" }"}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := ReadSessions(strings.NewReader(sessions))
			if err != nil {
				t.Fatal(err)
			}
			connect, err := list.ReadOperations(strings.NewReader("[" + test.operation + "]"))
			if err != nil || connect.Running != test.running || connect.Open != 1 || connect.Sessions != 2 || connect.Operations != 1 {
				t.Errorf("%+v, %v", connect, err)
			}
		})
	}
}

// TestDocumentsOfOthersAreRefused has constructed documents: those of a server that lies, or
// of something else at its address.
func TestDocumentsOfOthersAreRefused(t *testing.T) {
	readers := map[string]func(io.Reader) error{
		"applications": func(r io.Reader) error { _, err := ReadApplication(r); return err },
		"sessions":     func(r io.Reader) error { _, err := ReadSessions(r); return err },
		"operations":   func(r io.Reader) error { _, err := (&Sessions{}).ReadOperations(r); return err },
		"page":         func(r io.Reader) error { _, err := ReadConnectPage(r); return err },
		"streams":      func(r io.Reader) error { _, err := ReadStreams(r); return err },
		"metrics":      func(r io.Reader) error { _, err := ReadJobs(r); return err },
	}
	for name, read := range readers {
		for _, text := range []string{
			"", "null", "{}", "SECRET", "[", `[{"id":1}`, `[1]`, `{"gauges":{}}`, `{"gauges":{"a.DAGScheduler.job.activeJobs":{"value":0}}}`,
			`{"gauges":{"a.DAGScheduler.job.activeJobs":{"value":"SECRET"},"a.DAGScheduler.job.allJobs":{"value":0}}}`,
			`{"gauges":{"a.DAGScheduler.job.activeJobs":{"value":null},"a.DAGScheduler.job.allJobs":{"value":null}}}`,
			`[{"finishTimestamp":"SECRET"}]`, strings.Repeat("[", 100000), "<html><h3>Spark Jobs</h3></html>",
			"0 session(s) are online, running 0 Request(s)", // as a user may write it
		} {
			if err := read(strings.NewReader(text)); err == nil || strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %.40q: error %v", name, text, err)
			}
		}
	}
	for _, text := range []string{"[]", `[{"id":"a"},{"id":"b"}]`} { // a history server
		if app, err := ReadApplication(strings.NewReader(text)); err == nil {
			t.Errorf("%s: %+v", text, app)
		}
	}
}

// TestTrack follows a server from probe to probe, a minute apart.
func TestTrack(t *testing.T) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	minute := func(n int) time.Time { return begin.Add(time.Duration(n) * time.Minute) }
	quiet := func(edit ...func(*Reading)) Reading {
		r := Reading{Connect: Connect{Open: 1, Sessions: 3, Operations: 7, Times: 9}, Jobs: Jobs{All: 5}}
		for _, e := range edit {
			e(&r)
		}
		return r
	}
	dated := func(at time.Time) func(*Reading) {
		return func(r *Reading) { r.Connect.Dated, r.Connect.Latest = true, at }
	}
	streamed := func(r *Reading) { r.Streamed = true }
	none := Track{LastActivity: minute(0)}
	known := Track{LastActivity: minute(0), At: minute(1), Known: true, Reading: quiet()}

	for name, test := range map[string]struct {
		before Track
		r      Reading
		clock  bool
		want   time.Time
	}{
		"the first probe counts as use":                        {none, quiet(), true, minute(5)},
		"the first probe with times does not":                  {none, quiet(dated(minute(2))), true, minute(2)},
		"unless the clock of the server is wrong":              {none, quiet(dated(minute(2))), false, minute(5)},
		"or streaming queries ran, whose jobs leave no times":  {none, quiet(dated(minute(2)), streamed), true, minute(5)},
		"no change is no use":                                  {known, quiet(), true, minute(0)},
		"an open session is no use":                            {known, quiet(func(r *Reading) { r.Connect.Open = 40 }), true, minute(0)},
		"a job":                                                {known, quiet(func(r *Reading) { r.Jobs.Active = 1 }), true, minute(5)},
		"jobs that came and went":                              {known, quiet(func(r *Reading) { r.Jobs.All++ }), true, minute(5)},
		"a streaming query":                                    {known, quiet(func(r *Reading) { r.Streams = 1 }), true, minute(5)},
		"an operation":                                         {known, quiet(func(r *Reading) { r.Connect.Running = 1 }), true, minute(5)},
		"an operation of no open session":                      {known, quiet(func(r *Reading) { r.Connect.Running, r.Connect.Open = 1, 0 }), true, minute(0)},
		"a new session":                                        {known, quiet(func(r *Reading) { r.Connect.Sessions++ }), true, minute(5)},
		"a new operation":                                      {known, quiet(func(r *Reading) { r.Connect.Operations++ }), true, minute(5)},
		"a new session that took the place of an old one":      {known, quiet(func(r *Reading) { r.Connect.Times++ }), true, minute(5)},
		"a time between the probes":                            {known, quiet(dated(minute(3))), true, minute(3)},
		"a time to come counts as now":                         {known, quiet(dated(minute(90))), true, minute(5)},
		"a time before the last use does not move it back":     {known, quiet(dated(minute(-9))), true, minute(0)},
		"after failures the counters are compared as before":   {known.Failed(minute(4)), quiet(), true, minute(4)},
		"after failures a change is use":                       {known.Failed(minute(4)), quiet(func(r *Reading) { r.Jobs.All++ }), true, minute(5)},
		"a clock that went back does not move the last use":    {Track{LastActivity: minute(50), Known: true, Reading: quiet()}, quiet(func(r *Reading) { r.Jobs.Active = 1 }), true, minute(50)},
		"a first probe of a busy server with times counts now": {none, quiet(dated(minute(2)), func(r *Reading) { r.Jobs.Active = 1 }), true, minute(5)},
	} {
		t.Run(name, func(t *testing.T) {
			after := test.before.Succeeded(minute(5), test.r, test.clock)
			if !after.LastActivity.Equal(test.want) || after.Failures != 0 || !after.Known || !after.At.Equal(minute(5)) {
				t.Errorf("last use %v, want %v: %+v", after.LastActivity, test.want, after)
			}
		})
	}
}

// TestIdlenessIsNeverConcludedFromDoubt: a failure counts as use, and as long as the latest
// probe failed, or is older than the timeout, nothing is confirmed.
func TestIdlenessIsNeverConcludedFromDoubt(t *testing.T) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	after := begin.Add
	track := Track{LastActivity: begin}
	if _, known := track.IdleAt(time.Minute); known {
		t.Error("it is known without a probe")
	}
	dated := Reading{Connect: Connect{Dated: true}}
	track = track.Succeeded(after(50*time.Second), dated, true)
	if at, known := track.IdleAt(time.Minute); !known || !at.Equal(after(time.Minute)) {
		t.Errorf("idle at %v, %t", at, known)
	}
	if track.Confirmed(time.Minute, after(70*time.Second), 10*time.Second) {
		t.Error("confirmed by a probe before the timeout")
	}
	confirmed := track.Succeeded(after(61*time.Second), dated, true)
	if !confirmed.Confirmed(time.Minute, after(62*time.Second), 10*time.Second) {
		t.Error("not confirmed by a probe after the timeout")
	}
	for name, now := range map[string]time.Time{"too old": after(72 * time.Second), "of the future": after(60 * time.Second)} {
		if confirmed.Confirmed(time.Minute, now, 10*time.Second) {
			t.Errorf("confirmed by a probe that is %s", name)
		}
	}
	failed := track.Failed(after(61 * time.Second))
	if _, known := failed.IdleAt(time.Minute); known || failed.Failures != 1 || failed.Confirmed(time.Minute, after(10*time.Minute), time.Hour) {
		t.Errorf("confirmed by a failure: %+v", failed)
	}
	if at, _ := failed.Succeeded(after(62*time.Second), dated, true).IdleAt(time.Minute); !at.Equal(after(121 * time.Second)) {
		t.Errorf("the failure does not count as use: idle at %v", at)
	}
}
