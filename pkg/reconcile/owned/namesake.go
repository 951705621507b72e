// SPDX-License-Identifier: Apache-2.0

package owned

import (
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// ForeignError says that a foreign object has one of our names.
type ForeignError struct{ noun, name, owner, remedy string }

func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s %s exists and belongs to %s; %s", e.noun, e.name, e.owner, e.remedy)
}

// IsForeign reports whether err says that a foreign object has the name.
func IsForeign(err error) bool {
	var foreign *ForeignError
	return errors.As(err, &foreign)
}

// Owner is an object of a loop to which others belong.
type Owner struct {
	metav1.Object
	// Kind is the kind in owner references, and Noun the word for it in messages.
	Kind, Noun string
}

// Judge judges an object that exists under one of the owner's names: nil if it is the
// owner's and stays. An object that is being deleted is waited for, and so is that of a
// deleted owner of the same name. Every other object is foreign and stays as it is. The
// noun is what messages call it.
func (o Owner) Judge(noun string, live metav1.Object) error {
	owner := metav1.GetControllerOfNoCopy(live)
	switch {
	case live.GetDeletionTimestamp() != nil:
		return reconcile.WaitFor(reconcile.NameInUse, "%s %s of %s %s", noun, live.GetName(), Describe(owner), Terminating(live))
	case metav1.IsControlledBy(live, o):
		return nil
	case o.IsEarlier(owner):
		return reconcile.WaitFor(reconcile.NameInUse, "%s %s %s", noun, live.GetName(), o.AwaitsCollector())
	}
	return o.Foreign(noun, live)
}

// Foreign says that an object is foreign, and refuses for good.
func (o Owner) Foreign(noun string, live metav1.Object) error {
	return reconcile.Refuse(&ForeignError{noun, live.GetName(), Describe(metav1.GetControllerOfNoCopy(live)), "delete it or rename the " + o.Noun})
}

// IsEarlier reports whether a reference is to an earlier incarnation: an object of the same
// kind and name with another UID. It was deleted, or this one could not have the name.
func (o Owner) IsEarlier(owner *metav1.OwnerReference) bool {
	return owner != nil && owner.Kind == o.Kind && owner.Name == o.GetName() && owner.UID != o.GetUID()
}

// AwaitsCollector says of an object of an earlier incarnation why it is still there.
func (o Owner) AwaitsCollector() string {
	return fmt.Sprintf("belongs to an earlier %s %s; the garbage collector will delete it", o.Noun, o.GetName())
}

// Terminating says of an object that it is being deleted, for how long that may take and
// which finalizers block it.
func Terminating(object metav1.Object) string {
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

// Describe names an owner, or says that there is none.
func Describe(owner *metav1.OwnerReference) string {
	if owner == nil {
		return "no known owner"
	}
	return owner.Kind + " " + owner.Name
}
