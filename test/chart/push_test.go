// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const pushedVersion = "9.8.7"

// TestPush: `make push` pushes the images of both architectures and the chart of a release to the references that the
// chart and the release workflow name, and what is pulled is what was released.
func TestPush(t *testing.T) {
	registry := startRegistry(t)
	repository := registry + "/spark-operator"
	dist := t.TempDir()
	digests := map[string]string{
		"spark-operator": releaseImage(t, dist, "spark-operator", "image"),
		"log-archiver":   releaseImage(t, dist, "log-archiver", "log-archiver-image"),
	}
	execute(t, "", program(t, "helm"), "package", chart, "--version", pushedVersion, "--app-version", pushedVersion,
		"--destination", filepath.Join(dist, "repo"))

	execute(t, root, "make", "push", "DIST="+dist, "VERSION="+pushedVersion, "REGISTRY="+repository, "HELM_PUSH_FLAGS=--plain-http")

	for name, want := range digests {
		reference := repository + "/" + name + ":" + pushedVersion
		if got := execute(t, "", program(t, "crane"), "digest", reference); got != want {
			t.Errorf("%s has the digest %q, the release %q", reference, got, want)
		}
		for _, architecture := range []string{"amd64", "arm64"} {
			// Pulls each layer and compares it with its digest.
			execute(t, "", program(t, "crane"), "validate", "--platform", "linux/"+architecture, "--remote", reference)
		}
		var index struct {
			Manifests []struct {
				Platform struct{ OS, Architecture string }
			}
		}
		if err := json.Unmarshal([]byte(execute(t, "", program(t, "crane"), "manifest", reference)), &index); err != nil {
			t.Fatal(err)
		}
		var platforms []string
		for _, manifest := range index.Manifests {
			platforms = append(platforms, manifest.Platform.OS+"/"+manifest.Platform.Architecture)
		}
		if !slices.Equal(platforms, []string{"linux/amd64", "linux/arm64"}) {
			t.Errorf("%s is for %v", reference, platforms)
		}
	}

	const archive = "spark-operator-" + pushedVersion + ".tgz"
	pulled := t.TempDir()
	execute(t, "", program(t, "helm"), "pull", "oci://"+repository+"/charts/spark-operator", "--version", pushedVersion,
		"--plain-http", "--destination", pulled)
	if !bytes.Equal(content(t, filepath.Join(pulled, archive)), content(t, filepath.Join(dist, "repo", archive))) {
		t.Error("the pulled chart is not the chart of the release")
	}
	// cosign signs this reference of the chart.
	if digest := execute(t, "", program(t, "crane"), "digest", repository+"/charts/spark-operator:"+pushedVersion); !strings.HasPrefix(digest, "sha256:") {
		t.Errorf("digest of the chart: %q", digest)
	}

	// The images that the pulled chart runs, on the registry and with the version of the release.
	text := execute(t, "", program(t, "helm"), "template", filepath.Join(pulled, archive), "--set", "image.registry="+registry,
		"--set", "logArchive.enable=true,logArchive.bucket=s3://bucket")
	for name := range digests {
		if reference := repository + "/" + name + ":" + pushedVersion; !strings.Contains(text, reference) {
			t.Errorf("the chart does not run the pushed image %s", reference)
		}
	}
	left, err := filepath.Glob(filepath.Join(dist, "*image"))
	if err != nil || len(left) > 0 {
		t.Errorf("make push leaves %v in the release (%v)", left, err)
	}
}

// startRegistry runs a registry on loopback until the test ends, and returns its address.
func startRegistry(t *testing.T) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), program(t, "crane"), "registry", "serve", "--address", "127.0.0.1:0")
	command.Env = isolated(t)
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	address := regexp.MustCompile(`port (\d+)`)
	for lines.Scan() {
		if found := address.FindStringSubmatch(lines.Text()); found != nil {
			go func() { // until the context of the test ends the registry
				for lines.Scan() {
				}
				_ = command.Wait()
			}()
			return "127.0.0.1:" + found[1]
		}
	}
	t.Fatalf("the registry names no port: %v", command.Wait())
	return ""
}

// releaseImage makes the archive of an image for two architectures as hack/package.sh does, but of a small program, and
// returns its digest.
func releaseImage(t *testing.T, dist, name, image string) string {
	t.Helper()
	folder := t.TempDir()
	source := filepath.Join(folder, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() { println(\""+name+"\") }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	amd64, arm64 := filepath.Join(folder, "amd64"), filepath.Join(folder, "arm64")
	execute(t, "", "go", "build", "-ldflags", "-s -w", "-o", amd64, source)
	program64 := content(t, amd64)
	// The machine of the ELF header: what is assembled is not executed.
	binary.LittleEndian.PutUint16(program64[18:], uint16(elf.EM_X86_64))
	write(t, amd64, program64)
	binary.LittleEndian.PutUint16(program64[18:], uint16(elf.EM_AARCH64))
	write(t, arm64, program64)

	layout := filepath.Join(folder, image)
	digest := execute(t, "", program(t, "images"), "release", "--program", name, "--binary", amd64, "--binary", arm64, "--output", layout)
	execute(t, "", "tar", "--create", "--file", filepath.Join(dist, image+".tar"), "--directory", layout, ".")
	return digest
}

// execute runs a command in a folder with nothing of the user's but the caches, and returns what it prints.
func execute(t *testing.T, folder, name string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, arguments...)
	command.Dir = folder
	command.Env = isolated(t)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("%s: %v: %s%s", strings.Join(command.Args, " "), err, &stdout, &stderr)
	}
	return strings.TrimSpace(stdout.String())
}

// isolated is an environment without the user's settings of Helm, docker and make.
func isolated(t *testing.T) []string {
	t.Helper()
	none := t.TempDir()
	variables := []string{
		"CGO_ENABLED=0", "DOCKER_CONFIG=" + none, "HELM_CACHE_HOME=" + none, "HELM_CONFIG_HOME=" + none, "HELM_DATA_HOME=" + none,
		"KUBECONFIG=" + filepath.Join(none, "none"),
	}
	for _, name := range []string{"GOCACHE", "GOFLAGS", "GOMODCACHE", "GOPATH", "GOPROXY", "HOME", "PATH", "XDG_CACHE_HOME"} {
		if value, set := os.LookupEnv(name); set {
			variables = append(variables, name+"="+value)
		}
	}
	return variables
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
}
