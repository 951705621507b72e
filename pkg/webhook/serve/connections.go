// SPDX-License-Identifier: Apache-2.0

package serve

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// connections bounds the open connections. A new one beyond the limit ends the oldest
// that has sent no request, or, without one, that which has been idle longest. So open
// connections do not keep the API server out, and those that send nothing do not end
// the ones that it uses.
type connections struct {
	limit int

	mu    sync.Mutex
	count int
	// silent are the connections without a request so far, idle those between two
	// requests; both the longest first.
	silent, idle *list.List
	at           map[net.Conn]place
}

// place is where a connection waits.
type place struct {
	list    *list.List
	element *list.Element
}

func newConnections(limit int) *connections {
	return &connections{limit: limit, silent: list.New(), idle: list.New(), at: map[net.Conn]place{}}
}

// LimitConnections returns a hook [http.Server.ConnState] that keeps at most limit
// connections open. A new one beyond it ends the one that is missed least.
func LimitConnections(limit int) func(net.Conn, http.ConnState) {
	return newConnections(limit).changed
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
		c.wait(conn, c.silent)
		if c.count > c.limit {
			victim = c.longest()
			c.wake(victim) // closed only once
		}
	case http.StateIdle:
		c.wait(conn, c.idle)
	case http.StateActive:
		c.wake(conn)
	case http.StateHijacked, http.StateClosed:
		c.count--
		c.wake(conn)
	}
	return victim
}

// longest is the connection that is missed least. A new one waits in silent, so there
// is at least one.
func (c *connections) longest() net.Conn {
	waiting := c.silent
	if waiting.Len() == 1 && c.idle.Len() > 0 { // only the new one
		waiting = c.idle
	}
	conn, _ := waiting.Front().Value.(net.Conn)
	return conn
}

func (c *connections) wait(conn net.Conn, in *list.List) {
	if _, waits := c.at[conn]; !waits {
		c.at[conn] = place{in, in.PushBack(conn)}
	}
}

func (c *connections) wake(conn net.Conn) {
	if at, waits := c.at[conn]; waits {
		at.list.Remove(at.element)
		delete(c.at, conn)
	}
}

// open is the number of open connections.
func (c *connections) open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}
