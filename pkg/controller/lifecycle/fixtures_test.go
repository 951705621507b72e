// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"time"

	"github.com/spark-operator/spark-operator/internal/fixture"
)

var testStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Short names for what most tests here begin with.
var (
	newApplication = fixture.Application
	onFailure      = fixture.OnFailure
	waiting        = fixture.Waiting
)
