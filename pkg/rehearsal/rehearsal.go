// SPDX-License-Identifier: Apache-2.0

// Package rehearsal lets a process decide without an effect. Its transport sends reads to
// the API server and nothing else: it logs each write and answers it as the API server
// would. So a sync runs to its end, and the log shows all that it would write.
package rehearsal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/klog/v2"
	"k8s.io/utils/lru"

	"github.com/spark-operator/spark-operator/pkg/apipath"
)

// remembered is how many writes are not logged again while they stay the same.
const remembered = 100_000

type transport struct {
	next http.RoundTripper
	// logged is what was last logged about a write, by its verb and URL.
	logged *lru.Cache
}

// Wrap returns a transport to the API server that sends no write. The bodies of writes
// must be JSON.
func Wrap(next http.RoundTripper) http.RoundTripper {
	return &transport{next: next, logged: lru.New(remembered)}
}

// WrappedRoundTripper is how client-go finds the transport that closes its connections.
func (t *transport) WrappedRoundTripper() http.RoundTripper { return t.next }

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if isRead(request) {
		return t.next.RoundTrip(request)
	}
	var body []byte
	if request.Body != nil {
		defer request.Body.Close()
		var err error
		if body, err = io.ReadAll(request.Body); err != nil {
			return nil, fmt.Errorf("dry run: body of the request: %w", err)
		}
	}
	if target := apipath.Parse(request.URL.Path); target.Resource != "events" {
		return t.rehearse(request, target, body)
	}
	return answer(request, http.StatusCreated, body), nil // an event follows what is logged anyway
}

// rehearse logs a write and answers it.
func (t *transport) rehearse(request *http.Request, target apipath.Target, body []byte) (*http.Response, error) {
	var sent, live object
	_ = json.Unmarshal(body, &sent) // what is not known is not logged
	switch request.Method {
	case http.MethodPut:
		t.log(request, "update", target, &sent, body)
		return answer(request, http.StatusOK, body), nil
	case http.MethodPost:
		if target.Name == "" && sent.Metadata.Name != "" {
			code, _, err := t.read(request, target.Object+"/"+sent.Metadata.Name)
			if err != nil {
				return nil, err
			}
			if code == http.StatusOK {
				return failure(request, http.StatusConflict, metav1.StatusReasonAlreadyExists, target.Resource+" "+sent.Metadata.Name+" already exists"), nil
			}
		}
		t.log(request, "create", target, &sent, body)
		return answer(request, http.StatusCreated, body), nil
	}
	// Of the others, the API server knows whether there is such an object, and its kind.
	verb := strings.ToLower(request.Method)
	if target.Name == "" {
		t.log(request, verb+"collection", target, &live, body)
		return success(request), nil
	}
	code, content, err := t.read(request, target.Object)
	if err != nil {
		return nil, err
	}
	if code != http.StatusOK {
		return answer(request, code, content), nil
	}
	_ = json.Unmarshal(content, &live)
	t.log(request, verb, target, &live, body)
	if request.Method == http.MethodDelete {
		return success(request), nil
	}
	return answer(request, http.StatusOK, content), nil
}

// read gets an object in place of a write.
func (t *transport) read(write *http.Request, path string) (code int, content []byte, err error) {
	read := write.Clone(write.Context())
	read.Method, read.Body, read.ContentLength, read.GetBody = http.MethodGet, nil, 0, nil
	read.URL.Path, read.URL.RawPath, read.URL.RawQuery = path, "", ""
	read.Header.Del("Content-Type")
	read.Header.Set("Accept", runtime.ContentTypeJSON)
	found, err := t.next.RoundTrip(read)
	if err != nil {
		return 0, nil, err
	}
	defer found.Body.Close()
	if content, err = io.ReadAll(found.Body); err != nil {
		return 0, nil, fmt.Errorf("dry run: answer of the API server: %w", err)
	}
	return found.StatusCode, content, nil
}

// log logs a write, unless it was logged last about the same object.
func (t *transport) log(request *http.Request, verb string, target apipath.Target, of *object, body []byte) {
	kind, name := of.Kind, target.Name
	if kind == "" {
		kind = target.Resource
	}
	if name == "" {
		name = of.Metadata.Name
	}
	details := []any{"verb", verb, "kind", kind, "object", klog.KRef(target.Namespace, name)}
	sum := fnv.New64a()
	if target.Subresource != "" {
		details = append(details, "subresource", target.Subresource)
	}
	if target.Subresource == "status" {
		status := of.Status.details()
		details = append(details, status...)
		_, _ = fmt.Fprint(sum, status...) // the rest of a status are times
	} else {
		_, _ = sum.Write(body)
	}
	key, now := verb+" "+target.Object+" "+name, sum.Sum64()
	if before, known := t.logged.Get(key); known && before == now {
		return
	}
	t.logged.Add(key, now)
	klog.FromContext(request.Context()).Info("Dry run: not written", details...)
}

// object is what is logged of one.
type object struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Status status `json:"status"`
}

// status is that of an application or a schedule.
type status struct {
	Application struct {
		State   string `json:"state"`
		Message string `json:"errorMessage"`
	} `json:"applicationState"`
	ScheduleState string             `json:"scheduleState"`
	Reason        string             `json:"reason"`
	LastRunName   string             `json:"lastRunName"`
	Conditions    []metav1.Condition `json:"conditions"`
}

// details are the state and why it is that, for the log.
func (s *status) details() []any {
	details := []any{"newState", s.Application.State + s.ScheduleState}
	if message := s.Application.Message + s.Reason; message != "" {
		details = append(details, "message", message)
	}
	if s.LastRunName != "" {
		details = append(details, "lastRun", s.LastRunName)
	}
	stalled := slices.IndexFunc(s.Conditions, func(c metav1.Condition) bool { return c.Type == "Stalled" && c.Status == metav1.ConditionTrue })
	if stalled >= 0 {
		details = append(details, "stalled", s.Conditions[stalled].Reason)
	}
	return details
}

// isRead reports whether a request changes nothing. The API server takes questions about
// tokens and permissions as creations.
func isRead(request *http.Request) bool {
	switch request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	case http.MethodPost:
		return slices.Contains([]string{
			"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews", "subjectaccessreviews", "tokenreviews",
		}, apipath.Parse(request.URL.Path).Resource)
	}
	return false
}

func answer(request *http.Request, code int, body []byte) *http.Response {
	return &http.Response{
		Status: fmt.Sprintf("%d %s", code, http.StatusText(code)), StatusCode: code,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": []string{runtime.ContentTypeJSON}},
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)), Request: request,
	}
}

func success(request *http.Request) *http.Response {
	return statusAnswer(request, metav1.Status{Status: metav1.StatusSuccess, Code: http.StatusOK})
}

func failure(request *http.Request, code int32, reason metav1.StatusReason, message string) *http.Response {
	return statusAnswer(request, metav1.Status{Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message})
}

func statusAnswer(request *http.Request, status metav1.Status) *http.Response {
	status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	body, err := json.Marshal(status)
	if err != nil {
		panic(err) // it has strings and numbers only
	}
	return answer(request, int(status.Code), body)
}
