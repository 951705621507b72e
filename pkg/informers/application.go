// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
)

// Application is a SparkApplication in the cache. A finished application may stay for
// weeks and is rarely read after the start of the operator. Decoded, it takes 7 KB of
// memory, most of it for fields that are not set. So the cache keeps it in the encoding
// of the API server, which takes 4 KB with keys and indexes. An Application is shared
// with the cache and never changed.
type Application struct {
	// ObjectMeta of an application that is kept encoded has its names, versions,
	// labels and owners only.
	metav1.ObjectMeta

	whole   *v1beta2.SparkApplication // nil if it is kept encoded
	encoded []byte
	state   v1beta2.ApplicationStateType // of an encoded one
}

// ApplicationOf returns the application in the form of the cache. It trims the
// application, which must not be changed afterwards.
func ApplicationOf(app *v1beta2.SparkApplication) *Application {
	trim(app)
	kept := &Application{ObjectMeta: app.ObjectMeta, whole: app}
	if !atRest(app) {
		return kept
	}
	encoded, err := json.Marshal(app)
	if err != nil {
		return kept
	}
	return &Application{
		ObjectMeta: metav1.ObjectMeta{
			Name:              app.Name,
			Namespace:         podview.Intern(app.Namespace),
			UID:               app.UID,
			ResourceVersion:   app.ResourceVersion,
			Generation:        app.Generation,
			CreationTimestamp: app.CreationTimestamp,
			Labels:            app.Labels,
			OwnerReferences:   slices.Clone(app.OwnerReferences),
		},
		encoded: encoded,
		state:   podview.Intern(app.Status.AppState.State),
	}
}

// atRest reports whether an application has ended and no work on it is left: what
// Outline leaves out is not read until the object changes. Stubs stay decoded: they
// stand for undecodable objects.
func atRest(app *v1beta2.SparkApplication) bool {
	switch app.Status.AppState.State {
	case v1beta2.ApplicationStateCompleted, v1beta2.ApplicationStateFailed:
	default:
		return false
	}
	if _, stub := DecodeError(app); stub || app.DeletionTimestamp != nil {
		return false
	}
	if counts := app.Status.ExecutorCounts; counts != nil {
		if counts.Running > 0 {
			return false
		}
	} else {
		for _, executor := range app.Status.ExecutorState {
			if executor == v1beta2.ExecutorStateRunning {
				return false
			}
		}
	}
	return !meta.IsStatusConditionTrue(app.Status.Conditions, v1beta2.ConditionStalled)
}

// Whole returns the application with all its fields. It may be shared: copy before
// changing.
func (a *Application) Whole() (*v1beta2.SparkApplication, error) {
	if a.whole != nil {
		return a.whole, nil
	}
	app := &v1beta2.SparkApplication{}
	if err := decodeJSON(a.encoded, app); err != nil {
		return nil, fmt.Errorf("decode cached SparkApplication %s/%s: %w", a.Namespace, a.Name, err)
	}
	return app, nil
}

// Outline returns what is known of the application without decoding it: all of it
// while it runs; once it has ended names, versions, labels, owners and its state. It
// is shared: copy before changing.
func (a *Application) Outline() *v1beta2.SparkApplication {
	if a.whole != nil {
		return a.whole
	}
	outline := &v1beta2.SparkApplication{ObjectMeta: a.ObjectMeta}
	outline.Status.AppState.State = a.state
	return outline
}

// State returns the state of the application.
func (a *Application) State() v1beta2.ApplicationStateType {
	if a.whole != nil {
		return a.whole.Status.AppState.State
	}
	return a.state
}

// GetObjectKind implements [runtime.Object]. An Application has no kind of its own
// and is not written to the API server.
func (a *Application) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

// DeepCopyObject implements [runtime.Object]. The detector of changes to cached
// objects needs it (KUBE_CACHE_MUTATION_DETECTOR).
func (a *Application) DeepCopyObject() runtime.Object {
	return &Application{ObjectMeta: *a.ObjectMeta.DeepCopy(), whole: a.whole.DeepCopy(), encoded: slices.Clone(a.encoded), state: a.state}
}

// Applications are the caches of SparkApplications. Handlers and index functions
// get them in the form of the cache; [Applications.Get] returns them whole.
//
// They hold all applications of the watched namespaces, also those that the operator does
// not run: a schedule counts its runs whatever labels they have by now.
type Applications struct {
	*Scoped[*Application]
	selector labels.Selector // nil if the operator runs all
}

// NewApplications returns caches as [NewScoped] does. The operator runs the applications
// that the selector selects; all if it is nil.
func NewApplications(caches map[string]cache.TypedSharedIndexInformer[*Application], selector labels.Selector) *Applications {
	return &Applications{NewScoped(caches), selector}
}

// runs reports whether the operator runs an application.
func (a *Applications) runs(kept *Application) bool {
	return a.selector == nil || a.selector.Matches(labels.Set(kept.Labels))
}

// Get returns a copy of the cached application of that name, which the caller may
// change. One that the operator does not run is not found.
func (a *Applications) Get(name cache.ObjectName) (app *v1beta2.SparkApplication, found bool, err error) {
	kept, found := a.Scoped.Get(name)
	switch {
	case !found || !a.runs(kept):
		return nil, false, nil
	case kept.whole != nil:
		return kept.whole.DeepCopy(), true, nil
	}
	app, err = kept.Whole()
	return app, err == nil, err
}

// ByIndex returns the cached applications of the namespace that an index function
// gave that value. They may be shared: copy before changing.
func (a *Applications) ByIndex(namespace, index, value string) ([]*v1beta2.SparkApplication, error) {
	kept, err := a.Scoped.ByIndex(namespace, index, value)
	if err != nil {
		return nil, err
	}
	apps := make([]*v1beta2.SparkApplication, len(kept))
	for i := range kept {
		if apps[i], err = kept[i].Whole(); err != nil {
			return nil, err
		}
	}
	return apps, nil
}

// Outlines yields every application that the operator runs in no particular order, as far as it is
// known without decoding it: see [Application.Outline]. An outline is
// valid until the next one, so that a scrape of ten thousand takes no memory.
func (a *Applications) Outlines() iter.Seq[*v1beta2.SparkApplication] {
	return func(yield func(*v1beta2.SparkApplication) bool) {
		var outline v1beta2.SparkApplication
		for kept := range a.All() {
			if !a.runs(kept) {
				continue
			}
			app := kept.whole
			if app == nil {
				outline.ObjectMeta, outline.Status.AppState.State = kept.ObjectMeta, kept.state
				app = &outline
			}
			if !yield(app) {
				return
			}
		}
	}
}
