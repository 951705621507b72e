// SPDX-License-Identifier: Apache-2.0

package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// moduleVersion returns the version at which goMod requires the module path, for instance "v1.36.3".
func moduleVersion(goMod []byte, path string) (string, error) {
	required := regexp.MustCompile(`(?m)^(?:require)?\s+` + regexp.QuoteMeta(path) + `\s+(v\S+)`)
	match := required.FindSubmatch(goMod)
	if match == nil {
		return "", fmt.Errorf("go.mod does not require %s", path)
	}
	return string(match[1]), nil
}

// cacheKey names the folder of a built target: its name, its version, and a hash of all that goes into the build (the
// module's files, so every dependency's version and checksum, and the arguments of the Go tool).
// The version of the Go toolchain is left out on purpose: an upgrade of Go should not cost a rebuild of Kubernetes.
func cacheKey(moduleDir string, target Target, version string) (string, error) {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s/%s\n%q\n%q\n", runtime.GOOS, runtime.GOARCH, buildArguments(target, version), target.Links)

	err := filepath.WalkDir(moduleDir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name := entry.Name()
		if name != "go.mod" && name != "go.sum" && !strings.HasSuffix(name, ".go") {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(moduleDir, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(hash, "%s %x\n", filepath.ToSlash(relative), sha256.Sum256(content))
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("hash the sources of %s: %w", target.Name, err)
	}

	parts := []string{target.Name}
	if version != "" {
		parts = append(parts, version)
	}
	return strings.Join(append(parts, hex.EncodeToString(hash.Sum(nil))[:12]), "-"), nil
}

// buildArguments are the arguments of the Go tool up to, but without, -o.
func buildArguments(target Target, version string) []string {
	link := []string{"-s", "-w"}
	if target.Variables != nil {
		for _, setting := range target.Variables(version) {
			link = append(link, "-X", setting)
		}
	}
	arguments := []string{
		"build",
		"-mod=readonly",
		"-trimpath",
		"-buildvcs=false",
		// Stripped binaries need no debug information; not generating it saves a sixth of the compile time.
		"-gcflags=all=-dwarf=false",
		"-ldflags=" + strings.Join(link, " "),
	}
	if len(target.Tags) > 0 {
		arguments = append(arguments, "-tags="+strings.Join(target.Tags, ","))
	}
	return arguments
}
