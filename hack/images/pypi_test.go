// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const indexAnswer = `pyspark (4.3.0)
Available versions: 4.10.0, 4.3.0, 4.2.1, 4.2.0, 4.1.4, 4.0.5, 3.5.10, 3.5.9, 3.5.8, 2.2.0.post0, 4.4.0.dev1
  INSTALLED: 4.2.0
`

// testPip is a pip whose program answers with answer or fails with err, and counts its runs.
func testPip(t *testing.T, answer string, err error) (p *pip, runs *int, log *bytes.Buffer) {
	t.Helper()
	c, openErr := openCache(t.TempDir(), func() { t.Error("a new cache is locked") })
	if openErr != nil {
		t.Fatal(openErr)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	runs, log = new(int), new(bytes.Buffer)
	return &pip{cache: c, progress: newProgress(log, "spark"), now: time.Now,
		run: func(context.Context, []string, string, ...string) ([]byte, error) {
			*runs++
			return []byte(answer), err
		}}, runs, log
}

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		version, want string
		runs          int
	}{
		{"4.3.0", "4.3.0", 0},
		{"4.4.0.dev1", "4.4.0.dev1", 0},
		{"4.2.0rc1", "4.2.0rc1", 0},
		{"4.3", "4.3.0", 1},
		{"4.1.x", "4.1.4", 1},
		{"3.5", "3.5.10", 1}, // by number, not by letter
		{"4.1", "4.1.4", 1},  // and not 4.10.0
	} {
		p, runs, _ := testPip(t, indexAnswer, nil)
		got, err := p.resolve(t.Context(), c.version)
		if err != nil || got != c.want || *runs != c.runs {
			t.Errorf("%s: got %q, error %v, %d questions to the index; want %q and %d", c.version, got, err, *runs, c.want, c.runs)
		}
	}
}

func TestResolveRefuses(t *testing.T) {
	for _, c := range []struct{ version, want string }{
		{"", "expected a release"},
		{"latest", "expected a release"},
		{"4", "expected a release"},
		{"4.3.0; rm", "expected a release"},
		{"4.4", "newest is 4.10.0"}, // only a preview
		{"9.9", "newest is 4.10.0"},
	} {
		p, _, _ := testPip(t, indexAnswer, nil)
		if got, err := p.resolve(t.Context(), c.version); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %q and error %v, want %q in it", c.version, got, err, c.want)
		}
	}
	p, _, _ := testPip(t, "pyspark (4.3.0)", nil)
	if _, err := p.resolve(t.Context(), "4.3"); err == nil || !strings.Contains(err.Error(), "give --version in full") {
		t.Errorf("an answer without releases: error is %v", err)
	}
	p, _, _ = testPip(t, "", errors.New("no route to host"))
	if _, err := p.resolve(t.Context(), "4.3"); err == nil || !strings.Contains(err.Error(), "no route to host") {
		t.Errorf("an index that does not answer: error is %v", err)
	}
}

func TestResolveRemembers(t *testing.T) {
	p, runs, log := testPip(t, indexAnswer, nil)
	resolve := func() {
		t.Helper()
		if got, err := p.resolve(t.Context(), "4.3"); err != nil || got != "4.3.0" {
			t.Errorf("got %q, error %v", got, err)
		}
	}
	resolve()
	resolve()
	if *runs != 1 {
		t.Errorf("the index was asked %d times within a day, want once", *runs)
	}
	p.now = func() time.Time { return time.Now().Add(releasesFreshFor + time.Minute) }
	resolve()
	if *runs != 2 {
		t.Errorf("the index was asked %d times within two days, want twice", *runs)
	}
	p.run = func(context.Context, []string, string, ...string) ([]byte, error) { return nil, errors.New("offline") }
	resolve()
	if !strings.Contains(log.String(), "did not answer") {
		t.Errorf("nothing says that an old list was used: %q", log)
	}
}

func TestDownload(t *testing.T) {
	p, _, _ := testPip(t, "", nil)
	var command []string
	p.run = func(_ context.Context, env []string, name string, args ...string) ([]byte, error) {
		command = append([]string{name}, args...)
		if !slices.Contains(env, "TMPDIR="+p.cache.work) {
			t.Errorf("pip unpacks into the temporary folder of the system: %q", env)
		}
		folder := args[slices.Index(args, "--dest")+1]
		return nil, os.WriteFile(filepath.Join(folder, "pyspark-3.5.9.tar.gz"), nil, 0o644)
	}
	got, err := p.download(t.Context(), "3.5.9")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(got); err != nil {
		t.Error(err)
	}
	if text := strings.Join(command, " "); !strings.HasPrefix(text, "python3 -m pip download ") || !strings.HasSuffix(text, " pyspark==3.5.9") {
		t.Errorf("ran %s", text)
	}
}

func TestDownloadWithoutArchive(t *testing.T) {
	p, _, _ := testPip(t, "", nil)
	if _, err := p.download(t.Context(), "3.5.9"); err == nil || !strings.Contains(err.Error(), "found 0") {
		t.Errorf("error is %v", err)
	}
}
