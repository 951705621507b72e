// SPDX-License-Identifier: Apache-2.0

// Command page writes docs/performance/profiles.md from the profiles of a run of
// the benchmark: page FOLDER COMMIT > profiles.md.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	if err := run(os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		os.Exit(1)
	}
}

// scenarios in the order of the benchmark. The operator of restart and soak is killed.
var scenarios = []string{"burst-0", "burst-5", "latency", "steady", "retry", "tenants", "schedules", "churn", "watchers"}

// table is one list of functions.
type table struct {
	program, kind, title string
	// byCum orders by what a function does with all that it calls.
	byCum bool
	rows  int
}

var tables = []table{
	{"operator", "cpu", "operator, CPU", false, 5},
	{"operator", "cpu", "operator, CPU with what is called", true, 8},
	{"operator", "allocs", "operator, allocated with what is called", true, 6},
	{"operator", "heap", "operator, heap in use at the end", false, 4},
	{"operator", "block", "operator, blocked with what is called", true, 4},
	{"operator", "mutex", "operator, contended locks", false, 2},
	{"apiserver", "cpu", "API server, CPU", false, 3},
	{"apiserver", "cpu", "API server, CPU with what is called", true, 8},
}

const head = `# Profiles

This page shows the most expensive functions in each scenario of the benchmark, on commit %s: CPU samples of 20 s, allocations, the heap at
the end, and where goroutines of the operator waited. [method.md](method.md) contains the conclusions. To repeat it, run:

` + "    make bench BENCH_FLAGS='-profiles=FOLDER -floor=false'\n    cd bench && go run ./profile/page FOLDER COMMIT\n" + `
Each line contains the value of a function, its share, the value including called functions, and the share of that. The lists "with what
is called" omit functions that only call others.
`

func run(w io.Writer, arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("want two arguments, a folder of profiles and the commit; got %d", len(arguments))
	}
	fmt.Fprintf(w, head, arguments[1])
	for _, scenario := range scenarios {
		fmt.Fprintf(w, "\n## %s\n\n```text\n", scenario)
		for _, t := range tables {
			path := filepath.Join(arguments[0], fmt.Sprintf("%s-%s-%s.txt", scenario, t.kind, t.program))
			lines, total, err := t.read(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s%s\n", t.title, total)
			for _, line := range lines {
				fmt.Fprintln(w, line)
			}
		}
		fmt.Fprintln(w, "```")
	}
	return nil
}

var (
	row = regexp.MustCompile(`^\s*(\S+)\s+(\S+%)\s+\S+%\s+(\S+)\s+(\S+%)\s+(.+)$`)
	// passing are functions that only pass on: loops, chains of handlers, codecs around
	// codecs, and what the runtime begins with.
	passing = regexp.MustCompile(`^(runtime\.(selectgo|chanrecv.*|systemstack|mcall|gcBgMarkWorker\.func2|gcDrain.*|main|goexit.*|park_m|schedule|findRunnable)$|sync\.|net/http\.|main\.|os\.|bufio\.|` +
		`golang\.org/x/net/http2\.|go\.opentelemetry|io\.|encoding/json\.(\(\*decodeState\)|\(\*encodeState\)|.*[eE]ncoder)|sigs\.k8s\.io/json|` +
		`k8s\.io/(apimachinery/pkg/util/(wait|json|framer)|apiserver/pkg/(server|endpoints/(filter|handlers/finisher|metrics)|util/flowcontrol|audit)|kube-aggregator|client-go/(tools/cache|util/workqueue|gentype)))` +
		`|\.func\d+(\.\d+)*$|-fm$|ServeHTTP|withAuth|serializer|DryRunnable|CacheDelegator|\.(Run|run|work|worker|next|sync|wait|watch|process|Decode|Encode|receive)( \(inline\))?$|Decode \(inline\)`)
)

// short leaves out where a function of ours or of Kubernetes comes from.
func short(function string) string {
	return strings.TrimPrefix(strings.TrimPrefix(function, "github.com/spark-operator/spark-operator/"), "k8s.io/")
}

// read returns the first rows of the part of a file that is ordered as the table is.
func (t *table) read(path string) (lines []string, total string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, "", fmt.Errorf("profile: %w", err)
	}
	defer file.Close()
	part := 0 // the first is flat, the second cumulative
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		text := scanner.Text()
		switch {
		case strings.HasPrefix(text, "File: "):
			part++
		case strings.HasPrefix(text, "Duration: ") && !t.byCum:
			total = " (" + strings.ToLower(strings.TrimPrefix(text, "Duration: ")) + ")"
		}
		fields := row.FindStringSubmatch(text)
		if fields == nil || (part == 2) != t.byCum || len(lines) == t.rows || t.byCum && passing.MatchString(fields[5]) {
			continue
		}
		lines = append(lines, fmt.Sprintf("  %10s %7s %10s %7s  %s", fields[1], fields[2], fields[3], fields[4], short(fields[5])))
	}
	return lines, total, scanner.Err()
}
