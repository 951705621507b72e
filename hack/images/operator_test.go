// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// program writes the head of an ELF program with one segment of the given type.
func program(t *testing.T, machine elf.Machine, segment elf.ProgType) string {
	t.Helper()
	const headerSize, segmentSize = 64, 56
	header := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Phoff: headerSize, Ehsize: headerSize, Phentsize: segmentSize, Phnum: 1,
	}
	copy(header.Ident[:], []byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)})
	var content bytes.Buffer
	for _, part := range []any{header, elf.Prog64{Type: uint32(segment)}} {
		if err := binary.Write(&content, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "spark-operator")
	if err := os.WriteFile(file, content.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestOperatorImage(t *testing.T) {
	binary := program(t, elf.EM_AARCH64, elf.PT_LOAD)
	output := filepath.Join(t.TempDir(), "operator.tar")
	args := []string{"--binary", binary, "--output", output, "--tag", "localhost/spark-operator:test"}
	var stdout, stderr bytes.Buffer
	if err := runOperator(args, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	if stdout.String() != "localhost/spark-operator:test\n" {
		t.Errorf("printed %q", &stdout)
	}
	tag, err := name.NewTag("localhost/spark-operator:test")
	if err != nil {
		t.Fatal(err)
	}
	image, err := tarball.ImageFromPath(output, &tag)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.OS != "linux" || config.Architecture != "arm64" {
		t.Errorf("platform is %s/%s, want that of the binary", config.OS, config.Architecture)
	}
	if config.Config.User != "185:185" || !slices.Equal(config.Config.Entrypoint, []string{"/usr/bin/spark-operator"}) {
		t.Errorf("runs %v as %s", config.Config.Entrypoint, config.Config.User)
	}
	if config.Config.Labels["org.opencontainers.image.title"] != "spark-operator" {
		t.Errorf("labels are %v", config.Config.Labels)
	}
	if _, empty := config.Config.Labels["org.opencontainers.image.revision"]; empty {
		t.Error("a binary without a commit has a label for the commit")
	}

	stdout.Reset()
	stderr.Reset()
	if err := runOperator(args, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(stderr.String(), "is up to date") {
		t.Errorf("the same binary was packed again: %s", &stderr)
	}
}

func TestOperatorLayer(t *testing.T) {
	binary, work := program(t, elf.EM_X86_64, elf.PT_LOAD), t.TempDir()
	image, err := operatorImage("spark-operator", binary, work)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != 1 {
		t.Fatalf("the image has %d layers, want 1", len(layers))
	}
	headers, files := readLayer(t, layers[0])
	if got := strings.Join(names(headers), " "); got != "tmp/ usr/ usr/bin/ usr/bin/spark-operator" {
		t.Errorf("the image holds %s", got)
	}
	want, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	if files["usr/bin/spark-operator"] != string(want) {
		t.Error("the binary in the image is not the one given")
	}
	if program := headers[len(headers)-1]; program.Mode != 0o755 {
		t.Errorf("the binary has mode %o although it came without execute permission, want 755", program.Mode)
	}
}

func TestOperatorRefusesOtherBinaries(t *testing.T) {
	for _, c := range []struct{ binary, want string }{
		{program(t, elf.EM_X86_64, elf.PT_INTERP), "dynamically linked; build it with CGO_ENABLED=0"},
		{program(t, elf.EM_S390, elf.PT_LOAD), "amd64 and arm64"},
		{filepath.Join(t.TempDir(), "none"), "no such file"},
		{"operator_test.go", "bad magic number"},
	} {
		if _, err := staticArchitecture(c.binary); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q in it", c.binary, err, c.want)
		}
	}
}
