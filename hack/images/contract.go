// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// What this project adds to Spark for the container contract of its Kubernetes backend.
var (
	//go:embed spark/entrypoint.sh
	entrypointScript []byte
	//go:embed spark/decom.sh
	decommissionScript []byte
	//go:embed spark/SparkPi.java
	sparkPiSource []byte
)

// contractRules is to be raised when the layer comes out otherwise from the same files.
const contractRules = "1"

// contractKey is the cache key of the layer above the distribution of a Spark version.
func contractKey(version string) string {
	return key("contract-"+version, version, contractRules, string(entrypointScript), string(decommissionScript), string(sparkPiSource))
}

// writeContract writes the layer above the distribution: the scripts that the backend calls, the folders that a
// container writes to, and the example that everybody starts with, for which pyspark has no jar.
func writeContract(ctx context.Context, version string, distribution *layer, scratch string, w *layerWriter) error {
	jars := filepath.Join(scratch, "classpath")
	scala, err := extractClasspath(distribution, jars)
	if err != nil {
		return err
	}
	examples, err := compileSparkPi(ctx, jars, scratch)
	if err != nil {
		return err
	}
	const jarFolder = sparkHome + "/examples/jars/"
	// Whoever may write here: the user of the image, and any user of the group root, which is how clusters that make
	// users up run them.
	writable := owner{uid: sparkUID}
	return errors.Join(
		w.bytes("opt/entrypoint.sh", 0o755, entrypointScript),
		w.bytes("opt/decom.sh", 0o755, decommissionScript),
		w.bytes(jarFolder+"spark-examples.jar", 0o644, examples),
		// The name that releases before Spark 4 give the jar.
		w.symlink(fmt.Sprintf("%sspark-examples_%s-%s.jar", jarFolder, scala, version), "spark-examples.jar"),
		w.directory(sparkHome+"/conf", 0o755, owner{}),
		w.directory(sparkHome+"/logs", 0o775, writable),
		w.directory(sparkHome+"/work-dir", 0o775, writable),
	)
}

// compileJars are the beginnings of the names of the jars that SparkPi is compiled against.
func compileJars() []string {
	return []string{"spark-core_", "spark-common-utils_", "spark-common-utils-java_", "scala-library-", "hadoop-client-api-"}
}

// extractClasspath copies the jars to compile against into folder and returns the Scala version of this Spark.
func extractClasspath(distribution *layer, folder string) (scala string, err error) {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return "", fmt.Errorf("extracting jars: %w", err)
	}
	file, err := os.Open(distribution.path)
	if err != nil {
		return "", fmt.Errorf("extracting jars: %w", err)
	}
	defer file.Close()
	for entries := tar.NewReader(file); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", fmt.Errorf("extracting jars from %s: %w", distribution.path, err)
		}
		dir, name := path.Split(header.Name)
		wanted := slices.ContainsFunc(compileJars(), func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		if dir != sparkHome+"/jars/" || !wanted {
			continue
		}
		if rest, ok := strings.CutPrefix(name, "spark-core_"); ok {
			scala, _, _ = strings.Cut(rest, "-")
		}
		jar, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			return "", fmt.Errorf("extracting jars: %w", err)
		}
		_, err = io.Copy(jar, entries)
		if err = errors.Join(err, jar.Close()); err != nil {
			return "", fmt.Errorf("extracting jars: %w", err)
		}
	}
	if scala == "" {
		return "", fmt.Errorf("extracting jars: %s has no spark-core jar", distribution.path)
	}
	return scala, nil
}

// compileSparkPi compiles SparkPi against the jars in a folder and returns the jar of its classes.
func compileSparkPi(ctx context.Context, jars, scratch string) ([]byte, error) {
	source, classes := filepath.Join(scratch, "SparkPi.java"), filepath.Join(scratch, "classes")
	if err := errors.Join(os.WriteFile(source, sparkPiSource, 0o644), os.Mkdir(classes, 0o755)); err != nil {
		return nil, fmt.Errorf("compiling SparkPi: %w", err)
	}
	// Java 17 is the runtime of the image, whatever the compiler of this machine.
	_, err := runCommand(ctx, nil, "javac", "--release", "17", "-proc:none", "-g:none", "-cp", filepath.Join(jars, "*"), "-d", classes, source)
	if err != nil {
		return nil, fmt.Errorf("compiling SparkPi: %w", err)
	}
	jar, err := packJar(os.DirFS(classes))
	if err != nil {
		return nil, fmt.Errorf("packing SparkPi: %w", err)
	}
	return jar, nil
}

// packJar packs a tree of classes into a jar that depends on nothing but their content.
func packJar(classes fs.FS) ([]byte, error) {
	var jar bytes.Buffer
	w := zip.NewWriter(&jar)
	add := func(name string, content []byte) error {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: epoch()})
		if err != nil {
			return err
		}
		_, err = entry.Write(content)
		return err
	}
	if err := add("META-INF/MANIFEST.MF", []byte("Manifest-Version: 1.0\r\n\r\n")); err != nil {
		return nil, err
	}
	// WalkDir goes in lexical order.
	err := fs.WalkDir(classes, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(classes, name)
		if err != nil {
			return err
		}
		return add(name, content)
	})
	if err := errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return jar.Bytes(), nil
}
