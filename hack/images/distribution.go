// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
)

const (
	// sparkHome is Spark's home in the image, without the leading slash as in all layers.
	sparkHome = "opt/spark"
	// distributionRules is to be raised when the layer comes out otherwise from the same source archive.
	distributionRules = "1"
)

// distributionKey is the cache key of the layer with the Spark distribution.
func distributionKey(version string) string {
	return key("distribution-"+version, version, distributionRules)
}

// writeDistribution turns the source archive of pyspark, which holds a whole Spark distribution, into a layer.
func writeDistribution(sdist string, w *layerWriter) error {
	file, err := os.Open(sdist)
	if err != nil {
		return fmt.Errorf("opening the source archive of pyspark: %w", err)
	}
	defer file.Close()
	content, err := gzip.NewReader(bufio.NewReaderSize(file, 1<<20))
	if err != nil {
		return fmt.Errorf("reading %s: %w", sdist, err)
	}
	missing := requiredFiles()
	entries := tar.NewReader(content)
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", sdist, err)
		}
		name := distributionPath(header.Name)
		if name == "" || header.Typeflag != tar.TypeReg {
			continue
		}
		var mode int64 = 0o644
		if header.Mode&0o111 != 0 {
			mode = 0o755
		}
		if err := w.regular(name, mode, header.Size, entries); err != nil {
			return err
		}
		for prefix := range missing {
			if strings.HasPrefix(name, prefix) {
				delete(missing, prefix)
			}
		}
	}
	for prefix := range missing {
		return fmt.Errorf("%s holds no %s: this release of pyspark makes no Spark image", path.Base(sdist), prefix)
	}
	return nil
}

// requiredFiles are the beginnings of the paths without which the image is of no use.
func requiredFiles() map[string]bool {
	return map[string]bool{
		sparkHome + "/bin/spark-submit":               true,
		sparkHome + "/jars/spark-core_":               true,
		sparkHome + "/jars/spark-kubernetes_":         true,
		sparkHome + "/python/lib/py4j-":               true,
		sparkHome + "/python/lib/pyspark.zip":         true,
		sparkHome + "/examples/src/main/python/pi.py": true,
	}
}

// distributionPath returns where the image has a file of the source archive, and "" for what it leaves out. The layout
// is that of Spark's own images and binary releases.
func distributionPath(name string) string {
	_, name, _ = strings.Cut(path.Clean(name), "/") // the folder pyspark-<version>
	switch {
	case name == "LICENSE", name == "NOTICE":
		return path.Join(sparkHome, name)
	case strings.HasSuffix(name, ".cmd"), name == "deps/bin/docker-image-tool.sh":
		return "" // for other systems, and for building images
	case strings.HasPrefix(name, "pyspark/python/"):
		return "" // what pip needs to put the launchers on a path
	case strings.HasPrefix(name, "pyspark/"):
		return path.Join(sparkHome, "python", name)
	}
	for from, to := range map[string]string{
		"deps/bin/":      "bin",
		"deps/sbin/":     "sbin",
		"deps/jars/":     "jars",
		"deps/data/":     "data",
		"deps/licenses/": "licenses",
		"deps/examples/": "examples/src/main/python",
		"lib/":           "python/lib",
	} {
		if rest, ok := strings.CutPrefix(name, from); ok {
			return path.Join(sparkHome, to, rest)
		}
	}
	return ""
}
