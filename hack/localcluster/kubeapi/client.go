// SPDX-License-Identifier: Apache-2.0

package kubeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Client sends requests to one API server.
type Client struct {
	server string
	http   *http.Client
}

// StatusError is an answer other than success.
type StatusError struct {
	Method, Path string
	Code         int    // HTTP status
	Message      string // the message of the Status object, or the start of the body
}

// Error says which request was refused and why.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%s %s: %d %s: %s", e.Method, e.Path, e.Code, http.StatusText(e.Code), e.Message)
}

// Get reads a path; the JSON answer is decoded into the value unless that is nil.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	return c.do(ctx, http.MethodGet, path, "", nil, into)
}

// Create posts an object to a collection, in the format that contentType names: the server reads JSON and YAML.
func (c *Client) Create(ctx context.Context, path, contentType string, object []byte) error {
	return c.do(ctx, http.MethodPost, path, contentType, object, nil)
}

// Patch changes an object, contentType being one of the patch formats of Kubernetes.
func (c *Client) Patch(ctx context.Context, path, contentType string, patch []byte) error {
	return c.do(ctx, http.MethodPatch, path, contentType, patch, nil)
}

// Close releases idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func (c *Client) do(ctx context.Context, method, path, contentType string, body []byte, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	request.Header.Set("Accept", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return &StatusError{Method: method, Path: path, Code: response.StatusCode, Message: statusMessage(answer)}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func statusMessage(answer []byte) string {
	var status struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(answer, &status) == nil && status.Message != "" {
		return status.Message
	}
	return string(answer[:min(len(answer), 500)])
}

// WaitUntil calls check every interval until it succeeds. When stopped fires or ctx ends it gives up; the error then holds
// what check last complained about. A nil stopped never fires.
func WaitUntil(ctx context.Context, interval time.Duration, stopped <-chan struct{}, check func(context.Context) error) error {
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w; last seen: %w", context.Cause(ctx), err)
		case <-stopped:
			return err
		case <-time.After(interval):
		}
	}
}
