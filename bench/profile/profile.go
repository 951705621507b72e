// SPDX-License-Identifier: Apache-2.0

// Package profile takes profiles of running Go programs and writes beside each, as
// text, the functions that cost most.
package profile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Source serves profiles as package net/http/pprof does.
type Source struct {
	// Name of the program, part of the names of the files.
	Name string
	// URL ends with /debug/pprof/.
	URL    string
	Client *http.Client
}

// maxSeconds bounds a CPU profile; most scenarios are shorter.
const maxSeconds = 20

// Start takes a CPU profile from now on, of at most maxSeconds. The function
// returned waits for it and takes those of what was allocated and waited for until
// then. All go to folder under name.
func (s *Source) Start(ctx context.Context, folder, name string) (stop func() error, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	taken := make(chan error, 1)
	go func() { taken <- s.take(ctx, fmt.Sprintf("profile?seconds=%d", maxSeconds), folder, name+"-cpu", "") }()
	return func() error {
		failed := []error{<-taken}
		for _, kind := range []string{"allocs", "heap", "block", "mutex"} {
			failed = append(failed, s.take(ctx, kind, folder, name+"-"+kind, samples[kind]))
		}
		return errors.Join(failed...)
	}, nil
}

// samples says by what the functions are sorted where a profile has more than one
// value.
var samples = map[string]string{"allocs": "alloc_space", "heap": "inuse_space", "block": "delay", "mutex": "delay"}

// take fetches one profile and writes what costs most as text beside it.
func (s *Source) take(ctx context.Context, query, folder, name, sample string) error {
	ctx, cancel := context.WithTimeout(ctx, (maxSeconds+30)*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+query, nil)
	if err != nil {
		return fmt.Errorf("profile of %s: %w", s.Name, err)
	}
	response, err := s.Client.Do(request)
	if err != nil {
		return fmt.Errorf("profile of %s: %w", s.Name, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("profile of %s: %s", s.Name, response.Status)
	}
	path := filepath.Join(folder, name+"-"+s.Name)
	if err := write(path+".pb.gz", response.Body); err != nil {
		return err
	}
	var text []byte
	for _, order := range []string{"-flat", "-cum"} {
		arguments := []string{"tool", "pprof", "-top", order, "-nodecount=80"}
		if sample != "" {
			arguments = append(arguments, "-sample_index="+sample)
		}
		top, err := exec.CommandContext(ctx, "go", append(arguments, path+".pb.gz")...).Output()
		if err != nil {
			return fmt.Errorf("read the profile %s: %w", path, err)
		}
		text = append(append(text, top...), '\n')
	}
	return os.WriteFile(path+".txt", text, 0o644)
}

func write(path string, content io.Reader) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	defer file.Close()
	if _, err := io.Copy(file, content); err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	return file.Close()
}
