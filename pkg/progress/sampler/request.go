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

// sample asks a driver how far it is, and for its peaks if they are wanted.
func sample(ctx context.Context, client *http.Client, pod *poller.Pod, withPeaks bool) (s progress.Sample, peaks progress.Peaks, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	get := func(path string) (document []byte, err error) {
		_, err = webui.Get(ctx, client, pod.Address, path, maxDocument, func(body io.Reader) (err error) {
			document, err = io.ReadAll(body)
			return err
		})
		return document, err
	}
	base := "/api/v1/applications/" + url.PathEscape(pod.ApplicationID)
	document, err := get(base + "/jobs")
	if failure, ok := errors.AsType[*webui.Error](err); ok && failure.Limit != 0 { // many jobs have ended: those that run will do
		document, err = get(base + "/jobs?status=running")
	}
	if err != nil {
		return s, peaks, err
	}
	if s, err = progress.ReadJobs(document); err != nil {
		return s, peaks, err
	}
	switch {
	case s.Structured:
		if document, err = get("/metrics/json/"); err == nil {
			_ = s.ReadMetrics(document) // without them there is no rate
		}
	case s.DStreams:
		if document, err = get(base + "/streaming/statistics"); err == nil {
			_ = s.ReadStatistics(document)
		}
	}
	if withPeaks {
		if document, err = get(base + "/allexecutors"); err == nil {
			peaks, _ = progress.ReadExecutors(document) // without them there are no peaks
		}
	}
	return s, peaks, nil
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
