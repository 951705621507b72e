// SPDX-License-Identifier: Apache-2.0

package connect

import (
	"context"
	"fmt"

	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/podview"
)

// outcome is what executing a plan led to.
type outcome struct {
	// pod is the server pod that was created, or found and adopted.
	pod *podview.Pod
	// created is set if pod has the ids of the next server of the object, so that it was
	// created by this sync or by one whose status was not written.
	created bool
	// warnings are about what has no effect.
	warnings []string
	// route is what came of the route; nil if it was not checked, or is as before.
	route *routeResult
	// events is the last read of the events of a server pod that starts silently, and
	// eventsRead is set if that was now.
	events     eventRead
	eventsRead bool
	// nodeLoss is the evidence that the node of the server pod is lost, which was then
	// deleted by force; empty without.
	nodeLoss string
	// err is worth a retry, unless it is final.
	err error
}

// execute performs the actions of the row.
func (c *Controller) execute(ctx context.Context, in *input, p plan) *outcome {
	out := &outcome{}
	if p.row == nil {
		return out
	}
	for _, what := range p.row.do {
		var err error
		switch what {
		case startServer:
			err = c.startServer(ctx, in, out)
		case deleteServer:
			err = c.deleteServer(ctx, in)
		case deleteConnect:
			err = c.deleteConnect(ctx, in)
		case confirmLost:
			err = c.confirmLost(ctx, in)
		case probeServer:
			c.prober.Ask(cache.MetaObjectToName(in.connect)) // its result causes a sync
		case ensureService:
			err = c.ensureServiceNowAndThen(ctx, in)
		case readEvents:
			c.readEvents(ctx, in, out)
		case examineNode:
			err = c.examineNode(ctx, in, out)
		case ensureRoute:
			c.ensureRoutesNowAndThen(ctx, in, out)
		}
		if err != nil {
			out.err = fmt.Errorf("%s: %w", what, err)
			break
		}
	}
	return out
}
