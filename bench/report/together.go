// SPDX-License-Identifier: Apache-2.0

package report

import "time"

// Together is two legs as if they were one that ran the applications of both: rates
// are all applications by the time of both, costs and requests are averages over all
// applications. Times of single applications cannot be averaged, so they are those of
// the leg that finished fewer a minute.
//
// Once is how long the end of a leg takes at least, in which nothing is left to do but
// wait. One leg would have it once, so it is taken off the time of both.
func Together(first, last *Leg, once time.Duration) *Leg {
	slower := first
	if last.FinishedPerMinute < first.FinishedPerMinute {
		slower = last
	}
	apps := float64(max(first.Apps+last.Apps, 1))
	average := func(of, other float64) float64 {
		return Round((of*float64(first.Apps) + other*float64(last.Apps)) / apps)
	}
	averages := func(of, other map[string]float64) map[string]float64 {
		all := map[string]float64{}
		for kind := range of {
			all[kind] = average(of[kind], other[kind])
		}
		for kind := range other {
			all[kind] = average(of[kind], other[kind])
		}
		return all
	}
	return &Leg{
		Apps: first.Apps + last.Apps, Seconds: Round(max(first.Seconds+last.Seconds-once.Seconds(), 0)),
		SubmittedPerMinute: perMinute(apps, minutes(first, first.SubmittedPerMinute)+minutes(last, last.SubmittedPerMinute)),
		FinishedPerMinute:  perMinute(apps, minutes(first, first.FinishedPerMinute)+minutes(last, last.FinishedPerMinute)-once),
		CreateToDriver:     slower.CreateToDriver, StatusLag: slower.StatusLag,
		WritesPerApp: average(first.WritesPerApp, last.WritesPerApp), ReadsPerApp: average(first.ReadsPerApp, last.ReadsPerApp),
		Requests: averages(first.Requests, last.Requests), Refused: averages(first.Refused, last.Refused),
		CPU: CPU{
			Operator: average(first.CPU.Operator, last.CPU.Operator), APIServer: average(first.CPU.APIServer, last.CPU.APIServer),
			Etcd: average(first.CPU.Etcd, last.CPU.Etcd), Bench: average(first.CPU.Bench, last.CPU.Bench),
		},
	}
}

// minutes is how long a leg needed for its applications at a rate.
func minutes(l *Leg, rate float64) time.Duration {
	if rate <= 0 {
		return 0
	}
	return time.Duration(float64(l.Apps) / rate * float64(time.Minute))
}

func perMinute(apps float64, took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return Round(apps / took.Minutes())
}
