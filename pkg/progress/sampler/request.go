// SPDX-License-Identifier: Apache-2.0

package sampler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/spark-operator/spark-operator/pkg/progress"
)

// Limits of one sample.
const (
	// timeout is how long all requests of a sample may take together.
	timeout = 5 * time.Second
	// maxDocument is how many bytes an answer may have. What is larger is not read to its end.
	maxDocument = 512 << 10
)

// errTooLarge is returned for an answer beyond maxDocument.
var errTooLarge = errors.New("the answer is too large")

// status is returned for an answer that is not 200.
type status int

func (s status) Error() string { return fmt.Sprintf("HTTP status %d", int(s)) }

// get reads a document of the web UI.
func get(ctx context.Context, client *http.Client, address, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "spark-operator")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, status(response.StatusCode)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, maxDocument+1))
	if err != nil {
		return nil, err
	}
	if len(document) > maxDocument {
		return nil, errTooLarge
	}
	return document, nil
}

// sample asks a driver how far it is, and for its peaks if they are wanted.
func sample(ctx context.Context, client *http.Client, target *Target, withPeaks bool) (s progress.Sample, peaks progress.Peaks, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	base := "/api/v1/applications/" + url.PathEscape(target.ApplicationID)
	document, err := get(ctx, client, target.Address, base+"/jobs")
	if errors.Is(err, errTooLarge) { // many jobs have ended: those that run will do
		document, err = get(ctx, client, target.Address, base+"/jobs?status=running")
	}
	if err != nil {
		return s, peaks, err
	}
	if s, err = progress.ReadJobs(document); err != nil {
		return s, peaks, err
	}
	switch {
	case s.Structured:
		if document, err = get(ctx, client, target.Address, "/metrics/json/"); err == nil {
			_ = s.ReadMetrics(document) // without them there is no rate
		}
	case s.DStreams:
		if document, err = get(ctx, client, target.Address, base+"/streaming/statistics"); err == nil {
			_ = s.ReadStatistics(document)
		}
	}
	if withPeaks {
		if document, err = get(ctx, client, target.Address, base+"/allexecutors"); err == nil {
			peaks, _ = progress.ReadExecutors(document) // without them there are no peaks
		}
	}
	return s, peaks, nil
}

// describe says why a sample failed, without a word of the driver.
func describe(target *Target, err error) string {
	var code status
	at := "the web UI of the driver at " + target.Address
	switch {
	case errors.As(err, &code) && code == http.StatusNotFound:
		return at + " does not know application " + target.ApplicationID
	case errors.As(err, &code) && (code == http.StatusUnauthorized || code == http.StatusForbidden):
		return at + " refuses the operator (" + code.Error() + "); see spark.ui.filters and spark.acls.enable"
	case errors.As(err, &code) && code >= 300 && code < 400:
		return at + " answers with a redirect (" + code.Error() + "), which the operator does not follow; TLS (spark.ssl.ui.enabled) is not supported"
	case errors.As(err, &code):
		return at + " answers with " + code.Error()
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return fmt.Sprintf("%s does not answer within %v; a NetworkPolicy must allow connections of the operator to this port", at, timeout)
	case errors.Is(err, syscall.ECONNREFUSED):
		return at + " refuses connections; check spark.ui.enabled"
	case errors.Is(err, errTooLarge):
		return fmt.Sprintf("%s sends more than %d KiB", at, maxDocument>>10)
	case progress.IsMalformed(err):
		return at + ": " + err.Error()
	}
	return at + " cannot be read: no valid HTTP response"
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
