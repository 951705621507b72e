// SPDX-License-Identifier: Apache-2.0

package rehearsal

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"
)

// server answers reads of the pod "there" and of the pods of a namespace, and records
// what it is asked.
func server(t *testing.T, prefix string) (kubernetes.Interface, func() []string) {
	t.Helper()
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path)
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodPost:
			_, _ = io.Copy(w, r.Body)
		case strings.HasSuffix(r.URL.Path, "/pods/there"):
			_, _ = io.WriteString(w, `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"there","uid":"1","resourceVersion":"7"}}`)
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
		}
	}))
	t.Cleanup(s.Close)
	config := &rest.Config{Host: s.URL + prefix, ContentConfig: rest.ContentConfig{ContentType: runtime.ContentTypeJSON}}
	config.Wrap(Wrap)
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client, func() []string { return asked }
}

func logTo(t *testing.T) (context.Context, *bytes.Buffer) {
	t.Helper()
	out := &bytes.Buffer{}
	return klog.NewContext(t.Context(), textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(out)))), out
}

func pod(name, image string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: image}}}}
}

// TestNoWriteReachesTheServer: every write of every verb is answered as the API server
// would answer it, and the server sees reads alone.
func TestNoWriteReachesTheServer(t *testing.T) {
	for _, prefix := range []string{"", "/k8s/clusters/c-1"} {
		ctx, log := logTo(t)
		client, asked := server(t, prefix)
		pods := client.CoreV1().Pods("jobs")
		patch := []byte(`{"metadata":{"labels":{"a":"b"}}}`)

		created, err := pods.Create(ctx, pod("new", "a"), metav1.CreateOptions{})
		if err != nil || created.Name != "new" || created.Spec.Containers[0].Image != "a" {
			t.Errorf("create: %v, %v", created, err)
		}
		if _, err = pods.Create(ctx, pod("there", "a"), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
			t.Errorf("create what exists: %v", err)
		}
		if updated, err := pods.Update(ctx, pod("there", "b"), metav1.UpdateOptions{}); err != nil || updated.Spec.Containers[0].Image != "b" {
			t.Errorf("update: %v, %v", updated, err)
		}
		if patched, err := pods.Patch(ctx, "there", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil || patched.UID != "1" {
			t.Errorf("patch: %v, %v", patched, err)
		}
		if _, err := pods.Patch(ctx, "gone", types.MergePatchType, patch, metav1.PatchOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("patch what is gone: %v", err)
		}
		if err := pods.Delete(ctx, "there", metav1.DeleteOptions{}); err != nil {
			t.Errorf("delete: %v", err)
		}
		if err := pods.Delete(ctx, "gone", metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("delete what is gone: %v", err)
		}
		if err := pods.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			t.Errorf("delete all: %v", err)
		}
		if _, err := client.EventsV1().Events("jobs").Create(ctx, nil, metav1.CreateOptions{}); err == nil {
			t.Error("no event was created without an object")
		}
		for _, request := range asked() {
			if !strings.HasPrefix(request, "GET ") {
				t.Errorf("the server was asked: %s", request)
			}
		}
		for _, want := range []string{
			`verb="create" kind="Pod" object="jobs/new"`, `verb="update" kind="Pod" object="jobs/there"`, `verb="patch" kind="Pod" object="jobs/there"`,
			`verb="delete" kind="Pod" object="jobs/there"`, `verb="deletecollection" kind="pods" object="jobs/"`,
		} {
			if strings.Count(log.String(), want) != 1 {
				t.Errorf("%s is not in the log once:\n%s", want, log)
			}
		}
		if strings.Contains(log.String(), "gone") {
			t.Errorf("a write that the server would refuse is in the log:\n%s", log)
		}
	}
}

// TestQuestionsAboutPermissionsAreSent: they are creations that change nothing.
func TestQuestionsAboutPermissionsAreSent(t *testing.T) {
	client, asked := server(t, "")
	if _, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), &authorizationv1.SelfSubjectAccessReview{}, metav1.CreateOptions{}); err != nil {
		t.Error(err)
	}
	// Who scrapes the metrics is checked as ever, and the log shows no token.
	if _, err := client.AuthenticationV1().TokenReviews().Create(t.Context(), &authenticationv1.TokenReview{}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if want := []string{
		"POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "POST /apis/authentication.k8s.io/v1/tokenreviews", "POST /apis/authorization.k8s.io/v1/subjectaccessreviews",
	}; !slices.Equal(asked(), want) {
		t.Errorf("asked %v, want %v", asked(), want)
	}
}

// TestSameWriteIsLoggedOnce: again only when it would write something else.
func TestSameWriteIsLoggedOnce(t *testing.T) {
	ctx, log := logTo(t)
	client, _ := server(t, "")
	for _, image := range []string{"a", "a", "b", "b"} {
		if _, err := client.CoreV1().Pods("jobs").Create(ctx, pod("new", image), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if lines := strings.Count(log.String(), "not written"); lines != 2 {
		t.Errorf("%d lines, want 2:\n%s", lines, log)
	}
}

// TestStatusIsLoggedByState: two statuses that differ in their times alone are the same.
func TestStatusIsLoggedByState(t *testing.T) {
	ctx, log := logTo(t)
	client, _ := server(t, "")
	for _, body := range []string{
		`{"kind":"SparkApplication","metadata":{"name":"pi"},"status":{"applicationState":{"state":"SUBMITTED"},"lastSubmissionAttemptTime":"2026-01-01T00:00:00Z"}}`,
		`{"kind":"SparkApplication","metadata":{"name":"pi"},"status":{"applicationState":{"state":"SUBMITTED"},"lastSubmissionAttemptTime":"2026-01-01T00:00:09Z"}}`,
		`{"kind":"SparkApplication","metadata":{"name":"pi"},"status":{"applicationState":{"state":"FAILED","errorMessage":"why"},` +
			`"conditions":[{"type":"Stalled","status":"True","reason":"DriverFailed"}]}}`,
	} {
		answer := client.CoreV1().RESTClient().Put().AbsPath("/apis/sparkoperator.k8s.io/v1beta2/namespaces/jobs/sparkapplications/pi/status").
			SetHeader("Content-Type", "application/json").Body([]byte(body)).Do(ctx)
		if got, err := answer.Raw(); err != nil || string(got) != body {
			t.Errorf("answer %s, %v", got, err)
		}
	}
	for _, want := range []string{
		`verb="update" kind="SparkApplication" object="jobs/pi" subresource="status" newState="SUBMITTED"`, `newState="FAILED" message="why" stalled="DriverFailed"`,
	} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("%s is not in the log once:\n%s", want, log)
		}
	}
}
