// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// SparkVersion is the version of Spark for which an application is submitted.
type SparkVersion struct {
	sparkconf.Version
	// Guessed is set if not even the minor version is known.
	Guessed bool
	// Warning says, in one line, which version is used; empty if
	// spec.sparkVersion names a release.
	Warning string
}

// SparkVersionOf reads spec.sparkVersion as far as it can be read. What it leaves
// open comes from the tag of the driver's image, else it is the newest known
// release that fits. Package submit handles versions outside of the known
// ones.
func SparkVersionOf(app *v1beta2.SparkApplication) SparkVersion {
	text := strings.TrimSpace(app.Spec.SparkVersion)
	given := readVersion(text)
	if given.minor != "" && given.patch != "" {
		version, _ := sparkconf.ParseVersion(given.String())
		found := SparkVersion{Version: version}
		if !given.plain {
			found.Warning = "spec.sparkVersion: " + text + " is read as " + version.String()
		}
		return found
	}
	image := imageOf(app)
	if tag := readImageTag(image); tag.minor != "" && given.fits(tag) {
		version, guessed := newestOf(tag)
		return SparkVersion{version, guessed, given.warning(text) + "submitted as " + version.String() + " for the tag of the image " + image}
	}
	version, guessed := newestOf(given)
	return SparkVersion{version, guessed, given.warning(text) + "submitted as " + version.String()}
}

// release is what is known of a version; parts that are not known are empty.
type release struct {
	major, minor, patch string
	suffix              string // with its "-"
	// plain is set if nothing stood around the version.
	plain bool
}

func (r release) String() string { return r.major + "." + r.minor + "." + r.patch + r.suffix }

// fits reports whether the other release is one that this may stand for.
func (r release) fits(other release) bool {
	return (r.major == "" || r.major == other.major) && (r.minor == "" || r.minor == other.minor)
}

// warning begins the sentence that says what was made of a version.
func (r release) warning(text string) string {
	switch {
	case text == "":
		return "spec.sparkVersion is not set: "
	case r.major == "":
		return "spec.sparkVersion: " + text + " is not a Spark version: "
	}
	return "spec.sparkVersion: " + text + " is not a Spark release: "
}

// numbers are one to three numbers that belong together. A major version has one
// digit: longer numbers are dates or builds.
const numbers = `([0-9])(?:\.([0-9]{1,3}))?(?:\.([0-9]{1,3}))?`

var (
	// wholeVersion is a version as Spark writes it, with what vendors add.
	wholeVersion = regexp.MustCompile(`^[vV]?` + numbers + `(-[0-9A-Za-z.+_-]*)?$`)
	// markedVersion is one behind the name of Spark, as in jobs-1.2-spark3.5.1.
	markedVersion = regexp.MustCompile(`(?i)spark[-_: ]*v?` + numbers + `(?:[^0-9]|$)`)
	// someVersion is one that other text surrounds.
	someVersion = regexp.MustCompile(`(?:^|[^0-9.])` + numbers + `(?:[^0-9]|$)`)
	// imageVersion is the tag of an image of Spark itself, or a part of the name of
	// another image that says which Spark it holds. The tag of an application's image
	// is a version of the application.
	imageVersion = regexp.MustCompile(`(?i)(?:^|[^a-z])(?:py)?spark(?:-(?:py|python|python3|r|java|scala|base|k8s|kubernetes))?[-_:]*v?` +
		numbers + `(?:[^0-9]|$)`)
)

// longestVersion is how long a text is at most, in bytes, in which a version is looked
// for.
const longestVersion = 1 << 10

// readVersion reads what it can.
func readVersion(text string) release {
	if len(text) > longestVersion {
		return release{}
	}
	if match := wholeVersion.FindStringSubmatch(text); match != nil {
		return release{match[1], match[2], match[3], match[4], true}
	}
	for _, pattern := range []*regexp.Regexp{markedVersion, someVersion} {
		if match := pattern.FindStringSubmatch(text); match != nil {
			return release{major: match[1], minor: match[2], patch: match[3], plain: isPlainEnough(text)}
		}
	}
	return release{}
}

// isPlainEnough reports whether a text begins with its version, as do 3.5.1+build
// and 3.5.1.7.
func isPlainEnough(text string) bool {
	at := someVersion.FindStringIndex(strings.TrimLeft(text, "vV"))
	return at != nil && at[0] == 0
}

// imageOf is the image of the driver; empty if none is given.
func imageOf(app *v1beta2.SparkApplication) string {
	for _, image := range []string{
		valueOf(app.Spec.Driver.Image), valueOf(app.Spec.Image),
		app.Spec.SparkConf[sparkconf.DriverContainerImage], app.Spec.SparkConf[sparkconf.ContainerImage],
	} {
		if image != "" {
			return image
		}
	}
	return ""
}

// readImageTag reads which release of Spark an image holds, of those that are known
// or older ones of the same major versions.
func readImageTag(image string) release {
	name, _, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], "@")
	if len(name) > longestVersion {
		return release{}
	}
	match := imageVersion.FindStringSubmatch(name)
	if match == nil {
		return release{}
	}
	for _, known := range sparkconf.Releases() {
		if match[1] == strconv.Itoa(known.Major()) {
			return release{major: match[1], minor: match[2], patch: match[3]}
		}
	}
	return release{}
}

// newestOf returns the newest known release that one of which parts are missing may
// stand for. A minor version that is not known is a guess.
func newestOf(r release) (version sparkconf.Version, guessed bool) {
	if r.minor != "" && r.patch != "" {
		version, _ = sparkconf.ParseVersion(r.String())
		return version, false
	}
	newest := sparkconf.NewestRelease()
	if r.major == "" {
		return newest, true
	}
	found := false
	for _, known := range sparkconf.Releases() {
		if r.major == strconv.Itoa(known.Major()) && (r.minor == "" || r.major+"."+r.minor == known.Minor()) {
			version, found = known, true
		}
	}
	if found {
		return version, r.minor == ""
	}
	minor := r.minor
	if minor == "" {
		minor = "0"
	}
	version, _ = sparkconf.ParseVersion(r.major + "." + minor + ".0")
	return version, false
}
