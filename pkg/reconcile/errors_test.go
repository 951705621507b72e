// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var pods = schema.GroupResource{Resource: "pods"}

func forbidden(text string) error { return apierrors.NewForbidden(pods, "pi-driver", errors.New(text)) }

func status(code int32, reason metav1.StatusReason, message string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message}}
}

// TestClasses: every kind of answer of an API server is in exactly one class. The
// texts are those of kube-apiserver 1.31 to 1.37.
func TestClasses(t *testing.T) {
	notServed := apierrors.NewGenericServerResponse(404, "post", schema.GroupResource{Group: "scheduling.volcano.sh", Resource: "podgroups"}, "", "404 page not found", 0, true)
	for name, test := range map[string]struct {
		err   error
		cause Cause
		final bool
	}{
		"no error": {},
		"rights":   {err: forbidden(`User "system:serviceaccount:o:c" cannot create resource "pods" in API group "" in the namespace "ns"`), cause: NotPermitted},
		"rights, cluster role not cached": {
			err: forbidden(`User "o" cannot create resource "pods" in API group "" in the namespace "ns": RBAC: clusterrole.rbac.authorization.k8s.io "c" not found`), cause: NotPermitted,
		},
		"rights on a path":      {err: status(403, metav1.StatusReasonForbidden, `forbidden: User "system:anonymous" cannot get path "/apis"`), cause: NotPermitted},
		"admission starts":      {err: forbidden("not yet ready to handle request"), cause: NotPermitted},
		"kind":                  {err: notServed, cause: KindNotServed},
		"kind, wrapped":         {err: fmt.Errorf("pod group: %w", notServed), cause: KindNotServed},
		"namespace":             {err: apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "ns"), cause: ReferenceNotFound},
		"service account":       {err: forbidden(`error looking up service account ns/etl: serviceaccount "etl" not found`), cause: ReferenceNotFound},
		"priority class":        {err: forbidden("no PriorityClass with name urgent was found"), cause: ReferenceNotFound},
		"runtime class":         {err: forbidden(`pod rejected: RuntimeClass "gvisor" not found`), cause: ReferenceNotFound},
		"quota":                 {err: forbidden("exceeded quota: team, requested: pods=1, used: pods=8, limited: pods=8"), cause: QuotaExceeded},
		"quota not counted":     {err: forbidden("status unknown for quota: team, resources: pods"), cause: QuotaExceeded},
		"limit range":           {err: forbidden("maximum memory usage per Container is 1Gi, but limit is 2Gi"), cause: AdmissionDenied},
		"pod security":          {err: forbidden(`violates PodSecurity "restricted:latest": runAsNonRoot != true`), cause: AdmissionDenied},
		"webhook without code":  {err: status(400, "", `admission webhook "deny.example.com" denied the request: no`), cause: AdmissionDenied},
		"webhook, invalid":      {err: status(422, metav1.StatusReasonInvalid, `admission webhook "deny.example.com" denied the request: no`), cause: AdmissionDenied},
		"admission policy":      {err: status(422, metav1.StatusReasonInvalid, `pods "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no`), cause: AdmissionDenied},
		"marked":                {err: Await(KindNotServed, errors.New("install it")), cause: KindNotServed},
		"marked, then refused":  {err: Refuse(Await(KindNotServed, errors.New("install it"))), final: true},
		"invalid":               {err: apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "pi-driver", nil), final: true},
		"malformed":             {err: apierrors.NewBadRequest("no JSON"), final: true},
		"too large":             {err: apierrors.NewRequestEntityTooLargeError("limit is 3145728"), final: true},
		"no such verb":          {err: apierrors.NewMethodNotSupported(pods, "create"), final: true},
		"refused":               {err: fmt.Errorf("build: %w", Refuse(errors.New("no image"))), final: true},
		"refused, forbidden":    {err: Refuse(forbidden("no")), final: true},
		"busy":                  {err: apierrors.NewTooManyRequests("later", 1)},
		"webhook unreachable":   {err: apierrors.NewInternalError(errors.New(`failed calling webhook "x"`))},
		"unauthorized":          {err: apierrors.NewUnauthorized("token")},
		"conflict":              {err: apierrors.NewConflict(pods, "x", errors.New("modified"))},
		"network":               {err: errors.New("connection refused")},
		"timeout":               {err: fmt.Errorf("create: %w", context.DeadlineExceeded)},
		"something to wait for": {err: WaitFor("Reason", "pod %s goes", "x")},
	} {
		t.Run(name, func(t *testing.T) {
			if cause, final := Awaited(test.err), Final(test.err); cause != test.cause || final != test.final {
				t.Errorf("cause %q, final %v; want %q, %v", cause, final, test.cause, test.final)
			}
		})
	}
}

// TestGone: an API server that does not serve a kind says nothing about an object.
func TestGone(t *testing.T) {
	apps := schema.GroupResource{Group: "sparkoperator.k8s.io", Resource: "sparkapplications"}
	if err := apierrors.NewNotFound(apps, "pi"); !Gone(err) || IgnoreGone(err) != nil {
		t.Error("the object is gone")
	}
	for _, err := range []error{
		apierrors.NewGenericServerResponse(404, "put", apps, "pi", "404 page not found", 0, true),
		forbidden("no"), errors.New("no"),
	} {
		if Gone(err) || IgnoreGone(err) == nil {
			t.Errorf("%v: nothing is known of the object", err)
		}
	}
}

// TestTries: tries become rarer, are at most 15 s apart, and the last one is made when
// the patience ends.
func TestTries(t *testing.T) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, cause := range []Cause{NotPermitted, KindNotServed, ReferenceNotFound, QuotaExceeded, AdmissionDenied} {
		now, before, tries := begin, time.Duration(0), 0
		for now.Before(begin.Add(cause.Patience())) {
			next := cause.NextTry(begin, now)
			delay := next.Sub(now)
			last := next.Equal(begin.Add(cause.Patience()))
			if delay <= 0 || delay > longestDelay || delay < before && !last {
				t.Errorf("%s: %v after %v", cause, delay, before)
			}
			now, before = next, delay
			tries++
		}
		if tries < 6 || tries > 14 || !now.Equal(begin.Add(cause.Patience())) {
			t.Errorf("%s: %d tries, the last after %v", cause, tries, now.Sub(begin))
		}
	}
	text := ReferenceNotFound.Explain(begin, begin, errors.New("no\naccount"))
	for _, part := range []string{"next try at 2026-03-01T12:00:01Z", "until 2026-03-01T12:01:00Z", "no account"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q lacks %q", text, part)
		}
	}
}
