// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// resolvePrimaryResource turns the primary resource into a URI, unless it is one
// of Spark's own names, and derives the language from its ending.
func (a *arguments) resolvePrimaryResource(resource string) (string, language) {
	switch resource {
	case SparkInternal, "spark-shell", "connect-shell":
		return resource, languageJava
	case "pyspark-shell":
		return resource, languagePython
	case "sparkr-shell":
		return resource, languageR
	}
	resolved := a.in.resolveURI(resource)
	switch {
	case strings.HasSuffix(resource, ".py"):
		return resolved, languagePython
	case strings.HasSuffix(resource, ".R"), strings.HasSuffix(resource, ".r"):
		return resolved, languageR
	}
	return resolved, languageJava
}

// resolveDependencies writes the four lists. Remote URIs stay as they are: the
// driver fetches them. The real client also expands globs in remote lists, for
// which it needs the classes and credentials of each store, and it looks for R
// sources in the JARs of an R application, which must be files for that; both
// is left to the driver here.
func (a *arguments) resolveDependencies() {
	for _, key := range []string{sparkconf.Jars, sparkconf.Files, sparkconf.Archives, sparkconf.SubmitPythonFiles} {
		entries := sparkconf.SplitList(a.values[key])
		for i, entry := range entries {
			entries[i] = a.in.resolveURI(entry)
		}
		always := key == sparkconf.SubmitPythonFiles // even if empty
		if key == sparkconf.Jars && a.language == languageJava {
			always = true
			if a.resource != SparkInternal {
				entries = append(entries, a.resource)
			}
		}
		if always || a.has(key) {
			a.values[key] = strings.Join(entries, ",")
		}
	}
}

// epochMillis prints a time as System.currentTimeMillis.
func epochMillis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// lastPathComponent is java.io.File.getName.
func lastPathComponent(name string) string {
	name = strings.TrimRight(name, "/")
	return name[strings.LastIndexByte(name, '/')+1:]
}

// file returns a file of the submitter by absolute or relative path.
func (in *Input) file(name string) ([]byte, bool) {
	if len(in.Files) == 0 {
		return nil, false
	}
	content, ok := in.Files[in.absolute(name)]
	return content, ok
}

// absolute resolves a path against the working directory.
func (in *Input) absolute(name string) string {
	if !strings.HasPrefix(name, "/") {
		name = in.WorkingDir + "/" + name
	}
	return path.Clean(name)
}

// absolutePath is java.io.File.getAbsolutePath, which does not clean the path.
func (in *Input) absolutePath(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return in.WorkingDir + "/" + name
}
