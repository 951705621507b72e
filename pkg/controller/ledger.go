// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// podLedger remembers pods by their application from the event that shows them until they
// are gone and the usage of the run in the status contains them. The caches alone would not
// do: a pod may have run for hours since the last write when it disappears from them.
//
// The pods are those of the caches. What is gone has made room there.
type podLedger struct {
	lock sync.Mutex
	pods map[cache.ObjectName]map[types.UID]lifecycle.Departed
}

// seen notes the present state of a pod.
func (l *podLedger) seen(key cache.ObjectName, pod *podview.Pod) {
	if key.Name == "" {
		return
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.pods == nil {
		l.pods = map[cache.ObjectName]map[types.UID]lifecycle.Departed{}
	}
	if l.pods[key] == nil {
		l.pods[key] = map[types.UID]lifecycle.Departed{}
	}
	l.pods[key][pod.UID] = lifecycle.Departed{Pod: pod}
}

// gone notes that a pod is gone. A zero time says that it is not known since when: then the
// pod is forgotten, and the usage becomes a lower bound.
func (l *podLedger) gone(key cache.ObjectName, pod *podview.Pod, at time.Time) {
	l.lock.Lock()
	defer l.lock.Unlock()
	pods := l.pods[key]
	if _, known := pods[pod.UID]; !known {
		return
	}
	departed := lifecycle.Departed{Pod: pod, At: at}
	if pod.Status.Started == 0 || departed.End().IsZero() {
		l.drop(key, pod.UID)
		return
	}
	pods[pod.UID] = departed
}

// forget drops the pods of an application that are gone.
func (l *podLedger) forget(key cache.ObjectName) {
	l.prune(key, func(*lifecycle.Departed) bool { return true })
}

// prune drops those pods of an application that are gone and counted.
func (l *podLedger) prune(key cache.ObjectName, counted func(*lifecycle.Departed) bool) {
	l.lock.Lock()
	defer l.lock.Unlock()
	for uid, departed := range l.pods[key] {
		if !departed.At.IsZero() && counted(&departed) {
			l.drop(key, uid)
		}
	}
}

// drop drops a pod. The lock is held.
func (l *podLedger) drop(key cache.ObjectName, uid types.UID) {
	if delete(l.pods[key], uid); len(l.pods[key]) == 0 {
		delete(l.pods, key)
	}
}

// missing returns the pods of an application, by name, that are not among those shown.
func (l *podLedger) missing(key cache.ObjectName, shown func(*podview.Pod) bool) []lifecycle.Departed {
	l.lock.Lock()
	defer l.lock.Unlock()
	var missing []lifecycle.Departed
	for _, departed := range l.pods[key] {
		if !shown(departed.Pod) {
			missing = append(missing, departed)
		}
	}
	slices.SortFunc(missing, func(a, b lifecycle.Departed) int {
		return cmp.Or(cmp.Compare(a.Pod.Name, b.Pod.Name), cmp.Compare(a.Pod.UID, b.Pod.UID))
	})
	return missing
}

// seeDeparted adds to what the caches show the pods of the run that they do not show any
// more and that its usage may not contain yet.
func (c *Controller) seeDeparted(app *v1beta2.SparkApplication, seen *lifecycle.Observed) {
	key, status := cache.MetaObjectToName(app), &app.Status
	attempt := status.Attempt(status.SubmissionID)
	if status.SubmissionID == "" || attempt != nil && attempt.State != "" {
		c.ledger.forget(key)
		return
	}
	c.ledger.prune(key, func(d *lifecycle.Departed) bool { return !lifecycle.Uncounted(status, d) })
	ran := func(pod *podview.Pod) bool { // the driver of the run
		return pod.Name == status.DriverInfo.PodName && pod.ApplicationUID == app.UID && pod.Labels.Role == v1beta2.SparkRoleDriver
	}
	missing := c.ledger.missing(key, shownBy(seen))
	driver := seen.Driver
	for i := range missing {
		if driver == nil && ran(missing[i].Pod) {
			driver = missing[i].Pod
		}
	}
	for _, departed := range missing {
		pod := departed.Pod
		if pod == driver || pod.Labels.Role == v1beta2.SparkRoleExecutor && pod.Labels.SubmissionID == status.SubmissionID && belongsTo(pod, driver, status) {
			seen.Departed = append(seen.Departed, departed)
		}
	}
}

// shownBy reports which pods the caches show as those of the run.
func shownBy(seen *lifecycle.Observed) func(*podview.Pod) bool {
	shown := make(map[types.UID]bool, len(seen.Executors)+1)
	for _, pod := range seen.Executors {
		shown[pod.UID] = true
	}
	if seen.Driver != nil {
		shown[seen.Driver.UID] = true
	}
	return func(pod *podview.Pod) bool { return shown[pod.UID] }
}
