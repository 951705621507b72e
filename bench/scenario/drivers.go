// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
)

// drivers is how many driver pods were created for each application, by its
// namespace and name.
type drivers map[string]int

// of is for the application.
func (d drivers) of(app *load.App) int { return d[app.Namespace+"/"+app.Name+"-driver"] }

// drivers counts every driver pod that was created since the leg began.
func (l *leg) drivers() (drivers, error) {
	created := drivers{}
	_, err := l.plane.Audit(0, func(request *plane.Request) {
		counted := request.User == plane.Operator || request.User == plane.Floor
		if counted && request.OK() && request.Verb == "create" && request.Resource == "pods" {
			created[request.Namespace+"/"+request.Name]++
		}
	})
	return created, err
}

// allowance is how many driver pods an application may get.
type allowance struct {
	// retries is set if runs that fail are repeated: one for each attempt, and one
	// whose node was lost, which may not have become an attempt. Otherwise it is one,
	// whatever the status says of attempts.
	retries bool
	// copied are the applications, as in drivers, that came into etcd together with
	// their drivers: none.
	copied map[string]bool
}

// excess is how many driver pods there are beyond what is allowed.
func (a allowance) excess(apps []load.App, created drivers) int {
	excess := 0
	for i := range apps {
		app, allowed := &apps[i], 1
		switch {
		case a.copied[app.Namespace+"/"+app.Name]:
			allowed = 0
		case a.retries && losesNode(app):
			allowed = max(app.Attempts, 2)
		case a.retries:
			allowed = max(app.Attempts, 1)
		}
		excess += max(created.of(app)-allowed, 0)
	}
	return excess
}

// losesNode reports whether the first driver of an application loses its node, where
// there are fates.
func losesNode(app *load.App) bool {
	return app.Namespace == namespace && outcomeOf(app.Name) == kubelet.LoseNode
}
