// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// foreignError says that an object which is not ours has one of our names.
type foreignError struct{ kind, name, owner string }

func (e *foreignError) Error() string {
	return fmt.Sprintf("%s %s exists and belongs to %s; delete it or rename the application", e.kind, e.name, e.owner)
}

// isForeign reports whether err says that a foreign object has the name.
func isForeign(err error) bool {
	var foreign *foreignError
	return errors.As(err, &foreign)
}

// judgeNamesake judges an object that exists under one of our names: nil if it is the
// application's and stays. One that goes is waited for, be it ours or that of an
// application of this name that was deleted. Anything else is not touched.
func judgeNamesake(app *v1beta2.SparkApplication, kind string, live metav1.Object) error {
	owner := metav1.GetControllerOfNoCopy(live)
	switch {
	case live.GetDeletionTimestamp() != nil:
		return waitFor(reasonNameInUse, "%s %s of %s %s", kind, live.GetName(), describeOwner(owner), terminating(live))
	case metav1.IsControlledBy(live, app):
		return nil
	case ofEarlierApplication(app, owner):
		return waitFor(reasonNameInUse, "%s %s %s", kind, live.GetName(), awaitsCollector(app))
	}
	return refuse(&foreignError{kind, live.GetName(), describeOwner(owner)})
}

// ofEarlierApplication reports whether the owner is an application of the same name
// that is not this one. It was deleted, or this one could not have the name.
func ofEarlierApplication(app *v1beta2.SparkApplication, owner *metav1.OwnerReference) bool {
	return owner != nil && owner.Kind == "SparkApplication" && owner.Name == app.Name && owner.UID != app.UID
}

// awaitsCollector says of an object why it is still there.
func awaitsCollector(app *v1beta2.SparkApplication) string {
	return fmt.Sprintf("belongs to an earlier application %s; the garbage collector will delete it", app.Name)
}

// terminating says of an object that it is being deleted, for how long that may take
// and what blocks it.
func terminating(object metav1.Object) string {
	text := "is being deleted"
	if at := object.GetDeletionTimestamp(); at != nil && ptr.Deref(object.GetDeletionGracePeriodSeconds(), 0) > 0 {
		text += "; its grace period ends at " + at.UTC().Format(time.RFC3339)
	}
	switch finalizers := object.GetFinalizers(); len(finalizers) {
	case 0:
	case 1:
		text += "; finalizer " + finalizers[0] + " blocks its deletion"
	default:
		text += "; finalizers " + strings.Join(finalizers, ", ") + " block its deletion"
	}
	return text
}

func describeOwner(owner *metav1.OwnerReference) string {
	if owner == nil {
		return "no known owner"
	}
	return owner.Kind + " " + owner.Name
}
