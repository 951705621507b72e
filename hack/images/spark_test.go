// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// machine is a PATH with stand-ins for the programs that building a Spark image runs. Each leaves a line in a log.
type machine struct{ folder string }

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{folder: t.TempDir()}
	root := filepath.Join(m.folder, "root.tar")
	if err := os.WriteFile(root, rootArchive(t), 0o644); err != nil {
		t.Fatal(err)
	}
	sdist := writeSdist(t, append(sdistFiles(), "deps/jars/scala-library-2.13.18.jar"))
	for program, script := range map[string]string{
		"apt-get":    `echo "'http://mirror.example/debian/dists/bookworm/InRelease' x 0"`,
		"apt-config": `echo 'Acquire::Retries "3";'`,
		"mmdebstrap": `cat ` + root,
		// The last argument is pyspark==VERSION and the one before it the folder for the download.
		"python3": `[ "$3" = index ] && { echo "Available versions: 4.3.0, 4.2.1"; exit; }; shift $(($# - 2)); cp ` + sdist + ` "$1/pyspark-4.3.0.tar.gz"`,
		"javac":   `while [ "$1" != -d ]; do shift; done; mkdir -p "$2/org/apache/spark/examples"; cp "$3" "$2/org/apache/spark/examples/SparkPi.class"`,
	} {
		script = "#!/bin/sh\nPATH=/usr/bin:/bin\necho " + program + " \"$@\" >>" + m.log() + "\n" + script + "\n"
		if err := os.WriteFile(filepath.Join(m.folder, program), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", m.folder)
	return m
}

func (m *machine) log() string { return filepath.Join(m.folder, "log") }

// ran returns the names of the programs that ran since the last call, sorted.
func (m *machine) ran(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(m.log())
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.WriteFile(m.log(), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var programs []string
	for line := range strings.Lines(string(text)) {
		program, _, _ := strings.Cut(line, " ")
		programs = append(programs, program)
	}
	slices.Sort(programs)
	return programs
}

// rootArchive is what mmdebstrap prints: a root with one account file, padded like all tar archives.
func rootArchive(t *testing.T) []byte {
	t.Helper()
	var root bytes.Buffer
	w := tar.NewWriter(&root)
	const passwd = "root:x:0:0::/root:/bin/bash\n"
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "./etc/passwd", Mode: 0o644, Size: int64(len(passwd))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(passwd)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	root.Write(make([]byte, 100*1024))
	return root.Bytes()
}

// buildSparkImage runs "images spark" and returns the image, what it printed, and its progress.
func buildSparkImage(t *testing.T, cacheRoot, output string, args ...string) (image v1.Image, stdout, stderr string) {
	t.Helper()
	var out, log bytes.Buffer
	args = append([]string{"spark", "--cache", cacheRoot, "--output", output}, args...)
	if err := run(t.Context(), args, &out, &log); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, &log)
	}
	reference, _, _ := strings.Cut(out.String(), "\n")
	tag, err := name.NewTag(reference)
	if err != nil {
		t.Fatal(err)
	}
	if image, err = tarball.ImageFromPath(strings.ReplaceAll(output, versionPlaceholder, "4.3.0"), &tag); err != nil {
		t.Fatal(err)
	}
	return image, out.String(), log.String()
}

func TestSparkImage(t *testing.T) {
	m, cacheRoot, folder := newMachine(t), t.TempDir(), t.TempDir()
	image, stdout, _ := buildSparkImage(t, cacheRoot, filepath.Join(folder, "spark-{version}.tar"),
		"--version", "4.3", "--tag", "localhost/spark:{version}", "--tag", "localhost/spark:dev")
	if stdout != "localhost/spark:4.3.0\nlocalhost/spark:dev\n" {
		t.Errorf("printed %q", stdout)
	}
	if ran := m.ran(t); !slices.Equal(ran, []string{"apt-config", "apt-get", "javac", "mmdebstrap", "python3", "python3"}) {
		t.Errorf("ran %v", ran)
	}

	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Config.User != "185" || !slices.Equal(config.Config.Entrypoint, []string{"/opt/entrypoint.sh"}) ||
		config.Config.WorkingDir != "/opt/spark/work-dir" || config.Architecture != runtime.GOARCH {
		t.Errorf("the configuration is %+v on %s", config.Config, config.Architecture)
	}
	for _, variable := range []string{"SPARK_HOME=/opt/spark", "JAVA_HOME=" + javaHome(), "LANG=C.UTF-8"} {
		if !slices.Contains(config.Config.Env, variable) {
			t.Errorf("the environment misses %s: %v", variable, config.Config.Env)
		}
	}

	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) != 3 {
		t.Fatalf("the image has %d layers, want 3", len(layers))
	}
	if _, files := readLayer(t, layers[0]); !strings.Contains(files["etc/passwd"], "spark:x:185:") {
		t.Errorf("the first layer holds %v", files)
	}
	if _, files := readLayer(t, layers[1]); files["opt/spark/bin/spark-submit"] == "" {
		t.Errorf("the second layer holds %v", files)
	}
	headers, files := readLayer(t, layers[2])
	if files["opt/entrypoint.sh"] != string(entrypointScript) || files["opt/decom.sh"] != string(decommissionScript) ||
		files["opt/spark/examples/jars/spark-examples.jar"] == "" {
		t.Errorf("the third layer holds %v", files)
	}
	links := map[string]string{}
	for _, header := range headers {
		links[header.Name] = header.Linkname
		if header.Name == "opt/spark/work-dir/" && (header.Uid != 185 || header.Gid != 0 || header.Mode != 0o775) {
			t.Errorf("the work directory is %d:%d %o, want 185:0 775", header.Uid, header.Gid, header.Mode)
		}
	}
	if links["opt/spark/examples/jars/spark-examples_2.13-4.3.0.jar"] != "spark-examples.jar" {
		t.Errorf("the examples have no name with versions: %v", names(headers))
	}
}

func TestSparkImageComesFromTheCache(t *testing.T) {
	m, cacheRoot, output := newMachine(t), t.TempDir(), filepath.Join(t.TempDir(), "spark.tar")
	first, _, _ := buildSparkImage(t, cacheRoot, output)
	m.ran(t)

	t.Setenv("PATH", t.TempDir()) // no program and no network
	_, _, log := buildSparkImage(t, cacheRoot, output)
	if !strings.Contains(log, "is up to date") {
		t.Errorf("the image was written again: %s", log)
	}
	if err := os.Remove(output); err != nil {
		t.Fatal(err)
	}
	again, _, _ := buildSparkImage(t, cacheRoot, output)
	want, err := first.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Digest(); err != nil || got != want {
		t.Errorf("the image from the cache is %s (error %v), want %s", got, err, want)
	}
}

func TestSparkImageReusesDebian(t *testing.T) {
	m, cacheRoot, output := newMachine(t), t.TempDir(), filepath.Join(t.TempDir(), "spark-{version}.tar")
	buildSparkImage(t, cacheRoot, output)
	m.ran(t)
	var out, log bytes.Buffer
	if err := run(t.Context(), []string{"spark", "--cache", cacheRoot, "--output", output, "--version", "4.2"}, &out, &log); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	if ran := m.ran(t); !slices.Equal(ran, []string{"javac", "python3"}) {
		t.Errorf("another Spark ran %v", ran)
	}
	if out.String() != "localhost/spark:4.2.1\n" {
		t.Errorf("printed %q", &out)
	}
}

func TestSparkImageFailures(t *testing.T) {
	for _, c := range []struct{ program, script, want string }{
		{"mmdebstrap", "echo 'E: cannot resolve mirror' >&2; echo 'I: cleaning up' >&2; exit 25", "E: cannot resolve mirror"},
		{"python3", "echo 'ERROR: No matching distribution found' >&2; exit 1", "ERROR: No matching distribution found"},
		{"javac", "echo 'SparkPi.java:1: error: no' >&2; exit 1", "SparkPi.java:1: error: no"},
	} {
		m, cacheRoot, output := newMachine(t), t.TempDir(), filepath.Join(t.TempDir(), "spark.tar")
		if err := os.WriteFile(filepath.Join(m.folder, c.program), []byte("#!/bin/sh\n"+c.script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		var out, log bytes.Buffer
		err := run(t.Context(), []string{"spark", "--cache", cacheRoot, "--output", output, "--version", "4.3.0"}, &out, &log)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q in it", c.program, err, c.want)
		}
		if _, err := os.Stat(output); !os.IsNotExist(err) {
			t.Errorf("%s: an image was written (error %v)", c.program, err)
		}
		if _, err := os.Stat(filepath.Join(cacheRoot, "work")); !os.IsNotExist(err) {
			t.Errorf("%s: the scratch was left behind (error %v)", c.program, err)
		}
	}
}
