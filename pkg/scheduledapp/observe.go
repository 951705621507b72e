// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/informers"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

// runsBySchedule is the index of applications by the UID of the schedule that
// they are a run of.
const runsBySchedule = "runsBySchedule"

func indexRuns(app *informers.Application) ([]string, error) { return ownerUIDs(app), nil }

// input is everything that a decision needs.
type input struct {
	// app has its defaults. It shares memory with the cache and is not changed.
	app *v1beta2.ScheduledSparkApplication
	// spec is what the spec means.
	spec *meaning
	// runs of the schedule, oldest first, shared with the cache.
	runs []*v1beta2.SparkApplication
	now  time.Time

	precision Precision
	// logArchiveDeadline is as in Config.
	logArchiveDeadline time.Duration
}

// observe looks the runs up in the cache. It makes no API calls.
func (c *Controller) observe(app *v1beta2.ScheduledSparkApplication) (*input, error) {
	seen := c.applications.LastSyncResourceVersion(app.Namespace) // before the cache is read
	cached, err := c.applications.ByIndex(app.Namespace, runsBySchedule, string(app.UID))
	if err != nil {
		return nil, fmt.Errorf("find runs: %w", err)
	}
	runs := c.created.merge(app, cached, seen)
	slices.SortFunc(runs, compareAge)
	return &input{
		app:       app,
		spec:      c.meanings.of(app, c.config.Local, c.config.Redact),
		runs:      runs,
		now:       c.clock.Now(),
		precision: c.config.TimestampPrecision,

		logArchiveDeadline: c.config.LogArchiveDeadline,
	}, nil
}

// stateSince is when the schedule came into its state: when it began or ceased to be
// scheduled.
func (in *input) stateSince() time.Time {
	if c := meta.FindStatusCondition(in.app.Status.Conditions, v1beta2.ConditionScheduled); c != nil {
		return c.LastTransitionTime.Time
	}
	return in.app.CreationTimestamp.Time
}

// meaning is what the spec of a schedule comes down to.
type meaning struct {
	timetable *timetable // nil if the schedule is refused
	// notice says what the template means for runs that come one after another, if
	// that is not what it says.
	notice string
	// condition and refusal say why it is refused, the latter in words for
	// status.reason; empty if it is not.
	condition, refusal string
}

// meanings remembers the meaning of each schedule until its spec changes: to
// parse, load a time zone and validate a template takes longer than all the rest
// of a sync.
type meanings struct {
	lock  sync.Mutex
	known map[cache.ObjectName]knownMeaning
}

type knownMeaning struct {
	uid        types.UID
	generation int64
	stub       string // why the object could not be decoded, if so
	meaning    *meaning
}

func (m *meanings) of(app *v1beta2.ScheduledSparkApplication, local *time.Location, hide func(string) string) *meaning {
	key := cache.MetaObjectToName(app)
	stub, _ := informers.DecodeError(app)
	m.lock.Lock()
	known, ok := m.known[key]
	m.lock.Unlock()
	if ok && known.uid == app.UID && known.generation == app.Generation && known.stub == stub {
		return known.meaning
	}
	found := interpret(app, local)
	found.refusal = hide(found.refusal)
	m.lock.Lock()
	defer m.lock.Unlock()
	m.known[key] = knownMeaning{uid: app.UID, generation: app.Generation, stub: stub, meaning: found}
	return found
}

func (m *meanings) forget(key cache.ObjectName) {
	m.lock.Lock()
	defer m.lock.Unlock()
	delete(m.known, key)
}

// interpret says what a schedule means or why it means nothing. It is pure.
func interpret(app *v1beta2.ScheduledSparkApplication, local *time.Location) *meaning {
	if unreadable, isStub := informers.DecodeError(app); isStub {
		return &meaning{condition: reasonInvalidObject, refusal: "the object cannot be decoded: " + unreadable + "; correct the field"}
	}
	if errs, _ := validation.ValidateStoredScheduledSparkApplication(app); len(errs) > 0 {
		refusal := reconcile.OneLine(errs.ToAggregate().Error())
		switch errs[0].Field {
		case "spec.schedule", "spec.timeZone":
			refusal = errs[0].Detail // as in kubeflow/spark-operator
		}
		return &meaning{condition: reasonInvalidSpec, refusal: refusal}
	}
	times, err := newTimetable(app, local)
	if err != nil {
		return &meaning{condition: reasonInvalidSpec, refusal: err.Error()}
	}
	return &meaning{timetable: times, notice: notice(app)}
}

// created remembers runs that were created until the cache shows them. It only
// bridges the time in between: after a restart the cache is read anew. The
// record of a run in the status does not replace it: whether another may start depends on
// whether it is going.
type created struct {
	lock sync.Mutex
	runs map[cache.ObjectName][]*v1beta2.SparkApplication
}

func (m *created) add(schedule cache.ObjectName, run *v1beta2.SparkApplication) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.runs[schedule] = append(m.runs[schedule], run)
}

// has reports whether a run is remembered.
func (m *created) has(schedule cache.ObjectName, uid types.UID) bool {
	m.lock.Lock()
	defer m.lock.Unlock()
	return contains(m.runs[schedule], uid)
}

// contains reports whether the run with that UID is among others.
func contains(runs []*v1beta2.SparkApplication, uid types.UID) bool {
	return slices.ContainsFunc(runs, func(run *v1beta2.SparkApplication) bool { return run.UID == uid })
}

func (m *created) forget(schedule cache.ObjectName) {
	m.lock.Lock()
	defer m.lock.Unlock()
	delete(m.runs, schedule)
}

// merge returns the cached runs and those that the cache, which has seen everything
// up to that resource version, does not show yet or no more. A run is remembered
// until the status lists it: one that was deleted before, by its time to live or by a
// user, would be created again.
func (m *created) merge(app *v1beta2.ScheduledSparkApplication, cached []*v1beta2.SparkApplication, seen string) []*v1beta2.SparkApplication {
	runs := slices.Clone(cached)
	m.lock.Lock()
	defer m.lock.Unlock()
	key := cache.MetaObjectToName(app)
	remembered := slices.DeleteFunc(m.runs[key], func(run *v1beta2.SparkApplication) bool {
		came := !loop.Older(seen, run.ResourceVersion)
		return !isOwnedBy(run, app.UID) || came && isRecorded(app, run)
	})
	if len(remembered) == 0 {
		delete(m.runs, key)
	} else {
		m.runs[key] = remembered
	}
	for _, run := range remembered {
		if !contains(cached, run.UID) {
			runs = append(runs, run)
		}
	}
	return runs
}

// isRecorded reports whether the status lists a run.
func isRecorded(app *v1beta2.ScheduledSparkApplication, run *v1beta2.SparkApplication) bool {
	scheduled, known := scheduledTime(run)
	if !known {
		return run.Name != requestedName(app)
	}
	if app.Status.SettledTime == nil && startsFromLastRun(&app.Status) {
		return !scheduled.After(app.Status.LastRun.Time)
	}
	return app.Status.SettledTime != nil && !scheduled.After(app.Status.SettledTime.Time)
}

// startsFromLastRun reports whether a schedule counts from its last run: kubeflow's
// spark-operator wrote the status, or its CRD is installed and drops our own fields.
func startsFromLastRun(status *v1beta2.ScheduledSparkApplicationStatus) bool {
	return status.ScheduleState == v1beta2.ScheduleStateScheduled && status.ObservedGeneration == 0
}
