// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// runRelease is the command "images release".
func runRelease(args []string, stdout, stderr io.Writer) error {
	flags := newFlagSet("release", "Builds the image of a program for several architectures, as a folder in the OCI image layout.", stderr)
	program := programFlag(flags)
	var binaries list
	flags.Var(&binaries, "binary", "static Linux binary, built with CGO_ENABLED=0; once for each architecture")
	output := flags.String("output", "dist/image", "folder to write")
	if err := parseFlags(flags, args); err != nil {
		return err
	}
	if len(binaries) == 0 {
		return errors.New("no --binary is given: give one for each architecture")
	}
	work, err := os.MkdirTemp("", "operator-image-")
	if err != nil {
		return fmt.Errorf("creating temporary folder: %w", err)
	}
	defer os.RemoveAll(work)
	var index v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	architectures := map[string]bool{}
	for i, binary := range binaries {
		folder := filepath.Join(work, fmt.Sprint(i))
		if err := os.Mkdir(folder, 0o755); err != nil {
			return fmt.Errorf("creating temporary folder: %w", err)
		}
		image, err := operatorImage(*program, binary, folder)
		if err != nil {
			return err
		}
		config, err := image.ConfigFile()
		if err != nil {
			return fmt.Errorf("assembling image: %w", err)
		}
		if architectures[config.Architecture] {
			return fmt.Errorf("two binaries are for %s", config.Architecture)
		}
		architectures[config.Architecture] = true
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: config.OS, Architecture: config.Architecture}},
		})
	}
	if err := os.RemoveAll(*output); err != nil {
		return fmt.Errorf("removing the folder of an earlier image: %w", err)
	}
	if _, err := layout.Write(*output, index); err != nil {
		return fmt.Errorf("writing %s: %w", *output, err)
	}
	digest, err := index.Digest()
	if err != nil {
		return fmt.Errorf("assembling image: %w", err)
	}
	fmt.Fprintln(stdout, digest)
	return nil
}

// list is a flag that may be given again.
type list []string

// String implements flag.Value.
func (l *list) String() string { return strings.Join(*l, ",") }

// Set implements flag.Value.
func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}
