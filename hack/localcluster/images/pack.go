// SPDX-License-Identifier: Apache-2.0

package images

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
)

// PackProgram writes an archive, in the format of `docker save`, with an image whose only file is the given static
// program. The same program gives the same bytes.
func PackProgram(writer io.Writer, name, program string) error {
	content, err := os.ReadFile(program)
	if err != nil {
		return fmt.Errorf("pack image %s: %w", name, err)
	}
	entry := path.Join("/", filepath.Base(program))

	var layer bytes.Buffer
	if err := writeTar(&layer, tarFile{entry[1:], content, 0o755}); err != nil {
		return fmt.Errorf("pack image %s: %w", name, err)
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config": map[string]any{
			"Entrypoint": []string{entry},
			"User":       "65535:65535",
		},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digestOf(layer.Bytes())}},
	})
	if err != nil {
		return fmt.Errorf("pack image %s: %w", name, err)
	}
	manifest, err := json.Marshal([]map[string]any{{
		"Config":   "config.json",
		"RepoTags": []string{name},
		"Layers":   []string{"layer.tar"},
	}})
	if err != nil {
		return fmt.Errorf("pack image %s: %w", name, err)
	}
	err = writeTar(writer,
		tarFile{"manifest.json", manifest, 0o644},
		tarFile{"config.json", config, 0o644},
		tarFile{"layer.tar", layer.Bytes(), 0o644})
	if err != nil {
		return fmt.Errorf("pack image %s: %w", name, err)
	}
	return nil
}

type tarFile struct {
	name    string
	content []byte
	mode    int64
}

func writeTar(writer io.Writer, files ...tarFile) error {
	archive := tar.NewWriter(writer)
	for _, file := range files {
		header := &tar.Header{Name: file.name, Mode: file.mode, Size: int64(len(file.content)), Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(file.content); err != nil {
			return err
		}
	}
	return archive.Close()
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}
