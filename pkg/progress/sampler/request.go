// SPDX-License-Identifier: Apache-2.0

package sampler

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spark-operator/spark-operator/pkg/progress"
	"github.com/spark-operator/spark-operator/pkg/webui"
	"github.com/spark-operator/spark-operator/pkg/webui/poller"
)

// Limits of one sample.
const (
	// timeout is how long all requests of a sample may take together. The first one makes Spark
	// load its REST API, for which a driver with little CPU needs seconds.
	timeout = 10 * time.Second
	// maxDocument is how many bytes an answer may have. What is larger is not read to its end.
	maxDocument = 512 << 10
)

// taken is what one sample shows.
type taken struct {
	progress.Sample
	peaks progress.Peaks
	// working reports whether tasks ran on executors.
	working bool
	cpu     progress.CPUTime
}

// sample asks a driver how far it is, and for its peaks if they are wanted.
func sample(ctx context.Context, client *http.Client, pod *poller.Pod, withPeaks bool) (s taken, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// at is when the driver has sent the document, by its own clock; zero if it does not say so.
	get := func(path string) (document []byte, at time.Time, err error) {
		header, err := webui.Get(ctx, client, pod.Address, path, maxDocument, func(body io.Reader) (err error) {
			document, err = io.ReadAll(body)
			return err
		})
		at, _ = http.ParseTime(header.Get("Date"))
		return document, at, err
	}
	base := "/api/v1/applications/" + url.PathEscape(pod.ApplicationID)
	document, _, err := get(base + "/jobs")
	if failure, ok := errors.AsType[*webui.Error](err); ok && failure.Limit != 0 { // many jobs have ended: those that run will do
		document, _, err = get(base + "/jobs?status=running")
	}
	if err != nil {
		return s, err
	}
	if s.Sample, err = progress.ReadJobs(document); err != nil {
		return s, err
	}
	// What is not there from here on is only missing in the sample.
	if s.Structured || withPeaks {
		if document, at, err := get("/metrics/json/"); err == nil {
			metrics, _ := progress.ReadMetrics(document)
			if s.cpu = (progress.CPUTime{At: at, Used: metrics.CPU}); s.Structured {
				s.SetRate(metrics)
			}
		}
	}
	if s.DStreams && !s.Structured {
		if document, _, err := get(base + "/streaming/statistics"); err == nil {
			_ = s.ReadStatistics(document)
		}
	}
	if withPeaks {
		if document, at, err := get(base + "/allexecutors"); err == nil {
			s.peaks, s.working, _ = progress.ReadExecutors(document, at)
		}
	}
	return s, nil
}

// describe says why a sample failed, without a word of the driver.
func describe(pod *poller.Pod, err error) string {
	failure, ok := errors.AsType[*webui.Error](err)
	switch {
	case ok && failure.Status == http.StatusNotFound:
		return "the web UI at " + pod.Address + " does not know application " + pod.ApplicationID
	case progress.IsMalformed(err):
		return "the web UI at " + pod.Address + ": " + err.Error()
	}
	return err.Error()
}
