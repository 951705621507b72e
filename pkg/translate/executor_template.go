// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// executorTemplate returns the pod from which the driver makes its executors:
// the user's template with the typed fields that have no property.
//
// The driver goes on from there (BasicExecutorFeatureStep and its successors) and
// overrides some of it; where it reads a property, the property is set as well.
func (b *builder) executorTemplate(r *role, dirs []localDir) *corev1.PodTemplateSpec {
	template := &corev1.PodTemplateSpec{}
	if r.Template != nil {
		r.Template.DeepCopyInto(template)
	}
	// Spark names the pods and knows the namespace; others would be refused.
	template.Name, template.GenerateName, template.Namespace = "", "", ""
	pod := &template.Spec
	b.setServiceLinks(pod)
	b.selectContainer(podspec.Executor, pod)
	if valueOf(r.ServiceAccount) != "" {
		// Spark would take the template's account.
		pod.ServiceAccountName, pod.DeprecatedServiceAccount = "", ""
	}
	b.addLocalDirs(pod, podspec.Executor, dirs)

	fields := b.fields(podspec.Executor, &b.exporter.Executor)
	index := b.sparkContainer(pod, podspec.Executor)
	b.apply(&fields, pod, index)
	overridden := b.keepFromDriver(r, &fields, pod)
	b.leaveToWebhook(&template.ObjectMeta, &overridden)
	b.leaveToDriver(&pod.Containers[index])
	return template
}

// leaveToDriver takes out the one port that the driver adds, if it is the same.
func (b *builder) leaveToDriver(container *corev1.Container) {
	number, ok := sparkconf.ParseInt(b.values[sparkconf.BlockManagerPort])
	if !ok {
		number = defaultBlockManagerPort
	}
	container.Ports = slices.DeleteFunc(container.Ports, func(p corev1.ContainerPort) bool {
		return p.Name == blockManagerPort && p.ContainerPort == number && (p.Protocol == "" || p.Protocol == corev1.ProtocolTCP)
	})
}

// keepFromDriver sets the properties with which the driver would otherwise
// override what typed fields put into the template. It returns the fields that the
// driver overrides in any case.
func (b *builder) keepFromDriver(r *role, fields *podspec.Fields, pod *corev1.PodSpec) (overridden v1beta2.ExecutorSpec) {
	overridden.Env = b.keepEnv(r, fields, pod)
	overridden.Lifecycle = fields.Lifecycle // with decommissioning, which the application may enable itself
	overridden.MemoryLimit = r.MemoryLimit
	b.keepPlacement(r, fields, "spec.executor.schedulerName or spec.batchScheduler", "spec.executor.nodeSelector")
	if grace := pod.TerminationGracePeriodSeconds; grace != nil && b.version.AtLeast(4, 1) {
		const key = "spark.kubernetes.executor.terminationGracePeriodSeconds"
		if _, given := b.values[key]; !given || fields.TerminationGracePeriodSeconds != nil {
			b.setField(key, strconv.FormatInt(*grace, 10)+"s", "spec.executor.terminationGracePeriodSeconds")
		}
	}
	if context := r.SecurityContext; context != nil && b.version.AtLeast(4, 3) {
		const key = "spark.kubernetes.executor.securityContext.allowPrivilegeEscalation"
		switch {
		case context.AllowPrivilegeEscalation != nil:
			b.setField(key, strconv.FormatBool(*context.AllowPrivilegeEscalation), "spec.executor.securityContext")
		case podspec.NeedsEscalation(context):
			b.setField(key, "true", "spec.executor.securityContext")
		}
	}
	if b.params.PodWebhook {
		return overridden
	}
	if fields.Lifecycle != nil && strings.EqualFold(strings.TrimSpace(b.values["spark.decommission.enabled"]), "true") {
		b.warn("spec.executor.lifecycle has no effect: with spark.decommission.enabled Spark sets the hook itself")
	}
	if valueOf(r.MemoryLimit) != "" {
		b.warn("spec.executor.memoryLimit has no effect: Spark sets the memory limit of executors to their request, which " +
			"only an admission webhook could change; use spec.executor.memoryOverhead")
	}
	return overridden
}

// maxExecutorFields is the size of the annotation for the webhook in bytes: half of
// what the API server accepts for all annotations of an object.
const maxExecutorFields = 128 << 10

// leaveToWebhook marks the template if the driver overrides fields that only a webhook
// can apply, so that the API server calls it for these executors and for no others. The
// mark has the fields: the webhook reads nothing else.
func (b *builder) leaveToWebhook(meta *metav1.ObjectMeta, overridden *v1beta2.ExecutorSpec) {
	if !b.params.PodWebhook || len(overridden.Env) == 0 && overridden.Lifecycle == nil && valueOf(overridden.MemoryLimit) == "" {
		return
	}
	text, err := json.Marshal(overridden)
	if err != nil || len(text) > maxExecutorFields {
		b.warn(fmt.Sprintf("spec.executor: memoryLimit, lifecycle and the variables that Spark sets itself have no effect: "+
			"they have more than %d bytes, which is too much for an annotation", maxExecutorFields))
		return
	}
	metav1.SetMetaDataLabel(meta, v1beta2.LabelCompleteExecutor, "true")
	metav1.SetMetaDataAnnotation(meta, v1beta2.AnnotationExecutorFields, string(text))
}

// renderTemplate writes the template as a Pod in JSON, which is YAML too. Spark
// reads a whole Pod; without the kind some of its versions would guess.
func renderTemplate(template *corev1.PodTemplateSpec) ([]byte, error) {
	text, err := json.Marshal(struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        *metav1.ObjectMeta `json:"metadata"`
		Spec            *corev1.PodSpec    `json:"spec"`
	}{metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, &template.ObjectMeta, &template.Spec})
	if err != nil {
		return nil, fmt.Errorf("writing the pod template of the executors: %w", err)
	}
	return text, nil
}
