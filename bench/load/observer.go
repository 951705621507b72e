// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
)

// App is what is known about one application of the load.
type App struct {
	Namespace, Name string
	UID             types.UID
	// Asked is when its creation was requested.
	Asked time.Time
	// State is the last one seen, Seen when each was seen last.
	State    v1beta2.ApplicationStateType
	Seen     map[v1beta2.ApplicationStateType]time.Time
	Attempts int
	Driver
}

// Driver is what the kubelet knows of the drivers of an application.
type Driver struct {
	// Created is when the first was seen, Drivers how many there were.
	Created time.Time
	Drivers int
	// Running and Ended are when it said so of the latest.
	Running, Ended time.Time
}

// Terminal reports whether the application has come to its end.
func (a *App) Terminal() bool {
	return a.State == v1beta2.ApplicationStateCompleted || a.State == v1beta2.ApplicationStateFailed
}

// Observer creates applications and follows them by a watch, as a user would.
type Observer struct {
	// Created is called with every application that Create created; may be nil.
	// It is set before Start.
	Created func(*v1beta2.SparkApplication)
	// Deleted is called with every application that is seen to be gone; may be
	// nil. It is set before Start and must not block.
	Deleted func(types.UID)

	client versioned.Interface
	http   *http.Client
	host   string

	lock    sync.Mutex
	apps    map[types.NamespacedName]*App
	drivers map[types.UID]*Driver // by application, which may not have been seen yet
	ended   map[string]int        // by namespace
	changed chan struct{}         // closed and replaced when an application ends
	running sync.WaitGroup
	seenErr error
}

// NewObserver returns an observer that reaches the API server by config.
func NewObserver(config *rest.Config) (*Observer, error) {
	client, err := versioned.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client of the applications: %w", err)
	}
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("client of the watch: %w", err)
	}
	return &Observer{
		client: client, http: httpClient, host: config.Host,
		apps: map[types.NamespacedName]*App{}, drivers: map[types.UID]*Driver{}, ended: map[string]int{}, changed: make(chan struct{}),
	}, nil
}

// createPatience is how long a user tries to create an application, while the API
// server is restarting say.
const createPatience = time.Minute

// Create creates an application.
func (o *Observer) Create(ctx context.Context, app *v1beta2.SparkApplication) (*v1beta2.SparkApplication, error) {
	key := types.NamespacedName{Namespace: app.Namespace, Name: app.Name}
	known := o.expect(key, time.Now())
	client := o.client.SparkoperatorV1beta2().SparkApplications(app.Namespace)
	created, err := client.Create(ctx, app, metav1.CreateOptions{})
	for err != nil && ctx.Err() == nil && time.Since(known.Asked) < createPatience {
		time.Sleep(100 * time.Millisecond)
		if created, err = client.Create(ctx, app, metav1.CreateOptions{}); apierrors.IsAlreadyExists(err) {
			// The answer to an earlier try was lost.
			created, err = client.Get(ctx, app.Name, metav1.GetOptions{})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("create application %s: %w", key, err)
	}
	o.lock.Lock()
	known.UID = created.UID
	o.lock.Unlock()
	if o.Created != nil {
		o.Created(created)
	}
	return created, nil
}

// expect notes an application that comes into being, by whomever.
func (o *Observer) expect(key types.NamespacedName, now time.Time) *App {
	o.lock.Lock()
	defer o.lock.Unlock()
	app := o.apps[key]
	if app == nil {
		app = &App{Namespace: key.Namespace, Name: key.Name, Asked: now, Seen: map[v1beta2.ApplicationStateType]time.Time{}}
		o.apps[key] = app
	}
	return app
}

// observed is as much of an application as is looked at. Decoding all of it would
// take more time than the operator itself has.
type observed struct {
	Metadata struct {
		Namespace, Name, ResourceVersion string
		UID                              types.UID
	} `json:"metadata"`
	Status struct {
		ApplicationState struct {
			State v1beta2.ApplicationStateType `json:"state"`
		} `json:"applicationState"`
		ExecutionAttempts int `json:"executionAttempts"`
	} `json:"status"`
}

// Start watches all applications until ctx is done; Wait waits for the end.
func (o *Observer) Start(ctx context.Context) error {
	version, err := o.firstList(ctx)
	if err != nil {
		return err
	}
	o.running.Go(func() {
		for ctx.Err() == nil {
			err := o.watch(ctx, &version)
			if errors.Is(err, errMissed) {
				var next string
				if next, err = o.list(ctx); err == nil {
					version = next
					continue
				}
			}
			if ctx.Err() != nil {
				return
			}
			o.lock.Lock()
			o.seenErr = err
			o.lock.Unlock()
			select { // the API server may just be restarting
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	return nil
}

// firstList lists until it is answered: a new API server says 429 while it fills
// its caches.
func (o *Observer) firstList(ctx context.Context) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if version, err = o.list(ctx); err == nil {
			return version, nil
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Wait returns when the watch has ended.
func (o *Observer) Wait() { o.running.Wait() }

// errMissed says that a watch cannot go on because events are no longer known.
var errMissed = errors.New("events were missed")

func (o *Observer) get(ctx context.Context, query url.Values) (*http.Response, error) {
	address := o.host + "/apis/" + v1beta2.SchemeGroupVersion.String() + "/sparkapplications?" + query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := o.http.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	_ = response.Body.Close()
	if response.StatusCode == http.StatusGone {
		return nil, errMissed
	}
	return nil, errors.New(response.Status)
}

// list looks at all applications and returns from where to watch.
func (o *Observer) list(ctx context.Context) (version string, err error) {
	response, err := o.get(ctx, url.Values{})
	if err != nil {
		return "", fmt.Errorf("list applications: %w", err)
	}
	defer response.Body.Close()
	var list struct {
		Metadata struct{ ResourceVersion string } `json:"metadata"`
		Items    []observed                       `json:"items"`
	}
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		return "", fmt.Errorf("list applications: %w", err)
	}
	for i := range list.Items {
		o.observe(&list.Items[i], time.Now())
	}
	return list.Metadata.ResourceVersion, nil
}

func (o *Observer) watch(ctx context.Context, version *string) error {
	response, err := o.get(ctx, url.Values{"watch": {"true"}, "resourceVersion": {*version}, "allowWatchBookmarks": {"true"}})
	if err != nil {
		return fmt.Errorf("watch applications: %w", err)
	}
	defer response.Body.Close()
	stream := json.NewDecoder(response.Body)
	for {
		var event struct {
			Type   string          `json:"type"`
			Object json.RawMessage `json:"object"` // of an ERROR, a Status
		}
		if err := stream.Decode(&event); err != nil {
			return fmt.Errorf("watch applications: %w", err)
		}
		if event.Type == "ERROR" {
			return fmt.Errorf("watch applications: %w", errMissed)
		}
		var seen observed
		if err := json.Unmarshal(event.Object, &seen); err != nil {
			return fmt.Errorf("watch applications: %w", err)
		}
		*version = seen.Metadata.ResourceVersion
		switch event.Type {
		case "ADDED", "MODIFIED":
			o.observe(&seen, time.Now())
		case "DELETED":
			if o.Deleted != nil {
				o.Deleted(seen.Metadata.UID)
			}
		}
	}
}

func (o *Observer) observe(seen *observed, now time.Time) {
	app := o.expect(types.NamespacedName{Namespace: seen.Metadata.Namespace, Name: seen.Metadata.Name}, now)
	o.lock.Lock()
	defer o.lock.Unlock()
	app.UID = seen.Metadata.UID
	app.Attempts = max(app.Attempts, seen.Status.ExecutionAttempts)
	state := seen.Status.ApplicationState.State
	if state == app.State {
		return
	}
	wasTerminal := app.Terminal()
	app.State = state
	app.Seen[state] = now
	if app.Terminal() && !wasTerminal {
		o.ended[app.Namespace]++
		close(o.changed)
		o.changed = make(chan struct{})
	}
}

// OnEvent records an event of the driver of an application.
func (o *Observer) OnEvent(event kubelet.Event) {
	o.lock.Lock()
	defer o.lock.Unlock()
	driver := o.drivers[event.App]
	if driver == nil {
		driver = &Driver{}
		o.drivers[event.App] = driver
	}
	switch event.Moment {
	case kubelet.Created:
		if driver.Drivers++; driver.Drivers == 1 {
			driver.Created = event.Time
		}
	case kubelet.Running:
		driver.Running = event.Time
	case kubelet.Ended:
		driver.Ended = event.Time
	case kubelet.Gone:
	}
}

// WaitEnded waits until that many applications of a namespace have come to their
// end.
func (o *Observer) WaitEnded(ctx context.Context, namespace string, count int) error {
	for {
		o.lock.Lock()
		ended, changed, err := o.ended[namespace], o.changed, o.seenErr
		o.lock.Unlock()
		if ended >= count {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("only %d of %d applications in namespace %s ended: %w; %s", ended, count, namespace, context.Cause(ctx), o.unended(namespace)), err)
		}
	}
}

// unended returns the applications of a namespace that were seen but not at their
// end.
func (o *Observer) unended(namespace string) string {
	o.lock.Lock()
	defer o.lock.Unlock()
	var names []string
	for key, app := range o.apps {
		if key.Namespace == namespace && !app.Terminal() {
			names = append(names, fmt.Sprintf("%s is %q", key.Name, app.State))
		}
	}
	slices.Sort(names)
	const most = 10
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// Known is how many applications of a namespace were seen so far.
func (o *Observer) Known(namespace string) int {
	o.lock.Lock()
	defer o.lock.Unlock()
	known := 0
	for key := range o.apps {
		if key.Namespace == namespace {
			known++
		}
	}
	return known
}

// Apps returns a copy of what is known about every application of a namespace.
func (o *Observer) Apps(namespace string) []App {
	o.lock.Lock()
	defer o.lock.Unlock()
	var apps []App
	for _, app := range o.apps {
		if app.Namespace != namespace {
			continue
		}
		snapshot := *app
		snapshot.Seen = maps.Clone(app.Seen)
		if driver := o.drivers[app.UID]; driver != nil {
			snapshot.Driver = *driver
		}
		apps = append(apps, snapshot)
	}
	return apps
}
