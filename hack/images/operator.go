// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	// sparkUID is the user of both images. Spark's own images run as 185, so volumes that people prepared fit.
	sparkUID = 185
	// sourceURL is the home of the project, as the labels of the images name it.
	sourceURL = "https://github.com/spark-operator/spark-operator"
)

// programs are those that have images, by name, and what their labels say of them.
func programs() map[string]string {
	return map[string]string{
		"spark-operator": "Kubernetes operator for Apache Spark",
		"log-archiver":   "Copies the logs of Apache Spark drivers to a bucket",
	}
}

// testPrograms are those that have images for the end-to-end tests alone.
func testPrograms() map[string]string {
	return map[string]string{"kubectl": "Command line of Kubernetes"}
}

// programFlag defines the flag --program.
func programFlag(flags *flag.FlagSet) *string {
	return flags.String("program", "spark-operator", "name of the program: spark-operator, log-archiver or kubectl")
}

// runOperator is the command "images operator".
func runOperator(args []string, stdout, stderr io.Writer) error {
	flags := newFlagSet("operator", "Builds the image of the operator or of another program: one static binary, nothing else.", stderr)
	program := programFlag(flags)
	binary := flags.String("binary", "bin/spark-operator", "static Linux binary, built with CGO_ENABLED=0")
	output := flags.String("output", "bin/operator-image.tar", "archive to write")
	references := tagFlag(flags, "localhost/spark-operator:dev", "reference of the image; may be given again")
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	progress := newProgress(stderr, "operator")
	tags, err := parseTags(references.values)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "operator-image-")
	if err != nil {
		return fmt.Errorf("creating temporary folder: %w", err)
	}
	defer os.RemoveAll(work)
	image, err := operatorImage(*program, *binary, work)
	if err != nil {
		return err
	}
	return deliver(image, tags, *output, stdout, progress)
}

// operatorImage assembles the image of a program around its binary, with its layer in the folder work.
func operatorImage(program, binary, work string) (v1.Image, error) {
	description := cmp.Or(programs()[program], testPrograms()[program])
	if description == "" {
		return nil, fmt.Errorf("--program: %q is not spark-operator, log-archiver or kubectl", program)
	}
	path := "usr/bin/" + program
	architecture, err := staticArchitecture(binary)
	if err != nil {
		return nil, err
	}
	content, err := os.Open(binary)
	if err != nil {
		return nil, fmt.Errorf("opening the operator binary: %w", err)
	}
	defer content.Close()
	status, err := content.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening the operator binary: %w", err)
	}
	w, err := newLayerWriter(filepath.Join(work, "operator.tar.gz"), true)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(
		w.directory("tmp", 0o1777, owner{}),
		w.regular(path, 0o755, status.Size(), content),
	); err != nil {
		w.abandon()
		return nil, err
	}
	l, err := w.finish()
	if err != nil {
		return nil, err
	}
	version, revision, created := buildOrigin(binary)
	user := fmt.Sprintf("%d:%d", sparkUID, sparkUID)
	return assemble(v1.ConfigFile{
		Architecture: architecture,
		Created:      v1.Time{Time: created},
		Config: v1.Config{
			User:       user,
			Entrypoint: []string{"/" + path},
			WorkingDir: "/",
			Labels: labels(map[string]string{
				"org.opencontainers.image.title":       program,
				"org.opencontainers.image.description": description,
				"org.opencontainers.image.version":     version,
				"org.opencontainers.image.revision":    revision,
			}),
		},
	}, []step{{layer: l, history: "COPY " + program + " /" + path}})
}

// labels adds what both images say of themselves and leaves out what is empty.
func labels(own map[string]string) map[string]string {
	all := map[string]string{
		"org.opencontainers.image.source":   sourceURL,
		"org.opencontainers.image.licenses": "Apache-2.0",
	}
	for key, value := range own {
		if value != "" {
			all[key] = value
		}
	}
	return all
}

// buildOrigin reads the module version, the commit and the time of the commit that the Go linker left in binary;
// they are empty, and the time is the epoch, when the binary was built without version control.
func buildOrigin(binary string) (version, revision string, created time.Time) {
	created = epoch()
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return "", "", created
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			revision = setting.Value
		case "vcs.time":
			if at, err := time.Parse(time.RFC3339, setting.Value); err == nil {
				created = at.UTC()
			}
		}
	}
	if version = info.Main.Version; version == "(devel)" {
		version = ""
	}
	return version, revision, created
}

// staticArchitecture returns the architecture, as images name it, that binary runs on, and an error if it is not a
// Linux program that needs nothing around it.
func staticArchitecture(binary string) (string, error) {
	file, err := elf.Open(binary)
	if err != nil {
		return "", fmt.Errorf("reading the operator binary %s: %w; build it with CGO_ENABLED=0 GOOS=linux", binary, err)
	}
	defer file.Close()
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			return "", fmt.Errorf("the operator binary %s is dynamically linked; build it with CGO_ENABLED=0", binary)
		}
	}
	switch file.Machine {
	case elf.EM_X86_64:
		return "amd64", nil
	case elf.EM_AARCH64:
		return "arm64", nil
	default:
		return "", fmt.Errorf("the operator binary %s is for %s; images are built for amd64 and arm64", binary, file.Machine)
	}
}
