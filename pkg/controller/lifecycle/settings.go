// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"time"
)

// Settings are what decisions depend on besides the application and its pods.
type Settings struct {
	// SubmitterDeadline is how long a Job with spark-submit may take; 0 for
	// sparksubmit.DefaultDeadline.
	SubmitterDeadline time.Duration
	// MaxTrackedExecutors bounds status.ExecutorState; 0 keeps it empty.
	MaxTrackedExecutors int
	// DriverGracePeriod is how long a submitted application may be without driver
	// pod; 0 for no longer than it takes to ask the API server.
	DriverGracePeriod time.Duration
	// DriverCannotStartTimeout is how long after its submission a driver fails whose
	// image or configuration keeps its containers from starting; 0 waits without limit.
	DriverCannotStartTimeout time.Duration
	// DefaultTimeToLive is how long finished applications stay whose spec does not
	// say; 0 for ever.
	DefaultTimeToLive time.Duration
	// Redact hides secrets in texts that go into a status, an event or the log of the
	// operator; nil to hide nothing.
	Redact func(string) string
	// LogArchive says which logs a log archiver keeps.
	LogArchive LogArchive
	// PartialRestart keeps edits of the placement of executors from causing a rerun.
	PartialRestart bool
}

// Defaults of flags.
const (
	// DefaultMaxTrackedExecutors is for Settings.MaxTrackedExecutors.
	DefaultMaxTrackedExecutors = 1000
	// DefaultDriverGracePeriod is for Settings.DriverGracePeriod.
	DefaultDriverGracePeriod = 10 * time.Second
)

// Hide hides what settings say is to be hidden.
func (s *Settings) Hide(text string) string {
	if s.Redact == nil || text == "" {
		return text
	}
	return s.Redact(text)
}
