// SPDX-License-Identifier: Apache-2.0

// Package connectui plays the web UIs of Spark Connect servers of Spark 4.3, as far as the
// operator reads them.
package connectui

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Server is what the web UI of one server shows.
type Server struct {
	// ApplicationID is the id of its Spark application.
	ApplicationID string
	// Sessions are open. Running operations run in one of them.
	Sessions, Running int
	// Jobs is how many jobs there were.
	Jobs int
}

// UIs are the web UIs of any number of servers at one port.
type UIs struct {
	// Port is where they listen, on all addresses of this machine.
	Port   int
	server *http.Server

	lock    sync.Mutex
	servers map[string]Server // by address
}

// Start begins to serve. Close ends it.
func Start() (*UIs, error) {
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		return nil, err
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%v is no TCP address", listener.Addr()), listener.Close())
	}
	u := &UIs{Port: address.Port, servers: map[string]Server{}}
	u.server = &http.Server{Handler: u, ReadHeaderTimeout: time.Minute}
	go func() { _ = u.server.Serve(listener) }()
	return u, nil
}

// Close ends all connections.
func (u *UIs) Close() error { return u.server.Close() }

// Set says what the server at an IP address shows from now on.
func (u *UIs) Set(address string, server Server) {
	u.lock.Lock()
	defer u.lock.Unlock()
	u.servers[address] = server
}

// ServeHTTP implements http.Handler.
func (u *UIs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, _ := net.SplitHostPort(r.Host)
	u.lock.Lock()
	server, known := u.servers[host]
	u.lock.Unlock()
	if !known {
		http.Error(w, "no such server", http.StatusServiceUnavailable)
		return
	}
	list := func(count int, element string) {
		fmt.Fprintf(w, "[%s]", strings.TrimSuffix(strings.Repeat(element+",", count), ","))
	}
	switch strings.TrimPrefix(r.URL.Path, "/api/v1/applications/"+server.ApplicationID) {
	case "/api/v1/applications":
		fmt.Fprintf(w, `[{"id":%q,"name":"Spark Connect server","attempts":[{"completed":false,"appSparkVersion":"4.3.0"}]}]`, server.ApplicationID)
	case "/connect/sessions":
		list(server.Sessions, `{"sessionId":"s","userId":"u","startTimestamp":1,"finishTimestamp":0,"totalExecution":0,"totalTime":1}`)
	case "/connect/operations":
		list(server.Running, `{"operationId":"o","sessionId":"s","userId":"u","statement":"sql {}","state":"STARTED","startTimestamp":1,"finishTimestamp":0,"closeTimestamp":0}`)
	case "/metrics/json/":
		fmt.Fprintf(w, `{"version":"4.0.0","gauges":{"app.driver.DAGScheduler.job.activeJobs":{"value":0},"app.driver.DAGScheduler.job.allJobs":{"value":%d}%s}}`, server.Jobs, otherGauges)
	default: // as Spark does with pages that it does not have, such as that of streaming queries
		http.Redirect(w, r, "/jobs/", http.StatusFound)
	}
}

// otherGauges make the metrics as long as those of a real server: 14 KB.
var otherGauges = func() string {
	var text strings.Builder
	for n := range 150 {
		fmt.Fprintf(&text, `,"app.driver.ExecutorMetrics.of.a.real.server.in.cluster.mode.%03d":{"value":%d}`, n, n)
	}
	return text.String()
}()
