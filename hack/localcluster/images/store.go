// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
)

// Store is containerd's image store, reached with containerd's own client.
type Store struct {
	// Client is the path of the program ctr.
	Client string
	// Socket is the path of containerd's socket.
	Socket string
}

// Load imports an archive and unpacks its images, unless the store already has every image of it under the same name. It
// returns the images of the archive and whether anything had to be imported.
func (s Store) Load(ctx context.Context, file string) (images []Image, imported bool, err error) {
	images, err = Inspect(file)
	if err != nil {
		return nil, false, err
	}
	present, err := s.hasAll(ctx, images)
	if err != nil || present {
		return images, false, err
	}
	if _, err := s.run(ctx, "images", "import", "--platform", "linux/"+runtime.GOARCH, file); err != nil {
		return images, false, fmt.Errorf("import %s: %w", file, err)
	}
	return images, true, nil
}

func (s Store) hasAll(ctx context.Context, images []Image) (bool, error) {
	targets, err := s.targets(ctx)
	if err != nil {
		return false, fmt.Errorf("list images: %w", err)
	}
	for _, image := range images {
		target := targets[image.Name]
		switch {
		case target == "":
			return false, nil
		case target == image.Manifest:
		case image.Config != "" && s.config(ctx, target) == image.Config:
		default:
			return false, nil
		}
	}
	return true, nil
}

// targets returns the digest of the manifest or index that each name of the store points to.
func (s Store) targets(ctx context.Context) (map[string]string, error) {
	output, err := s.run(ctx, "images", "list")
	if err != nil {
		return nil, err
	}
	return parseTargets(string(output)), nil
}

// parseTargets reads the table that `ctr images list` prints: REF TYPE DIGEST SIZE PLATFORMS LABELS.
func parseTargets(table string) map[string]string {
	targets := make(map[string]string)
	for line := range strings.Lines(table) {
		if fields := strings.Fields(line); len(fields) > 2 && strings.HasPrefix(fields[2], "sha256:") {
			targets[fields[0]] = fields[2]
		}
	}
	return targets
}

// config returns the digest of the configuration that a stored manifest refers to, going through an index to the manifest
// of this machine's architecture. It returns "" for what it cannot read: an image that is not surely there is imported.
func (s Store) config(ctx context.Context, target string) string {
	content, err := s.run(ctx, "content", "get", target)
	if err != nil {
		return ""
	}
	var parsed struct {
		Config    descriptor `json:"config"`
		Manifests []struct {
			descriptor
			Platform struct {
				Architecture string `json:"architecture"`
			} `json:"platform"`
		} `json:"manifests"`
	}
	if json.Unmarshal(content, &parsed) != nil {
		return ""
	}
	if parsed.Config.Digest != "" {
		return parsed.Config.Digest
	}
	for _, manifest := range parsed.Manifests {
		if manifest.Platform.Architecture == runtime.GOARCH && manifest.Digest != target {
			return s.config(ctx, manifest.Digest)
		}
	}
	return ""
}

func (s Store) run(ctx context.Context, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, s.Client, append([]string{"--address", s.Socket, "--namespace", "k8s.io"}, arguments...)...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("ctr %s: %w: %s", arguments[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return output, nil
}
