// SPDX-License-Identifier: Apache-2.0

package sparkconf

import (
	"slices"
	"strings"
)

// releases are the versions of Spark whose submission is known, oldest first: the
// newest release of each minor version that was recorded. This is the only
// list; a test compares recordings, images, Makefile and documentation with it.
const releases = "3.3.4 3.4.4 3.5.9 4.0.5 4.1.4 4.2.1 4.3.0"

var parsedReleases = parseReleases()

func parseReleases() (parsed []Version) {
	for _, text := range strings.Fields(releases) {
		version, _ := ParseVersion(text) // a test reads them, too
		parsed = append(parsed, version)
	}
	return parsed
}

// Releases returns the versions of Spark whose submission is known, oldest first,
// one for each minor version.
func Releases() []Version { return slices.Clone(parsedReleases) }

// OldestRelease is the first of [Releases].
func OldestRelease() Version { return parsedReleases[0] }

// NewestRelease is the last of [Releases].
func NewestRelease() Version { return parsedReleases[len(parsedReleases)-1] }
