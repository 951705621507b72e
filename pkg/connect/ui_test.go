// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// shownUI is what the web UI of the server shows. A test edits it in [cluster.change].
type shownUI struct {
	version string // of Spark
	down    bool
	// application replaces the id of the application.
	application string
	sessions    int // that are open
	operations  int // that ended
	running     int // operations
	active, all int // jobs
	latest      time.Time
	// asked is called with each request for the applications, with which a probe begins.
	asked  func()
	probes int
}

// RoundTrip implements http.RoundTripper: it is the network of the probes.
func (c *cluster) RoundTrip(r *http.Request) (*http.Response, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.fault != nil && c.fault.killed {
		return nil, errKilled
	}
	ui, pod := &c.ui, c.pod()
	if r.URL.Path == "/api/v1/applications" {
		ui.probes++
		if ui.asked != nil {
			ui.asked()
		}
	}
	if pod == nil || ui.down || r.URL.Host != pod.Status.PodIP+":4040" {
		return nil, errors.New("no such host")
	}
	w := httptest.NewRecorder()
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	id := pod.Labels[v1beta2.LabelSparkApplicationSelector]
	if ui.application != "" {
		id = ui.application
	}
	list := func(elements string) string { return "[" + strings.TrimSuffix(elements, ",") + "]" }
	switch strings.TrimPrefix(r.URL.Path, "/api/v1/applications/"+id) {
	case "/api/v1/applications":
		fmt.Fprintf(w, `[{"id":%q,"attempts":[{"appSparkVersion":%q}]}]`, id, ui.version)
	case "/connect/sessions":
		fmt.Fprint(w, list(strings.Repeat(`{"sessionId":"s","userId":"u","startTimestamp":1,"finishTimestamp":0},`, ui.sessions)))
	case "/connect/operations":
		ended := fmt.Sprintf(`{"sessionId":"s","userId":"u","state":"CLOSED","startTimestamp":1,"finishTimestamp":%d,"closeTimestamp":1},`, max(ui.latest.UnixMilli(), 1))
		fmt.Fprint(w, list(strings.Repeat(ended, ui.operations)+strings.Repeat(`{"sessionId":"s","userId":"u","state":"STARTED","startTimestamp":1},`, ui.running)))
	case "/connect/":
		fmt.Fprintf(w, "<h4> %d session(s) are online, running %d Request(s) </h4><a>Session Statistics (%d)</a><a>Request Statistics (%d)</a>", ui.sessions, ui.running, ui.sessions, ui.operations+ui.running)
	case "/metrics/json/":
		fmt.Fprintf(w, `{"gauges":{"x.driver.DAGScheduler.job.activeJobs":{"value":%d},"x.driver.DAGScheduler.job.allJobs":{"value":%d}}}`, ui.active, ui.all)
	default:
		http.Redirect(w, r, "/jobs/", http.StatusFound)
	}
	return w.Result(), nil
}
