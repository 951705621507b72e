// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// cache keeps the layers of Spark images between runs, in a folder of the user. A layer is found under a key that is a
// hash of all it was made from, so nothing in the cache is ever out of date; removing the folder is always safe.
type cache struct {
	root string
	work string // scratch of this run, in the same file system as root
	lock *os.File
}

// openCache opens the cache at root, which it creates, and holds it alone until close. It calls wait once if another
// process holds the cache.
func openCache(root string, wait func()) (*cache, error) {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("creating the cache: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(root, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("locking the cache: %w", err)
	}
	err = flock(lock, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		wait()
		err = flock(lock, syscall.LOCK_EX)
	}
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("locking the cache %s: %w", root, err)
	}
	c := &cache{root: root, work: filepath.Join(root, "work"), lock: lock}
	// What is there was left by a run that was killed.
	if err := errors.Join(os.RemoveAll(c.work), os.Mkdir(c.work, 0o755)); err != nil {
		lock.Close()
		return nil, fmt.Errorf("preparing the cache: %w", err)
	}
	return c, nil
}

// close removes the scratch and lets other processes in.
func (c *cache) close() error { return errors.Join(os.RemoveAll(c.work), c.lock.Close()) }

func flock(file *os.File, how int) error {
	for {
		if err := syscall.Flock(int(file.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// key names a cache entry: a readable part and a hash of all its inputs.
func key(readable string, inputs ...string) string {
	sum := sha256.New()
	for _, input := range inputs {
		fmt.Fprintf(sum, "%d:%s", len(input), input)
	}
	return readable + "-" + hex.EncodeToString(sum.Sum(nil)[:6])
}

// layer returns the layer kept under key, and nil without an error if there is none.
func (c *cache) layer(key string) (*layer, error) {
	text, err := os.ReadFile(filepath.Join(c.root, key, "layer.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the cache: %w", err)
	}
	l := &layer{path: filepath.Join(c.root, key, "layer.tar")}
	if err := json.Unmarshal(text, &l.info); err != nil {
		return nil, fmt.Errorf("reading the cache entry %s: %w; remove that folder", filepath.Join(c.root, key), err)
	}
	return l, nil
}

// build makes the layer for key with fill and keeps it. Nothing is kept if fill fails.
func (c *cache) build(key string, fill func(*layerWriter) error) (*layer, error) {
	scratch := filepath.Join(c.work, key)
	if err := os.Mkdir(scratch, 0o755); err != nil {
		return nil, fmt.Errorf("writing to the cache: %w", err)
	}
	w, err := newLayerWriter(filepath.Join(scratch, "layer.tar"), false)
	if err != nil {
		return nil, err
	}
	if err := fill(w); err != nil {
		w.abandon()
		return nil, err
	}
	l, err := w.finish()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(l.info)
	if err != nil {
		return nil, fmt.Errorf("writing to the cache: %w", err)
	}
	if err := os.WriteFile(filepath.Join(scratch, "layer.json"), text, 0o644); err != nil {
		return nil, fmt.Errorf("writing to the cache: %w", err)
	}
	if err := os.Rename(scratch, filepath.Join(c.root, key)); err != nil {
		return nil, fmt.Errorf("writing to the cache: %w", err)
	}
	return c.layer(key)
}
