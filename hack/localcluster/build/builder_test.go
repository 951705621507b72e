// SPDX-License-Identifier: Apache-2.0

package build

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// buffer is a bytes.Buffer for several writers.
type buffer struct {
	mu      sync.Mutex
	content bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.content.String()
}

// newTestBuilder returns a builder with one small module named hello, and the progress it writes.
func newTestBuilder(t *testing.T, source string) (*Builder, *buffer) {
	t.Helper()
	progress := new(buffer)
	b := &Builder{components: t.TempDir(), cache: t.TempDir(), progress: progress}
	writeFile(t, filepath.Join(b.components, "hello", "go.mod"), "module example.com/hello\n\ngo 1.26.0\n")
	writeFile(t, filepath.Join(b.components, "hello", "main.go"), source)
	return b, progress
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

const helloSource = `package main

import "os"

var version string

func main() { os.Stdout.WriteString("hello " + version) }
`

func helloTarget() Target {
	return Target{
		Name:     "hello",
		Module:   "hello",
		Packages: []string{"."},
		Variables: func(string) []string {
			return []string{"main.version=v1"}
		},
		Links: map[string]string{"greet": "hello"},
	}
}

func TestEnsureBuildsOnce(t *testing.T) {
	b, progress := newTestBuilder(t, helloSource)
	var dirs [3]string
	var wg sync.WaitGroup
	for i := range dirs {
		wg.Go(func() {
			dir, err := b.Ensure(t.Context(), helloTarget())
			if err != nil {
				t.Error(err)
			}
			dirs[i] = dir
		})
	}
	wg.Wait()

	if dirs[0] == "" || dirs[0] != dirs[1] || dirs[0] != dirs[2] {
		t.Errorf("folders differ: %q", dirs)
	}
	if count := strings.Count(progress.String(), "building hello"); count != 1 {
		t.Errorf("built %d times instead of once:\n%s", count, progress)
	}
	output, err := exec.Command(filepath.Join(dirs[0], "greet")).Output()
	if err != nil || string(output) != "hello v1" {
		t.Errorf("the link to the program prints %q (%v)", output, err)
	}
}

func TestEnsureLeavesNothingOfAFailedBuild(t *testing.T) {
	b, progress := newTestBuilder(t, "package main\n\nfunc main() { undefined() }\n")
	if _, err := b.Ensure(t.Context(), helloTarget()); err == nil || !strings.Contains(err.Error(), "undefined: undefined") {
		t.Errorf("error does not have the compiler's message: %v", err)
	}
	if !strings.Contains(progress.String(), "failed") {
		t.Errorf("progress does not show the failure: %q", progress)
	}
	left, err := filepath.Glob(filepath.Join(b.cache, "hello*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in the cache: %v (%v)", left, err)
	}
}

func TestEnsureStopsWithTheContext(t *testing.T) {
	b, _ := newTestBuilder(t, helloSource)
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := b.Ensure(ctx, helloTarget()); !errors.Is(err, cause) {
		t.Errorf("want the cause of the cancellation, got %v", err)
	}
}

func TestCacheKeyCoversAllThatIsBuilt(t *testing.T) {
	b, _ := newTestBuilder(t, helloSource)
	module := filepath.Join(b.components, "hello")
	key := func(target Target, version string) string {
		t.Helper()
		key, err := cacheKey(module, target, version)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	original := key(helloTarget(), "v1.2.3")
	if !strings.HasPrefix(original, "hello-v1.2.3-") {
		t.Errorf("key %q does not contain name and version", original)
	}
	if again := key(helloTarget(), "v1.2.3"); again != original {
		t.Errorf("key changes without a reason: %q, %q", original, again)
	}

	tagged := helloTarget()
	tagged.Tags = []string{"small"}
	if key(tagged, "v1.2.3") == original {
		t.Error("key does not depend on the build tags")
	}
	for _, file := range []string{"go.sum", "sub/more.go"} {
		before := key(helloTarget(), "v1.2.3")
		writeFile(t, filepath.Join(module, file), "changed")
		if key(helloTarget(), "v1.2.3") == before {
			t.Errorf("key does not depend on %s", file)
		}
	}
	before := key(helloTarget(), "v1.2.3")
	writeFile(t, filepath.Join(module, "README.md"), "changed")
	if key(helloTarget(), "v1.2.3") != before {
		t.Error("key depends on a file that is not built")
	}
}

func TestModuleVersion(t *testing.T) {
	const goMod = `module example.com/m

require example.com/single v0.1.0

require (
	example.com/a v1.2.3
	example.com/a/sub v9.9.9 // indirect
)

replace example.com/b => example.com/b v0.36.3
`
	for path, want := range map[string]string{
		"example.com/single": "v0.1.0",
		"example.com/a":      "v1.2.3",
		"example.com/a/sub":  "v9.9.9",
		"example.com/b":      "",
	} {
		got, err := moduleVersion([]byte(goMod), path)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v, want %q", path, got, err, want)
		}
	}
}

// The real component modules: each pins the version it is named after.
func TestTargetsMatchTheirModules(t *testing.T) {
	components, err := componentsDir()
	if err != nil {
		t.Fatal(err)
	}
	newest, err := KubeAPIServer(Newest)
	if err != nil {
		t.Fatal(err)
	}
	oldest, err := KubeAPIServer(Oldest)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []Target{newest, oldest, Kubernetes(), Etcd(), Containerd(), CoreDNS(), Pause()} {
		module := filepath.Join(components, target.Module)
		goMod, err := os.ReadFile(filepath.Join(module, "go.mod"))
		if err != nil {
			t.Errorf("%s: %v", target.Name, err)
			continue
		}
		if target.Versioned != "" {
			if _, err := moduleVersion(goMod, target.Versioned); err != nil {
				t.Errorf("%s: %v", target.Name, err)
			}
		}
		for _, pkg := range target.Packages {
			if _, err := os.Stat(filepath.Join(module, pkg, "main.go")); err != nil {
				t.Errorf("%s: %v", target.Name, err)
			}
		}
		if target.Expected <= 0 {
			t.Errorf("%s does not state the expected duration", target.Name)
		}
	}
}

func TestKubeAPIServerRefusesAnUnknownRelease(t *testing.T) {
	const want = `no kube-apiserver of the release "1.12" of Kubernetes: choose one of newest, oldest`
	if _, err := KubeAPIServer("1.12"); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestKubernetesVersion(t *testing.T) {
	got := strings.Join(kubernetesVersion("v1.36.3"), " ")
	const path = "k8s.io/component-base/version."
	for _, want := range []string{path + "gitVersion=v1.36.3", path + "gitMajor=1", path + "gitMinor=36"} {
		if !strings.Contains(got+" ", want+" ") {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
}
