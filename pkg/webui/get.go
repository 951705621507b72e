// SPDX-License-Identifier: Apache-2.0

package webui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// Error is why a document of a web UI cannot be read. Its message repeats nothing that the pod
// has sent.
type Error struct {
	// Address is host and port of the web UI, and Path names the document.
	Address, Path string
	// Status is the HTTP status, which is not 200; 0 if there is no whole answer.
	Status int
	// Location is where a redirect points to.
	Location string
	// Limit is how many bytes the document may have if it has more; otherwise 0.
	Limit int64
	// Err is the error of the connection; nil if there is none.
	Err error
}

// Unwrap returns the error of the connection.
func (e *Error) Unwrap() error { return e.Err }

// Denied reports whether the web UI requires a login.
func (e *Error) Denied() bool {
	return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

// Error implements error.
func (e *Error) Error() string {
	at := "the web UI at " + e.Address
	var timeout net.Error
	var operation *net.OpError
	switch {
	case e.Denied():
		return fmt.Sprintf("%s refuses the operator (HTTP status %d): remove spark.ui.filters, or spark.acls.enable, from spec.sparkConf", at, e.Status)
	case e.Status >= 300 && e.Status < 400:
		return fmt.Sprintf("%s redirects %s (HTTP status %d), which the operator does not follow; TLS (spark.ssl.ui.enabled) is not supported", at, e.Path, e.Status)
	case e.Status != 0:
		return fmt.Sprintf("%s answers %s with HTTP status %d", at, e.Path, e.Status)
	case e.Limit != 0:
		return fmt.Sprintf("%s sends more than %d KiB for %s", at, e.Limit>>10, e.Path)
	case errors.As(e.Err, &timeout) && timeout.Timeout():
		return at + " does not answer in time; a NetworkPolicy must allow connections of the operator to this port"
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return at + " refuses connections; check spark.ui.enabled"
	case errors.As(e.Err, &operation):
		return fmt.Sprintf("%s does not answer: %s: %v", at, operation.Op, operation.Err)
	}
	return at + " sends no valid HTTP response"
}

// Get requests a document and lets read read it, at most limit bytes. It returns the header of the
// answer. The error is an [*Error] or that of read.
func Get(ctx context.Context, client *http.Client, address, path string, limit int64, read func(io.Reader) error) (http.Header, error) {
	name, _, _ := strings.Cut(path, "?")
	failure := Error{Address: address, Path: name}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, http.NoBody)
	if err != nil {
		failure.Err = err
		return nil, &failure
	}
	request.Header.Set("User-Agent", "spark-operator")
	response, err := client.Do(request)
	if err != nil {
		failure.Err = err
		return nil, &failure
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		failure.Status, failure.Location = response.StatusCode, response.Header.Get("Location")
		return nil, &failure
	}
	body := &bounded{from: response.Body, left: limit}
	if err = read(body); err == nil {
		return response.Header, nil
	}
	switch {
	case body.left < 0:
		failure.Limit = limit
	case body.err != nil:
		failure.Err = body.err
	default:
		return nil, err
	}
	return nil, &failure
}

var errTooLong = errors.New("too long")

// bounded reads what a pod sends, up to a limit.
type bounded struct {
	from io.Reader
	// left is how many bytes are left, and negative if there were more.
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
