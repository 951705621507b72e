// SPDX-License-Identifier: Apache-2.0

// Command mutants plants known faults into the product, one at a time, and runs
// the test that has to see each. The tree is not touched: the compiler is shown
// another file (go build -overlay). It fails for a fault that survives, and for one
// whose text is not there any more.
//
//	go run ./hack/mutants [-check] [-only REGEXP] [-list FILE]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/yaml"
)

// mutant is a fault and the test that has to see it.
type mutant struct {
	Name string `json:"name"`
	File string `json:"file"`
	// Old occurs exactly once in File and becomes New.
	Old string `json:"old"`
	New string `json:"new"`
	// Test is a package, as a path from the root of the repository, and a regular
	// expression for -run.
	Test string `json:"test"`
	// Cases is the flag of test/goldens.
	Cases string `json:"cases"`
}

// patience is how long one test may take: on two cores that are busy.
const patience = 10 * time.Minute

var errTooSlow = fmt.Errorf("it was not done within %v", patience)

func main() {
	list := flag.String("list", "hack/mutants/mutants.yaml", "file with the mutants")
	only := flag.String("only", "", "regular expression of the names to try; all if empty")
	jobs := flag.Int("jobs", 2, "how many tests run at the same time")
	check := flag.Bool("check", false, "run no test; only check that each fault can be planted")
	flag.Parse()
	if err := run(*list, *only, *jobs, *check); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(list, only string, jobs int, check bool) error {
	mutants, err := read(list, only)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "mutants-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	for i := range mutants {
		if _, err := mutants[i].overlay(folder, i); err != nil {
			return err // before any time is spent
		}
	}
	if check {
		return nil
	}
	if err := passes(mutants, jobs); err != nil {
		return err
	}
	var lock sync.Mutex
	var survivors []string
	start := time.Now()
	each(len(mutants), jobs, func(i int) {
		m := &mutants[i]
		began := time.Now()
		overlay, err := m.overlay(folder, i)
		if err == nil {
			err = m.killed(overlay)
		}
		lock.Lock()
		defer lock.Unlock()
		if err != nil {
			survivors = append(survivors, m.Name+": "+err.Error())
			fmt.Printf("SURVIVES  %s: %v\n", m.Name, err)
			return
		}
		fmt.Printf("killed    %s (%s, %s)\n", m.Name, m.Test, time.Since(began).Round(time.Second))
	})
	fmt.Printf("%d mutants in %s, %d survive\n", len(mutants), time.Since(start).Round(time.Second), len(survivors))
	if len(survivors) > 0 {
		return errors.New("survivors:\n  " + strings.Join(survivors, "\n  "))
	}
	return nil
}

func read(list, only string) ([]mutant, error) {
	text, err := os.ReadFile(list)
	if err != nil {
		return nil, fmt.Errorf("%w (run it from the root of the repository)", err)
	}
	var all, selected []mutant
	if err := yaml.UnmarshalStrict(text, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", list, err)
	}
	wanted, err := regexp.Compile(only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	for _, m := range all {
		if wanted.MatchString(m.Name) {
			selected = append(selected, m)
		}
	}
	if len(selected) == 0 {
		return nil, fmt.Errorf("no mutant has a name like %q", only)
	}
	return selected, nil
}

// overlay writes the file with the fault and returns what go build -overlay reads.
func (m *mutant) overlay(folder string, number int) (string, error) {
	text, err := os.ReadFile(m.File)
	if err != nil {
		return "", fmt.Errorf("%s: %w", m.Name, err)
	}
	if n := strings.Count(string(text), m.Old); n != 1 || m.Old == "" {
		return "", fmt.Errorf("%s: the text to change occurs %d times in %s, want once; correct hack/mutants/mutants.yaml", m.Name, n, m.File)
	}
	original, err := filepath.Abs(m.File)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(folder, fmt.Sprintf("%d.go", number))
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), m.Old, m.New, 1)), 0o600); err != nil {
		return "", err
	}
	content, err := json.Marshal(map[string]map[string]string{"Replace": {original: changed}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(folder, fmt.Sprintf("%d.json", number))
	return overlay, os.WriteFile(overlay, content, 0o600)
}

// passes checks that each test passes without a fault: one that fails anyway kills
// nothing.
func passes(mutants []mutant, jobs int) error {
	known := map[string]bool{}
	var tests []*mutant
	for i := range mutants {
		if key := mutants[i].Test + " " + mutants[i].Cases; !known[key] {
			known[key] = true
			tests = append(tests, &mutants[i])
		}
	}
	failed := make([]error, len(tests))
	each(len(tests), jobs, func(i int) {
		if output, err := tests[i].test(""); err != nil {
			failed[i] = fmt.Errorf("%s %s fails without any fault: %w\n%s", tests[i].Test, tests[i].Cases, err, output)
		}
	})
	return errors.Join(failed...)
}

// killed returns an error if the test passes, or if it fails for another reason
// than the fault.
func (m *mutant) killed(overlay string) error {
	output, err := m.test(overlay)
	switch {
	case err == nil:
		return fmt.Errorf("%s passes", m.Test)
	case errors.Is(err, errTooSlow):
		return fmt.Errorf("%s: %w", m.Test, err)
	case !strings.Contains(output, "--- FAIL"):
		return fmt.Errorf("%s did not run (does the fault compile?): %s", m.Test, strings.TrimSpace(output))
	}
	return nil
}

func (m *mutant) test(overlay string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	folder, pattern, _ := strings.Cut(m.Test, " ")
	command := exec.CommandContext(ctx, "go", "test", "-run", pattern, ".")
	command.Dir = folder
	if strings.HasPrefix(folder, "test/") {
		// The cache of tests does not know what the operator is built from.
		command.Args = append(command.Args, "-count=1")
	}
	if m.Cases != "" {
		command.Args = append(command.Args, "-args", "-cases="+m.Cases)
	}
	command.Env = os.Environ()
	if overlay != "" {
		// By the environment, so that it reaches a test that builds the operator, too.
		command.Env = append(command.Env, "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+overlay))
	}
	output, err := command.CombinedOutput()
	if ctx.Err() != nil {
		err = errTooSlow
	}
	return string(output), err
}

// each calls do for 0 to n-1, on several goroutines.
func each(n, jobs int, do func(int)) {
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range jobs {
		workers.Go(func() {
			for i := range numbers {
				do(i)
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
}
