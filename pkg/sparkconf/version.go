// SPDX-License-Identifier: Apache-2.0

package sparkconf

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Version is a version of Spark. The zero value is older than every release.
type Version struct {
	major, minor, patch int
	text                string
}

// ParseVersion reads "4.1.4", "4.1" (patch 0) and forms with a suffix that
// starts with "-" such as "4.1.4-SNAPSHOT" or "4.2.0-preview1", which compare
// like the plain version.
func ParseVersion(text string) (Version, error) {
	numbers, _, _ := strings.Cut(text, "-")
	parts := strings.Split(numbers, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return Version{}, invalidVersion(text)
	}
	var number [3]int
	for i, part := range parts {
		// ParseUint would accept no sign either, but the length keeps out
		// numbers that no release will ever have.
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return Version{}, invalidVersion(text)
		}
		number[i] = int(n)
	}
	return Version{major: number[0], minor: number[1], patch: number[2], text: text}, nil
}

func invalidVersion(text string) error {
	return fmt.Errorf("spark version %q is not of the form <major>.<minor>[.<patch>][-<suffix>], such as 4.1.4", text)
}

// String returns the text that was parsed, suffix included.
func (v Version) String() string { return v.text }

// Compare orders by major, minor and patch and ignores a suffix. It returns -1,
// 0 or 1.
func (v Version) Compare(other Version) int {
	return cmp.Or(
		cmp.Compare(v.major, other.major),
		cmp.Compare(v.minor, other.minor),
		cmp.Compare(v.patch, other.patch),
	)
}

// CompareMinor orders by major and minor. It returns -1, 0 or 1.
func (v Version) CompareMinor(other Version) int {
	return cmp.Or(cmp.Compare(v.major, other.major), cmp.Compare(v.minor, other.minor))
}

// Major returns the first number of the version.
func (v Version) Major() int { return v.major }

// AtLeast reports whether v is major.minor.0 or newer.
func (v Version) AtLeast(major, minor int) bool { return v.AtLeastPatch(major, minor, 0) }

// AtLeastPatch reports whether v is major.minor.patch or newer.
func (v Version) AtLeastPatch(major, minor, patch int) bool {
	return v.Compare(Version{major: major, minor: minor, patch: patch}) >= 0
}

// Minor returns the release line, such as "4.1".
func (v Version) Minor() string { return strconv.Itoa(v.major) + "." + strconv.Itoa(v.minor) }
