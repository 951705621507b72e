// SPDX-License-Identifier: Apache-2.0

package loop

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"k8s.io/client-go/tools/cache"
)

// plainTurns are turns as simple as can be.
type plainTurns struct {
	waiting map[string][]cache.ObjectName
	turns   []string // of namespaces in which something waits
	held    map[string]bool
}

func (p *plainTurns) push(key cache.ObjectName) {
	if p.waiting[key.Namespace] = append(p.waiting[key.Namespace], key); !slices.Contains(p.turns, key.Namespace) {
		p.turns = append(p.turns, key.Namespace)
	}
}

// pop takes the next of the namespace whose turn it is. One that is held loses its
// turn if it comes.
func (p *plainTurns) pop() cache.ObjectName {
	for p.held[p.turns[0]] {
		p.turns = p.turns[1:]
	}
	namespace := p.turns[0]
	p.turns = p.turns[1:]
	key := p.waiting[namespace][0]
	if p.waiting[namespace] = p.waiting[namespace][1:]; len(p.waiting[namespace]) > 0 {
		p.turns = append(p.turns, namespace)
	}
	return key
}

func (p *plainTurns) length() int {
	length := 0
	for namespace, waiting := range p.waiting {
		if !p.held[namespace] {
			length += len(waiting)
		}
	}
	return length
}

// TestTurns compares turns with plain ones. That each namespace has two lanes is
// tested where they are used.
func TestTurns(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	turns := NewTurns()
	plain := &plainTurns{waiting: map[string][]cache.ObjectName{}, held: map[string]bool{}}
	for step := range 200_000 {
		namespace := fmt.Sprint("ns", random.IntN(12))
		switch kind := random.IntN(100); {
		case kind < 30:
			key := cache.NewObjectName(namespace, fmt.Sprint(step))
			turns.PushFirst(key)
			if plain.held[namespace] { // it has no turn, or keeps the one that it has
				plain.waiting[namespace] = append(plain.waiting[namespace], key)
			} else {
				plain.push(key)
			}
		case kind < 45:
			turns.Hold(namespace)
			plain.held[namespace] = true
		case kind < 65:
			turns.Release(namespace)
			delete(plain.held, namespace)
			if len(plain.waiting[namespace]) > 0 && !slices.Contains(plain.turns, namespace) {
				plain.turns = append(plain.turns, namespace)
			}
		case turns.Len() > 0:
			if got, want := turns.Pop(), plain.pop(); got != want {
				t.Fatalf("step %d: %s, want %s", step, got, want)
			}
		}
		heldBack := 0
		if plain.held[namespace] {
			heldBack = len(plain.waiting[namespace])
		}
		if turns.Len() != plain.length() || turns.HeldBack(namespace) != heldBack {
			t.Fatalf("step %d: %d wait, want %d; %d are held back in %s, want %d", step, turns.Len(), plain.length(), turns.HeldBack(namespace), namespace, heldBack)
		}
	}
	for namespace := range plain.waiting {
		turns.Release(namespace)
	}
	for turns.Len() > 0 {
		turns.Pop()
	}
	if len(turns.lines)+turns.turns.Len() > 0 {
		t.Errorf("nothing waits, but %d lines and %d turns are left", len(turns.lines), turns.turns.Len())
	}
}
