// SPDX-License-Identifier: Apache-2.0

package faultproxy

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
)

// A client that writes a status and is answered with an error of the server does not
// know whether it was written. One that counts what it writes does not count it, so
// who compares its counts needs to know how many such writes there were.

// InDoubt is how many writes of statuses were not answered as they were carried out,
// or perhaps carried out, by the state that they wrote.
func (p *Proxy) InDoubt() map[string]int {
	p.lock.Lock()
	defer p.lock.Unlock()
	return maps.Clone(p.inDoubt)
}

// noteDoubts sees what becomes of writes of statuses.
func (p *Proxy) noteDoubts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		state, writes := stateWritten(r)
		if !writes {
			next.ServeHTTP(w, r)
			return
		}
		_, held := w.(*heldAnswer) // of which the client gets nothing
		answered := &answer{ResponseWriter: w, code: http.StatusOK}
		complete := false // it is not if the server is killed while it answers
		defer func() {
			if !complete || uncertain(answered.code, !held) {
				p.noteDoubt(state)
			}
		}()
		next.ServeHTTP(answered, r)
		complete = true
	})
}

func (p *Proxy) noteDoubt(state string) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.inDoubt[state]++
}

// stateWritten returns the state of the application that a request writes, and false
// for a request that writes no status. The body can be read once more.
func stateWritten(r *http.Request) (state string, ok bool) {
	if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/status") {
		return "", false
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return "", false // nor does the server get it
	}
	var written struct {
		Status struct {
			ApplicationState struct {
				State string `json:"state"`
			} `json:"applicationState"`
		} `json:"status"`
	}
	if err := json.Unmarshal(body, &written); err != nil {
		return "", false
	}
	return written.Status.ApplicationState.State, true
}

// answer remembers the code of what is answered.
type answer struct {
	http.ResponseWriter
	code int
}

func (a *answer) WriteHeader(code int) {
	a.code = code
	a.ResponseWriter.WriteHeader(code)
}

// Unwrap lets watches be flushed.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// uncertain reports whether a server that answered with a code, or whose answer did
// not come, has or may have carried out the request.
func uncertain(code int, delivered bool) bool {
	return code >= http.StatusInternalServerError || !delivered && code < http.StatusMultipleChoices
}
