// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Spark version is asked for in full, as in 4.3.0 or 4.2.0rc1, or as a series, as in 4.3 or 4.3.x.
var (
	exactVersion  = regexp.MustCompile(`^\d+\.\d+\.\d+([a-z.]+\d+)*$`)
	versionSeries = regexp.MustCompile(`^(\d+\.\d+)(\.x)?$`)
)

// releasesFreshFor is how long the list of releases is believed without asking the package index again.
const releasesFreshFor = 24 * time.Hour

// pip is the client of the Python package index. It knows the index, the proxy and the certificates of this machine
// from its own configuration.
type pip struct {
	cache    *cache
	progress *progress
	now      func() time.Time
	run      func(ctx context.Context, env []string, name string, args ...string) ([]byte, error)
}

// resolve returns the exact version for an exact version or the newest release of a series.
func (p *pip) resolve(ctx context.Context, version string) (string, error) {
	if exactVersion.MatchString(version) {
		return version, nil
	}
	match := versionSeries.FindStringSubmatch(version)
	if match == nil {
		return "", fmt.Errorf("spark version %q: expected a release such as 4.3.0 or a series such as 4.3", version)
	}
	releases, err := p.releases(ctx)
	if err != nil {
		return "", err
	}
	newest := newestOf(match[1], releases)
	if newest == "" {
		return "", fmt.Errorf("spark version %q: the package index has no such release of pyspark; newest is %s",
			version, newestOf("", releases))
	}
	return newest, nil
}

// releases lists the releases of pyspark, from the cache while that is fresh or when the index does not answer.
func (p *pip) releases(ctx context.Context) ([]string, error) {
	kept := filepath.Join(p.cache.root, "releases.json")
	var releases []string
	text, err := os.ReadFile(kept)
	if err == nil {
		err = json.Unmarshal(text, &releases)
	}
	known := err == nil && len(releases) > 0
	if known {
		if status, err := os.Stat(kept); err == nil && p.now().Sub(status.ModTime()) < releasesFreshFor {
			return releases, nil
		}
	}
	out, err := p.pip(ctx, "index", "versions", "pyspark")
	if err != nil && known {
		p.progress.say("the package index did not answer; going by the releases known from an earlier run")
		return releases, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the releases of pyspark: %w", err)
	}
	if releases = parseReleases(string(out)); len(releases) == 0 {
		return nil, errors.New(`listing the releases of pyspark: no "Available versions" in the answer of pip; give --version in full`)
	}
	if text, err = json.Marshal(releases); err != nil {
		return nil, fmt.Errorf("keeping the releases of pyspark: %w", err)
	}
	if err := os.WriteFile(kept, text, 0o644); err != nil {
		return nil, fmt.Errorf("keeping the releases of pyspark: %w", err)
	}
	return releases, nil
}

// download fetches the source archive of pyspark into the scratch of the cache and returns its path.
// pip compares it with the checksum of the index. It also asks the archive for its metadata, for which it unpacks it.
func (p *pip) download(ctx context.Context, version string) (string, error) {
	folder := filepath.Join(p.cache.work, "sdist")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return "", fmt.Errorf("preparing the download of pyspark: %w", err)
	}
	_, err := p.pip(ctx, "download", "--no-cache-dir", "--no-deps", "--no-binary", "pyspark", "--dest", folder,
		"pyspark=="+version)
	if err != nil {
		return "", fmt.Errorf("downloading pyspark %s: %w", version, err)
	}
	found, err := filepath.Glob(filepath.Join(folder, "pyspark-*.tar.gz"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("downloading pyspark %s: expected one source archive in %s, found %d", version, folder, len(found))
	}
	return found[0], nil
}

// pip runs pip. Its temporary files, as large as Spark unpacked, go beside the cache and not to a small /tmp.
func (p *pip) pip(ctx context.Context, args ...string) ([]byte, error) {
	env := []string{"TMPDIR=" + p.cache.work, "PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_NO_INPUT=1"}
	return p.run(ctx, env, "python3", append([]string{"-m", "pip"}, args...)...)
}

// parseReleases reads the answer of "pip index versions".
func parseReleases(answer string) []string {
	for lines := bufio.NewScanner(strings.NewReader(answer)); lines.Scan(); {
		if list, ok := strings.CutPrefix(lines.Text(), "Available versions:"); ok {
			var releases []string
			for release := range strings.SplitSeq(list, ",") {
				if release = strings.TrimSpace(release); release != "" {
					releases = append(releases, release)
				}
			}
			return releases
		}
	}
	return nil
}

// newestOf returns the highest final release of a series, of all releases if series is empty; "" if there is none.
func newestOf(series string, releases []string) string {
	var newest string
	var highest []int
	for _, release := range releases {
		numbers := releaseNumbers(release)
		inSeries := series == "" || strings.HasPrefix(release, series+".")
		if numbers != nil && inSeries && slices.Compare(numbers, highest) > 0 {
			newest, highest = release, numbers
		}
	}
	return newest
}

// releaseNumbers splits a final release into its numbers; it returns nil for previews and the like.
func releaseNumbers(release string) []int {
	var numbers []int
	for part := range strings.SplitSeq(release, ".") {
		number, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		numbers = append(numbers, number)
	}
	return numbers
}
