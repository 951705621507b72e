// SPDX-License-Identifier: Apache-2.0

package cron

import (
	"time"
	// An image without files has no time zones but these. They are used only where
	// the system has none.
	_ "time/tzdata"
)

// LocalZone is the name of the time zone of the operator's process.
const LocalZone = "Local"

// LoadZone returns the time zone of that name: one of the IANA database such as
// Europe/Berlin, UTC, or local for [LocalZone] and for no name at all.
func LoadZone(name string, local *time.Location) (*time.Location, error) {
	if name == "" || name == LocalZone {
		return local, nil
	}
	return time.LoadLocation(name)
}
