// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
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
	if len(e.Tolerations) > 0 {
		e.pod.Tolerations = union(e.pod.Tolerations, e.Tolerations, keyOfToleration)
	}
}

// tolerationKey is a whole toleration: they have no merge key, equal ones are one.
type tolerationKey struct {
	corev1.Toleration // without the pointer
	seconds           int64
	limited           bool
}

func keyOfToleration(toleration corev1.Toleration) tolerationKey {
	key := tolerationKey{Toleration: toleration}
	if seconds := toleration.TolerationSeconds; seconds != nil {
		key.TolerationSeconds, key.seconds, key.limited = nil, *seconds, true
	}
	return key
}

// union appends to have those of more whose key it does not have.
func union[T any, K comparable](have, more []T, key func(T) K) []T {
	known := make(map[K]bool, len(have)+len(more))
	for _, entry := range have {
		known[key(entry)] = true
	}
	for _, entry := range more {
		if k := key(entry); !known[k] {
			known[k] = true
			have = append(have, entry)
		}
	}
	return have
}
