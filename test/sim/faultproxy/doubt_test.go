// SPDX-License-Identifier: Apache-2.0

package faultproxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestUncertain(t *testing.T) {
	for _, c := range []struct {
		code            int
		delivered, want bool
	}{
		{200, true, false},
		{409, true, false},
		{200, false, true},
		{409, false, false},
		{502, true, true},
		{502, false, true},
	} {
		if got := uncertain(c.code, c.delivered); got != c.want {
			t.Errorf("%d, delivered %t: %t", c.code, c.delivered, got)
		}
	}
}

// TestInDoubt: of the writes of statuses those count whose answer says nothing.
func TestInDoubt(t *testing.T) {
	const body = `{"status":{"applicationState":{"state":"COMPLETED"}}}`
	code := http.StatusOK
	server := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got, err := io.ReadAll(r.Body); err != nil || string(got) != body {
			t.Errorf("the server got %q, %v", got, err)
		}
		w.WriteHeader(code)
	})
	p := &Proxy{inDoubt: map[string]int{}}
	handler := p.handle(server)
	for _, c := range []struct {
		method, path string
		code, want   int
	}{
		{http.MethodPut, "/apis/x/namespaces/n/sparkapplications/a/status", http.StatusOK, 0},
		{http.MethodPut, "/apis/x/namespaces/n/sparkapplications/a/status", http.StatusConflict, 0},
		{http.MethodPut, "/apis/x/namespaces/n/sparkapplications/a/status", http.StatusBadGateway, 1},
		{http.MethodPut, "/api/v1/namespaces/n/services/a", http.StatusBadGateway, 1},
		{http.MethodPost, "/api/v1/namespaces/n/pods", http.StatusBadGateway, 1},
	} {
		code = c.code
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(c.method, c.path, strings.NewReader(body)))
		if got := p.InDoubt()["COMPLETED"]; got != c.want {
			t.Errorf("after %s %s answered with %d: %d, want %d", c.method, c.path, c.code, got, c.want)
		}
	}
	// The server carries out what is disturbed After.
	code = http.StatusOK
	for _, c := range []struct {
		disturbance Disturbance
		want        int
	}{
		{Disturbance{Status: http.StatusInternalServerError}, 1},
		{Disturbance{Status: http.StatusInternalServerError, Moment: After}, 2},
	} {
		p.Disturb(func(int64, *http.Request) Disturbance { return c.disturbance })
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPut, "/a/status", strings.NewReader(body)))
		if got := p.InDoubt()["COMPLETED"]; got != c.want {
			t.Errorf("after %+v: %d, want %d", c.disturbance, got, c.want)
		}
	}
}
