// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	// defaultSpark is the series built when none is asked for.
	defaultSpark = "4.3"
	// versionPlaceholder stands for the exact Spark version in --output and --tag.
	versionPlaceholder = "{version}"
)

const sparkAbout = `Builds a Spark image: the distribution in the PyPI package pyspark over a minimal Debian with Java and Python.

The three layers (Debian, Spark, the entrypoint with the examples) are kept in the cache and built again only when
what they are made from changes. Building one needs mmdebstrap, python3 with pip, or javac; with all three in the cache
no program and no network is needed, save that a series such as 4.3 is looked up in the package index once a day.
Remove the cache to take in security updates of Debian.`

// runSpark is the command "images spark".
func runSpark(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := newFlagSet("spark", sparkAbout, stderr)
	wanted := flags.String("version", defaultSpark, "Spark release such as 4.3.0, or series such as 3.5 for its newest")
	output := flags.String("output", "bin/spark-image-"+versionPlaceholder+".tar", "archive to write; "+versionPlaceholder+" is the release")
	references := tagFlag(flags, "localhost/spark:"+versionPlaceholder, "reference of the image; may be given again")
	cacheRoot := flags.String("cache", defaultCache(), "folder that keeps layers between runs")
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	if *cacheRoot == "" {
		return errors.New("no folder for the cache: give --cache, or set HOME or XDG_CACHE_HOME")
	}
	progress := newProgress(stderr, "spark")
	c, err := openCache(*cacheRoot, func() { progress.say("waiting for another build to release %s", *cacheRoot) })
	if err != nil {
		return err
	}
	defer c.close()

	index := &pip{cache: c, progress: progress, now: time.Now, run: runCommand}
	version, err := index.resolve(ctx, *wanted)
	if err != nil {
		return err
	}
	for i, reference := range references.values {
		references.values[i] = strings.ReplaceAll(reference, versionPlaceholder, version)
	}
	tags, err := parseTags(references.values)
	if err != nil {
		return err
	}
	image, err := sparkImage(ctx, c, index, version, progress)
	if err != nil {
		return err
	}
	return deliver(image, tags, strings.ReplaceAll(*output, versionPlaceholder, version), stdout, progress)
}

// defaultCache is the folder of the cache below that of the user; "" if the user has none.
func defaultCache() string {
	base, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(base, "spark-operator", "images")
}

// sparkImage assembles the Spark image of version from cached layers and builds those that are missing.
func sparkImage(ctx context.Context, c *cache, index *pip, version string, progress *progress) (v1.Image, error) {
	debian, distribution, contract, err := sparkLayers(ctx, c, index, version, progress)
	if err != nil {
		return nil, err
	}
	return assemble(v1.ConfigFile{
		Architecture: runtime.GOARCH,
		Created:      v1.Time{Time: epoch()},
		Config: v1.Config{
			User:       strconv.Itoa(sparkUID),
			Entrypoint: []string{"/opt/entrypoint.sh"},
			WorkingDir: "/" + sparkHome + "/work-dir",
			Env: []string{
				"PATH=/" + sparkHome + "/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
				"SPARK_HOME=/" + sparkHome,
				"JAVA_HOME=" + javaHome(),
				"LANG=C.UTF-8", // otherwise Java and Python read and write ASCII
				// The programs of tests live for seconds: the second compiler and parallel garbage collection cost more CPU than they save.
				"JDK_JAVA_OPTIONS=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
			},
			Labels: labels(map[string]string{
				"org.opencontainers.image.title":       "spark",
				"org.opencontainers.image.description": "Apache Spark for Kubernetes",
				"org.opencontainers.image.version":     version,
			}),
		},
	}, []step{
		{layer: debian, history: "mmdebstrap " + debianRelease + " " + strings.Join(rootPackages(), " ")},
		{layer: distribution, history: "pip download pyspark==" + version},
		{layer: contract, history: "COPY entrypoint.sh decom.sh spark-examples.jar"},
	})
}

// sparkLayers returns the layers of the image, lowest first. Debian and Spark are fetched at the same time.
func sparkLayers(ctx context.Context, c *cache, index *pip, version string, progress *progress) (debian, distribution, contract *layer, err error) {
	if debian, err = c.layer(debianKey()); err != nil {
		return nil, nil, nil, err
	}
	if distribution, err = c.layer(distributionKey(version)); err != nil {
		return nil, nil, nil, err
	}
	if contract, err = c.layer(contractKey(version)); err != nil {
		return nil, nil, nil, err
	}
	if err := findPrograms(map[string]bool{
		"mmdebstrap": debian == nil, "python3": distribution == nil, "javac": contract == nil,
	}); err != nil {
		return nil, nil, nil, err
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var debianErr, sparkErr error
	var parts sync.WaitGroup
	if debian == nil {
		parts.Go(func() {
			done := progress.begin("bootstrapping Debian %s", debianRelease)
			debian, debianErr = c.build(debianKey(), func(w *layerWriter) error { return writeDebian(ctx, w) })
			if debianErr != nil {
				cancel()
				return
			}
			done()
		})
	}
	parts.Go(func() {
		if distribution, contract, sparkErr = buildSpark(ctx, c, index, version, distribution, contract, progress); sparkErr != nil {
			cancel()
		}
	})
	parts.Wait()
	return debian, distribution, contract, firstCause(debianErr, sparkErr)
}

// buildSpark builds the two layers of a Spark version as far as they are missing.
func buildSpark(ctx context.Context, c *cache, index *pip, version string, distribution, contract *layer, progress *progress) (*layer, *layer, error) {
	if distribution == nil {
		done := progress.begin("downloading pyspark %s", version)
		sdist, err := index.download(ctx, version)
		if err != nil {
			return nil, nil, err
		}
		done()
		done = progress.begin("unpacking Spark %s", version)
		distribution, err = c.build(distributionKey(version), func(w *layerWriter) error { return writeDistribution(sdist, w) })
		if err != nil {
			return nil, nil, err
		}
		done()
	}
	if contract == nil {
		done := progress.begin("compiling SparkPi for Spark %s", version)
		var err error
		contract, err = c.build(contractKey(version), func(w *layerWriter) error {
			return writeContract(ctx, version, distribution, c.work, w)
		})
		if err != nil {
			return nil, nil, err
		}
		done()
	}
	return distribution, contract, nil
}

// firstCause returns the first error that is not the echo of the other having been canceled.
func firstCause(errs ...error) error {
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return errors.Join(errs...)
}

// findPrograms makes sure, before minutes are spent, that the programs needed are there.
func findPrograms(needed map[string]bool) error {
	var missing []string
	for _, program := range []string{"mmdebstrap", "python3", "javac"} {
		if _, err := exec.LookPath(program); needed[program] && err != nil {
			missing = append(missing, debianPackages()[program])
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("programs are missing; run: apt-get install %s", strings.Join(missing, " "))
	}
	return nil
}
