// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/client/clientset/versioned"
)

// application returns the JSON of an application with that spec.
func application(kind, name, version, spec string) string {
	return fmt.Sprintf(`{"apiVersion":"sparkoperator.k8s.io/v1beta2","kind":%q,
		"metadata":{"name":%q,"namespace":"ns","uid":"uid-%s","resourceVersion":%q,"generation":4,"labels":{"team":"a"}},
		"spec":%s,"status":{"applicationState":{"state":"RUNNING"},"submissionID":"id","driverInfo":{"podName":"p"}}}`,
		kind, name, name, version, spec)
}

const (
	goodSpec = `{"mainApplicationFile":"local:///a.jar","suspend":true}`
	badSpec  = `{"mainApplicationFile":"local:///a.jar","suspend":true,"timeToLiveSeconds":7,"driver":{"template":{"spec":{"containers":[
		{"name":"x"},{"name":"spark-kubernetes-driver","ports":[{"containerPort":"http"}]}]}}}}`
	badSchedule = `{"schedule":"@every 1m","template":{"mainApplicationFile":"local:///a.jar","executor":{"template":{"spec":{"containers":7}}}}}`
)

// server is an API server with a fixed list and a watch that the test feeds.
type server struct {
	*httptest.Server
	items  string
	events chan string

	lock sync.Mutex
	puts []string
}

func newServer(t *testing.T, items ...string) (*server, versioned.Interface) {
	t.Helper()
	s := &server{items: strings.Join(items, ","), events: make(chan string)}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	config := &rest.Config{Host: s.URL, QPS: -1}
	client, err := NewClient(config, s.Client())
	if err != nil {
		t.Fatal(err)
	}
	return s, client
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Query().Get("watch") != "":
		if r.URL.Query().Get("sendInitialEvents") != "" {
			// As servers without streaming lists answer.
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422}`)
			return
		}
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		if !strings.HasSuffix(r.URL.Path, "/sparkapplications") {
			<-r.Context().Done()
			return
		}
		for {
			select {
			case event := <-s.events:
				fmt.Fprintln(w, event)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	case r.Method == http.MethodPut:
		var body json.RawMessage
		_ = json.NewDecoder(r.Body).Decode(&body)
		s.lock.Lock()
		s.puts = append(s.puts, string(body))
		s.lock.Unlock()
		fmt.Fprint(w, application("SparkApplication", "bad", "9", badSpec))
	case strings.HasSuffix(r.URL.Path, "/sparkapplications/bad"):
		fmt.Fprint(w, application("SparkApplication", "bad", "3", badSpec))
	case strings.HasSuffix(r.URL.Path, "/sparkapplications"):
		fmt.Fprintf(w, `{"apiVersion":"sparkoperator.k8s.io/v1beta2","kind":"SparkApplicationList","metadata":{"resourceVersion":"5"},"items":[%s]}`, s.items)
	case strings.HasSuffix(r.URL.Path, "/scheduledsparkapplications"):
		fmt.Fprintf(w, `{"apiVersion":"sparkoperator.k8s.io/v1beta2","kind":"ScheduledSparkApplicationList","metadata":{"resourceVersion":"5"},"items":[%s,%s]}`,
			application("ScheduledSparkApplication", "good", "1", `{"schedule":"@every 1m","template":{"mainApplicationFile":"a"}}`),
			application("ScheduledSparkApplication", "bad", "1", badSchedule))
	case strings.HasSuffix(r.URL.Path, "/pods"):
		fmt.Fprint(w, `{"apiVersion":"v1","kind":"PodList","metadata":{"resourceVersion":"5"},"items":[]}`)
	default:
		http.NotFound(w, r)
	}
}

func checkStub(t *testing.T, app *v1beta2.SparkApplication) {
	t.Helper()
	text, stub := DecodeError(app)
	if !stub {
		t.Fatalf("no stub: %+v", app)
	}
	if !strings.HasPrefix(text, "spec.driver.template.spec.containers[1].ports[0].containerPort: ") || strings.Contains(text, "Go ") {
		t.Errorf("error %q does not name the field", text)
	}
	if app.Name != "bad" || app.Namespace != "ns" || app.UID != "uid-bad" || app.Generation != 4 || app.Labels["team"] != "a" {
		t.Errorf("metadata %+v", app.ObjectMeta)
	}
	if app.Status.AppState.State != v1beta2.ApplicationStateRunning || app.Status.DriverInfo.PodName != "p" {
		t.Errorf("status %+v", app.Status)
	}
	if app.Spec.Suspend == nil || !*app.Spec.Suspend || app.Spec.TimeToLiveSeconds == nil || *app.Spec.TimeToLiveSeconds != 7 {
		t.Errorf("spec.suspend %v, spec.timeToLiveSeconds %v", app.Spec.Suspend, app.Spec.TimeToLiveSeconds)
	}
}

func TestListSurvivesMalformedObject(t *testing.T) {
	_, client := newServer(t,
		application("SparkApplication", "first", "1", goodSpec),
		application("SparkApplication", "bad", "2", badSpec),
		application("SparkApplication", "last", "3", goodSpec))
	list, err := client.SparkoperatorV1beta2().SparkApplications("ns").List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if list.ResourceVersion != "5" || len(list.Items) != 3 {
		t.Fatalf("resource version %q, %d items", list.ResourceVersion, len(list.Items))
	}
	for _, i := range []int{0, 2} {
		if _, stub := DecodeError(&list.Items[i]); stub || *list.Items[i].Spec.MainApplicationFile != "local:///a.jar" {
			t.Errorf("item %d: %+v", i, list.Items[i])
		}
	}
	checkStub(t, &list.Items[1])

	schedules, err := client.SparkoperatorV1beta2().ScheduledSparkApplications("ns").List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, stub := DecodeError(&schedules.Items[0]); stub {
		t.Error("the good schedule is a stub")
	}
	if text, stub := DecodeError(&schedules.Items[1]); !stub || !strings.HasPrefix(text, "spec.template.executor.template.spec.containers: ") {
		t.Errorf("schedule: %q", text)
	}
}

func TestReadAndWriteOfMalformedObject(t *testing.T) {
	s, client := newServer(t)
	app, err := client.SparkoperatorV1beta2().SparkApplications("ns").Get(context.Background(), "bad", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	checkStub(t, app)
	written, err := client.SparkoperatorV1beta2().SparkApplications("ns").UpdateStatus(context.Background(),
		&v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{Name: "bad", Namespace: "ns", ResourceVersion: "3"}}, metav1.UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if written.ResourceVersion != "9" {
		t.Errorf("resource version %q", written.ResourceVersion)
	}
	if len(s.puts) != 1 {
		t.Errorf("%d writes", len(s.puts))
	}
}

func TestErrorsOfTheServerStayErrors(t *testing.T) {
	_, client := newServer(t)
	if _, err := client.SparkoperatorV1beta2().SparkApplications("ns").Get(context.Background(), "nonesuch", metav1.GetOptions{}); err == nil {
		t.Error("no error for an object that does not exist")
	}
}

// TestWatchSurvivesMalformedObject runs the real caches: a bad object comes and is
// corrected while the others are watched.
func TestWatchSurvivesMalformedObject(t *testing.T) {
	s, client := newServer(t, application("SparkApplication", "good", "1", goodSpec))
	kube, err := kubernetes.NewForConfig(&rest.Config{Host: s.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	set, err := New(Config{Namespaces: []string{"ns"}}, Clients{Kube: kube, Spark: client})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan *v1beta2.SparkApplication, 10)
	synced, err := set.Applications.AddHandler(cache.TypedResourceEventHandlerFuncs[*Application]{
		AddFunc:    func(app *Application) { seen <- app.Outline() },
		UpdateFunc: func(_, app *Application) { seen <- app.Outline() },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer set.Shutdown()
	defer cancel()
	set.Start(ctx)
	if !cache.WaitFor(ctx, "", append(synced, set.Synced()...)...) {
		t.Fatal("the caches are not filled")
	}
	next := func(event string) *v1beta2.SparkApplication {
		t.Helper()
		if event != "" {
			select {
			case s.events <- event:
			case <-ctx.Done():
				t.Fatal("no watch is open any more")
			}
		}
		select {
		case app := <-seen:
			return app
		case <-ctx.Done():
			t.Fatal("the event did not arrive")
			return nil
		}
	}
	if app := next(""); app.Name != "good" {
		t.Fatalf("application %s", app.Name)
	}
	checkStub(t, next(`{"type":"ADDED","object":`+compact(t, application("SparkApplication", "bad", "6", badSpec))+`}`))
	if app := next(`{"type":"ADDED","object":` + compact(t, application("SparkApplication", "other", "7", goodSpec)) + `}`); app.Name != "other" {
		t.Errorf("application %s", app.Name)
	}
	corrected := next(`{"type":"MODIFIED","object":` + compact(t, application("SparkApplication", "bad", "8", goodSpec)) + `}`)
	if _, stub := DecodeError(corrected); stub || corrected.Name != "bad" {
		t.Errorf("still a stub: %+v", corrected)
	}
	if got := set.Applications.LastSyncResourceVersion("ns"); got != "8" {
		t.Errorf("resource version %q", got)
	}
	if got := set.Applications.LastSyncResourceVersion("elsewhere"); got != "" {
		t.Errorf("resource version %q of a namespace that is not watched", got)
	}
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestFieldAtFault(t *testing.T) {
	for spec, want := range map[string]string{
		`{"driver":{"sidecars":[{"name":"a","resources":{"limits":{"memory":"lots"}}}]}}`: "spec.driver.sidecars[0].resources.limits.memory: quantities must match",
		`{"arguments":[1]}`:                           "spec.arguments[0]: ",
		`{"executor":{"instances":99999999999}}`:      "spec.executor.instances: ",
		`{"executor":{"template":"text"}}`:            "spec.executor.template: ",
		`"no object"`:                                 "spec: ",
		`{"sparkConf":{"a":"b","spark.x":{"y":"z"}}}`: "spec.sparkConf.spark.x: ",
	} {
		data := []byte(application("SparkApplication", "bad", "1", spec))
		var app, scratch v1beta2.SparkApplication
		if decodeOne(data, &app, &scratch) == nil {
			t.Errorf("%s: not even a stub", spec)
			continue
		}
		if text, _ := DecodeError(&app); !strings.HasPrefix(text, want) {
			t.Errorf("%s: %q, want %q", spec, text, want)
		}
	}
}

func FuzzDecodeTolerantly(f *testing.F) {
	f.Add([]byte(application("SparkApplication", "a", "1", badSpec)), "SparkApplication")
	f.Add([]byte(application("ScheduledSparkApplication", "a", "1", badSchedule)), "ScheduledSparkApplication")
	f.Add([]byte(`{"items":[{"metadata":{"name":"a"},"spec":[]},7]}`), "SparkApplicationList")
	f.Add([]byte(`{"items":[{"metadata":{"name":"a"},"spec":{"template":7}}]}`), "ScheduledSparkApplicationList")
	f.Fuzz(func(t *testing.T, data []byte, kind string) {
		decodeTolerantly(data, kind, nil)
	})
}
