// SPDX-License-Identifier: Apache-2.0

package garbage

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// TestRemaining: an object goes with the last of its owners, and takes what it owns
// along.
func TestRemaining(t *testing.T) {
	object := func(uid string, owners ...string) *metav1.ObjectMeta {
		o := &metav1.ObjectMeta{UID: types.UID(uid)}
		for _, owner := range owners {
			o.OwnerReferences = append(o.OwnerReferences, metav1.OwnerReference{UID: types.UID(owner)})
		}
		return o
	}
	remaining := Remaining([]*metav1.ObjectMeta{
		object("service", "driver"), // before its owner, which goes as well
		object("driver", "deleted"),
		object("free"),
		object("owned", "free"),
		object("elsewhere", "application"),
		object("half", "free", "deleted"),
	}, "application")
	var got []string
	for _, o := range remaining {
		owners := []string{string(o.UID)}
		for _, owner := range o.OwnerReferences {
			owners = append(owners, string(owner.UID))
		}
		got = append(got, strings.Join(owners, " of "))
	}
	want := []string{"free", "owned of free", "elsewhere of application", "half of free"}
	if !slices.Equal(got, want) {
		t.Errorf("remaining %q, want %q", got, want)
	}
}
