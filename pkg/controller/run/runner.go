// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/pkg/controller/lifecycle"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// Settings are what actions depend on besides.
type Settings struct {
	lifecycle.Settings
	// Master is the API server as drivers reach it: k8s://https://host:port.
	Master string
	// DefaultConf are Spark properties of all applications. Whatever an application says
	// wins over them; they win over built-in defaults.
	DefaultConf map[string]string
	// History is where event logs go that applications leave open.
	History translate.History
	// HistoryURLFormat is where a history server shows a run: see [ui.HistoryURL]. Empty
	// if there is none.
	HistoryURLFormat string
	// ServiceLinks gives pods the variables of every Service of their namespace, as
	// Kubernetes does by default.
	ServiceLinks bool
	// PodWebhook says that executor pods pass through this operator's webhook: see
	// [translate.Params].
	PodWebhook bool
	// Submitter is how applications are submitted that do not say it: one of
	// v1beta2.SubmitterNative, the default, and v1beta2.SubmitterSparkSubmit.
	Submitter string
	// UI is how the UI of drivers is published.
	UI ui.Config
	// BatchScheduling says which batch schedulers may be used.
	BatchScheduling BatchScheduling
	// NodeLossGracePeriod is how long a node may not report before driver pods that
	// were deleted but do not terminate are force-deleted; 0 for never.
	NodeLossGracePeriod time.Duration
	// DriverDisruptionBudget honours spec.driverPodDisruptionBudget.
	DriverDisruptionBudget bool
	// LogTailLines is how many of the last lines of the log of a driver that failed are
	// kept in the status; 0 for none.
	LogTailLines int64
}

// Clients are the API clients of the runner. Dynamic is used for objects of batch
// schedulers only.
type Clients struct {
	Kube    kubernetes.Interface
	Spark   versioned.Interface
	Dynamic dynamic.Interface
}

// Runner performs actions. It is safe for concurrent use.
type Runner struct {
	settings *Settings
	kube     kubernetes.Interface
	client   versioned.Interface
	dynamic  dynamic.Interface
	// createdDriver records that a driver pod was created, for caches that lag behind.
	createdDriver func(app cache.ObjectName, resourceVersion string)

	watches *driverWatches
	// complete are submissions whose objects all exist and of which no status says so
	// yet: the id by the name of the application.
	complete sync.Map
}

// NewRunner returns a runner. CreatedDriver is called with the name of an application and
// the resource version of the driver pod that was created for it.
func NewRunner(settings *Settings, clients Clients, createdDriver func(app cache.ObjectName, resourceVersion string)) *Runner {
	return &Runner{
		settings: settings, kube: clients.Kube, client: clients.Spark, dynamic: clients.Dynamic,
		createdDriver: createdDriver, watches: &driverWatches{},
	}
}

// WatchOf returns what is remembered of a driver that does not start, or whose executors
// do not.
func (r *Runner) WatchOf(app cache.ObjectName, pod types.UID) lifecycle.DriverWatch {
	return r.watches.of(app, pod)
}

// ForgetDriver drops what is remembered of the driver of an application.
func (r *Runner) ForgetDriver(app cache.ObjectName) { r.watches.forget(app) }

// Rephrased remembers that a status was written that says the same reason in other words.
func (r *Runner) Rephrased(app cache.ObjectName, pod types.UID, now time.Time) {
	r.watches.store(app, r.watches.of(app, pod).Rephrased(now))
}

// Written notes that the status of an application was written.
func (r *Runner) Written(app cache.ObjectName) { r.complete.Delete(app) }

// Forget drops what is remembered of an application that does not exist any more.
func (r *Runner) Forget(app cache.ObjectName) {
	r.watches.forget(app)
	r.complete.Delete(app)
}

// task is one plan under execution.
type task struct {
	in  *lifecycle.Input
	out lifecycle.Outcome
	// failures is the number of syncs that failed in a row before this one.
	failures int
	// current is set once the cached application was compared with the API server.
	current bool
}

// driverPodName is the name of the driver pod of the submission at hand.
func (t *task) driverPodName() string {
	if t.out.Submission != nil {
		return t.out.Submission.DriverPodName
	}
	return t.in.App.Status.DriverInfo.PodName
}

// ensureCurrent compares the cached application with the API server's before
// something is destroyed. A cache that lags behind, after a change of leaders
// say, may show a state in which the healthy driver of today looks like one to be
// deleted.
func (r *Runner) ensureCurrent(ctx context.Context, t *task) error {
	if t.current {
		return nil
	}
	app := t.in.App
	live, err := r.client.SparkoperatorV1beta2().SparkApplications(app.Namespace).Get(ctx, app.Name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("re-read application: %w", err)
	}
	if live.UID != app.UID || live.ResourceVersion != app.ResourceVersion {
		return reconcile.WaitFor(lifecycle.ReasonCacheBehind, "the cached application is older than the stored one")
	}
	t.current = true
	return nil
}

// BatchScheduling is what the flags say about batch schedulers. The zero value
// switches them off.
type BatchScheduling struct {
	Enabled bool
	// Default is the scheduler of applications that name none; empty for none.
	Default string
	batchscheduler.Config
}

// schedulerOf returns the batch scheduler of an application; nil for none.
func (b *BatchScheduling) schedulerOf(app *v1beta2.SparkApplication) (batchscheduler.Scheduler, error) {
	if !b.Enabled {
		return nil, nil
	}
	name := batchscheduler.NameFor(app, b.Default)
	if name == "" {
		return nil, nil
	}
	return batchscheduler.New(name, b.Config)
}

// driverWatches are such drivers, at most one for each application.
type driverWatches struct {
	lock sync.Mutex
	all  map[cache.ObjectName]lifecycle.DriverWatch
}

// of returns what is remembered of a driver.
func (w *driverWatches) of(key cache.ObjectName, pod types.UID) lifecycle.DriverWatch {
	w.lock.Lock()
	defer w.lock.Unlock()
	return w.all[key].Of(pod)
}

func (w *driverWatches) store(key cache.ObjectName, watch lifecycle.DriverWatch) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if w.all == nil {
		w.all = map[cache.ObjectName]lifecycle.DriverWatch{}
	}
	w.all[key] = watch
}

// forget drops an application that is gone or whose driver is.
func (w *driverWatches) forget(key cache.ObjectName) {
	w.lock.Lock()
	defer w.lock.Unlock()
	delete(w.all, key)
}
