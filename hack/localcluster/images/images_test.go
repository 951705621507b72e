// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func writeFile(t *testing.T, name string, content []byte, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func packProgram(t *testing.T, name string) []byte {
	t.Helper()
	var archive bytes.Buffer
	if err := PackProgram(&archive, name, writeFile(t, "pause", []byte("program"), 0o755)); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

func ociLayout(t *testing.T, annotation, name string) (archive []byte, manifest, config string) {
	t.Helper()
	config = digestOf([]byte("config"))
	manifestContent := fmt.Appendf(nil, `{"schemaVersion":2,"config":{"digest":%q}}`, config)
	manifest = digestOf(manifestContent)
	index := fmt.Appendf(nil, `{"manifests":[{"digest":%q,"annotations":{%q:%q}}]}`, manifest, annotation, name)
	var buffer bytes.Buffer
	err := writeTar(&buffer,
		tarFile{"./oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644},
		tarFile{"./blobs/sha256/" + strings.TrimPrefix(manifest, "sha256:"), manifestContent, 0o644},
		tarFile{"./index.json", index, 0o644},
		tarFile{"./manifest.json", []byte("not read if the archive is an OCI layout"), 0o644})
	if err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes(), manifest, config
}

func TestPackProgram(t *testing.T) {
	archive := packProgram(t, "localhost/pause:latest")
	if !bytes.Equal(archive, packProgram(t, "localhost/pause:latest")) {
		t.Error("the same program gives different archives")
	}
	images, err := Inspect(writeFile(t, "pause.tar", archive, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	if len(images) != 1 || images[0].Name != "localhost/pause:latest" || !strings.HasPrefix(images[0].Config, "sha256:") {
		t.Errorf("got %+v", images)
	}
	if err := PackProgram(&bytes.Buffer{}, "x", "/nowhere/pause"); err == nil {
		t.Error("want an error for a missing program")
	}
}

func TestInspectCompressed(t *testing.T) {
	plain := packProgram(t, "probe:dev")
	var compressed bytes.Buffer
	writer := gzip.NewWriter(&compressed)
	if _, err := writer.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	want, err := Inspect(writeFile(t, "plain.tar", plain, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Inspect(writeFile(t, "compressed.tar.gz", compressed.Bytes(), 0o600))
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if want[0].Name != "docker.io/library/probe:dev" {
		t.Errorf("name is %s", want[0].Name)
	}
}

func TestInspectOCILayout(t *testing.T) {
	for _, annotation := range []string{"io.containerd.image.name", "org.opencontainers.image.ref.name"} {
		archive, manifest, config := ociLayout(t, annotation, "example.com/spark:4.1")
		images, err := Inspect(writeFile(t, "image.tar", archive, 0o600))
		want := []Image{{Name: "example.com/spark:4.1", Manifest: manifest, Config: config}}
		if err != nil || !slices.Equal(images, want) {
			t.Errorf("%s: got %+v, %v, want %+v", annotation, images, err, want)
		}
	}
}

func TestInspectRefuses(t *testing.T) {
	unnamed, _, _ := ociLayout(t, "org.opencontainers.image.ref.name", "latest")
	var unrelated bytes.Buffer
	if err := writeTar(&unrelated, tarFile{"hello.txt", []byte("hello"), 0o644}); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"only a tag":      {unnamed, "names no image"},
		"another archive": {unrelated.Bytes(), "neither an OCI image layout nor"},
		"no archive":      {[]byte("hello, this is no archive at all"), "read image archive"},
		"empty":           {nil, "EOF"},
	} {
		if _, err := Inspect(writeFile(t, "a.tar", test.content, 0o600)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestNormalizeName(t *testing.T) {
	for name, want := range map[string]string{
		"busybox":                  "docker.io/library/busybox:latest",
		"busybox:1.36":             "docker.io/library/busybox:1.36",
		"docker.io/busybox":        "docker.io/library/busybox:latest",
		"apache/spark:4.1":         "docker.io/apache/spark:4.1",
		"localhost/pause:dev":      "localhost/pause:dev",
		"localhost:5000/pause":     "localhost:5000/pause:latest",
		"ghcr.io/org/spark:v1":     "ghcr.io/org/spark:v1",
		"ghcr.io/org/spark@sha256": "ghcr.io/org/spark@sha256",
	} {
		if got := normalizeName(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// fakeClient is a script that stands for ctr: it knows one image and records its input.
func fakeClient(t *testing.T, image, target, content string) (client, imported string) {
	t.Helper()
	imported = filepath.Join(t.TempDir(), "imported")
	script := fmt.Sprintf(`#!/bin/sh
case "$*" in
*"images list"*)
  echo "REF TYPE DIGEST SIZE PLATFORMS LABELS"
  echo "%s application/vnd.oci.image.manifest.v1+json %s 1.2 MiB linux/amd64 -" ;;
*"content get %s"*) echo '%s' ;;
*"images import"*) echo "$*" >> %s ;;
*) echo "unexpected: $*" >&2; exit 1 ;;
esac
`, image, target, target, content, imported)
	return writeFile(t, "ctr", []byte(script), 0o755), imported
}

func TestLoad(t *testing.T) {
	docker := packProgram(t, "probe:dev")
	dockerFile := writeFile(t, "docker.tar", docker, 0o600)
	inspected, err := Inspect(dockerFile)
	if err != nil {
		t.Fatal(err)
	}
	oci, manifest, config := ociLayout(t, "io.containerd.image.name", "example.com/spark:4.1")
	ociFile := writeFile(t, "oci.tar", oci, 0o600)

	manifestOf := func(config string) string { return fmt.Sprintf(`{"config":{"digest":"%s"}}`, config) }
	for name, test := range map[string]struct {
		archive, stored, target, content string
		imported                         bool
	}{
		"docker, there":         {dockerFile, "docker.io/library/probe:dev", "sha256:1", manifestOf(inspected[0].Config), false},
		"docker, older":         {dockerFile, "docker.io/library/probe:dev", "sha256:1", manifestOf("sha256:2"), true},
		"docker, other name":    {dockerFile, "docker.io/library/other:dev", "sha256:1", manifestOf(inspected[0].Config), true},
		"docker, not readable":  {dockerFile, "docker.io/library/probe:dev", "sha256:1", "?", true},
		"OCI, same manifest":    {ociFile, "example.com/spark:4.1", manifest, "?", false},
		"OCI, same content":     {ociFile, "example.com/spark:4.1", "sha256:1", manifestOf(config), false},
		"OCI, another manifest": {ociFile, "example.com/spark:4.1", "sha256:1", manifestOf("sha256:2"), true},
	} {
		t.Run(name, func(t *testing.T) {
			client, log := fakeClient(t, test.stored, test.target, test.content)
			images, imported, err := Store{Client: client, Socket: "/socket"}.Load(t.Context(), test.archive)
			if err != nil || imported != test.imported || len(images) != 1 {
				t.Fatalf("got %+v, %t, %v", images, imported, err)
			}
			got, _ := os.ReadFile(log)
			want := ""
			if test.imported {
				want = "--address /socket --namespace k8s.io images import --platform linux/" + runtime.GOARCH + " " + test.archive + "\n"
			}
			if string(got) != want {
				t.Errorf("ctr got %q, want %q", got, want)
			}
		})
	}
}

func TestLoadReportsTheErrorOfTheClient(t *testing.T) {
	client := writeFile(t, "ctr", []byte("#!/bin/sh\necho connection refused >&2\nexit 1\n"), 0o755)
	archive := writeFile(t, "image.tar", packProgram(t, "probe:dev"), 0o600)
	if _, _, err := (Store{Client: client}).Load(t.Context(), archive); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

func TestConfigOfAnIndex(t *testing.T) {
	script := fmt.Sprintf(`#!/bin/sh
case "$*" in
*"content get sha256:index") echo '{"manifests":[{"digest":"sha256:other","platform":{"architecture":"none"}},{"digest":"sha256:mine","platform":{"architecture":"%s"}}]}' ;;
*"content get sha256:mine") echo '{"config":{"digest":"sha256:config"}}' ;;
*) exit 1 ;;
esac
`, runtime.GOARCH)
	store := Store{Client: writeFile(t, "ctr", []byte(script), 0o755)}
	if got := store.config(t.Context(), "sha256:index"); got != "sha256:config" {
		t.Errorf("got %q", got)
	}
}
