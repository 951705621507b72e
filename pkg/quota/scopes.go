// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	resourcehelper "k8s.io/component-helpers/resource"

	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
)

// matched is whether a quota counts a pod.
type matched int

const (
	no matched = iota
	// perhaps says that the default PriorityClass of the cluster decides.
	perhaps
	yes
)

// match reports whether all scopes of a quota apply to a pod.
func match(quota *corev1.ResourceQuota, pod *corev1.Pod) matched {
	result := yes
	for _, scope := range quota.Spec.Scopes {
		result = min(result, matchScope(corev1.ScopedResourceSelectorRequirement{ScopeName: scope, Operator: corev1.ScopeSelectorOpExists}, pod))
	}
	if selector := quota.Spec.ScopeSelector; selector != nil {
		for _, requirement := range selector.MatchExpressions {
			result = min(result, matchScope(requirement, pod))
		}
	}
	return result
}

func matchScope(requirement corev1.ScopedResourceSelectorRequirement, pod *corev1.Pod) matched {
	deadline := pod.Spec.ActiveDeadlineSeconds
	switch requirement.ScopeName {
	case corev1.ResourceQuotaScopeTerminating:
		return matchedIf(deadline != nil && *deadline >= 0)
	case corev1.ResourceQuotaScopeNotTerminating:
		return matchedIf(deadline == nil || *deadline < 0)
	case corev1.ResourceQuotaScopeBestEffort:
		return matchedIf(isBestEffort(pod))
	case corev1.ResourceQuotaScopeNotBestEffort:
		return matchedIf(!isBestEffort(pod))
	case corev1.ResourceQuotaScopeCrossNamespacePodAffinity:
		return matchedIf(crossesNamespaces(pod.Spec.Affinity))
	case corev1.ResourceQuotaScopePriorityClass:
		return matchClass(requirement, pod.Spec.PriorityClassName)
	default: // a scope of pods of another kind, or one that is newer than this operator
		return no
	}
}

func matchedIf(condition bool) matched {
	if condition {
		return yes
	}
	return no
}

// matchClass applies a selector of priority classes. A pod without a class gets the
// default class of the cluster, if there is one, before quotas are checked: then a quota
// for other classes or for none may not apply to it.
func matchClass(requirement corev1.ScopedResourceSelectorRequirement, class string) matched {
	listed := slices.Contains(requirement.Values, class)
	switch requirement.Operator {
	case corev1.ScopeSelectorOpExists:
		return matchedIf(class != "")
	case corev1.ScopeSelectorOpIn:
		return matchedIf(class != "" && listed)
	case corev1.ScopeSelectorOpNotIn, corev1.ScopeSelectorOpDoesNotExist:
		if class == "" {
			return perhaps
		}
		return matchedIf(requirement.Operator == corev1.ScopeSelectorOpNotIn && !listed)
	default:
		return no
	}
}

// isBestEffort reports whether the quality of service of a pod is BestEffort.
func isBestEffort(pod *corev1.Pod) bool {
	requests, limits := batchscheduler.PodRequests(pod), resourcehelper.PodLimits(pod, resourcehelper.PodResourcesOptions{})
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		request, limit := requests[name], limits[name]
		if request.Sign() > 0 || limit.Sign() > 0 {
			return false
		}
	}
	return true
}

// crossesNamespaces reports whether an affinity names pods of other namespaces.
func crossesNamespaces(affinity *corev1.Affinity) bool {
	if affinity == nil {
		return false
	}
	var terms []corev1.PodAffinityTerm
	var weighted []corev1.WeightedPodAffinityTerm
	if with := affinity.PodAffinity; with != nil {
		terms, weighted = append(terms, with.RequiredDuringSchedulingIgnoredDuringExecution...), append(weighted, with.PreferredDuringSchedulingIgnoredDuringExecution...)
	}
	if against := affinity.PodAntiAffinity; against != nil {
		terms, weighted = append(terms, against.RequiredDuringSchedulingIgnoredDuringExecution...), append(weighted, against.PreferredDuringSchedulingIgnoredDuringExecution...)
	}
	for i := range weighted {
		terms = append(terms, weighted[i].PodAffinityTerm)
	}
	return slices.ContainsFunc(terms, func(term corev1.PodAffinityTerm) bool {
		return len(term.Namespaces) > 0 || term.NamespaceSelector != nil
	})
}
