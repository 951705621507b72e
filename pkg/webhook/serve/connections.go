// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// connections bounds the open connections. A new one beyond the limit ends the one that
// has waited longest for its next request, or has never sent one: so nobody who holds
// connections open keeps the API server out.
type connections struct {
	limit int

	mu      sync.Mutex
	count   int
	waiting *list.List // of net.Conn, the longest first
	at      map[net.Conn]*list.Element
}

func newConnections(limit int) *connections {
	return &connections{limit: limit, waiting: list.New(), at: map[net.Conn]*list.Element{}}
}

// changed is the hook [http.Server.ConnState].
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	if victim := c.note(conn, state); victim != nil {
		if secure, ok := victim.(*tls.Conn); ok {
			victim = secure.NetConn() // without a farewell, which could take seconds
		}
		_ = victim.Close()
	}
}

// note keeps count and returns the connection to close, if there is one.
func (c *connections) note(conn net.Conn, state http.ConnState) (victim net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.count++
		c.wait(conn)
		if c.count > c.limit {
			victim, _ = c.waiting.Front().Value.(net.Conn)
			c.wake(victim) // closed only once
		}
	case http.StateIdle:
		c.wait(conn)
	case http.StateActive:
		c.wake(conn)
	case http.StateHijacked, http.StateClosed:
		c.count--
		c.wake(conn)
	}
	return victim
}

func (c *connections) wait(conn net.Conn) {
	if _, waits := c.at[conn]; !waits {
		c.at[conn] = c.waiting.PushBack(conn)
	}
}

func (c *connections) wake(conn net.Conn) {
	if element, waits := c.at[conn]; waits {
		c.waiting.Remove(element)
		delete(c.at, conn)
	}
}

// open is the number of open connections.
func (c *connections) open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}
