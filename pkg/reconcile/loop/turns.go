// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// Turns hold what waits in each namespace, in two lanes each. Namespaces take turns:
// a burst in one delays the first of any other by one at most for each further
// namespace that waits. A namespace that is held is passed over until it is released.
//
// All operations take constant time on average, and namespaces in which nothing waits
// take no memory. It is not safe for concurrent use.
type Turns struct {
	lines map[string]*line
	// turns holds once each line that is neither empty nor held, and may hold lines
	// that are held.
	turns workqueue.Queue[*line]
	// length is how many wait in lines that are not held.
	length int
}

// line is what waits in one namespace. It exists while something does or while it
// is held.
type line struct {
	lanes           *Lanes[cache.ObjectName]
	inTurns, isHeld bool
}

// NewTurns returns turns in which nothing waits.
func NewTurns() *Turns {
	return &Turns{lines: map[string]*line{}, turns: workqueue.DefaultQueue[*line]()}
}

// PushFirst adds to the first lane of the key's namespace.
func (t *Turns) PushFirst(key cache.ObjectName) {
	line := t.lineOf(key.Namespace)
	line.lanes.PushFirst(key)
	t.pushed(line)
}

// PushOther adds to the other lane of the key's namespace.
func (t *Turns) PushOther(key cache.ObjectName) {
	line := t.lineOf(key.Namespace)
	line.lanes.PushOther(key)
	t.pushed(line)
}

func (t *Turns) lineOf(namespace string) *line {
	if t.lines[namespace] == nil {
		t.lines[namespace] = &line{lanes: NewLanes[cache.ObjectName]()}
	}
	return t.lines[namespace]
}

func (t *Turns) pushed(line *line) {
	if line.isHeld {
		return
	}
	t.length++
	t.takeTurns(line)
}

func (t *Turns) takeTurns(line *line) {
	if !line.inTurns {
		line.inTurns = true
		t.turns.Push(line)
	}
}

// Len is how many wait in namespaces that are not held.
func (t *Turns) Len() int { return t.length }

// Pop takes the next of the namespace whose turn it is. It is called only if Len is
// not 0.
func (t *Turns) Pop() cache.ObjectName {
	line := t.turns.Pop()
	for line.isHeld {
		line.inTurns = false
		line = t.turns.Pop()
	}
	line.inTurns = false
	key := line.lanes.Pop()
	t.length--
	if line.lanes.Len() > 0 {
		t.takeTurns(line)
	} else {
		delete(t.lines, key.Namespace)
	}
	return key
}

// Hold lets a namespace wait.
func (t *Turns) Hold(namespace string) {
	if line := t.lineOf(namespace); !line.isHeld {
		line.isHeld = true
		t.length -= line.lanes.Len()
	}
}

// HeldBack is how many wait in a namespace that is held.
func (t *Turns) HeldBack(namespace string) int {
	if line := t.lines[namespace]; line != nil && line.isHeld {
		return line.lanes.Len()
	}
	return 0
}

// Release lets a namespace go on that was held. If its turn did not come meanwhile
// it keeps it.
func (t *Turns) Release(namespace string) {
	line := t.lines[namespace]
	switch {
	case line == nil || !line.isHeld:
	case line.lanes.Len() == 0:
		delete(t.lines, namespace)
	default:
		line.isHeld = false
		t.length += line.lanes.Len()
		t.takeTurns(line)
	}
}
