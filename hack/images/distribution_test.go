// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// sdistFiles are the paths of a source archive of pyspark, reduced to one of each kind.
func sdistFiles() []string {
	return []string{
		"deps/bin/spark-submit", "deps/jars/spark-core_2.13-4.3.0.jar", "deps/jars/spark-kubernetes_2.13-4.3.0.jar",
		"deps/examples/pi.py", "lib/py4j-0.10.9.9-src.zip", "lib/pyspark.zip", "deps/bin/spark-submit.cmd", "setup.py",
	}
}

// writeSdist writes a source archive with the given files; their content is their path.
func writeSdist(t *testing.T, files []string) string {
	t.Helper()
	var content bytes.Buffer
	compressed := gzip.NewWriter(&content)
	w := tar.NewWriter(compressed)
	for _, file := range files {
		header := tar.Header{Typeflag: tar.TypeReg, Name: "pyspark-4.3.0/" + file, Size: int64(len(file)), Mode: 0o664, Uid: 1000, Uname: "release"}
		if strings.HasPrefix(file, "deps/bin/") {
			header.Mode = 0o775
		}
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, file); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "pyspark-4.3.0.tar.gz")
	if err := os.WriteFile(name, content.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func distributionLayer(t *testing.T, sdist string) (*layer, error) {
	t.Helper()
	w, err := newLayerWriter(filepath.Join(t.TempDir(), "layer"), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeDistribution(sdist, w); err != nil {
		w.abandon()
		return nil, err
	}
	return w.finish()
}

func TestDistributionPath(t *testing.T) {
	for name, want := range map[string]string{
		"LICENSE":                           "opt/spark/LICENSE",
		"NOTICE":                            "opt/spark/NOTICE",
		"deps/bin/spark-submit":             "opt/spark/bin/spark-submit",
		"deps/bin/spark-submit.cmd":         "",
		"deps/bin/docker-image-tool.sh":     "",
		"deps/sbin/start-connect-server.sh": "opt/spark/sbin/start-connect-server.sh",
		"deps/jars/connect-repl/trees.jar":  "opt/spark/jars/connect-repl/trees.jar",
		"deps/data/mllib/kmeans_data.txt":   "opt/spark/data/mllib/kmeans_data.txt",
		"deps/examples/sql/arrow.py":        "opt/spark/examples/src/main/python/sql/arrow.py",
		"deps/licenses/LICENSE-antlr.txt":   "opt/spark/licenses/LICENSE-antlr.txt",
		"lib/pyspark.zip":                   "opt/spark/python/lib/pyspark.zip",
		"pyspark/sql/session.py":            "opt/spark/python/pyspark/sql/session.py",
		"pyspark/python/pyspark/shell.py":   "",
		"pyspark.egg-info/SOURCES.txt":      "",
		"setup.py":                          "",
		"PKG-INFO":                          "",
	} {
		if got := distributionPath("pyspark-4.3.0/" + name); got != want {
			t.Errorf("%s goes to %q, want %q", name, got, want)
		}
	}
	if got := distributionPath("pyspark-4.3.0/"); got != "" {
		t.Errorf("the folder itself goes to %q", got)
	}
}

func TestWriteDistribution(t *testing.T) {
	l, err := distributionLayer(t, writeSdist(t, sdistFiles()))
	if err != nil {
		t.Fatal(err)
	}
	headers, files := readLayer(t, l)
	for _, header := range headers {
		if header.Uid != 0 || header.Uname != "" || !header.ModTime.Equal(epoch()) {
			t.Errorf("%s has owner %d %q and time %s", header.Name, header.Uid, header.Uname, header.ModTime)
		}
		want := int64(0o644)
		if header.Typeflag == tar.TypeDir || strings.HasPrefix(header.Name, "opt/spark/bin/") {
			want = 0o755
		}
		if header.Mode != want {
			t.Errorf("%s has mode %o, want %o", header.Name, header.Mode, want)
		}
	}
	if files["opt/spark/examples/src/main/python/pi.py"] != "deps/examples/pi.py" || len(files) != 6 {
		t.Errorf("the layer holds %v", files)
	}
}

func TestWriteDistributionMissesFiles(t *testing.T) {
	for i, file := range sdistFiles()[:6] {
		files := slices.Delete(sdistFiles(), i, i+1)
		if _, err := distributionLayer(t, writeSdist(t, files)); err == nil || !strings.Contains(err.Error(), "makes no Spark image") {
			t.Errorf("without %s: error is %v", file, err)
		}
	}
}

func TestExtractClasspath(t *testing.T) {
	files := append(sdistFiles(), "deps/jars/scala-library-2.13.18.jar", "deps/jars/connect-repl/spark-core_2.99.jar")
	l, err := distributionLayer(t, writeSdist(t, files))
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "jars")
	scala, err := extractClasspath(l, folder)
	if err != nil {
		t.Fatal(err)
	}
	if scala != "2.13" {
		t.Errorf("the Scala version is %q", scala)
	}
	var got []string
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if !slices.Equal(got, []string{"scala-library-2.13.18.jar", "spark-core_2.13-4.3.0.jar"}) {
		t.Errorf("extracted %v", got)
	}
}

func TestPackJar(t *testing.T) {
	classes := fstest.MapFS{
		"org/apache/spark/examples/SparkPi.class": {Data: []byte("class"), ModTime: epoch().AddDate(20, 0, 0)},
	}
	jar, err := packJar(classes)
	if err != nil {
		t.Fatal(err)
	}
	classes["org/apache/spark/examples/SparkPi.class"].ModTime = epoch()
	if again, err := packJar(classes); err != nil || !bytes.Equal(jar, again) {
		t.Errorf("the time of the classes shows in the jar (error %v)", err)
	}
	r, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, file := range r.File {
		got = append(got, file.Name)
	}
	if !slices.Equal(got, []string{"META-INF/MANIFEST.MF", "org/apache/spark/examples/SparkPi.class"}) {
		t.Errorf("the jar holds %v", got)
	}
}
