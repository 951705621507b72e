// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
)

// checkMainClass takes the main class of a Java application from the manifest of
// its JAR when none is given. That needs the JAR; one that is not among the
// submitter's files is refused with the text of the client.
func (a *arguments) checkMainClass() error {
	a.mainClass = a.in.MainClass
	if a.mainClass != "" || a.language != languageJava {
		return nil
	}
	unreadable := func(reason string) error {
		return &Error{
			Message: "Failed to get main class in JAR with error '" + reason + "'.  Please specify one with --class.",
			Key:     "MainClass",
		}
	}
	switch scheme, err := uriScheme(a.resource); {
	case a.resource == SparkInternal:
		return unreadable("File " + SparkInternal + " does not exist")
	case err != nil:
		return unreadable(err.Error())
	case scheme == "local":
		return unreadable(`No FileSystem for scheme "local"`)
	case scheme != "file":
		return unreadable("native submission reads no remote files")
	}
	jar, exists := a.in.file(filePath(a.resource))
	if !exists {
		return unreadable("File " + a.resource + " does not exist")
	}
	if a.mainClass = manifestMainClass(jar); a.mainClass == "" {
		return &Error{Message: "No main class set in JAR; please specify one with --class.", Key: "MainClass"}
	}
	return nil
}

// maxManifest bounds what is unpacked of a manifest.
const maxManifest = 1 << 20

// manifestMainClass returns the attribute Main-Class of a JAR's main section, or
// "" if there is none.
func manifestMainClass(jar []byte) string {
	archive, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		return ""
	}
	for _, entry := range archive.File {
		if !strings.EqualFold(entry.Name, "META-INF/MANIFEST.MF") {
			continue
		}
		reader, err := entry.Open()
		if err != nil {
			return ""
		}
		defer reader.Close()
		text, err := io.ReadAll(io.LimitReader(reader, maxManifest))
		if err != nil {
			return ""
		}
		return mainSectionAttribute(string(text), "Main-Class")
	}
	return ""
}

// mainSectionAttribute reads "Name: value" lines up to the first empty line. A
// line that starts with a blank continues the one before (JAR specification).
func mainSectionAttribute(manifest, name string) string {
	manifest = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(manifest)
	manifest = strings.ReplaceAll(manifest, "\n ", "")
	for line := range strings.SplitSeq(manifest, "\n") {
		if line == "" {
			break
		}
		if key, value, found := strings.Cut(line, ": "); found && strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
