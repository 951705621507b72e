// SPDX-License-Identifier: Apache-2.0

// Package reconcile is the kit that all loops of the operator are made of. This package
// is pure: it holds the words in which a loop judges and reports. Its sub-packages make
// requests.
//
//	reconcile        what an error means, conditions, events, texts of bounded length
//	reconcile/loop   queue, workers, freshness of caches, commit of the status, events
//	reconcile/owned  objects that a loop creates: create, judge what exists, update, delete
//
// A loop has one package of its own with this shape:
//
//	controller.go  New: caches, handlers, queue; Run: a loop.Loop
//	handlers.go    loop.Enqueue for its kind, loop.EnqueueAll for its namespaces
//	queue.go       the order of the queue, made of loop.Shares
//	observe.go, decide.go, execute.go, conclude.go, commit.go
//	               the five steps of a sync; for applications, decide and conclude
//	               are package lifecycle, and execute is package run
//	sync.go        one sync of one object:
//
//	func (c *Controller) sync(ctx context.Context, key cache.ObjectName, failures int) (time.Duration, error) {
//		if wait, ready := c.gate.Ready(key); !ready {
//			return wait, nil
//		}
//		object, found := c.objects.Get(key)
//		if !found {
//			c.fresh.Forget(key)
//			return 0, nil
//		}
//		in := c.observe(object)                    // caches only
//		plan := decide(in)                         // pure
//		out := c.execute(ctx, in, plan)            // requests; objects by package owned
//		status := conclude(in, plan, out, failures) // pure; conditions by Conditions
//		if err := c.commit(ctx, in, status); err != nil { // loop.Commit, then loop.Emit
//			return 0, err
//		}
//		return plan.requeueAfter, out.err
//	}
//
// # What an error means
//
// The error classes answer one question: what does it mean that a request failed? There
// are three answers. A failure of the way to the API server, or of the server itself, says
// nothing about the request: repeat it without a bound. A refusal that may end without an
// edit of the object, such as a ServiceAccount that does not exist yet, is waited for, but
// not for ever: see [Awaited]. What the object itself can never pass is [Final].
package reconcile
