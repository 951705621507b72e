// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"debug/elf"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// TestReleaseImage: one image for two architectures, the same from the same binaries.
func TestReleaseImage(t *testing.T) {
	output := filepath.Join(t.TempDir(), "image")
	args := []string{"--output", output, "--binary", program(t, elf.EM_X86_64, elf.PT_LOAD), "--binary", program(t, elf.EM_AARCH64, elf.PT_LOAD)}
	var first, second, stderr bytes.Buffer
	if err := runRelease(args, &first, &stderr); err != nil {
		t.Fatal(err)
	}
	if err := runRelease(args, &second, &stderr); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() || !strings.HasPrefix(first.String(), "sha256:") {
		t.Errorf("digests %q and %q", &first, &second)
	}
	index, err := layout.ImageIndexFromPath(output)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, descriptor := range manifest.Manifests {
		platforms = append(platforms, descriptor.Platform.String())
	}
	if !slices.Equal(platforms, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("platforms %v", platforms)
	}
}

func TestReleaseImageMistakes(t *testing.T) {
	binary := program(t, elf.EM_X86_64, elf.PT_LOAD)
	for want, args := range map[string][]string{
		"no --binary":        nil,
		"two binaries":       {"--binary", binary, "--binary", binary},
		"dynamically linked": {"--binary", program(t, elf.EM_X86_64, elf.PT_INTERP)},
	} {
		var out bytes.Buffer
		if err := runRelease(append(args, "--output", t.TempDir()), &out, &out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", args, err, want)
		}
	}
}
