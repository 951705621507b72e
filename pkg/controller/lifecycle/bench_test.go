// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
)

// Applications as they are met most often, and the names of their situations.
var commonSituations = []struct{ kind, name string }{
	{"submit", stateName(StateNew) + "/absent/never/plain"},
	{"start", stateName(StateSubmitted) + "/started/once/plain"},
	{"runs", stateName(StateRunning) + "/started/once/plain"},
	{"ends", stateName(StateRunning) + "/succeeded/once/plain"},
	{"retry", stateName(StateFailing) + "/failed/once/plain"},
	{"finished", stateName(StateCompleted) + "/succeeded/once/plain"},
}

// eachCommonSituation runs a benchmark of every common situation.
func eachCommonSituation(b *testing.B, run func(b *testing.B, in *Input)) {
	named := map[string]*Input{}
	for name, in := range situations {
		named[name] = in
	}
	for _, common := range commonSituations {
		in := named[common.name]
		if in == nil {
			b.Fatalf("there is no situation %s", common.name)
		}
		b.Run(common.kind, func(b *testing.B) {
			b.ReportAllocs()
			run(b, in)
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	eachCommonSituation(b, func(b *testing.B, in *Input) {
		for b.Loop() {
			fresh := *in
			if Decide(&fresh).Row == nil {
				b.Fatal("no row")
			}
		}
	})
}

// BenchmarkConclude includes the comparison by which commit finds out whether
// there is anything to write.
func BenchmarkConclude(b *testing.B) {
	eachCommonSituation(b, func(b *testing.B, in *Input) {
		plan := Decide(in)
		out := Outcome{}
		if in.State() == StateNew {
			out.Submission = &Submission{ID: "next", SparkApplicationID: "spark-1", DriverPodName: "pi-driver", SpecHash: in.SpecHash, Time: in.Now}
		}
		changed := false
		for b.Loop() {
			changed = !equality.Semantic.DeepEqual(&in.App.Status, Conclude(in, plan, out, 0))
		}
		if in.State() == StateNew && !changed {
			b.Fatal("a submission that changes nothing")
		}
	})
}
