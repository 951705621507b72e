// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// editScheduling sets what decides on which node the pod runs and when.
func (e *edit) editScheduling() {
	if name := valueOf(e.PriorityClassName); name != "" {
		e.pod.PriorityClassName = name
		// Both follow from the class; others would be refused.
		e.pod.Priority, e.pod.PreemptionPolicy = nil, nil
	}
	if e.Fields.SchedulerName != "" {
		e.pod.SchedulerName = e.Fields.SchedulerName
	}
	if len(e.NodeSelector) > 0 {
		selector := make(map[string]string, len(e.pod.NodeSelector)+len(e.NodeSelector))
		maps.Copy(selector, e.pod.NodeSelector)
		maps.Copy(selector, e.NodeSelector)
		e.pod.NodeSelector = selector
	}
	if e.Affinity != nil {
		e.pod.Affinity = e.Affinity
	}
	for _, toleration := range e.Tolerations {
		if !slices.ContainsFunc(e.pod.Tolerations, func(have corev1.Toleration) bool {
			return equality.Semantic.DeepEqual(have, toleration)
		}) {
			e.pod.Tolerations = append(e.pod.Tolerations, toleration)
		}
	}
}
