// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// testImage is an image of two layers that are the same, and of one that is not.
func testImage(t *testing.T, user string) v1.Image {
	t.Helper()
	same, other := writeLayer(t, false), writeLayer(t, true)
	image, err := assemble(v1.ConfigFile{Architecture: "amd64", Created: v1.Time{Time: epoch()}, Config: v1.Config{User: user}},
		[]step{{same, "first"}, {same, "second"}, {other, "third"}})
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func testArchive(t *testing.T, image v1.Image, references ...string) *archive {
	t.Helper()
	tags, err := parseTags(references)
	if err != nil {
		t.Fatal(err)
	}
	a, err := newArchive(image, tags)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// unpack extracts an archive, which consists of files only.
func unpack(t *testing.T, file string) string {
	t.Helper()
	content, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	folder := t.TempDir()
	for r := tar.NewReader(content); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return folder
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(folder, header.Name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestArchiveIsAnImageLayout(t *testing.T) {
	output := filepath.Join(t.TempDir(), "new", "image.tar")
	image := testImage(t, "185")
	if err := testArchive(t, image, "localhost/spark:4.3.0", "localhost/spark:dev").write(output); err != nil {
		t.Fatal(err)
	}
	folder := unpack(t, output)
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	want, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, descriptor := range manifest.Manifests {
		if descriptor.Digest != want {
			t.Errorf("the index has %s, the image is %s", descriptor.Digest, want)
		}
		found = append(found, descriptor.Annotations["io.containerd.image.name"], descriptor.Annotations["org.opencontainers.image.ref.name"])
	}
	if got := strings.Join(found, " "); got != "localhost/spark:4.3.0 4.3.0 localhost/spark:dev dev" {
		t.Errorf("the index names %s", got)
	}
	stored, err := index.Image(want)
	if err != nil {
		t.Fatal(err)
	}
	config, err := stored.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.RootFS.Type != "layers" || len(config.RootFS.DiffIDs) != 3 || len(config.History) != 3 {
		t.Errorf("the configuration has %+v and %d lines of history, want 3 layers", config.RootFS, len(config.History))
	}
	blobs, err := filepath.Glob(filepath.Join(folder, "blobs", "sha256", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(blobs) != 4 {
		t.Errorf("%d blobs, want the manifest, the configuration and two different layers", len(blobs))
	}
	for _, blob := range blobs {
		content, err := os.Open(blob)
		if err != nil {
			t.Fatal(err)
		}
		digest, _, err := v1.SHA256(content)
		if err := errors.Join(err, content.Close()); err != nil {
			t.Fatal(err)
		}
		if digest.Hex != filepath.Base(blob) {
			t.Errorf("blob %s has digest %s", filepath.Base(blob), digest)
		}
	}
}

func TestArchiveIsADockerArchive(t *testing.T) {
	output := filepath.Join(t.TempDir(), "image.tar")
	image := testImage(t, "185")
	if err := testArchive(t, image, "localhost/spark:4.3.0").write(output); err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag("localhost/spark:4.3.0")
	if err != nil {
		t.Fatal(err)
	}
	stored, err := tarball.ImageFromPath(output, &tag)
	if err != nil {
		t.Fatal(err)
	}
	want, err := image.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := stored.ConfigName(); err != nil || got != want {
		t.Errorf("image ID is %s (error %v), want %s", got, err, want)
	}
}

func TestArchiveUpToDate(t *testing.T) {
	output := filepath.Join(t.TempDir(), "image.tar")
	a := testArchive(t, testImage(t, "185"), "localhost/spark:4.3.0")
	if a.upToDate(output) {
		t.Error("an archive that is not there counts as up to date")
	}
	if err := a.write(output); err != nil {
		t.Fatal(err)
	}
	if !testArchive(t, testImage(t, "185"), "localhost/spark:4.3.0").upToDate(output) {
		t.Error("the same image made again does not count as up to date")
	}
	if testArchive(t, testImage(t, "0"), "localhost/spark:4.3.0").upToDate(output) {
		t.Error("another image counts as up to date")
	}
	if testArchive(t, testImage(t, "185"), "localhost/spark:dev").upToDate(output) {
		t.Error("another reference counts as up to date")
	}
	if err := os.WriteFile(output, []byte("not an archive"), 0o644); err != nil {
		t.Fatal(err)
	}
	if a.upToDate(output) {
		t.Error("a file that is no archive counts as up to date")
	}
}

func TestDeliverWritesOnce(t *testing.T) {
	output := filepath.Join(t.TempDir(), "image.tar")
	tags, err := parseTags([]string{"localhost/spark:4.3.0", "localhost/spark:dev"})
	if err != nil {
		t.Fatal(err)
	}
	deliverOnce := func() (stdout, stderr string, file os.FileInfo) {
		var out, log bytes.Buffer
		if err := deliver(testImage(t, "185"), tags, output, &out, newProgress(&log, "spark")); err != nil {
			t.Fatal(err)
		}
		file, err := os.Stat(output)
		if err != nil {
			t.Fatal(err)
		}
		return out.String(), log.String(), file
	}
	references, _, first := deliverOnce()
	if references != "localhost/spark:4.3.0\nlocalhost/spark:dev\n" {
		t.Errorf("printed %q", references)
	}
	again, log, second := deliverOnce()
	if again != references {
		t.Errorf("printed %q the second time", again)
	}
	if !os.SameFile(first, second) || !strings.Contains(log, "is up to date") {
		t.Errorf("the archive was written again: %s", log)
	}
	if entries, err := os.ReadDir(filepath.Dir(output)); err != nil || len(entries) != 1 {
		t.Errorf("temporary files are left beside the archive: %v (error %v)", entries, err)
	}
}

func TestWriteLeavesTheOldArchiveOnFailure(t *testing.T) {
	output := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(output, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	l := writeLayer(t, false)
	image, err := assemble(v1.ConfigFile{}, []step{{l, "lost"}})
	if err != nil {
		t.Fatal(err)
	}
	a := testArchive(t, image, "localhost/spark:4.3.0")
	if err := os.Remove(l.path); err != nil {
		t.Fatal(err)
	}
	if err := a.write(output); err == nil {
		t.Error("an archive without its layer was written")
	}
	if text, err := os.ReadFile(output); err != nil || string(text) != "old" {
		t.Errorf("the old archive became %q (error %v)", text, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(output)); err != nil || len(entries) != 1 {
		t.Errorf("temporary files are left beside the archive: %v (error %v)", entries, err)
	}
}

func TestParseTags(t *testing.T) {
	for _, reference := range []string{"localhost/spark:4.3.0", "registry.example.com:5000/team/spark:dev", "index.docker.io/library/spark:dev"} {
		if tags, err := parseTags([]string{reference}); err != nil || tags[0].String() != reference {
			t.Errorf("%s: got %v, error %v", reference, tags, err)
		}
	}
	for _, reference := range []string{"", "spark", "spark:4.3.0", "localhost/spark", "localhost/Spark:dev", "localhost/spark:{version}"} {
		if _, err := parseTags([]string{reference}); err == nil || !strings.Contains(err.Error(), "localhost/spark:4.3.0") {
			t.Errorf("%q: error is %v, want one that shows a full reference", reference, err)
		}
	}
}
