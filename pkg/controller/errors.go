// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// waitError says that something outside of this sync has to happen first. It is
// retried like any other error but is nobody's fault and not logged as one.
type waitError struct {
	reason  string // one CamelCase word, for a condition
	message string
}

func (e *waitError) Error() string { return e.message }

// waitFor returns a waitError.
func waitFor(reason, format string, arguments ...any) error {
	return &waitError{reason: reason, message: fmt.Sprintf(format, arguments...)}
}

// expected reports whether an error is part of normal operation: a lost race or
// something to wait for.
func expected(err error) bool {
	var waiting *waitError
	return errors.As(err, &waiting) || apierrors.IsConflict(err)
}

// refusalError is a cause that no repetition mends.
type refusalError struct{ cause error }

func (e *refusalError) Error() string { return e.cause.Error() }
func (e *refusalError) Unwrap() error { return e.cause }

// refuse marks an error as one that no repetition mends.
func refuse(err error) error { return &refusalError{cause: err} }

// permanent reports whether the API server refused a write for a reason that
// lies in the object or in what we may do, so that the same write fails again.
// Everything else, from a busy server to a broken connection, is worth a retry.
func permanent(err error) bool {
	var refused *refusalError
	switch {
	case errors.As(err, &refused):
		return true
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	}
	return apierrors.IsInvalid(err) ||
		apierrors.IsForbidden(err) ||
		apierrors.IsBadRequest(err) ||
		apierrors.IsMethodNotSupported(err) ||
		apierrors.IsNotAcceptable(err) ||
		apierrors.IsUnsupportedMediaType(err) ||
		apierrors.IsRequestEntityTooLargeError(err)
}

// refusalReason names a permanent error. The API server tells a full quota from
// missing rights in the text alone.
func refusalReason(err error) string {
	if apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota") {
		return reasonQuotaExceeded
	}
	return reasonRefused
}

// oneLine joins the lines of a text.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
