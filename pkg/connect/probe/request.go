// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spark-operator/spark-operator/pkg/connect/activity"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/webui"
)

// Reasons of a [Failure].
const (
	// Unreachable: the web UI does not answer in time.
	Unreachable = "Unreachable"
	// WrongApplication: the web UI is that of another application.
	WrongApplication = "WrongApplication"
	// NotAuthorized: the web UI wants a login.
	NotAuthorized = "NotAuthorized"
	// NoSignal: the web UI does not show what the server does.
	NoSignal = "NoSignal"
)

// Failure is why a probe shows nothing.
type Failure struct{ Reason, Message string }

// failedError is a Failure as an error.
type failedError struct{ Failure }

func (f *failedError) Error() string { return f.Message }

func failed(reason, format string, arguments ...any) *failedError {
	return &failedError{Failure{reason, fmt.Sprintf(format, arguments...)}}
}

// Limits of the responses, in bytes. The texts of statements, of 64 KiB at most and 200 of
// them by default, make the list of operations long.
const (
	maxDocument   = 1 << 20
	maxOperations = 32 << 20
)

// maxSkew is how far the clock of a server may be from ours for the times that it reports to
// count. The header Date has no fractions of seconds.
const maxSkew = 5 * time.Second

// The pages show one row of each table, and the headings what the tables have in all.
const (
	pathApplication = "/api/v1/applications"
	pathConnectPage = "/connect/?sessionstat.pageSize=1&sqlstat.pageSize=1"
	pathMetrics     = "/metrics/json/"
	pathStreams     = "/StreamingQuery/?active.pageSize=1&completed.pageSize=1"
)

// newClient returns a client with a transport; nil for that of package webui.
func newClient(transport http.RoundTripper) *http.Client {
	client := webui.NewClient(timeout)
	if transport != nil {
		client.Transport = transport
	}
	return client
}

// asker makes the requests of one probe.
type asker struct {
	ctx    context.Context
	client *http.Client
	target Target
	now    func() time.Time
	// trusted is set if the clock of the server goes right.
	trusted bool
}

// ask returns what the server shows. The error is a failedError.
func (a *asker) ask() (reading activity.Reading, err error) {
	var app activity.Application
	err = a.get(pathApplication, maxDocument, func(body io.Reader) (err error) {
		app, err = activity.ReadApplication(body)
		return err
	})
	if err != nil {
		return reading, err
	}
	if app.ID != a.target.ApplicationID {
		return reading, failed(WrongApplication, "the web UI at %s is not that of the server pod", a.target.Address)
	}
	if reading.Connect, err = a.connect(app); err != nil {
		return reading, err
	}
	err = a.get(pathStreams, maxDocument, func(body io.Reader) (err error) {
		reading.Streams, err = activity.ReadStreams(body)
		return err
	})
	reading.Streamed = err == nil
	if err != nil && !isHome(err) { // Spark adds the page with the first streaming query
		return reading, err
	}
	err = a.get(pathMetrics, maxDocument, func(body io.Reader) (err error) {
		reading.Jobs, err = activity.ReadJobs(body)
		return err
	})
	return reading, err
}

// connect reads the sessions: from the REST API, which has them since Spark 4.3, otherwise
// from the page.
func (a *asker) connect(app activity.Application) (shown activity.Connect, err error) {
	if version, err := sparkconf.ParseVersion(app.Version); err == nil && version.AtLeast(4, 3) {
		path := pathApplication + "/" + url.PathEscape(app.ID) + "/connect/"
		var sessions *activity.Sessions
		err := a.get(path+"sessions", maxDocument, func(body io.Reader) (err error) {
			sessions, err = activity.ReadSessions(body)
			return err
		})
		if err != nil {
			return shown, err
		}
		err = a.get(path+"operations", maxOperations, func(body io.Reader) (err error) {
			shown, err = sessions.ReadOperations(body)
			return err
		})
		return shown, err
	}
	err = a.get(pathConnectPage, maxDocument, func(body io.Reader) (err error) {
		shown, err = activity.ReadConnectPage(body)
		return err
	})
	return shown, err
}

// redirectError is the failure of a request that is answered with a redirect.
type redirectError struct {
	*failedError
	location string
}

func (r *redirectError) Unwrap() error { return r.failedError }

// isHome reports whether an error is the redirect to the first page of the web UI, which
// Spark sends for pages that it does not have.
func isHome(err error) bool {
	var r *redirectError
	if !errors.As(err, &r) {
		return false
	}
	at, err := url.Parse(r.location)
	return err == nil && strings.HasSuffix(at.Path, "/jobs/")
}

// get reads a document of at most limit bytes.
func (a *asker) get(path string, limit int64, read func(io.Reader) error) error {
	request, err := http.NewRequestWithContext(a.ctx, http.MethodGet, "http://"+a.target.Address+path, nil)
	if err != nil {
		return failed(Unreachable, "the address of the web UI is not valid")
	}
	request.Header.Set("User-Agent", "spark-operator")
	response, err := a.client.Do(request)
	if err != nil {
		return failed(Unreachable, "the web UI at %s does not answer: %s", a.target.Address, a.describe(err))
	}
	defer response.Body.Close()
	name, _, _ := strings.Cut(path, "?")
	switch status := response.StatusCode; {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return failed(NotAuthorized, "the web UI refuses the operator (HTTP status %d): remove spark.ui.filters, or spark.acls.enable, from spec.sparkConf", status)
	case status >= 300 && status < 400:
		return &redirectError{failed(NoSignal, "the web UI redirects %s (HTTP status %d)", name, status), response.Header.Get("Location")}
	case status != http.StatusOK:
		return failed(NoSignal, "the web UI answers %s with HTTP status %d", name, status)
	}
	a.readClock(response.Header.Get("Date"))
	body := &bounded{from: response.Body, left: limit}
	if err := read(body); err != nil {
		switch {
		case body.left < 0:
			return failed(NoSignal, "%s of the web UI has more than %d MiB", name, limit>>20)
		case body.err != nil:
			return failed(Unreachable, "the web UI at %s does not finish its answer: %s", a.target.Address, a.describe(body.err))
		}
		return failed(NoSignal, "web UI: %v", err)
	}
	return nil
}

// readClock compares the clock of the server with ours.
func (a *asker) readClock(date string) {
	at, err := http.ParseTime(date)
	a.trusted = err == nil && a.now().Sub(at).Abs() <= maxSkew
}

// describe says what happened to a connection, without a word of the server.
func (a *asker) describe(err error) string {
	var operation *net.OpError
	switch {
	case errors.Is(a.ctx.Err(), context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %v", timeout)
	case a.ctx.Err() != nil:
		return "the operator is being stopped"
	case errors.As(err, &operation):
		return operation.Op + ": " + operation.Err.Error()
	}
	return "no valid HTTP response"
}

var errTooLong = errors.New("too long")

// bounded reads what a server sends, up to a limit.
type bounded struct {
	from io.Reader
	left int64
	// err is the error of the connection.
	err error
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLong
	}
	n, err := b.from.Read(p)
	b.left -= int64(n)
	if err != nil && err != io.EOF {
		b.err = err
	}
	if b.left < 0 {
		return 0, errTooLong
	}
	return n, err
}
