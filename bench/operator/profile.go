// SPDX-License-Identifier: Apache-2.0

package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// maxProfile bounds a CPU profile in seconds; most scenarios are shorter.
const maxProfile = 30

// Profile takes a CPU profile from now on, of at most maxProfile seconds. The
// function returned waits for it, takes the profiles of what was allocated and
// waited for until then, and writes for each the functions that cost most. All go
// to folder under name.
func (p *Process) Profile(ctx context.Context, folder, name string) (stop func() error, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	taken := make(chan error, 1)
	go func() { taken <- p.take(ctx, fmt.Sprintf("profile?seconds=%d", maxProfile), folder, name+"-cpu") }()
	return func() error {
		failed := []error{<-taken}
		for _, kind := range []string{"allocs", "heap", "block", "mutex"} {
			failed = append(failed, p.take(ctx, kind, folder, name+"-"+kind))
		}
		return errors.Join(failed...)
	}, nil
}

// take fetches one profile and writes what costs most as text beside it.
func (p *Process) take(ctx context.Context, query, folder, name string) error {
	ctx, cancel := context.WithTimeout(ctx, (maxProfile+30)*time.Second)
	defer cancel()
	response, err := get(ctx, p.pprof+query)
	if err != nil {
		return fmt.Errorf("profile of the operator: %w", err)
	}
	defer response.Body.Close()
	path := filepath.Join(folder, name+".pb.gz")
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("profile of the operator: %w", err)
	}
	defer file.Close()
	if _, err := io.Copy(file, response.Body); err != nil {
		return fmt.Errorf("profile of the operator: %w", err)
	}
	var text []byte
	for _, order := range []string{"-flat", "-cum"} {
		top, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", order, "-nodecount=60", p.command.Path, path).Output()
		if err != nil {
			return fmt.Errorf("read the profile %s: %w", path, err)
		}
		text = append(append(text, top...), '\n')
	}
	return os.WriteFile(filepath.Join(folder, name+".txt"), text, 0o644)
}
