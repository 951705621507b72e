// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/podspec"
)

// Verdict is how a need relates to the quotas of a namespace: texts of one line, in a
// fixed order.
type Verdict struct {
	// Never are the quotas that the need exceeds even if nothing else runs. They
	// depend on the application and spec.hard alone.
	Never []string
	// Now are the quotas in which others use the room.
	Now []string
	// Perhaps are the quotas of which the webhook cannot know whether they refuse the pods.
	Perhaps []string
}

// Compare compares a need with the quotas of its namespace. A nil need fits.
func (n *Need) Compare(quotas []*corev1.ResourceQuota) Verdict {
	var verdict Verdict
	if n == nil {
		return verdict
	}
	driver, executor := usage(n.driver), usage(n.executor)
	quotas = slices.SortedFunc(slices.Values(quotas), func(a, b *corev1.ResourceQuota) int { return cmp.Compare(a.Name, b.Name) })
	for _, quota := range quotas {
		ofDriver, ofExecutor := match(quota, n.driver), match(quota, n.executor)
		if n.executors <= 0 {
			ofExecutor = no
		}
		if ofDriver == no && ofExecutor == no {
			continue
		}
		unknown := ofDriver == perhaps || ofExecutor == perhaps
		for _, name := range slices.Sorted(maps.Keys(quota.Spec.Hard)) {
			var asked sum
			if ofDriver != no {
				asked.driver = driver[name]
			}
			if ofExecutor != no {
				asked.executor, asked.executors = executor[name], n.executors
			}
			verdict.add(quota, name, &asked, unknown)
		}
		verdict.addMissing(quota, n, ofDriver, ofExecutor)
	}
	for _, texts := range []*[]string{&verdict.Never, &verdict.Now, &verdict.Perhaps} {
		if more := len(*texts) - podspec.MaxFaults; more > 0 {
			*texts = append((*texts)[:podspec.MaxFaults:podspec.MaxFaults], fmt.Sprintf("and %d more resources of ResourceQuotas", more))
		}
	}
	return verdict
}

// add compares one resource of a quota. Unknown says that the default PriorityClass of
// the cluster decides whether the quota applies.
func (v *Verdict) add(quota *corev1.ResourceQuota, name corev1.ResourceName, asked *sum, unknown bool) {
	total, hard, used := asked.total(), quota.Spec.Hard[name], quota.Status.Used[name]
	if total.Sign() <= 0 {
		return
	}
	text := fmt.Sprintf("ResourceQuota %s: %s: the application needs %s, but spec.hard is %s", quota.Name, name, asked, hard.String())
	free := hard.DeepCopy()
	free.Sub(used)
	switch {
	case total.Cmp(hard) > 0 && unknown:
		v.Perhaps = append(v.Perhaps, text+"; pods without priorityClassName may count")
	case total.Cmp(hard) > 0:
		v.Never = append(v.Never, text)
	case total.Cmp(free) > 0:
		v.Now = append(v.Now, fmt.Sprintf("%s, of which %s is used; the application waits for room", text, used.String()))
	}
}

// addMissing names the requests and limits that a quota requires of every container, and
// that only a LimitRange may add.
func (v *Verdict) addMissing(quota *corev1.ResourceQuota, n *Need, ofDriver, ofExecutor matched) {
	for _, pod := range []struct {
		role    podspec.Role
		pod     *corev1.Pod
		matched matched
	}{{podspec.Driver, n.driver, ofDriver}, {podspec.Executor, n.executor, ofExecutor}} {
		if pod.matched == no || pod.pod.Spec.Resources != nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(quota.Spec.Hard)) {
			if container, lacks := without(&pod.pod.Spec, name); lacks {
				v.Perhaps = append(v.Perhaps, fmt.Sprintf("ResourceQuota %s: it requires %s of every container, which container %s of the %s does not set; "+
					"without a LimitRange that sets it, the pod is refused", quota.Name, name, container, pod.role))
			}
		}
	}
}

// without returns a container that does not set what a quota of that resource requires.
func without(spec *corev1.PodSpec, name corev1.ResourceName) (container string, found bool) {
	bare, ofLimits := strings.CutPrefix(string(name), "limits.")
	bare = strings.TrimPrefix(bare, corev1.DefaultResourceRequestsPrefix)
	compute := corev1.ResourceName(bare)
	if compute != corev1.ResourceCPU && compute != corev1.ResourceMemory {
		return "", false
	}
	for _, containers := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range containers {
			_, limited := containers[i].Resources.Limits[compute]
			_, requested := containers[i].Resources.Requests[compute]
			if !limited && (ofLimits || !requested) { // a limit without a request is one
				return containers[i].Name, true
			}
		}
	}
	return "", false
}
