// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"
)

func TestHelp(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--help"}, "images spark"},
		{[]string{"operator", "--help"}, "-binary"},
		{[]string{"spark", "--help"}, "-version"},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), c.args, &out, &out); !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), c.want) {
			t.Errorf("%v: error %v, printed %q", c.args, err, &out)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "a command is missing"},
		{[]string{"pause"}, `unknown command "pause"`},
		{[]string{"operator", "extra"}, `unexpected argument "extra"`},
		{[]string{"operator", "--tag", "spark-operator"}, "localhost/spark:4.3.0"},
		{[]string{"spark", "--cache", ""}, "XDG_CACHE_HOME"},
		{[]string{"spark", "--cache", t.TempDir(), "--version", "newest"}, "a series such as 4.3"},
		{[]string{"spark", "--cache", t.TempDir(), "--version", "4.3.0", "--tag", "spark:4.3.0"}, "requires the registry"},
	} {
		var out bytes.Buffer
		if err := run(t.Context(), c.args, &out, &out); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error is %v, want %q in it", c.args, err, c.want)
		}
	}
}

func TestReason(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "no error message",
		"reading\nno space left on device\n\n": "no space left on device",
		"E: not enough\nI: removing tempdir\n": "E: not enough",
		"ERROR: no matching distribution for pyspark==9.9.9\n[notice] a new pip\n":  "ERROR: no matching distribution for pyspark==9.9.9",
		"SparkPi.java:9: error: cannot find symbol\n  symbol: class Foo\n1 error\n": "SparkPi.java:9: error: cannot find symbol",
	} {
		if got := reason(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestRunCommand(t *testing.T) {
	out, err := runCommand(t.Context(), []string{"GREETING=hello"}, "sh", "-c", `echo "$GREETING"; echo noise >&2`)
	if err != nil || string(out) != "hello\n" {
		t.Errorf("got %q, error %v", out, err)
	}
	if _, err := runCommand(t.Context(), nil, "sh", "-c", "echo why >&2; exit 3"); err == nil || err.Error() != "sh: exit status 3: why" {
		t.Errorf("error is %v", err)
	}
	if _, err := runCommand(t.Context(), nil, "sh", "-c", "echo /usr/bin/python3: No module named pip >&2; exit 1"); err == nil ||
		!strings.Contains(err.Error(), "apt-get install python3-pip") {
		t.Errorf("error is %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := runCommand(ended, nil, "sleep", "10"); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want that of the context", err)
	}
}

func TestMissingPrograms(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := runCommand(t.Context(), nil, "mmdebstrap"); err == nil || err.Error() != "mmdebstrap is not installed; run: apt-get install mmdebstrap" {
		t.Errorf("error is %v", err)
	}
	err := findPrograms(map[string]bool{"mmdebstrap": true, "javac": true})
	if err == nil || err.Error() != "programs are missing; run: apt-get install mmdebstrap openjdk-17-jdk-headless" {
		t.Errorf("error is %v", err)
	}
	if err := findPrograms(map[string]bool{"mmdebstrap": false}); err != nil {
		t.Errorf("a program that is not needed is missed: %v", err)
	}
}

func TestFirstCause(t *testing.T) {
	cause, echo := errors.New("disk full"), fmt.Errorf("mmdebstrap: %w", context.Canceled)
	if got := firstCause(echo, cause); !errors.Is(got, cause) {
		t.Errorf("got %v", got)
	}
	if got := firstCause(echo, nil); !errors.Is(got, context.Canceled) {
		t.Errorf("got %v", got)
	}
	if got := firstCause(nil, nil); got != nil {
		t.Errorf("got %v", got)
	}
}
