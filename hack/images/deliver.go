// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// deliver writes image to output unless that is there already, and prints its references.
func deliver(image v1.Image, tags []name.Tag, output string, stdout io.Writer, progress *progress) error {
	a, err := newArchive(image, tags)
	if err != nil {
		return err
	}
	size, err := a.size()
	if err != nil {
		return err
	}
	if a.upToDate(output) {
		progress.say("%s is up to date (%s)", output, megabytes(size))
	} else {
		done := progress.begin("writing %s (%s)", output, megabytes(size))
		if err := a.write(output); err != nil {
			return err
		}
		done()
	}
	for _, tag := range tags {
		fmt.Fprintln(stdout, tag.String())
	}
	return nil
}

func megabytes(size int64) string { return fmt.Sprintf("%.1f MB", float64(size)/1e6) }

// progress prints what a command does and how long it took, one line each. Parts of an image are built at the same
// time and share it.
type progress struct {
	command string
	mu      sync.Mutex
	out     io.Writer
}

func newProgress(out io.Writer, command string) *progress {
	return &progress{out: out, command: command}
}

func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "%s: %s\n", p.command, fmt.Sprintf(format, args...))
}

// begin announces a piece of work; the function it returns says that the work is done.
func (p *progress) begin(format string, args ...any) (done func()) {
	what, start := fmt.Sprintf(format, args...), time.Now()
	p.say("%s ...", what)
	return func() { p.say("%s: done in %.1fs", what, time.Since(start).Seconds()) }
}

// tags is a flag of image references that replaces its default when given and collects when given again.
type tags struct {
	values []string
	given  bool
}

// tagFlag defines the flag --tag.
func tagFlag(flags *flag.FlagSet, byDefault, about string) *tags {
	t := &tags{values: []string{byDefault}}
	flags.Var(t, "tag", about)
	return t
}

// String implements flag.Value.
func (t *tags) String() string { return strings.Join(t.values, ",") }

// Set implements flag.Value.
func (t *tags) Set(value string) error {
	if !t.given {
		t.values, t.given = nil, true
	}
	t.values = append(t.values, value)
	return nil
}
