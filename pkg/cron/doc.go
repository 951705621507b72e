// SPDX-License-Identifier: Apache-2.0

// Package cron computes the times of schedules in cron notation. It is pure: the
// present, the time zone of the process and the origin of intervals are
// arguments.
//
// The notation is the one that schedules of kubeflow/spark-operator are written
// in: five fields, the descriptors from @yearly to @hourly, "@every <duration>",
// and an optional time zone in front, "CRON_TZ=Europe/Berlin 0 5 * * *". The
// messages of its parser are kept, because people search for them.
//
// # Changes of the clock
//
// A schedule with five fields names times on a clock on the wall. When such a
// clock is put forward, times are skipped; when it is put back, times come twice.
//
//   - A time that is skipped runs once, right after the gap. Several times skipped
//     in one gap are one run.
//   - A time that comes twice runs the first time only.
//   - A schedule whose hour field matches every hour runs at its minutes of every
//     hour that passes. It misses nothing when the clock is changed by whole hours,
//     and pausing for the repeated hour would only be a surprise. For other changes,
//     as the half hour of Lord Howe Island, the first two rules hold for it, too.
//
// An interval ("@every") does not look at clocks: its times are multiples of the
// duration since the origin, see [Schedule.Anchored].
package cron
