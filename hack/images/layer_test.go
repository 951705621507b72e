// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// writeLayer writes a layer with one of everything.
func writeLayer(t *testing.T, compressed bool) *layer {
	t.Helper()
	w, err := newLayerWriter(filepath.Join(t.TempDir(), "layer"), compressed)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		w.directory("tmp", 0o1777, owner{}),
		w.bytes("opt/spark/bin/spark-submit", 0o755, []byte("submit")),
		w.bytes("opt/spark/bin/spark-class", 0o755, []byte("class")),
		w.symlink("opt/spark/latest", "bin"),
		w.directory("opt/spark/work-dir", 0o775, owner{uid: 185}),
		w.directory("opt/spark", 0o700, owner{uid: 1}), // there already
	); err != nil {
		t.Fatal(err)
	}
	l, err := w.finish()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// readLayer returns the entries of a layer and the content of its files by name.
func readLayer(t *testing.T, l v1.Layer) ([]*tar.Header, map[string]string) {
	t.Helper()
	content, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	var headers []*tar.Header
	files := map[string]string{}
	for r := tar.NewReader(content); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers, files
		}
		if err != nil {
			t.Fatal(err)
		}
		headers = append(headers, header)
		if header.Typeflag == tar.TypeReg {
			text, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			files[header.Name] = string(text)
		}
	}
}

func names(headers []*tar.Header) []string {
	var all []string
	for _, header := range headers {
		all = append(all, header.Name)
	}
	return all
}

func TestLayerIsReproducible(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		first, second := writeLayer(t, compressed), writeLayer(t, compressed)
		if first.info != second.info {
			t.Errorf("compressed=%v: two writes gave %+v and %+v", compressed, first.info, second.info)
		}
	}
}

func TestLayerListsItsContent(t *testing.T) {
	plain, compressed := writeLayer(t, false), writeLayer(t, true)
	for _, l := range []*layer{plain, compressed} {
		blob, err := l.Compressed()
		if err != nil {
			t.Fatal(err)
		}
		if digest, size, err := v1.SHA256(blob); err != nil || digest != l.info.Digest || size != l.info.Size {
			t.Errorf("blob is %s with %d bytes (error %v), layer says %+v", digest, size, err, l.info)
		}
		content, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		if diffID, _, err := v1.SHA256(content); err != nil || diffID != l.info.DiffID {
			t.Errorf("content is %s (error %v), layer says %+v", diffID, err, l.info)
		}
		if err := errors.Join(blob.Close(), content.Close()); err != nil {
			t.Error(err)
		}
	}
	if plain.info.Digest != plain.info.DiffID {
		t.Errorf("uncompressed layer has digest %s but diff ID %s", plain.info.Digest, plain.info.DiffID)
	}
	if compressed.info.DiffID != plain.info.DiffID {
		t.Errorf("compression changed the diff ID from %s to %s", plain.info.DiffID, compressed.info.DiffID)
	}
}

func TestLayerEntries(t *testing.T) {
	headers, files := readLayer(t, writeLayer(t, true))
	want := []string{"tmp/", "opt/", "opt/spark/", "opt/spark/bin/", "opt/spark/bin/spark-submit", "opt/spark/bin/spark-class",
		"opt/spark/latest", "opt/spark/work-dir/"}
	if got := names(headers); !slices.Equal(got, want) {
		t.Errorf("entries are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if files["opt/spark/bin/spark-submit"] != "submit" {
		t.Errorf("spark-submit holds %q", files["opt/spark/bin/spark-submit"])
	}
	for _, header := range headers {
		if !header.ModTime.Equal(epoch()) || header.Uname != "" || header.Gname != "" {
			t.Errorf("%s has time %s and owner %q:%q", header.Name, header.ModTime, header.Uname, header.Gname)
		}
	}
	workDir := headers[len(headers)-1]
	if workDir.Uid != 185 || workDir.Gid != 0 || workDir.Mode != 0o775 {
		t.Errorf("work-dir is %d:%d %o, want 185:0 775", workDir.Uid, workDir.Gid, workDir.Mode)
	}
}
