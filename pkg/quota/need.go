// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	resourcehelper "k8s.io/component-helpers/resource"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// Need is what an application cannot run without: its driver, and the executors of the
// start or, with dynamic allocation, the minimum of executors.
type Need struct {
	driver, executor *corev1.Pod
	executors        int32
}

// Of returns the need of an application below which the properties defaultConf apply
// (--default-spark-conf). It is nil if the spark-submit of the image decides. An error
// is that of the submission. The application is not changed.
func Of(app *v1beta2.SparkApplication, defaultConf map[string]string) (*Need, error) {
	if app.Annotations[v1beta2.AnnotationSubmitter] == v1beta2.SubmitterSparkSubmit {
		return nil, nil
	}
	app = app.DeepCopy()
	v1beta2.SetObjectDefaultsOver(app, defaultConf)
	run, err := translate.Preview(app, defaultConf)
	if err != nil {
		return nil, err
	}
	executor := &corev1.Pod{Spec: *run.ExecutorTemplate.Spec.DeepCopy()}
	spark := podspec.SparkContainer(&executor.Spec, podspec.Executor, run.Properties[sparkconf.ExecutorPodTemplateContainerName])
	executor.Spec.Containers[spark].Resources = *run.ExecutorResources.DeepCopy()
	fields := podspec.FieldsOf(app, podspec.Executor)
	if errs := fields.Complete(&executor.Spec, spark); len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	return &Need{driver: run.Driver, executor: executor, executors: run.LeastExecutors}, nil
}

// usage is what the API server counts for a pod in a ResourceQuota.
func usage(pod *corev1.Pod) corev1.ResourceList {
	one := *resource.NewQuantity(1, resource.DecimalSI)
	counted := corev1.ResourceList{corev1.ResourcePods: one, "count/pods": one}
	for name, request := range batchscheduler.PodRequests(pod) {
		switch {
		case isCompute(name) || strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix):
			counted[name] = request
			counted[corev1.DefaultResourceRequestsPrefix+name] = request
		case strings.Contains(string(name), "/"): // an extended resource
			counted[corev1.DefaultResourceRequestsPrefix+name] = request
		}
	}
	for name, limit := range resourcehelper.PodLimits(pod, resourcehelper.PodResourcesOptions{}) {
		if isCompute(name) {
			counted["limits."+name] = limit
		}
	}
	return counted
}

func isCompute(name corev1.ResourceName) bool {
	return name == corev1.ResourceCPU || name == corev1.ResourceMemory || name == corev1.ResourceEphemeralStorage
}

// sum is the part of a need that a quota counts of one resource.
type sum struct {
	driver, executor resource.Quantity // of one pod
	executors        int32
}

func (s *sum) total() resource.Quantity {
	total := s.executor.DeepCopy()
	total.Mul(int64(s.executors))
	total.Add(s.driver)
	return total
}

// String is the arithmetic: 3712Mi (driver 896Mi + 2 executors of 1408Mi).
func (s *sum) String() string {
	total := s.total()
	var parts []string
	if !s.driver.IsZero() {
		parts = append(parts, "driver "+s.driver.String())
	}
	if !s.executor.IsZero() && s.executors > 0 {
		executors := "executors"
		if s.executors == 1 {
			executors = "executor"
		}
		parts = append(parts, fmt.Sprintf("%d %s of %s", s.executors, executors, s.executor.String()))
	}
	return total.String() + " (" + strings.Join(parts, " + ") + ")"
}
