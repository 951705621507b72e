// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"strings"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// NewestSparkVersion is the newest version of Spark whose submission is known.
// It stands in for a version that is not given or cannot be read.
const NewestSparkVersion = "4.3.0"

// SparkVersion reads spec.sparkVersion, which may begin with a "v" and end in
// anything that is no number: v3.5.1-amzn-0. The warning is empty unless the
// text had to be replaced; versions outside of the known ones are the matter of
// package submit.
func SparkVersion(text string) (version sparkconf.Version, warning string) {
	newest, _ := sparkconf.ParseVersion(NewestSparkVersion)
	trimmed := strings.TrimSpace(text)
	if trimmed == "" {
		return newest, ""
	}
	trimmed = strings.TrimPrefix(strings.TrimPrefix(trimmed, "v"), "V")
	if version, err := sparkconf.ParseVersion(trimmed); err == nil {
		return version, ""
	}
	// What follows the numbers may be of another form than -suffix.
	numbers := trimmed[:len(trimmed)-len(strings.TrimLeft(trimmed, "0123456789."))]
	parts := strings.Split(strings.TrimRight(numbers, "."), ".")
	if len(parts) >= 2 {
		if version, err := sparkconf.ParseVersion(strings.Join(parts[:min(len(parts), 3)], ".")); err == nil {
			return version, ""
		}
	}
	return newest, "spec.sparkVersion: " + text + " is no version of Spark: submitted as " + NewestSparkVersion
}
