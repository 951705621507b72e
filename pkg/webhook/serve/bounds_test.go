// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spark-operator/spark-operator/pkg/webhook"
)

// bomb is YAML whose anchors expand to a billion elements.
const bomb = `a: &a ["x","x","x","x","x","x","x","x","x","x"]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]
e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]
f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]
g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]
h: &h [*g,*g,*g,*g,*g,*g,*g,*g,*g,*g]
`

// TestBombsAreNotExpanded: what is no JSON is refused by the real reviewer in one line,
// also if its type says that it is JSON.
func TestBombsAreNotExpanded(t *testing.T) {
	w := webhook.New(webhook.Config{})
	for kind, want := range map[string]int{"application/yaml": http.StatusUnsupportedMediaType, "application/json": http.StatusBadRequest} {
		s := start(t, func(body []byte) ([]byte, webhook.Outcome, error) {
			return w.Review(webhook.PathValidateApplication, body)
		})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		status, text := s.post(t, "/review", kind, bytes.NewReader([]byte(bomb)))
		runtime.ReadMemStats(&after)
		if status != want || len(text) > 1024 || bytes.Count([]byte(text), []byte("\n")) > 1 {
			t.Errorf("%s: %d %s", kind, status, text)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 8<<20 {
			t.Errorf("%s: %d MiB were allocated", kind, allocated>>20)
		}
	}
}

// TestLargeBodiesAreBounded: however many large bodies arrive at the same time, few are in
// memory, each gets an answer, and nothing is left of them.
func TestLargeBodiesAreBounded(t *testing.T) {
	const clients = 3 * maxLarge
	var now, most atomic.Int64
	s := start(t, func(body []byte) ([]byte, webhook.Outcome, error) {
		count := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); count > old && !most.CompareAndSwap(old, count); old = most.Load() {
		}
		time.Sleep(20 * time.Millisecond)
		return []byte("{}"), webhook.Allowed, nil
	})
	if status, text := s.post(t, "/review", "application/json", bytes.NewReader([]byte("{}"))); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	s.client.CloseIdleConnections()
	before := settled(t, 0)
	body := make([]byte, MaxBody)
	var statuses sync.Map
	var sending sync.WaitGroup
	for range clients {
		sending.Go(func() {
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+s.address+"/review", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			request.Header.Set("Content-Type", "application/json")
			response, err := client.Do(request)
			if err != nil {
				t.Errorf("no answer: %v", err)
				return
			}
			defer response.Body.Close()
			text, _ := io.ReadAll(response.Body)
			if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusServiceUnavailable && response.StatusCode != http.StatusBadRequest {
				t.Errorf("%d %s", response.StatusCode, text)
			}
			statuses.Store(fmt.Sprint(response.StatusCode), true)
		})
	}
	sending.Wait()
	if most.Load() > maxLarge {
		t.Errorf("%d large bodies at the same time", most.Load())
	}
	if _, answered := statuses.Load("200"); !answered {
		t.Error("no large body was answered")
	}
	if left := settled(t, before); left > before+5 {
		t.Errorf("%d goroutines before, %d after", before, left)
	}
}

// settled returns the number of goroutines once it is not above a number, or has not
// become so within some seconds.
func settled(t *testing.T, most int) int {
	t.Helper()
	count := runtime.NumGoroutine()
	for range 100 {
		time.Sleep(20 * time.Millisecond)
		next := runtime.NumGoroutine()
		if next <= most || most == 0 && next == count {
			return next
		}
		count = next
	}
	return count
}
