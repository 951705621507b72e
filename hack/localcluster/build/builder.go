// SPDX-License-Identifier: Apache-2.0

// Package build makes the programs of a local Kubernetes from the pinned Go modules below components/ and keeps them in
// the user's cache, so that they are built once per version and machine and not once per checkout.
package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spark-operator/spark-operator/hack/localcluster/filelock"
)

// unusedAfter is how long an unused version stays in the cache.
const unusedAfter = 30 * 24 * time.Hour

// Builder builds targets into a cache. The zero value is not usable; see New.
type Builder struct {
	components string // folder with the component modules
	cache      string // folder with one folder for each built target
	progress   io.Writer
}

// New returns a Builder for the component modules beside this package's source. Progress gets one line for each target
// that has to be built and nothing for those that are already there.
func New(progress io.Writer) (*Builder, error) {
	components, err := componentsDir()
	if err != nil {
		return nil, err
	}
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	return &Builder{components: components, cache: filepath.Join(cache, "bin"), progress: progress}, nil
}

// CacheDir is where everything lives that outlasts a command and belongs to no checkout:
// ${XDG_CACHE_HOME:-$HOME/.cache}/spark-operator/localcluster.
func CacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: set HOME or XDG_CACHE_HOME: %w", err)
	}
	return filepath.Join(dir, "spark-operator", "localcluster"), nil
}

// Ensure builds the target unless it is in the cache and returns the folder that holds its programs.
// Concurrent calls, of any process, build one after the other.
func (b *Builder) Ensure(ctx context.Context, target Target) (string, error) {
	module := filepath.Join(b.components, target.Module)
	version := ""
	if target.Versioned != "" {
		goMod, err := os.ReadFile(filepath.Join(module, "go.mod"))
		if err != nil {
			return "", fmt.Errorf("version of %s: %w", target.Name, err)
		}
		if version, err = moduleVersion(goMod, target.Versioned); err != nil {
			return "", fmt.Errorf("version of %s: %w", target.Name, err)
		}
	}
	key, err := cacheKey(module, target, version)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(b.cache, key)
	if isBuilt(dir) {
		return dir, nil
	}

	if err := os.MkdirAll(b.cache, 0o755); err != nil {
		return "", fmt.Errorf("cache of %s: %w", target.Name, err)
	}
	lock, err := filelock.Wait(ctx, filepath.Join(b.cache, "lock"), func() {
		fmt.Fprintf(b.progress, "waiting for another build to finish\n")
	})
	if err != nil {
		return "", err
	}
	defer lock.Release()
	if isBuilt(dir) { // by whoever held the lock
		return dir, nil
	}

	fmt.Fprintf(b.progress, "building %s (once, about %s with an empty Go build cache on two cores) ... ",
		strings.TrimSpace(target.Name+" "+version), minutes(target.Expected))
	start := time.Now()
	if err := b.build(ctx, module, target, version, dir); err != nil {
		fmt.Fprintf(b.progress, "failed\n")
		return "", fmt.Errorf("build %s: %w", target.Name, err)
	}
	fmt.Fprintf(b.progress, "done in %s\n", time.Since(start).Round(time.Second))
	b.prune(target.Name, dir)
	return dir, nil
}

// minutes writes a rough duration for people.
func minutes(duration time.Duration) string {
	if duration < time.Minute {
		return fmt.Sprintf("%.0f s", duration.Seconds())
	}
	return fmt.Sprintf("%.0f min", duration.Minutes())
}

// isBuilt reports whether the folder is complete, which it is if it exists, and marks it as used.
func isBuilt(dir string) bool {
	now := time.Now()
	return os.Chtimes(dir, now, now) == nil
}

// build fills a temporary folder and renames it, so that dir is either absent or complete.
func (b *Builder) build(ctx context.Context, module string, target Target, version, dir string) error {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return errors.New("the go command is not in PATH: install Go 1.26 or newer")
	}
	unfinished := dir + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := os.MkdirAll(unfinished, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(unfinished)

	arguments := append(buildArguments(target, version), "-o", unfinished+string(filepath.Separator))
	command := exec.CommandContext(ctx, goTool, append(arguments, target.Packages...)...)
	command.Dir = module
	command.Env = buildEnvironment(os.Environ())
	command.WaitDelay = 5 * time.Second
	output, err := command.CombinedOutput()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, lastLines(output, 30))
	}

	for link, program := range target.Links {
		if err := os.Symlink(program, filepath.Join(unfinished, link)); err != nil {
			return err
		}
	}
	return os.Rename(unfinished, dir)
}

// buildEnvironment takes out of the user's environment what would change the result.
//
// The compiler spends a third of its time on collecting garbage at Go's default of GOGC=100 (measured on
// k8s.io/api/core/v1: 9.5 s of CPU time, against 6.8 s at 400), so it may use more memory, within a limit for each process.
func buildEnvironment(environ []string) []string {
	return append([]string{"GOGC=800", "GOMEMLIMIT=1GiB"}, append(environ,
		"CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)...)
}

// prune removes what has not been used for long of the same target. It is best effort: a leftover costs only space.
func (b *Builder) prune(name, keep string) {
	others, err := filepath.Glob(filepath.Join(b.cache, name+"-*"))
	if err != nil {
		return
	}
	for _, other := range others {
		info, err := os.Stat(other)
		if err == nil && other != keep && time.Since(info.ModTime()) > unusedAfter {
			_ = os.RemoveAll(other)
		}
	}
}

// componentsDir finds the component modules: they are modules of their own and so cannot be embedded. It is the folder
// beside this file for a program built in a checkout, else one above the working folder or above the program.
func componentsDir() (string, error) {
	const marker = "components/kubernetes/go.mod"
	isSource := func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, marker))
		return err == nil
	}

	if _, file, _, ok := runtime.Caller(0); ok { // not a path of this machine with -trimpath
		if dir := filepath.Dir(filepath.Dir(file)); isSource(dir) {
			return filepath.Join(dir, "components"), nil
		}
	}
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if program, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(program))
	}
	for _, start := range starts {
		for dir := start; ; dir = filepath.Dir(dir) {
			for _, candidate := range []string{dir, filepath.Join(dir, "hack", "localcluster")} {
				if isSource(candidate) {
					return filepath.Join(candidate, "components"), nil
				}
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", errors.New("hack/localcluster/components not found: run this inside a checkout of spark-operator")
}

func lastLines(output []byte, count int) []byte {
	lines := bytes.Split(bytes.TrimRight(output, "\n"), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-count):], []byte("\n"))
}
