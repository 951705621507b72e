// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestMetrics(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`# HELP x y
go_goroutines 42
wait_bucket{name="a",le="0.1"} 3
wait_bucket{name="a",le="1"} 9
wait_bucket{name="a",le="+Inf"} 10
wait_bucket{name="b",le="0.1"} 100
total{state="ok"} 2
total{state="bad"} 3
`))
	}))
	defer server.Close()
	p := &Process{metrics: server.URL}
	m, err := p.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m["go_goroutines"] != 42 || m.Sum("total") != 5 {
		t.Errorf("%v", m)
	}
	for q, want := range map[float64]float64{0.2: 0.1, 0.5: 1, 0.9: 1, 1: math.Inf(1)} {
		if got := m.Quantile(nil, "wait", `name="a"`, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	// All but one of the small ones came before.
	before := Metrics{`wait_bucket{name="a",le="0.1"}`: 2, `wait_bucket{name="a",le="1"}`: 8, `wait_bucket{name="a",le="+Inf"}`: 9}
	if got := m.Quantile(before, "wait", `name="a"`, 1); got != 0.1 {
		t.Errorf("quantile since then is %v", got)
	}
	if got := m.Quantile(m, "wait", `name="a"`, 0.5); !math.IsNaN(got) {
		t.Errorf("quantile of nothing is %v", got)
	}
}
