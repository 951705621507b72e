// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"flag"
	"fmt"
	"testing"
)

var updatePending = flag.Bool("update-pending", false, "rewrite testdata/pending.txt from what differs now")

// TestOperatorGoldens compares what this project makes of a SparkApplication with
// what the established operator made of the same manifest: admission, defaults,
// the objects of a submission, the executors that follow from it, and the status
// as far as it needs no cluster. docs/deviations.md says where they differ on
// purpose, and why.
func TestOperatorGoldens(t *testing.T) {
	cases := readCases(t)
	known := map[string]bool{}
	for _, c := range cases {
		known[c.Case] = true
	}
	schema := readSchema(t)
	pending := readPending(t, known)
	documented := readDeviations(t, known)

	differing := map[string]string{}
	var equal, deviating, pendingCount, failing, withLifecycle int
	for _, c := range cases {
		t.Run(c.Case, func(t *testing.T) {
			if c.lifecycle() {
				withLifecycle++
			}
			left, own := documented.covers(c.Case, compare(t, c, schema))
			reason, isPending := pending[c.Case]
			switch {
			case len(left) > 0 && (isPending || *updatePending):
				differing[c.Case] = left[0].String()
				for _, d := range left {
					t.Log(d)
				}
				pendingCount++
			case len(left) > 0:
				for _, d := range left {
					t.Error(d)
				}
				failing++
			case isPending && !*updatePending:
				t.Errorf("%s: listed (%s), but nothing unexplained differs now: delete the line", pendingFile, reason)
				failing++
			case own:
				deviating++
			default:
				equal++
			}
		})
	}
	if testing.Verbose() || t.Failed() {
		t.Logf("%d cases go on after the submission; the controller's tests compare the rest of them", withLifecycle)
	}
	summary := fmt.Sprintf("operator goldens: %d equal, %d documented deviations, %d pending", equal, deviating, pendingCount)
	if failing > 0 {
		summary += fmt.Sprintf(", %d FAILING", failing)
	}
	t.Log(summary)
	if equal+deviating+pendingCount+failing < len(cases) {
		return // a selection by -run: rows may well be unused
	}
	for _, complaint := range documented.unused() {
		t.Error(complaint)
	}
	if *updatePending {
		if err := writePending(differing); err != nil {
			t.Error(err)
		}
	}
}
