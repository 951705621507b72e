// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip" // gives the same bytes whatever the version of Go
)

// epoch is the time of everything in an image that has no better one, so that the same inputs give the same digest.
// It is no earlier because zip files, and what packs them, cannot express times before 1980.
func epoch() time.Time { return time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC) }

// layerInfo is what a manifest and a configuration say about a layer.
type layerInfo struct {
	Digest    v1.Hash         `json:"digest"`
	DiffID    v1.Hash         `json:"diffID"`
	Size      int64           `json:"size"`
	MediaType types.MediaType `json:"mediaType"`
}

// layer is a finished layer in a file. It implements v1.Layer without reading the file again, which for the layers of
// a Spark image would cost seconds.
type layer struct {
	info layerInfo
	path string
}

func (l *layer) Digest() (v1.Hash, error)            { return l.info.Digest, nil }
func (l *layer) DiffID() (v1.Hash, error)            { return l.info.DiffID, nil }
func (l *layer) Size() (int64, error)                { return l.info.Size, nil }
func (l *layer) MediaType() (types.MediaType, error) { return l.info.MediaType, nil }
func (l *layer) Compressed() (io.ReadCloser, error)  { return os.Open(l.path) }
func (l *layer) Uncompressed() (io.ReadCloser, error) {
	file, err := os.Open(l.path)
	if err != nil || l.info.MediaType == types.OCIUncompressedLayer {
		return file, err
	}
	content, err := gzip.NewReader(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("reading layer %s: %w", l.path, err)
	}
	return &gzipFile{Reader: content, file: file}, nil
}

// gzipFile closes the file below the decompressor too.
type gzipFile struct {
	*gzip.Reader
	file *os.File
}

func (f *gzipFile) Close() error { return errors.Join(f.Reader.Close(), f.file.Close()) }

// owner is the numeric owner of a file; the zero value is root.
type owner struct{ uid, gid int }

// layerWriter writes a layer: names are relative to the root of the image, entries have no owner names and no access
// times, and parent directories come by themselves, so the result depends on nothing but what is written.
type layerWriter struct {
	file   *os.File
	buffer *bufio.Writer
	gzip   *gzip.Writer // nil in an uncompressed layer
	tar    *tar.Writer
	digest hash.Hash
	diffID hash.Hash // digest itself in an uncompressed layer
	dirs   map[string]bool
}

// newLayerWriter creates the layer file at name. A compressed layer suits what is pushed and pulled; an uncompressed
// one suits what is loaded from the local disk and consists of jars, which hardly shrink.
func newLayerWriter(name string, compressed bool) (*layerWriter, error) {
	file, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("creating layer: %w", err)
	}
	w := &layerWriter{file: file, buffer: bufio.NewWriterSize(file, 1<<20), digest: sha256.New(), dirs: map[string]bool{".": true}}
	blob := io.MultiWriter(w.buffer, w.digest)
	if !compressed {
		w.diffID = w.digest
		w.tar = tar.NewWriter(blob)
		return w, nil
	}
	w.diffID = sha256.New()
	w.gzip = gzip.NewWriter(blob)
	w.tar = tar.NewWriter(io.MultiWriter(w.gzip, w.diffID))
	return w, nil
}

// directory adds a directory.
func (w *layerWriter) directory(name string, mode int64, by owner) error {
	return w.add(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode, Uid: by.uid, Gid: by.gid, ModTime: epoch()}, nil)
}

// bytes adds a regular file of root with the given content.
func (w *layerWriter) bytes(name string, mode int64, content []byte) error {
	return w.regular(name, mode, int64(len(content)), bytes.NewReader(content))
}

// regular adds a regular file of root with size bytes of content.
func (w *layerWriter) regular(name string, mode, size int64, content io.Reader) error {
	return w.add(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: size, ModTime: epoch()}, content)
}

// symlink adds a symbolic link of root.
func (w *layerWriter) symlink(name, target string) error {
	return w.add(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777, ModTime: epoch()}, nil)
}

// add writes one entry and, before it, those of its parent directories that the layer does not have yet.
// A directory that is there already is not written twice.
func (w *layerWriter) add(header *tar.Header, content io.Reader) error {
	name := path.Clean(header.Name)
	if header.Typeflag == tar.TypeDir && w.dirs[name] {
		return nil
	}
	if parent := path.Dir(name); !w.dirs[parent] {
		if err := w.directory(parent, 0o755, owner{}); err != nil {
			return err
		}
	}
	header.Name = name
	if header.Typeflag == tar.TypeDir {
		w.dirs[name] = true
		header.Name += "/"
	}
	if err := w.tar.WriteHeader(header); err != nil {
		return fmt.Errorf("adding %s to layer: %w", name, err)
	}
	if content == nil {
		return nil
	}
	if _, err := io.Copy(w.tar, content); err != nil {
		return fmt.Errorf("adding %s to layer: %w", name, err)
	}
	return nil
}

// finish completes the file and returns the layer.
func (w *layerWriter) finish() (*layer, error) {
	err := w.tar.Close()
	mediaType := types.OCIUncompressedLayer
	if w.gzip != nil {
		mediaType = types.OCILayer
		err = errors.Join(err, w.gzip.Close())
	}
	err = errors.Join(err, w.buffer.Flush())
	status, statErr := w.file.Stat()
	if err = errors.Join(err, statErr, w.file.Close()); err != nil {
		return nil, fmt.Errorf("finishing layer %s: %w", w.file.Name(), err)
	}
	return &layer{path: w.file.Name(), info: layerInfo{
		Digest: sha256Hash(w.digest), DiffID: sha256Hash(w.diffID), Size: status.Size(), MediaType: mediaType,
	}}, nil
}

// abandon closes the file of a layer that could not be written.
func (w *layerWriter) abandon() { w.file.Close() }

func sha256Hash(sum hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}
}
