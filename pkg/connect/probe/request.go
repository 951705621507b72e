// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spark-operator/spark-operator/pkg/connect/activity"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/webui"
	"github.com/spark-operator/spark-operator/pkg/webui/poller"
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

// errWrongApplication is the error about a web UI of another application.
var errWrongApplication = errors.New("the web UI is not that of the server pod: it shows another application")

// failureOf is an error of a probe as the status shows it.
func failureOf(err error) *Failure {
	reason := NoSignal
	var failure *webui.Error
	switch {
	case errors.Is(err, errWrongApplication):
		reason = WrongApplication
	case !errors.As(err, &failure):
	case failure.Denied():
		reason = NotAuthorized
	case failure.Err != nil:
		reason = Unreachable
	}
	return &Failure{reason, err.Error()}
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

// asker makes the requests of one probe.
type asker struct {
	ctx    context.Context
	client *http.Client
	target poller.Pod
	now    func() time.Time
	// trusted is set if the clock of the server goes right.
	trusted bool
}

// ask returns what the server shows.
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
		return reading, errWrongApplication
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

// isHome reports whether an error is the redirect to the first page of the web UI, which
// Spark sends for pages that it does not have.
func isHome(err error) bool {
	var failure *webui.Error
	if !errors.As(err, &failure) {
		return false
	}
	at, err := url.Parse(failure.Location)
	return err == nil && strings.HasSuffix(at.Path, "/jobs/")
}

// get reads a document of at most limit bytes, and compares the clock of the server with ours.
func (a *asker) get(path string, limit int64, read func(io.Reader) error) error {
	header, err := webui.Get(a.ctx, a.client, a.target.Address, path, limit, read)
	if err != nil {
		return err
	}
	at, err := http.ParseTime(header.Get("Date"))
	a.trusted = err == nil && a.now().Sub(at).Abs() <= maxSkew
	return nil
}
