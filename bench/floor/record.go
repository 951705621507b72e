// SPDX-License-Identifier: Apache-2.0

// Package floor finds out how fast the API server is without an operator. It
// records every write that the operator makes in the life of one application, and
// makes the very same writes for others in its place: without watches, caches or
// decisions. What the operator writes less, the floor writes less.
package floor

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/spark-operator/spark-operator/bench/load"
	"github.com/spark-operator/spark-operator/bench/plane"
	"github.com/spark-operator/spark-operator/test/sim/kubelet"
	"github.com/spark-operator/spark-operator/test/sim/operator"
)

// phase is the part of an application's life in which a write is made.
type phase int

const (
	submission phase = iota // once the application exists
	start                   // once its driver runs
	end                     // once its driver has ended
	phases
)

// Script is what the operator writes in the life of one application.
type Script struct {
	writes [phases][]plane.Request
	// names of the recorded life that are others in every life
	app, appUID, podUID, submissionID string
	// Reads is how many requests besides were made that write nothing.
	Reads int
}

// Names of the recorded application. No other text contains them.
const (
	recordedNamespace = "recorded-namespace"
	recordedApp       = "recorded-application"
)

// The driver of the recorded application takes its time, so that there is no
// doubt about what a write belongs to.
const (
	recordedPause = 2500 * time.Millisecond
	boundary      = 500 * time.Millisecond
)

// Record runs one application of the shape that make gives it under the operator
// and returns what the operator wrote. Namespace recordedNamespace is made.
func Record(ctx context.Context, p *plane.Plane, binary string, flags []string, executors int) (*Script, error) {
	if err := load.Namespace(ctx, p, recordedNamespace); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	core, err := kubernetes.NewForConfig(p.BinaryConfig(plane.Kubelet))
	if err != nil {
		return nil, fmt.Errorf("client of the kubelet: %w", err)
	}
	observer, err := load.NewObserver(p.Config(plane.Person))
	if err != nil {
		return nil, err
	}
	events := make(chan kubelet.Event, 100)
	simulated := kubelet.New(kubelet.Config{
		LifeOf:  kubelet.Always(kubelet.Life{Start: recordedPause, Run: recordedPause, Executors: executors}),
		OnEvent: func(event kubelet.Event) { events <- event },
	}, core)
	defer simulated.Wait()
	defer observer.Wait()
	defer cancel()
	if err := simulated.Start(ctx); err != nil {
		return nil, err
	}
	if err := observer.Start(ctx); err != nil {
		return nil, err
	}
	kubeconfig, err := p.Kubeconfig(plane.Recorded)
	if err != nil {
		return nil, err
	}
	process, err := operator.StartReady(ctx, operator.Options{
		Binary: binary, Kubeconfig: kubeconfig, Log: filepath.Join(p.Folder(), "operator.log"),
		Flags: append([]string{"--namespaces", recordedNamespace}, flags...),
	})
	if err != nil {
		return nil, err
	}
	defer process.Kill()
	offset, err := p.AuditSize()
	if err != nil {
		return nil, err
	}
	app, err := observer.Create(ctx, load.Application(recordedNamespace, recordedApp, executors))
	if err != nil {
		return nil, err
	}
	if err := observer.WaitEnded(ctx, recordedNamespace, 1); err != nil {
		return nil, fmt.Errorf("record a life: %w; the operator's log ends with\n%s", err, process.Tail(20))
	}
	// Events and the last looks at executors come after the end.
	if err := sleep(ctx, recordedPause); err != nil {
		return nil, err
	}

	script := &Script{app: recordedApp, appUID: string(app.UID)}
	var times [phases]time.Time
	for len(events) > 0 {
		switch event := <-events; event.Moment {
		case kubelet.Created:
			script.podUID = string(event.Pod.UID)
			script.submissionID = event.Pod.Labels["sparkoperator.k8s.io/submission-id"]
		case kubelet.Running:
			times[start] = event.Time.Add(-boundary)
		case kubelet.Ended:
			times[end] = event.Time.Add(-boundary)
		case kubelet.Gone:
		}
	}
	_, err = p.Audit(offset, func(request *plane.Request) {
		switch {
		case request.User != plane.Recorded || request.Verb == "watch":
		case !request.Write():
			script.Reads++
		case request.OK():
			at := submission
			for at+1 < phases && request.Received.After(times[at+1]) {
				at++
			}
			script.writes[at] = append(script.writes[at], *request)
		}
	})
	if err != nil {
		return nil, err
	}
	return script, script.prepare()
}

// prepare makes the script fit for repetition, or says why that cannot be.
func (s *Script) prepare() error {
	for at, writes := range s.writes {
		if len(writes) == 0 {
			return fmt.Errorf("the operator wrote nothing in phase %d of the life of an application", at)
		}
		for i := range writes {
			write := &writes[i]
			if !slices.Contains([]string{"create", "update", "delete"}, write.Verb) || write.Verb == "update" && write.Resource != "sparkapplications/status" {
				return fmt.Errorf("the floor does not support this write of the operator: %s %s", write.Verb, write.Resource)
			}
			if err := template(write); err != nil {
				return err
			}
		}
	}
	return nil
}

// Writes lists what is written, as "verb resource", in its order.
func (s *Script) Writes() []string {
	var list []string
	for _, writes := range s.writes {
		for _, write := range writes {
			list = append(list, write.Verb+" "+write.Resource)
		}
	}
	return list
}

// names returns what replaces the names of the recorded life in another one.
func (s *Script) names(namespace, app, appUID, submissionID string) []string {
	return append(load.SubmissionNames(s.submissionID, submissionID), recordedNamespace, namespace, s.app, app, s.appUID, appUID)
}

// recordedVersion stands for the resource version of the application.
const recordedVersion = "recorded-version"

// template makes a body fit for repetition: without the resource version it had.
// The API server takes no update of a custom resource without one.
func template(write *plane.Request) error {
	if write.Verb == "delete" {
		return nil
	}
	var object map[string]any
	if err := json.Unmarshal(write.Body, &object); err != nil {
		return fmt.Errorf("recorded %s: %w", write.Resource, err)
	}
	if metadata, ok := object["metadata"].(map[string]any); ok {
		delete(metadata, "resourceVersion")
		if write.Verb == "update" {
			metadata["resourceVersion"] = recordedVersion
		}
	}
	body, err := json.Marshal(object)
	write.Body = body
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
