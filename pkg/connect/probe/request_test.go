// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spark-operator/spark-operator/pkg/connect/activity"
	"github.com/spark-operator/spark-operator/pkg/webui"
	"github.com/spark-operator/spark-operator/pkg/webui/poller"
)

// recorded serves what a real server served at one stage: see the test data of package
// activity.
func recorded(t *testing.T, version, stage string) (handler http.Handler, app string) {
	t.Helper()
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join("..", "activity", "testdata", version, stage, name))
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	list := read("applications.json")
	shown, err := activity.ReadApplication(strings.NewReader(string(list)))
	if err != nil {
		t.Fatal(err)
	}
	documents := map[string][]byte{
		"/api/v1/applications": list,
		"/api/v1/applications/" + shown.ID + "/connect/sessions":   read("sessions.json"),
		"/api/v1/applications/" + shown.ID + "/connect/operations": read("operations.json"),
		"/connect/":        read("connect.html"),
		"/metrics/json/":   read("metrics.json"),
		"/StreamingQuery/": read("streaming.html"),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch text := documents[r.URL.Path]; {
		case text != nil:
			_, _ = w.Write(text)
		case strings.HasPrefix(r.URL.Path, "/api/"):
			http.Error(w, "HTTP 404 Not Found", http.StatusNotFound)
		default: // as Spark does with every page that it does not have
			http.Redirect(w, r, "http://"+r.Host+"/jobs/", http.StatusFound)
		}
	}), shown.ID
}

// ask asks a server.
func ask(t *testing.T, handler http.Handler, app string) (activity.Reading, bool, error) {
	t.Helper()
	return askWithin(t, time.Minute, handler, app)
}

func askWithin(t *testing.T, limit time.Duration, handler http.Handler, app string) (activity.Reading, bool, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	client := webui.NewClient(timeout)
	defer client.CloseIdleConnections()
	a := &asker{ctx: ctx, client: client, now: time.Now, target: poller.Pod{Address: strings.TrimPrefix(server.URL, "http://"), ApplicationID: app}}
	reading, err := a.ask()
	server.CloseClientConnections()
	return reading, a.trusted, err
}

func TestServersOfEachVersionAreRead(t *testing.T) {
	for _, version := range []string{"4.3.0", "4.2.1", "4.1.4", "4.0.5", "3.5.9"} {
		for stage, busy := range map[string]bool{"idle": false, "session-open": false, "query-running": true, "stream-running": true, "stream-ended-session-closed": false} {
			if version == "3.5.9" && stage == "stream-ended-session-closed" {
				busy = true // 3.5 has no call that closes a session
			}
			handler, app := recorded(t, version, stage)
			reading, trusted, err := ask(t, handler, app)
			if err != nil || !trusted || reading.Busy() != busy || reading.Connect.Dated != (version == "4.3.0") || reading.Streamed != strings.HasPrefix(stage, "stream") {
				t.Errorf("%s %s: busy %t, %+v, %v", version, stage, reading.Busy(), reading, err)
			}
		}
	}
}

func TestClockOfTheServerIsComparedWithOurs(t *testing.T) {
	inner, app := recorded(t, "4.3.0", "idle")
	for date, want := range map[string]bool{
		time.Now().UTC().Format(http.TimeFormat): true, time.Now().Add(-time.Minute).UTC().Format(http.TimeFormat): false, "": false, "yesterday": false,
	} {
		_, trusted, err := ask(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Date"] = []string{date}
			inner.ServeHTTP(w, r)
		}), app)
		if err != nil || trusted != want {
			t.Errorf("Date %q: trusted %t, %v", date, trusted, err)
		}
	}
}

// instead serves one path of a server in another way.
func instead(inner http.Handler, path string, serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, path) {
			serve(w, r)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

// TestServersThatDoNotShowTheirUse: nothing that a server or something at its address sends
// is taken for idleness, followed, or repeated in the message.
func TestServersThatDoNotShowTheirUse(t *testing.T) {
	var elsewhere int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "SECRET", code) }
	}
	text := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	redirectTo := func(at string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, at, http.StatusFound) }
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		block := []byte("[" + strings.Repeat(" ", 1<<16))
		for r.Context().Err() == nil {
			if _, err := w.Write(block); err != nil {
				return
			}
			block[0] = ' '
		}
	}
	slow := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "[")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	raw := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			connection, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(connection, text)
			_ = connection.Close()
		}
	}
	for name, test := range map[string]struct {
		path  string
		serve http.HandlerFunc
		want  string
	}{
		"login":                    {"/api/v1/applications", status(http.StatusUnauthorized), NotAuthorized},
		"refusal":                  {"/connect/sessions", status(http.StatusForbidden), NotAuthorized},
		"no API":                   {"/api/v1/applications", status(http.StatusNotFound), NoSignal},
		"no sessions":              {"/connect/sessions", status(http.StatusNotFound), NoSignal},
		"no operations":            {"/connect/operations", status(http.StatusServiceUnavailable), NoSignal},
		"no metrics":               {"/metrics/json/", redirectTo("/jobs/"), NoSignal},
		"another application":      {"/api/v1/applications", text(`[{"id":"spark-other","attempts":[{"appSparkVersion":"4.3.0"}]}]`), WrongApplication},
		"a history server":         {"/api/v1/applications", text(`[{"id":"a"},{"id":"b"}]`), NoSignal},
		"redirect of the API":      {"/api/v1/applications", redirectTo(other.URL + "/api/v1/applications"), NoSignal},
		"redirect of the streams":  {"/StreamingQuery/", redirectTo(other.URL + "/login"), NoSignal},
		"empty metrics":            {"/metrics/json/", text(`{"gauges":{}}`), NoSignal},
		"garbage":                  {"/connect/operations", text("SECRET"), NoSignal},
		"endless list":             {"/connect/sessions", endless, NoSignal},
		"endless element":          {"/connect/operations", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, `[{"a":"`); endless(w, r) }, NoSignal},
		"endless page":             {"/StreamingQuery/", endless, NoSignal},
		"slow answer":              {"/connect/sessions", slow, Unreachable},
		"no HTTP":                  {"/metrics/json/", raw("SECRET SECRET\r\n\r\n"), Unreachable},
		"endless header":           {"/metrics/json/", raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", 1<<20) + "\r\n\r\n"), Unreachable},
		"connection closed":        {"/metrics/json/", raw(""), Unreachable},
		"body shorter than stated": {"/metrics/json/", raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"gauges\":"), Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			inner, app := recorded(t, "4.3.0", "idle")
			limit := time.Minute
			if name == "slow answer" {
				limit = time.Second
			}
			_, _, err := askWithin(t, limit, instead(inner, test.path, test.serve), app)
			if err == nil {
				t.Fatal("no error")
			}
			failure := failureOf(err)
			if failure.Reason != test.want || strings.Contains(failure.Message, "SECRET") || strings.Contains(failure.Message, "\n") {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
	if elsewhere != 0 {
		t.Errorf("%d redirects were followed", elsewhere)
	}
}

func TestServerThatDoesNotListenIsUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	a := &asker{ctx: t.Context(), client: webui.NewClient(timeout), now: time.Now, target: poller.Pod{Address: address}}
	_, err = a.ask()
	if err == nil {
		t.Fatal("no error")
	}
	if failure := failureOf(err); failure.Reason != Unreachable || failure.Message != fmt.Sprintf("the web UI at %s refuses connections; check spark.ui.enabled", address) {
		t.Errorf("%+v", failure)
	}
}
