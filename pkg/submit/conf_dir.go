// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// selectConfFiles adds those files of SPARK_CONF_DIR to selected that Spark
// ships to the driver (KubernetesClientUtils.loadSparkConfDirFiles).
func (s *driverSpec) selectConfFiles(dir string, files map[string][]byte, maxSize int64, selected map[string]string) {
	candidates := slices.DeleteFunc(slices.Collect(maps.Keys(files)), func(name string) bool {
		return int64(len(name)+len(files[name])) > maxSize || neverShipped(name)
	})
	slices.SortFunc(candidates, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a)+len(files[a]), len(b)+len(files[b])), cmp.Compare(a, b))
	})
	total := int64(0)
	var skipped []string
	for _, name := range candidates {
		content := files[name]
		if !utf8.Valid(content) {
			s.warn("Unable to read a non UTF-8 encoded file " + dir + "/" + name + ". Skipping...")
			continue
		}
		size := int64(utf16Length(name) + utf16Length(string(content)))
		if total+size >= maxSize {
			skipped = append(skipped, name)
			continue
		}
		total += size
		selected[name] = string(content)
	}
	if skipped != nil {
		s.warn("Skipped conf file(s) " + strings.Join(skipped, ",") + ", due to size constraint. " +
			"Please see, config: `spark.kubernetes.configMap.maxSize` for more details.")
	}
}

// neverShipped reports archives, templates and Spark's own properties files.
func neverShipped(name string) bool {
	for _, ending := range []string{".gz", ".zip", ".jar", ".tar", ".template"} {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return strings.HasPrefix(name, "spark") &&
		(strings.HasSuffix(name[len("spark"):], "conf") || strings.HasSuffix(name[len("spark"):], "properties"))
}

// utf16Length is java.lang.String.length.
func utf16Length(text string) int {
	n := 0
	for _, r := range text {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}
