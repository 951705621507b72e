// SPDX-License-Identifier: Apache-2.0

package activity

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzDocuments: no document of a server makes the operator panic, becomes a part of an error,
// or shows a server as unused for a time that has not passed.
func FuzzDocuments(f *testing.F) {
	recordings, err := filepath.Glob("testdata/*/*/*.*")
	if err != nil || len(recordings) == 0 {
		f.Fatal(err)
	}
	for _, name := range recordings {
		document, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(document)
	}
	for _, document := range []string{
		"", "null", "[]", "[null]", "{}", strings.Repeat("[", 20_000), strings.Repeat(`{"gauges":`, 20_000),
		`[{"sessionId":"a","userId":"b","startTimestamp":9223372036854775807,"finishTimestamp":0,"closeTimestamp":-1,"state":"STARTED"}]`,
		`{"gauges":{"a.DAGScheduler.job.activeJobs":{"value":-1},"a.DAGScheduler.job.allJobs":{"value":9223372036854775807}}}`,
		`{"gauges":{"a.DAGScheduler.job.activeJobs":{"value":1e999},"a.DAGScheduler.job.allJobs":{"value":0.5}}}`,
	} {
		f.Add([]byte(document))
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, document []byte) {
		judge := func(err error) bool {
			t.Helper()
			if err != nil && !strings.HasSuffix(err.Error(), ": not what Spark serves there") {
				t.Errorf("error %v", err)
			}
			return err == nil
		}
		read := func() *bytes.Reader { return bytes.NewReader(document) }
		if app, err := ReadApplication(read()); judge(err) && app.ID == "" {
			t.Errorf("%+v", app)
		}
		r := Reading{}
		if sessions, err := ReadSessions(read()); judge(err) {
			var shown Connect
			if shown, err = sessions.ReadOperations(read()); judge(err) {
				r.Connect = shown
			}
		}
		if page, err := ReadConnectPage(read()); judge(err) {
			r.Connect = page
		}
		r.Streams, err = ReadStreams(read())
		r.Streamed = judge(err)
		r.Jobs, err = ReadJobs(read())
		judge(err)
		if c := r.Connect; c.Open < 0 || c.Running < 0 || int64(c.Running) > c.Operations && c.Dated || int64(c.Open) > c.Sessions && c.Dated || r.Streams < 0 {
			t.Errorf("%+v", r)
		}

		before := Track{LastActivity: at}.Succeeded(at.Add(time.Minute), Reading{}, true)
		after := before.Succeeded(at.Add(2*time.Minute), r, true)
		if after.LastActivity.Before(before.LastActivity) || after.LastActivity.After(after.At) || r.Busy() && !after.LastActivity.Equal(after.At) {
			t.Errorf("last use %v, before %v: %+v", after.LastActivity, before.LastActivity, r)
		}
	})
}
