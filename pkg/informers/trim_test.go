// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// TestLastEditIsKept: of the field ownership of a schedule only the time of the last
// edit stays, also if the object is trimmed twice.
func TestLastEditIsKept(t *testing.T) {
	created := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	entry := func(manager, subresource string, at time.Time) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Subresource: subresource, Time: ptr.To(metav1.NewTime(at)), FieldsV1: metav1.NewFieldsV1(`{"f:spec":{}}`)}
	}
	schedule := &v1beta2.ScheduledSparkApplication{}
	schedule.ManagedFields = []metav1.ManagedFieldsEntry{
		entry("helm", "", created),
		entry("kubectl-edit", "", created.Add(time.Hour)),
		entry("spark-operator", "status", created.Add(2*time.Hour)),
		{Manager: "old"},
	}
	for range 2 {
		if _, err := compactApplication(schedule); err != nil {
			t.Fatal(err)
		}
		if got := LastEdit(schedule); !got.Equal(created.Add(time.Hour)) {
			t.Errorf("last edit %s", got)
		}
		if len(schedule.ManagedFields) != 1 || schedule.ManagedFields[0].FieldsV1 != nil || schedule.ManagedFields[0].Manager != "" {
			t.Errorf("managed fields %+v", schedule.ManagedFields)
		}
	}
	schedule.ManagedFields = nil
	if _, err := compactApplication(schedule); err != nil || len(schedule.ManagedFields) > 0 || !LastEdit(schedule).IsZero() {
		t.Errorf("managed fields %+v, error %v", schedule.ManagedFields, err)
	}
}
