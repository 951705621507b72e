// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// step is a layer with the line that "history" shows for it.
type step struct {
	layer   *layer
	history string
}

// assemble makes an OCI image of the layers, lowest first, with config as its configuration.
func assemble(config v1.ConfigFile, steps []step) (v1.Image, error) {
	config.OS = "linux"
	config.RootFS.Type = "layers"
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.ConfigFile(image, &config)
	if err != nil {
		return nil, fmt.Errorf("assembling image: %w", err)
	}
	additions := make([]mutate.Addendum, len(steps))
	for i, s := range steps {
		additions[i] = mutate.Addendum{Layer: s.layer, MediaType: s.layer.info.MediaType,
			History: v1.History{Created: config.Created, CreatedBy: s.history}}
	}
	if image, err = mutate.Append(image, additions...); err != nil {
		return nil, fmt.Errorf("assembling image: %w", err)
	}
	return image, nil
}

// parseTags checks image references. They have to name their registry, because loaders disagree about the default one.
func parseTags(references []string) ([]name.Tag, error) {
	tags := make([]name.Tag, len(references))
	for i, reference := range references {
		tag, err := name.NewTag(reference, name.StrictValidation)
		if err != nil {
			return nil, fmt.Errorf("image reference %q: %w; write it in full as in localhost/spark:4.3.0", reference, err)
		}
		tags[i] = tag
	}
	return tags, nil
}

// archive is an image on its way into one file.
type archive struct {
	image    v1.Image
	tags     []name.Tag
	index    []byte // index.json of the OCI image layout
	manifest []byte // the image manifest
	config   []byte // the image configuration
}

// newArchive prepares everything of an archive but the layers.
func newArchive(image v1.Image, tags []name.Tag) (*archive, error) {
	a := &archive{image: image, tags: tags}
	digest, err := image.Digest()
	if err != nil {
		return nil, fmt.Errorf("assembling image: %w", err)
	}
	if a.manifest, err = image.RawManifest(); err != nil {
		return nil, fmt.Errorf("assembling image: %w", err)
	}
	if a.config, err = image.RawConfigFile(); err != nil {
		return nil, fmt.Errorf("assembling image: %w", err)
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("assembling image: %w", err)
	}
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	for _, tag := range tags {
		index.Manifests = append(index.Manifests, v1.Descriptor{
			MediaType: types.OCIManifestSchema1,
			Size:      int64(len(a.manifest)),
			Digest:    digest,
			Platform:  &v1.Platform{OS: file.OS, Architecture: file.Architecture},
			Annotations: map[string]string{
				"io.containerd.image.name":          tag.String(), // what containerd calls the image
				"org.opencontainers.image.ref.name": tag.TagStr(), // what the OCI image layout calls it
			},
		})
	}
	a.index, err = json.Marshal(index)
	if err != nil {
		return nil, fmt.Errorf("assembling image: %w", err)
	}
	return a, nil
}

// size returns the bytes of the layers as stored.
func (a *archive) size() (int64, error) {
	manifest, err := a.image.Manifest()
	if err != nil {
		return 0, fmt.Errorf("assembling image: %w", err)
	}
	var total int64
	for _, l := range manifest.Layers {
		total += l.Size
	}
	return total, nil
}

// upToDate reports whether the file at output is this archive. It reads the head only, for archives come into place
// whole, and the index names the digest of everything else.
func (a *archive) upToDate(output string) bool {
	file, err := os.Open(output)
	if err != nil {
		return false
	}
	defer file.Close()
	entries := tar.NewReader(file)
	header, err := entries.Next()
	if err != nil || header.Name != "index.json" || header.Size != int64(len(a.index)) {
		return false
	}
	index, err := io.ReadAll(entries)
	return err == nil && bytes.Equal(index, a.index)
}

// write puts the archive at output, at once and whole: an OCI image layout, with the manifest.json of "docker save"
// for loaders that know only that.
func (a *archive) write(output string) (err error) {
	if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
		return fmt.Errorf("creating the folder of the archive: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(output), "."+filepath.Base(output)+"-*")
	if err != nil {
		return fmt.Errorf("creating archive: %w", err)
	}
	defer func() {
		if err != nil {
			file.Close()
			os.Remove(file.Name())
		}
	}()
	if err := a.writeEntries(tar.NewWriter(file)); err != nil {
		return fmt.Errorf("writing archive %s: %w", output, err)
	}
	if err := errors.Join(file.Chmod(0o644), file.Close()); err != nil {
		return fmt.Errorf("writing archive %s: %w", output, err)
	}
	if err := os.Rename(file.Name(), output); err != nil {
		return fmt.Errorf("moving archive into place: %w", err)
	}
	return nil
}

func (a *archive) writeEntries(w *tar.Writer) error {
	manifest, err := a.image.Manifest()
	if err != nil {
		return err
	}
	digest, err := a.image.Digest()
	if err != nil {
		return err
	}
	legacy, err := a.dockerManifest(manifest)
	if err != nil {
		return err
	}
	for _, entry := range []struct {
		name    string
		content []byte
	}{
		{"index.json", a.index},
		{"oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)},
		{"manifest.json", legacy},
		{blobName(digest), a.manifest},
		{blobName(manifest.Config.Digest), a.config},
	} {
		if err := writeEntry(w, entry.name, int64(len(entry.content)), bytes.NewReader(entry.content)); err != nil {
			return err
		}
	}
	layers, err := a.image.Layers()
	if err != nil {
		return err
	}
	var written []v1.Hash
	for i, descriptor := range manifest.Layers {
		if slices.Contains(written, descriptor.Digest) {
			continue
		}
		written = append(written, descriptor.Digest)
		blob, err := layers[i].Compressed()
		if err != nil {
			return err
		}
		err = writeEntry(w, blobName(descriptor.Digest), descriptor.Size, blob)
		if err = errors.Join(err, blob.Close()); err != nil {
			return err
		}
	}
	return w.Close()
}

// dockerManifest is the table of contents in the format of "docker save".
func (a *archive) dockerManifest(manifest *v1.Manifest) ([]byte, error) {
	entry := struct {
		Config   string
		RepoTags []string
		Layers   []string
	}{Config: blobName(manifest.Config.Digest)}
	for _, tag := range a.tags {
		entry.RepoTags = append(entry.RepoTags, tag.String())
	}
	for _, l := range manifest.Layers {
		entry.Layers = append(entry.Layers, blobName(l.Digest))
	}
	return json.Marshal([]any{entry})
}

func blobName(digest v1.Hash) string {
	return strings.Join([]string{"blobs", digest.Algorithm, digest.Hex}, "/")
}

func writeEntry(w *tar.Writer, name string, size int64, content io.Reader) error {
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: epoch()}); err != nil {
		return err
	}
	_, err := io.Copy(w, content)
	return err
}
