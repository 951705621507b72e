// SPDX-License-Identifier: Apache-2.0

package activity

// Reading is what one probe of a server saw.
type Reading struct {
	Connect Connect
	Jobs    Jobs
	// Streams is how many streaming queries are active, and Streamed is set if there ever was
	// one. Their jobs leave no times.
	Streams  int64
	Streamed bool
}

// Busy reports whether the server is in use at this moment: a job runs, a streaming query is
// active, or an operation runs while a session is open. An open session alone is no use: most
// clients leave theirs open.
func (r *Reading) Busy() bool {
	return r.Jobs.Active != 0 || r.Streams != 0 || r.Connect.Open > 0 && r.Connect.Running > 0
}

// counters are what changes with use alone.
type counters struct {
	jobs, sessions, operations int64
	times                      uint64
}

func (r *Reading) counters() counters {
	return counters{r.Jobs.All, r.Connect.Sessions, r.Connect.Operations, r.Connect.Times}
}
