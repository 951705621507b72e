// SPDX-License-Identifier: Apache-2.0

package activity

import (
	"io"
	"strings"
	"time"
)

// Application is the Spark application of a web UI.
type Application struct {
	// ID is the id of the application (spark.app.id).
	ID string
	// Version is that of Spark; empty if it is not shown.
	Version string
}

// ReadApplication reads /api/v1/applications. The list of a driver has one element: that of
// a history server is refused, even if it knows the application.
func ReadApplication(from io.Reader) (Application, error) {
	const document = "/api/v1/applications"
	var found []Application
	err := readList(document, from, func(app *struct {
		ID       string `json:"id"`
		Attempts []struct {
			Version string `json:"appSparkVersion"`
		} `json:"attempts"`
	}) {
		one := Application{ID: app.ID}
		for _, attempt := range app.Attempts {
			one.Version = attempt.Version
		}
		if len(found) < 2 {
			found = append(found, one)
		}
	})
	if err != nil {
		return Application{}, err
	}
	if len(found) != 1 || found[0].ID == "" {
		return Application{}, malformed(document, nil)
	}
	return found[0], nil
}

// Connect is what is known of the sessions of a server and of the operations in them.
type Connect struct {
	// Open is how many sessions are open.
	Open int32
	// Running is how many operations run.
	Running int32
	// Sessions and Operations are how many the server remembers, ended ones too. Spark
	// remembers 200 of each by default.
	Sessions, Operations int64
	// Times is a digest of the times at which they started and ended.
	Times uint64
	// Dated is set if Latest is known: the latest of those times, by the server's clock.
	Dated  bool
	Latest time.Time
}

// Sessions are those of Spark 4.3 and newer.
type Sessions struct {
	open    map[sessionKey]bool
	connect Connect
}

// sessionKey: users may choose the same id.
type sessionKey struct{ user, session string }

// ReadSessions reads connect/sessions of the REST API.
func ReadSessions(from io.Reader) (*Sessions, error) {
	s := &Sessions{open: map[sessionKey]bool{}, connect: Connect{Dated: true}}
	err := readList("connect/sessions", from, func(session *struct {
		ID     string `json:"sessionId"`
		User   string `json:"userId"`
		Start  int64  `json:"startTimestamp"`
		Finish int64  `json:"finishTimestamp"`
	}) {
		s.connect.Sessions++
		s.connect.see(session.Start, session.Finish)
		if session.Finish == 0 {
			s.connect.Open++
			s.open[sessionKey{session.User, session.ID}] = true
		}
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// startOfStream is how the statement begins that starts a streaming query. Its operation
// stays STARTED forever, even after its session was closed.
const startOfStream = "write_stream_operation_start"

// ReadOperations reads connect/operations of the REST API and returns what both lists show.
// Operations of closed sessions do not run, whatever their state is.
func (s *Sessions) ReadOperations(from io.Reader) (Connect, error) {
	err := readList("connect/operations", from, func(operation *struct {
		Session   string `json:"sessionId"`
		User      string `json:"userId"`
		Statement string `json:"statement"`
		State     string `json:"state"`
		Start     int64  `json:"startTimestamp"`
		Finish    int64  `json:"finishTimestamp"`
		Close     int64  `json:"closeTimestamp"`
	}) {
		s.connect.Operations++
		s.connect.see(operation.Start, operation.Finish, operation.Close)
		switch operation.State {
		case "CLOSED", "CANCELED", "FAILED":
			return // what is finished but not closed may still send its result
		}
		if s.open[sessionKey{operation.User, operation.Session}] && operation.Close == 0 && !strings.HasPrefix(operation.Statement, startOfStream) {
			s.connect.Running++
		}
	})
	return s.connect, err
}

func (c *Connect) see(timestamps ...int64) {
	for _, milliseconds := range timestamps {
		c.Times = digest(c.Times, uint64(milliseconds)) //nolint:gosec // any number will do
		if at := time.UnixMilli(milliseconds); milliseconds > 0 && at.After(c.Latest) {
			c.Latest = at
		}
	}
}

// digest is FNV-1a in steps of 64 bits.
func digest(sum, value uint64) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	return (sum ^ offset ^ value) * prime
}
