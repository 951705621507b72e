// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

var updatePending = flag.Bool("update-pending", false, "rewrite testdata/pending.txt from what differs now")

// tally collects the results of all runs.
type tally struct {
	mu        sync.Mutex
	counts    map[string]map[result]int // by version
	reasons   map[string]int            // of runs that do not concern the library
	differing map[run]string            // first difference where no deviation covers it
}

type result int

const (
	equal result = iota
	deviating
	pending
	notApplicable
	failing
)

// TestGoldens compares what the library builds with what the real spark-submit
// of each Spark version sent for the same input.
func TestGoldens(t *testing.T) {
	goldens, known := readGoldens(t)
	versions := slices.Sorted(maps.Keys(goldens))
	pendingRuns := readPending(t, versions, known)
	deviations := readDeviations(t, versions, known)
	for one := range deviations {
		if _, both := pendingRuns[one]; both && !*updatePending {
			t.Errorf("%s with Spark %s is both pending and a documented deviation", one.name, one.version)
		}
	}
	results := &tally{counts: map[string]map[result]int{}, reasons: map[string]int{}, differing: map[run]string{}}
	t.Cleanup(func() { // after the parallel subtests
		results.report(t, versions, deviations)
		if *updatePending {
			if err := writePending(results.differing, versions); err != nil {
				t.Error(err)
			}
		}
	})
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			for _, c := range goldens[version] {
				t.Run(c.Case, func(t *testing.T) {
					one := run{c.Case, version}
					results.add(one, check(t, c, results, pendingRuns[one], deviations[one]))
				})
			}
		})
	}
}

// check compares one run and judges the differences by the two lists.
func check(t *testing.T, c *goldenCase, results *tally, pendingReason string, documented *deviation) result {
	one := run{c.Case, c.Spark}
	in, ended := commandLine(c)
	if ended != nil {
		recorded := ""
		if c.Error != nil {
			recorded = c.Error.Message
		}
		if ended.message != "" && ended.message != recorded {
			t.Errorf("the command line layer of this test gives %q, recorded is %q", ended.message, recorded)
		}
		if pendingReason != "" || documented != nil {
			t.Errorf("listed as differing, but the library is not concerned: %s", ended.reason)
		}
		results.mu.Lock()
		defer results.mu.Unlock()
		results.reasons[ended.reason]++
		return notApplicable
	}

	differences := compare(c, in)
	if documented != nil {
		results.mu.Lock()
		defer results.mu.Unlock()
		documented.seen++
		if len(differences) == 0 {
			t.Errorf("%s:%d: no longer differs", deviationsFile, documented.line)
			return failing
		}
		if differences = documented.covers(differences); len(differences) == 0 {
			return deviating
		}
	}
	switch {
	case len(differences) == 0 && pendingReason == "":
		return equal
	case len(differences) == 0 && *updatePending:
		return equal
	case len(differences) == 0:
		t.Errorf("%s: listed, but equal now: delete the line", pendingFile)
		return failing
	}
	if documented == nil {
		results.mu.Lock()
		defer results.mu.Unlock()
	}
	results.differing[one] = strings.ReplaceAll(c.withoutIDs(differences[0].String()), "\n", `\n`)
	if pendingReason != "" || *updatePending {
		for _, d := range differences {
			t.Log(d)
		}
		return pending
	}
	for _, d := range differences {
		t.Error(d)
	}
	return failing
}

// withoutIDs replaces what differs from run to run in a reason.
func (c *goldenCase) withoutIDs(s string) string {
	replacements := []string{}
	for _, id := range []struct{ value, name string }{
		{c.IDs.AppID, "<app>"}, {c.IDs.LocalDirUUID, "<uuid>"}, {c.IDs.SubmitTime, "<time>"},
	} {
		if id.value != "" {
			replacements = append(replacements, id.value, id.name)
		}
	}
	return uniqueID.ReplaceAllString(strings.NewReplacer(replacements...).Replace(s), "<id>")
}

func (r *tally) add(one run, outcome result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts[one.version] == nil {
		r.counts[one.version] = map[result]int{}
	}
	r.counts[one.version][outcome]++
}

// report prints the counts and complains about rows of the documented
// deviations that claim too much.
func (r *tally) report(t *testing.T, versions []string, deviations map[run]*deviation) {
	total := map[result]int{}
	for _, version := range versions {
		counts := r.counts[version]
		for outcome, n := range counts {
			total[outcome] += n
		}
		t.Logf("goldens %s: %s", version, summary(counts))
	}
	for _, reason := range slices.Sorted(maps.Keys(r.reasons)) {
		t.Logf("not applicable to the library: %d because %s", r.reasons[reason], reason)
	}
	t.Logf("goldens: %s", summary(total))

	rows := map[*deviation]bool{}
	for _, row := range deviations {
		rows[row] = true
	}
	for row := range rows {
		for i, used := range row.used {
			if row.seen == len(row.runs) && !used {
				t.Errorf("%s:%d: nothing differs in %q", deviationsFile, row.line, row.patterns[i].text)
			}
		}
	}
}

func summary(counts map[result]int) string {
	s := fmt.Sprintf("%d equal, %d documented deviations, %d pending, %d not applicable",
		counts[equal], counts[deviating], counts[pending], counts[notApplicable])
	if counts[failing] > 0 {
		s += fmt.Sprintf(", %d FAILING", counts[failing])
	}
	return s
}
