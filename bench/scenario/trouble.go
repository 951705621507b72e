// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/test/sim/faultproxy"
)

// Shares of all requests, in percent, that meet with each fault.
const (
	throttled = 1 // 429, not carried out
	refused   = 1 // 500, not carried out
	forgotten = 1 // carried out, but answered with 500
	delayed   = 3 // by up to maxDelay
	maxDelay  = 500 * time.Millisecond
)

// trouble disturbs requests at random and counts how many.
type trouble struct{ faults atomic.Int64 }

func (t *trouble) disturb(_ int64, request *http.Request) faultproxy.Disturbance {
	if faultproxy.IsWatch(request) {
		return faultproxy.Disturbance{}
	}
	dice := rand.IntN(100)
	if dice < throttled+refused+forgotten+delayed {
		t.faults.Add(1)
	}
	switch {
	case dice < throttled:
		return faultproxy.Disturbance{Status: http.StatusTooManyRequests}
	case dice < throttled+refused:
		return faultproxy.Disturbance{Status: http.StatusInternalServerError}
	case dice < throttled+refused+forgotten:
		return faultproxy.Disturbance{Status: http.StatusInternalServerError, Moment: faultproxy.After}
	case dice < throttled+refused+forgotten+delayed:
		return faultproxy.Disturbance{Delay: rand.N(maxDelay)}
	}
	return faultproxy.Disturbance{}
}

// webhookTimeout is how long the API server waits for an admission webhook at most.
const webhookTimeout = 30 * time.Second

// hang disturbs every creation of a pod in a namespace as an admission webhook that
// hangs does, and counts how many.
type hang struct {
	namespace string
	hung      atomic.Int64
}

func (h *hang) disturb(_ int64, request *http.Request) faultproxy.Disturbance {
	if request.Method != http.MethodPost || request.URL.Path != "/api/v1/namespaces/"+h.namespace+"/pods" {
		return faultproxy.Disturbance{}
	}
	h.hung.Add(1)
	return faultproxy.Disturbance{Delay: webhookTimeout, Status: http.StatusInternalServerError}
}

// withProxy starts the operator behind a proxy, which ends with the leg.
func (l *leg) withProxy() (err error) {
	if l.proxy, err = faultproxy.New(l.plane.Config(plane.Operator)); err != nil {
		return err
	}
	if l.kubeconfig, err = l.proxy.WriteKubeconfig(l.plane.Folder()); err != nil {
		return err
	}
	return l.withOperator()
}
