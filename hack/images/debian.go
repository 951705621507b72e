// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

const (
	// debianRelease is the release below the Spark image: the last one with Java 17, which suits every Spark from 3.3
	// to 4.3 (class files of Spark 4 are of Java 17), and Python 3.11, the oldest that PySpark 4.3 takes.
	debianRelease = "bookworm"
	// debianRules is to be raised when the root comes out otherwise from the same packages.
	debianRules = "2"
)

// rootPackages are the packages of the root beside the essential ones. procps is for decom.sh and for Spark's scripts.
func rootPackages() []string {
	return []string{"openjdk-17-jre-headless", "procps", "python3", "tini"}
}

// javaHome is where the root has its Java runtime.
func javaHome() string { return "/usr/lib/jvm/java-17-openjdk-" + runtime.GOARCH }

// debianKey is the cache key of the root.
func debianKey() string {
	return key("debian-"+debianRelease, append(rootPackages(), debianRules, runtime.GOARCH)...)
}

// writeDebian bootstraps the Debian root into a layer.
func writeDebian(ctx context.Context, w *layerWriter) error {
	sources, settings, err := aptConfiguration(ctx)
	if err != nil {
		return err
	}
	args := []string{"--variant=minbase", "--include=" + strings.Join(rootPackages(), ","), "--format=tar",
		"--architectures=" + runtime.GOARCH, "--dpkgopt=force-unsafe-io"}
	for _, setting := range settings {
		args = append(args, "--aptopt="+setting)
	}
	args = append(append(args, debianRelease, "-"), sources...)

	started := time.Now()
	read, write, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("bootstrapping Debian: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		err := streamCommand(ctx, nil, func(c *exec.Cmd) { c.Stdout = write }, "mmdebstrap", args...)
		write.Close()
		ended <- err
	}()
	err = trimRoot(tar.NewReader(read), w, started)
	if err == nil {
		_, err = io.Copy(io.Discard, read) // the padding behind the archive
	}
	read.Close() // ends mmdebstrap if its output is of no use any more
	commandErr := <-ended
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		err = commandErr // what cut the archive short
	}
	if err != nil {
		return fmt.Errorf("bootstrapping Debian: %w", err)
	}
	return nil
}

// aptConfiguration returns where and how apt of this machine finds Debian: entries for sources.list and settings for
// apt.conf. Without entries mmdebstrap goes to its own default.
func aptConfiguration(ctx context.Context) (sources, settings []string, err error) {
	uris, err := runCommand(ctx, nil, "apt-get", "update", "--print-uris")
	if err != nil {
		return nil, nil, fmt.Errorf("reading the sources of apt: %w", err)
	}
	dump, err := runCommand(ctx, nil, "apt-config", "dump")
	if err != nil {
		return nil, nil, fmt.Errorf("reading the settings of apt: %w", err)
	}
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return nil, nil, fmt.Errorf("reading the name of this system: %w", err)
	}
	return aptSources(string(uris), string(release)), aptSettings(string(dump)), nil
}

// A line of "apt-get update --print-uris" for the index of a repository: its address and its suite.
var releaseFile = regexp.MustCompile(`^'(https?://[^']+)/dists/([^/']+)/InRelease'`)

// aptSources turns the repositories that apt of this machine uses for its own Debian release into entries for
// debianRelease at the same addresses. It returns none on other systems than Debian.
func aptSources(uris, osRelease string) []string {
	var id, codename string
	for line := range strings.Lines(osRelease) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch value = strings.Trim(value, `"'`); name {
		case "ID":
			id = value
		case "VERSION_CODENAME":
			codename = value
		}
	}
	if id != "debian" || codename == "" {
		return nil
	}
	var sources []string
	for line := range strings.Lines(uris) {
		match := releaseFile.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		pocket, own := strings.CutPrefix(match[2], codename)
		if !own || !slices.Contains([]string{"", "-updates", "-security"}, pocket) {
			continue
		}
		source := fmt.Sprintf("deb %s %s main", match[1], debianRelease+pocket)
		if !slices.Contains(sources, source) {
			sources = append(sources, source)
		}
	}
	return sources
}

// aptSettings picks from "apt-config dump" what decides whether a mirror can be reached and is believed.
func aptSettings(dump string) []string {
	wanted := []string{"Acquire::http::", "Acquire::https::", "Acquire::Retries ", "Acquire::Check-Valid-Until ", "Acquire::Check-Date "}
	var settings []string
	for line := range strings.Lines(dump) {
		setting := strings.TrimSuffix(strings.TrimSpace(line), ";")
		if slices.ContainsFunc(wanted, func(prefix string) bool { return strings.HasPrefix(setting, prefix) }) {
			settings = append(settings, setting)
		}
	}
	return settings
}

// trimRoot copies a root file system into a layer without what an image does not need, with the user of Spark, and
// with the time of what the installation wrote after started set to the epoch. Files of packages keep their time: it
// is the same everywhere, and the compiled Python beside its source is good for that time only.
func trimRoot(root *tar.Reader, w *layerWriter, started time.Time) error {
	edits := rootEdits()
	for {
		header, err := root.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading the root: %w", err)
		}
		name := path.Clean(header.Name)
		if name == "." || !keepInRoot(name, header.Typeflag) {
			continue
		}
		entry := tar.Header{Typeflag: header.Typeflag, Name: name, Linkname: header.Linkname, Size: header.Size,
			Mode: header.Mode, Uid: header.Uid, Gid: header.Gid, ModTime: header.ModTime}
		if header.Typeflag == tar.TypeLink {
			entry.Linkname = path.Clean(header.Linkname)
		}
		if header.ModTime.After(started.Add(-time.Minute)) {
			entry.ModTime = epoch()
		}
		if header.Typeflag == tar.TypeReg || header.Typeflag == tar.TypeLink {
			// Nothing in the image runs as another user, so membership of the group root gives no rights.
			entry.Mode &^= 0o6000
		}
		content := io.Reader(root)
		if edit := edits[name]; edit != nil && header.Typeflag == tar.TypeReg {
			text, err := io.ReadAll(root)
			if err != nil {
				return fmt.Errorf("reading the root: %w", err)
			}
			if text, err = edit(text); err != nil {
				return err
			}
			entry.Size, content = int64(len(text)), bytes.NewReader(text)
		}
		if name == "etc/passwd" {
			// So that the entrypoint can name a user whom the cluster made up and put into the group of root.
			entry.Mode |= 0o020
		}
		if header.Typeflag != tar.TypeReg {
			content = nil
		}
		if err := w.add(&entry, content); err != nil {
			return err
		}
	}
	return errors.Join(
		w.directory("home/spark", 0o775, owner{uid: sparkUID}),
		w.directory("opt", 0o755, owner{}),
	)
}

// rootEdits are the changes to files of the root, by path: the user of Spark and what makes the root reproducible.
func rootEdits() map[string]func([]byte) ([]byte, error) {
	with := func(line string) func([]byte) ([]byte, error) {
		return func(text []byte) ([]byte, error) { return append(text, line...), nil }
	}
	return map[string]func([]byte) ([]byte, error){
		"etc/passwd":   with(fmt.Sprintf("spark:x:%d:%d:Apache Spark:/home/spark:/usr/sbin/nologin\n", sparkUID, sparkUID)),
		"etc/group":    with(fmt.Sprintf("spark:x:%d:\n", sparkUID)),
		trustStorePath: dateTrustStore,
	}
}

// keepInRoot reports whether the image needs a file of the bootstrapped root.
func keepInRoot(name string, kind byte) bool {
	switch kind {
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return false // the container runtime brings /dev
	case tar.TypeDir:
		return true
	}
	if strings.HasPrefix(name, "usr/share/doc/") {
		return path.Base(name) == "copyright" || kind == tar.TypeSymlink
	}
	for _, prefix := range []string{
		"dev/", "run/", "tmp/",
		"usr/share/info/", "usr/share/lintian/", "usr/share/locale/", "usr/share/man/",
		"var/cache/", "var/lib/apt/lists/", "var/log/",
	} {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	return !slices.Contains([]string{
		// Of the machine that built the image.
		"etc/apt/apt.conf.d/99mmdebstrap", "etc/dpkg/dpkg.cfg.d/99mmdebstrap", "etc/hostname", "etc/machine-id", "etc/resolv.conf",
		// For compilers, and class data for heaps above 32 GB, which the JVM does without.
		"usr/lib/jvm/java-17-openjdk-" + runtime.GOARCH + "/lib/ct.sym",
		"usr/lib/jvm/java-17-openjdk-" + runtime.GOARCH + "/lib/server/classes_nocoops.jsa",
	}, name)
}
