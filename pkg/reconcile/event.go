// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// MaxNote is the longest note of an event that the API server accepts, in bytes; a
// longer one would lose the event.
const MaxNote = 1024

// Event is one event about the object of a sync. It is sent after the status was written.
type Event struct {
	Type   string // Normal or Warning
	Reason string
	Action string // what was done or seen, one CamelCase word
	Note   string
	// Related is the object that the event is about besides; nil for none. Events that
	// differ only in their note are merged into one unless this differs.
	Related runtime.Object
}

// Normal returns an event about what is expected.
func Normal(reason, action string, related runtime.Object, format string, arguments ...any) Event {
	return Event{corev1.EventTypeNormal, reason, action, fmt.Sprintf(format, arguments...), related}
}

// Warning returns an event about what is not.
func Warning(reason, action string, related runtime.Object, format string, arguments ...any) Event {
	return Event{corev1.EventTypeWarning, reason, action, fmt.Sprintf(format, arguments...), related}
}
