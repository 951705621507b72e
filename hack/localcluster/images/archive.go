// SPDX-License-Identifier: Apache-2.0

// Package images reads image archives and loads them into containerd.
package images

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// Image is one named image of an archive.
type Image struct {
	// Name is the full reference, as containerd stores it: docker.io/library/busybox:1.36, not busybox:1.36.
	Name string
	// Manifest is the digest of the image's manifest or index; empty for an archive of `docker save`, which has none.
	Manifest string
	// Config is the digest of the image's configuration, which Kubernetes calls the image ID; empty if Manifest is that of
	// an index.
	Config string
}

// maxMetadataSize bounds the files of an archive that are read into memory: JSON documents, never layers.
const maxMetadataSize = 4 << 20

// descriptor is the part of an OCI content descriptor that matters here (image-spec, descriptor.md).
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Annotations map[string]string `json:"annotations"`
}

// Inspect lists the images of an archive, which is a tar file, possibly compressed with gzip, in one of two formats: an
// OCI image layout, or the format of `docker save`. An archive that has both counts as OCI, as it does for containerd.
func Inspect(file string) ([]Image, error) {
	archive, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	metadata, err := readMetadata(archive)
	if err != nil {
		return nil, fmt.Errorf("read image archive %s: %w", file, err)
	}

	var found []Image
	if index, ok := metadata["index.json"]; ok && metadata["oci-layout"] != nil {
		found, err = ociImages(index, metadata)
	} else if manifest, ok := metadata["manifest.json"]; ok {
		found, err = dockerImages(manifest, metadata)
	} else {
		err = errors.New("neither an OCI image layout nor an archive of docker save")
	}
	if err != nil {
		return nil, fmt.Errorf("read image archive %s: %w", file, err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("read image archive %s: it names no image: tag the image before it is saved", file)
	}
	return found, nil
}

// readMetadata returns the small files of the archive by name. Of a file that is not compressed, tar skips the layers by
// seeking.
func readMetadata(archive *os.File) (map[string][]byte, error) {
	var reader io.Reader = archive
	magic, err := bufio.NewReaderSize(archive, 16).Peek(2)
	if err != nil {
		return nil, err
	}
	if _, err := archive.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	if magic[0] == 0x1f && magic[1] == 0x8b {
		if reader, err = gzip.NewReader(archive); err != nil {
			return nil, err
		}
	}

	metadata := make(map[string][]byte)
	entries := tar.NewReader(reader)
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return metadata, nil
		}
		if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeReg || header.Size > maxMetadataSize {
			continue
		}
		content, err := io.ReadAll(entries)
		if err != nil {
			return nil, err
		}
		metadata[path.Clean(header.Name)] = content
	}
}

func ociImages(index []byte, metadata map[string][]byte) ([]Image, error) {
	var layout struct {
		Manifests []descriptor `json:"manifests"`
	}
	if err := json.Unmarshal(index, &layout); err != nil {
		return nil, fmt.Errorf("index.json: %w", err)
	}
	var found []Image
	for _, manifest := range layout.Manifests {
		name := manifest.Annotations["io.containerd.image.name"]
		if name == "" {
			name = manifest.Annotations["org.opencontainers.image.ref.name"]
		}
		if !strings.ContainsAny(name, "/:@") { // only a tag: containerd would invent the rest
			continue
		}
		image := Image{Name: name, Manifest: manifest.Digest}
		if algorithm, hex, ok := strings.Cut(manifest.Digest, ":"); ok {
			image.Config = configDigest(metadata[path.Join("blobs", algorithm, hex)])
		}
		found = append(found, image)
	}
	return found, nil
}

func dockerImages(manifest []byte, metadata map[string][]byte) ([]Image, error) {
	var saved []struct {
		Config   string
		RepoTags []string
	}
	if err := json.Unmarshal(manifest, &saved); err != nil {
		return nil, fmt.Errorf("manifest.json: %w", err)
	}
	var found []Image
	for _, image := range saved {
		config, ok := metadata[path.Clean(image.Config)]
		if !ok {
			return nil, fmt.Errorf("it has no file %s, the configuration of %s", image.Config, strings.Join(image.RepoTags, ", "))
		}
		for _, tag := range image.RepoTags {
			found = append(found, Image{Name: normalizeName(tag), Config: digestOf(config)})
		}
	}
	return found, nil
}

// configDigest returns the digest of the configuration that a manifest refers to, or "" for anything but a manifest.
func configDigest(manifest []byte) string {
	var parsed struct {
		Config descriptor `json:"config"`
	}
	if json.Unmarshal(manifest, &parsed) != nil {
		return ""
	}
	return parsed.Config.Digest
}

// normalizeName completes a name as Docker does: busybox is docker.io/library/busybox:latest.
func normalizeName(name string) string {
	host, rest, hasHost := strings.Cut(name, "/")
	switch {
	case !hasHost:
		name = "docker.io/library/" + name
	case host == "docker.io" && !strings.Contains(rest, "/"):
		name = "docker.io/library/" + rest
	case host != "localhost" && !strings.ContainsAny(host, ".:") && host == strings.ToLower(host):
		name = "docker.io/" + name
	}
	if !strings.ContainsAny(path.Base(name), ":@") {
		name += ":latest"
	}
	return name
}
