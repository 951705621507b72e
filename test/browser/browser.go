// SPDX-License-Identifier: Apache-2.0

// Package browser opens pages in a headless Chromium and records what they load.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"k8s.io/apimachinery/pkg/util/wait"
)

// patience is how long one step may take on a busy machine.
const patience = 3 * time.Minute

// quiet is how long a page has loaded nothing when it counts as complete.
const quiet = 500 * time.Millisecond

// Request is one that a page made. A request that was redirected is followed by another.
type Request struct {
	URL string
	// Status is that of the answer; 0: none.
	Status int
	// Failure says why there is no answer.
	Failure string
}

// Browser is one tab. Its methods fail the test.
type Browser struct {
	t   *testing.T
	ctx context.Context

	mu         sync.Mutex
	pending    map[network.RequestID]*Request
	changed    time.Time // when the page last began or ended to load something
	requests   []Request
	exceptions []string
}

// program returns the path of Chromium, which `hack/prerequisites.sh browser` installs.
func program() (string, error) {
	for _, name := range []string{"chromium-headless-shell", "chromium", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium on this machine: run `hack/prerequisites.sh browser`")
}

// Start starts a browser. It ends with the test.
func Start(t *testing.T) *Browser {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(path), chromedp.WindowSize(1400, 1000)}
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox refuses to work for root
	}
	ctx, stop := chromedp.NewContext(context.WithoutCancel(t.Context()), chromedp.WithAllocatorOptions(options...))
	t.Cleanup(stop)
	b := &Browser{t: t, ctx: ctx, pending: map[network.RequestID]*Request{}}
	if err := chromedp.Listen(ctx, b.record); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		t.Fatalf("watch the network of %s: %v", path, err)
	}
	return b
}

// record keeps what happens in the tab.
func (b *Browser) record(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		// What follows a redirect has the id of the request that was redirected.
		if before := b.pending[event.RequestID]; before != nil && event.RedirectResponse != nil {
			before.Status = int(event.RedirectResponse.Status)
			b.requests = append(b.requests, *before)
		}
		b.pending[event.RequestID] = &Request{URL: event.Request.URL}
		b.changed = time.Now()
	case *network.EventResponseReceived:
		if request := b.pending[event.RequestID]; request != nil {
			request.Status = int(event.Response.Status)
		}
	case *network.EventLoadingFinished:
		b.finish(event.RequestID, "")
	case *network.EventLoadingFailed:
		b.finish(event.RequestID, event.ErrorText)
	case *runtime.EventExceptionThrown:
		details := event.ExceptionDetails
		text := details.Text
		if details.Exception != nil {
			text = details.Exception.Description
		}
		b.exceptions = append(b.exceptions, fmt.Sprintf("%s:%d: %s", details.URL, details.LineNumber+1, text))
	}
}

func (b *Browser) finish(id network.RequestID, failure string) {
	if request := b.pending[id]; request != nil {
		request.Failure = failure
		b.requests = append(b.requests, *request)
		delete(b.pending, id)
		b.changed = time.Now()
	}
}

// Open opens a page and waits until it shows a text and has loaded everything. Scripts may
// add the text.
func (b *Browser) Open(url, text string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	b.mu.Lock()
	clear(b.pending) // those of the page before are never answered
	b.mu.Unlock()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		b.t.Fatalf("open %s: %v", url, err)
	}
	b.WaitFor(text)
}

// WaitFor waits until the page shows a text and has loaded everything.
func (b *Browser) WaitFor(text string) {
	b.t.Helper()
	shown := fmt.Sprintf("document.readyState == 'complete' && document.body.innerText.includes(%q)", text)
	err := wait.PollUntilContextTimeout(b.t.Context(), 100*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		// While the tab goes from one page to the next, there is nothing to evaluate.
		isShown, err := evaluate[bool](b, shown)
		b.mu.Lock()
		defer b.mu.Unlock()
		return err == nil && isShown && len(b.pending) == 0 && time.Since(b.changed) > quiet, nil
	})
	if err == nil {
		return
	}
	page, _ := evaluate[string](b, "location.href + '\\n' + document.body.innerText")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, request := range b.pending {
		b.t.Logf("%s is not answered", request.URL)
	}
	b.t.Fatalf("the page does not show %q, or still loads, after %s: %s", text, patience, page)
}

// Evaluate returns the value of an expression of JavaScript in the page.
func Evaluate[T any](b *Browser, expression string) T {
	b.t.Helper()
	value, err := evaluate[T](b, expression)
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

func evaluate[T any](b *Browser, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

// Screenshot writes a picture of the whole page into a file, as PNG.
func (b *Browser) Screenshot(file string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	const png = 100 // the quality for which the picture is lossless
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(png))
	if err != nil {
		b.t.Fatalf("take a screenshot: %v", err)
	}
	err = errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, picture, 0o644))
	if err != nil {
		b.t.Fatal(err)
	}
}

// Seen returns the requests that have ended since the start, and the exceptions of the
// pages' scripts.
func (b *Browser) Seen() (requests []Request, exceptions []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.requests), slices.Clone(b.exceptions)
}
