// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/spark-operator/spark-operator/test/lifecycle"
	"github.com/spark-operator/spark-operator/test/sim"
	"github.com/spark-operator/spark-operator/test/sim/faultproxy"
)

// TestLives leads applications through their lives with nothing in the way.
func TestLives(t *testing.T) {
	world := lifecycle.New(t, api.Config, "lives")
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, "lives")
	world.Live()
}

// TestLivesOfKilledOperators kills the operator again and again, in turn at a write
// that the API server does not see any more, and at one that it carried out but of
// which the operator does not hear. One that has just started may make one write,
// its successor two, and so on up to eight, which is more than it takes to start a
// submission over; then it begins with one again.
func TestLivesOfKilledOperators(t *testing.T) {
	for _, life := range lifecycle.Lives() {
		t.Run(life, func(t *testing.T) {
			t.Parallel()
			namespace := "lives-killed-" + life
			world := lifecycle.New(t, api.Config, namespace)
			proxy, kubeconfig := sim.StartProxy(t, api.Config)
			start := func() func() { return sim.StartOperator(t, operatorBinary, kubeconfig, namespace) }
			victim := &victim{mostWrites: 8, died: make(chan struct{}, 1)}
			proxy.Observe(victim.observe)
			victim.start(start)
			done := make(chan struct{})
			var heirs sync.WaitGroup
			heirs.Go(func() {
				for {
					select {
					case <-victim.died:
						victim.start(start)
					case <-done:
						return
					}
				}
			})
			world.Live(life)
			close(done)
			heirs.Wait()
			if kills := victim.kills(); kills < 4 {
				t.Errorf("the operator was killed only %d times", kills)
			} else {
				t.Logf("killed %d times", kills)
			}
		})
	}
}

// victim is an operator that is killed and has a successor.
type victim struct {
	mostWrites int
	died       chan struct{} // one message for each death

	lock           sync.Mutex
	kill           func()
	alive          bool
	writes, killed int
}

// start lets a new operator begin.
func (v *victim) start(start func() (kill func())) {
	v.lock.Lock()
	defer v.lock.Unlock()
	v.kill, v.alive, v.writes = start(), true, 0
}

func (v *victim) observe(at faultproxy.Moment, _ int64, _ *http.Request) error {
	v.lock.Lock()
	defer v.lock.Unlock()
	if !v.alive {
		return errKilled // a request that was under way when it died
	}
	moment := faultproxy.Before
	if v.killed%2 == 1 {
		moment = faultproxy.After
	}
	if at != moment {
		return nil
	}
	if v.writes++; v.writes <= v.killed%v.mostWrites {
		return nil
	}
	v.kill()
	v.alive = false
	v.killed++
	v.died <- struct{}{}
	return errKilled
}

func (v *victim) kills() int {
	v.lock.Lock()
	defer v.lock.Unlock()
	return v.killed
}

var errKilled = errors.New("the operator was killed")

// TestLivesWithStaleCaches: whatever the operator watches, it hears of it two
// seconds later.
func TestLivesWithStaleCaches(t *testing.T) {
	t.Parallel()
	world := lifecycle.New(t, api.Config, "lives-stale")
	proxy, kubeconfig := sim.StartProxy(t, api.Config)
	proxy.DelayWatches(2 * time.Second)
	sim.StartOperator(t, operatorBinary, kubeconfig, "lives-stale")
	world.Live()
}

// TestLivesWithConflicts: another client writes to labels and status of every
// application after every write of the operator.
func TestLivesWithConflicts(t *testing.T) {
	t.Parallel()
	world := lifecycle.New(t, api.Config, "lives-conflicts")
	meddled := world.Meddle()
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, "lives-conflicts")
	world.Live()
	if count := meddled(); count < 20 {
		t.Errorf("the other client wrote only %d times", count)
	}
}

// TestLivesWithFailingRequests: every ninth request of the operator fails, be it
// to read, watch or write, in all ways that requests fail.
func TestLivesWithFailingRequests(t *testing.T) {
	t.Parallel()
	world := lifecycle.New(t, api.Config, "lives-faults")
	proxy, kubeconfig := sim.StartProxy(t, api.Config)
	faults := []faultproxy.Disturbance{
		{Status: http.StatusTooManyRequests},
		{Status: http.StatusInternalServerError},
		{Status: http.StatusInternalServerError, Moment: faultproxy.After},
		{Abort: true},
		{Abort: true, Moment: faultproxy.After},
		{Status: http.StatusServiceUnavailable},
		{Status: http.StatusGatewayTimeout, Moment: faultproxy.After},
	}
	proxy.Disturb(func(number int64, _ *http.Request) faultproxy.Disturbance {
		if number%9 != 0 {
			return faultproxy.Disturbance{}
		}
		return faults[number/9%int64(len(faults))]
	})
	sim.StartOperator(t, operatorBinary, kubeconfig, "lives-faults")
	world.Live()
}

// TestLivesWithTwoOperators: two operators without leader election work on the
// same applications, one of them with caches that lag behind.
func TestLivesWithTwoOperators(t *testing.T) {
	t.Parallel()
	world := lifecycle.New(t, api.Config, "lives-two")
	proxy, kubeconfig := sim.StartProxy(t, api.Config)
	proxy.DelayWatches(300 * time.Millisecond)
	sim.StartOperator(t, operatorBinary, kubeconfig, "lives-two")
	sim.StartOperator(t, operatorBinary, api.Kubeconfig, "lives-two")
	world.Live()
}

// TestLivesOverAPIServerRestarts kills the API server three times, and starts it
// again each time.
func TestLivesOverAPIServerRestarts(t *testing.T) {
	t.Parallel()
	restarted, err := sim.StartAPI(t.Context(), controlPlane())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = restarted.Stop() })
	world := lifecycle.New(t, restarted.Config, "lives-restarts")
	sim.StartOperator(t, operatorBinary, restarted.Kubeconfig, "lives-restarts")

	var restarts sync.WaitGroup
	restarts.Go(func() {
		for _, drivers := range []int{1, 5, 8} { // of 10
			err := world.WaitForDrivers(drivers)
			if err == nil {
				err = restarted.KillAPIServer()
			}
			if err == nil {
				err = restarted.StartAPIServer(t.Context())
			}
			if err != nil {
				t.Errorf("restart when there are %d drivers: %v", drivers, err)
				return
			}
		}
	})
	world.Lead()
	restarts.Wait()
	world.Check()
}
