// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestCacheKeepsWhatWasBuilt(t *testing.T) {
	root := t.TempDir()
	c, err := openCache(root, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if l, err := c.layer("a"); l != nil || err != nil {
		t.Errorf("an empty cache has %v, error %v", l, err)
	}
	built, err := c.build("a", func(w *layerWriter) error { return w.bytes("file", 0o644, []byte("content")) })
	if err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}

	again, err := openCache(root, func() { t.Error("a closed cache is locked") })
	if err != nil {
		t.Fatal(err)
	}
	defer again.close()
	kept, err := again.layer("a")
	if err != nil || kept == nil {
		t.Fatalf("the next run finds %v, error %v", kept, err)
	}
	if kept.info != built.info {
		t.Errorf("the next run finds %+v, built was %+v", kept.info, built.info)
	}
	if _, files := readLayer(t, kept); files["file"] != "content" {
		t.Errorf("the kept layer holds %v", files)
	}
}

func TestCacheKeepsNothingThatFailed(t *testing.T) {
	c, err := openCache(t.TempDir(), func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	broken := errors.New("broken")
	if _, err := c.build("a", func(w *layerWriter) error {
		return errors.Join(w.bytes("file", 0o644, []byte("half")), broken)
	}); !errors.Is(err, broken) {
		t.Errorf("error is %v, want the one of the builder", err)
	}
	if l, err := c.layer("a"); l != nil || err != nil {
		t.Errorf("a failed build left %v, error %v", l, err)
	}
}

func TestCacheRemovesTheScratchOfKilledRuns(t *testing.T) {
	root := t.TempDir()
	left := filepath.Join(root, "work", "sdist", "pyspark.tar.gz")
	if err := os.MkdirAll(filepath.Dir(left), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(left, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := openCache(root, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there (error %v)", left, err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(c.work); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the scratch is left behind (error %v)", err)
	}
}

func TestCacheIsForOneAtATime(t *testing.T) {
	root := t.TempDir()
	first, err := openCache(root, func() { t.Error("the first has to wait") })
	if err != nil {
		t.Fatal(err)
	}
	waiting, opened := make(chan struct{}), make(chan *cache)
	go func() {
		second, err := openCache(root, func() { close(waiting) })
		if err != nil {
			t.Error(err)
		}
		opened <- second
	}()
	<-waiting
	select {
	case <-opened:
		t.Fatal("two hold the cache")
	case <-time.After(50 * time.Millisecond):
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	if err := (<-opened).close(); err != nil {
		t.Fatal(err)
	}
}

func TestKey(t *testing.T) {
	if first, again := key("debian", "a", "b"), key("debian", "a", "b"); first != again {
		t.Errorf("the same inputs have the keys %s and %s", first, again)
	}
	for _, other := range [][]string{{"a"}, {"ab"}, {"b", "a"}, {"a", "b", ""}} {
		if key("debian", "a", "b") == key("debian", other...) {
			t.Errorf("%q has the key of a, b", other)
		}
	}
}
