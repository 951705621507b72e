// SPDX-License-Identifier: Apache-2.0

package reconcile

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Cause is why the API server refuses a request that it may accept later. It is the
// reason of conditions.
type Cause string

// Causes of refusals that may end without an edit of the object.
const (
	// NotPermitted: the authorizer refuses the request. A kube-apiserver that has
	// just started refuses everything until its caches of roles are filled.
	NotPermitted Cause = "NotPermitted"
	// KindNotServed: the API server does not know the kind. One that has just started
	// serves custom resources a moment later than the rest.
	KindNotServed Cause = "KindNotServed"
	// ReferenceNotFound: the object names another one that does not exist, such as a
	// ServiceAccount, a PriorityClass or a RuntimeClass.
	ReferenceNotFound Cause = "ReferenceNotFound"
	// QuotaExceeded: a ResourceQuota has no room.
	QuotaExceeded Cause = "QuotaExceeded"
	// AdmissionDenied: an admission policy or webhook, a LimitRange or the pod security
	// standard of the namespace refuses the object.
	AdmissionDenied Cause = "AdmissionDenied"
)

// Patience is how long a refusal of this cause is waited for before it is final.
func (c Cause) Patience() time.Duration {
	switch c {
	case ReferenceNotFound, AdmissionDenied:
		return time.Minute
	case NotPermitted, KindNotServed, QuotaExceeded:
	}
	return 2 * time.Minute
}

// OfServer reports whether the cause lies in the API server and in the rights of the
// operator, so that it concerns all objects alike and none in particular.
func (c Cause) OfServer() bool { return c == NotPermitted || c == KindNotServed }

// longestDelay is the longest time between two tries while a refusal is waited for.
const longestDelay = 15 * time.Second

// NextTry is when to try again what has been refused since then: after delays that
// double up to 15 s, and once more when the patience ends.
func (c Cause) NextTry(since, now time.Time) time.Time {
	delay := min(max(now.Sub(since), time.Second), longestDelay)
	if end := since.Add(c.Patience()); now.Before(end) && end.Before(now.Add(delay)) {
		return end
	}
	return now.Add(delay)
}

// Explain says in one line how long a refusal is waited for. The text is for the
// first refusal and stays true until the last.
func (c Cause) Explain(since, now time.Time, err error) string {
	return fmt.Sprintf("next try at %s, then after growing delays of at most %v until %s: %s",
		clockTime(c.NextTry(since, now)), longestDelay, clockTime(since.Add(c.Patience())), OneLine(err.Error()))
}

func clockTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// awaitedError is an error whose cause is known to the caller.
type awaitedError struct {
	cause Cause
	err   error
}

func (e *awaitedError) Error() string { return e.err.Error() }
func (e *awaitedError) Unwrap() error { return e.err }

// Await marks an error as a refusal of that cause.
func Await(cause Cause, err error) error { return &awaitedError{cause, err} }

// The API server gives its authorizer, admission plugins and quotas one and the same
// reason and distinguishes them in the text only.
var (
	authorizerText = regexp.MustCompile(`\bcannot [a-z]+ (resource|path) "`)
	quotaText      = regexp.MustCompile(`exceeded quota|insufficient quota|status unknown for quota: `)
	referenceText  = regexp.MustCompile(`error looking up service account|service account .* was not found|no PriorityClass with name|(RuntimeClass|serviceaccount|PriorityClass) "[^"]*" not found`)
	webhookText    = regexp.MustCompile(`admission webhook "[^"]*" denied the request|(ValidatingAdmissionPolicy|MutatingAdmissionPolicy) '[^']*'.* denied request`)
	startText      = "not yet ready to handle request"
)

// Awaited returns the cause of a refusal that may end without an edit of the object;
// empty if err is none.
func Awaited(err error) Cause {
	var marked *awaitedError
	switch {
	case err == nil, isRefused(err), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ""
	case errors.As(err, &marked):
		return marked.cause
	case notServed(err):
		return KindNotServed
	case apierrors.IsNotFound(err):
		return ReferenceNotFound
	case webhookText.MatchString(err.Error()) && isRefusal(err):
		return AdmissionDenied // with whatever code it likes
	case !apierrors.IsForbidden(err):
		return ""
	}
	switch text := err.Error(); {
	case authorizerText.MatchString(text), strings.Contains(text, startText):
		return NotPermitted
	case quotaText.MatchString(text):
		return QuotaExceeded
	case referenceText.MatchString(text):
		return ReferenceNotFound
	}
	return AdmissionDenied
}

// Final reports whether a request failed for a reason that lies in the object, so
// that the same request fails again, however often it is made.
func Final(err error) bool {
	switch {
	case err == nil:
		return false
	case isRefused(err):
		return true
	case Awaited(err) != "", errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	}
	return isRefusal(err)
}

// isRefusal reports whether the API server has judged the object.
func isRefusal(err error) bool {
	return apierrors.IsInvalid(err) ||
		apierrors.IsForbidden(err) ||
		apierrors.IsBadRequest(err) ||
		apierrors.IsMethodNotSupported(err) ||
		apierrors.IsNotAcceptable(err) ||
		apierrors.IsUnsupportedMediaType(err) ||
		apierrors.IsRequestEntityTooLargeError(err)
}

// Gone reports whether the object does not exist. An API server that does not serve
// its kind says nothing about the object.
func Gone(err error) bool { return apierrors.IsNotFound(err) && !notServed(err) }

// IgnoreGone returns err unless it says that the object does not exist.
func IgnoreGone(err error) error {
	if Gone(err) {
		return nil
	}
	return err
}

// notServed reports whether an answer 404 is about the path of the request and not
// about an object.
func notServed(err error) bool {
	if !apierrors.IsNotFound(err) {
		return false
	}
	if apierrors.HasStatusCause(err, metav1.CauseTypeUnexpectedServerResponse) {
		return true
	}
	var status apierrors.APIStatus
	return errors.As(err, &status) && (status.Status().Details == nil || status.Status().Details.Name == "")
}

// refusedError is a cause that no repetition removes.
type refusedError struct{ cause error }

func (e *refusedError) Error() string { return e.cause.Error() }
func (e *refusedError) Unwrap() error { return e.cause }

// Refuse marks an error as final.
func Refuse(err error) error { return &refusedError{cause: err} }

func isRefused(err error) bool {
	var refused *refusedError
	return errors.As(err, &refused)
}

// WaitError says that something outside of this sync has to happen first. It is
// retried like any other error but is no fault and not logged as one.
type WaitError struct {
	// Reason is one CamelCase word, for a condition.
	Reason  string
	message string
}

func (e *WaitError) Error() string { return e.message }

// WaitFor returns a [WaitError].
func WaitFor(reason, format string, arguments ...any) error {
	return &WaitError{Reason: reason, message: fmt.Sprintf(format, arguments...)}
}

// Expected reports whether an error is part of normal operation: a lost race or
// something to wait for.
func Expected(err error) bool {
	var waiting *WaitError
	return errors.As(err, &waiting) || apierrors.IsConflict(err)
}

// Reasons with which the kit itself waits.
const (
	// Retrying: requests to the API server fail and are tried again.
	Retrying = "Retrying"
	// NameInUse: another object still has a name that the loop needs.
	NameInUse = "NameInUse"
)
