// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/faultproxy"
)

// victim is an operator that watches one namespace, is killed at one of its writes at most,
// and is then started again.
type victim struct {
	t                 *testing.T
	binary, namespace string
	arguments         []string
	proxy             *faultproxy.Proxy
	kubeconfig        string
	core              kubernetes.Interface
	spark             versioned.Interface

	kill      atomic.Pointer[func()]
	doomed    bool // it is going to be killed
	killed    chan struct{}
	restarted bool
	overSince time.Time // when its life was first seen to be over
}

func newVictim(t *testing.T, config *rest.Config, binary, namespace string, arguments ...string) *victim {
	t.Helper()
	v := &victim{
		t: t, binary: binary, namespace: namespace, arguments: arguments, killed: make(chan struct{}),
		core: kubernetes.NewForConfigOrDie(config), spark: versioned.NewForConfigOrDie(config),
	}
	v.proxy, v.kubeconfig = sim.StartProxy(t, config)
	return v
}

func (v *victim) start() {
	kill := sim.StartOperator(v.t, v.binary, v.kubeconfig, v.namespace, v.arguments...)
	v.kill.Store(&kill)
}

// killAt has the operator killed when isTheWrite says so, at one moment of that write.
func (v *victim) killAt(isTheWrite func(at faultproxy.Moment, number int64, r *http.Request) bool) {
	v.doomed = true
	v.proxy.Observe(func(at faultproxy.Moment, number int64, r *http.Request) error {
		if !isTheWrite(at, number, r) {
			return nil
		}
		(*v.kill.Load())()
		close(v.killed)
		return errors.New("the operator was killed")
	})
}

// revive starts the operator again if it was killed.
func (v *victim) revive() {
	select {
	case <-v.killed:
		if !v.restarted {
			v.restarted = true
			v.proxy.Observe(nil)
			v.start()
		}
	default:
	}
}

// lastWriteDelay is how long after the end of a life its last write may come. It need not
// come: two changes of a status that follow each other closely may be one write.
const lastWriteDelay = 15 * time.Second

// nothingFollows is asked again and again when the life is over. It reports whether no write
// is to be expected any more.
func (v *victim) nothingFollows() bool {
	if v.overSince.IsZero() {
		v.overSince = time.Now()
	}
	return v.restarted == v.doomed || time.Since(v.overSince) > lastWriteDelay
}
