// SPDX-License-Identifier: Apache-2.0

package quota_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/quota"
)

// pi has a driver of 1 core and 896Mi, and two executors of 1 core and 1408Mi.
func pi(edits ...func(*v1beta2.SparkApplication)) *v1beta2.SparkApplication {
	app := &v1beta2.SparkApplication{ObjectMeta: metav1.ObjectMeta{Name: "pi", Namespace: "jobs"}, Spec: v1beta2.SparkApplicationSpec{
		SparkVersion: "4.0.4", Image: ptr.To("spark"), MainClass: ptr.To("Main"), MainApplicationFile: ptr.To("local:///a.jar"),
		Type: v1beta2.SparkApplicationTypeScala,
	}}
	app.Spec.Driver.Memory = ptr.To("512m")
	app.Spec.Executor.Memory = ptr.To("1g")
	app.Spec.Executor.Instances = ptr.To[int32](2)
	for _, edit := range edits {
		edit(app)
	}
	return app
}

// hard makes a quota from name=quantity pairs.
func hard(pairs string, edits ...func(*corev1.ResourceQuota)) *corev1.ResourceQuota {
	q := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "team"}}
	q.Spec.Hard = list(pairs)
	for _, edit := range edits {
		edit(q)
	}
	return q
}

func list(pairs string) corev1.ResourceList {
	all := corev1.ResourceList{}
	for pair := range strings.FieldsSeq(pairs) {
		name, value, _ := strings.Cut(pair, "=")
		all[corev1.ResourceName(name)] = resource.MustParse(value)
	}
	return all
}

func used(pairs string) func(*corev1.ResourceQuota) {
	return func(q *corev1.ResourceQuota) { q.Status.Used = list(pairs) }
}

func scopes(names ...corev1.ResourceQuotaScope) func(*corev1.ResourceQuota) {
	return func(q *corev1.ResourceQuota) { q.Spec.Scopes = names }
}

func classes(operator corev1.ScopeSelectorOperator, values ...string) func(*corev1.ResourceQuota) {
	return func(q *corev1.ResourceQuota) {
		q.Spec.ScopeSelector = &corev1.ScopeSelector{MatchExpressions: []corev1.ScopedResourceSelectorRequirement{
			{ScopeName: corev1.ResourceQuotaScopePriorityClass, Operator: operator, Values: values},
		}}
	}
}

func conf(key, value string) func(*v1beta2.SparkApplication) {
	return func(app *v1beta2.SparkApplication) {
		if app.Spec.SparkConf == nil {
			app.Spec.SparkConf = map[string]string{}
		}
		app.Spec.SparkConf[key] = value
	}
}

func template(spec corev1.PodSpec) *corev1.PodTemplateSpec {
	return &corev1.PodTemplateSpec{Spec: spec}
}

func container(name, requests, limits string) corev1.Container {
	return corev1.Container{Name: name, Image: "i", Resources: corev1.ResourceRequirements{Requests: list(requests), Limits: list(limits)}}
}

func driverClass(name string) func(*v1beta2.SparkApplication) {
	return func(app *v1beta2.SparkApplication) { app.Spec.Driver.PriorityClassName = ptr.To(name) }
}

func TestArithmetic(t *testing.T) {
	always := corev1.ContainerRestartPolicyAlways
	for name, test := range map[string]struct {
		app   *v1beta2.SparkApplication
		quota *corev1.ResourceQuota
		// Parts of the only text, empty for none of that kind.
		never, now, perhaps string
	}{
		"fits exactly":            {pi(), hard("requests.memory=3712Mi memory=3712Mi requests.cpu=3 cpu=3 pods=3 count/pods=3"), "", "", ""},
		"memory is counted once":  {pi(), hard("requests.memory=3711Mi"), "requests.memory: the application needs 3712Mi (driver 896Mi + 2 executors of 1408Mi), but spec.hard is 3711Mi", "", ""},
		"memory without prefix":   {pi(), hard("memory=1Gi"), "memory: the application needs 3712Mi", "", ""},
		"limits alone":            {pi(), hard("limits.memory=3Gi"), "limits.memory: the application needs 3712Mi", "", ""},
		"processors":              {pi(), hard("requests.cpu=2"), "requests.cpu: the application needs 3 (driver 1 + 2 executors of 1)", "", ""},
		"pods":                    {pi(), hard("pods=2"), "pods: the application needs 3 (driver 1 + 2 executors of 1), but spec.hard is 2", "", ""},
		"count of pods":           {pi(), hard("count/pods=2"), "count/pods: the application needs 3", "", ""},
		"no pods at all":          {pi(), hard("pods=0"), "pods: the application needs 3", "", ""},
		"other resources":         {pi(), hard("services=0 requests.storage=0 requests.nvidia.com/gpu=0"), "", "", ""},
		"no room now":             {pi(), hard("requests.memory=4Gi", used("requests.memory=1Gi")), "", "spec.hard is 4Gi, of which 1Gi is used; the application waits", ""},
		"room now":                {pi(), hard("requests.memory=4Gi", used("requests.memory=384Mi")), "", "", ""},
		"never, whatever is used": {pi(), hard("requests.memory=1Gi", used("requests.memory=1Gi")), "needs 3712Mi", "", ""},
		"overhead factor":         {pi(func(a *v1beta2.SparkApplication) { a.Spec.MemoryOverheadFactor = ptr.To("1.0") }), hard("memory=4Gi"), "memory: the application needs 5Gi (driver 1Gi + 2 executors of 2Gi)", "", ""},
		"overhead":                {pi(func(a *v1beta2.SparkApplication) { a.Spec.Executor.MemoryOverhead = ptr.To("1g") }), hard("memory=1Gi"), "2 executors of 2Gi", "", ""},
		"memory without unit":     {pi(func(a *v1beta2.SparkApplication) { a.Spec.Executor.Memory = ptr.To("1024") }), hard("memory=1Gi"), "2 executors of 1408Mi", "", ""},
		"memory in properties":    {pi(func(a *v1beta2.SparkApplication) { a.Spec.Executor.Memory = nil }, conf("spark.executor.memory", "2g")), hard("memory=1Gi"), "2 executors of 2432Mi", "", ""},
		"core requests":           {pi(func(a *v1beta2.SparkApplication) { a.Spec.Executor.CoreRequest = ptr.To("500m") }), hard("requests.cpu=2 cpu=2"), "", "", ""},
		"core limits": {pi(func(a *v1beta2.SparkApplication) {
			a.Spec.Driver.CoreLimit, a.Spec.Executor.CoreLimit = ptr.To("2"), ptr.To("2")
		}), hard("limits.cpu=5"), "limits.cpu: the application needs 6 (driver 2 + 2 executors of 2)", "", ""},
		"core limits of one role": {pi(func(a *v1beta2.SparkApplication) { a.Spec.Executor.CoreLimit = ptr.To("2") }), hard("limits.cpu=9"), "", "", "it requires limits.cpu of every container, which container spark-kubernetes-driver of the driver does not set"},
		"memory limit":            {pi(func(a *v1beta2.SparkApplication) { a.Spec.Executor.MemoryLimit = ptr.To("3g") }), hard("limits.memory=6Gi"), "limits.memory: the application needs 7040Mi (driver 896Mi + 2 executors of 3Gi)", "", ""},
		"GPUs": {pi(func(a *v1beta2.SparkApplication) {
			a.Spec.Executor.GPU = &v1beta2.GPUSpec{Name: "nvidia.com/gpu", Quantity: 2}
		}), hard("requests.nvidia.com/gpu=3"), "requests.nvidia.com/gpu: the application needs 4 (2 executors of 2)", "", ""},
		"dynamic allocation": {pi(func(a *v1beta2.SparkApplication) {
			a.Spec.DynamicAllocation = &v1beta2.DynamicAllocation{Enabled: true, InitialExecutors: ptr.To[int32](9), MinExecutors: ptr.To[int32](1)}
		}), hard("pods=2"), "", "", ""},
		"minimum of dynamic": {pi(func(a *v1beta2.SparkApplication) {
			a.Spec.DynamicAllocation = &v1beta2.DynamicAllocation{Enabled: true, MinExecutors: ptr.To[int32](3)}
		}), hard("pods=3"), "pods: the application needs 4 (driver 1 + 3 executors of 1)", "", ""},
		"no minimum": {pi(func(a *v1beta2.SparkApplication) {
			a.Spec.DynamicAllocation = &v1beta2.DynamicAllocation{Enabled: true}
		}), hard("memory=896Mi"), "", "", ""},
		"dynamic by property": {pi(conf("spark.dynamicAllocation.enabled", "true"), conf("spark.dynamicAllocation.minExecutors", "1")), hard("pods=1"), "1 executor of 1)", "", ""},
		"sidecar": {pi(func(a *v1beta2.SparkApplication) {
			a.Spec.Driver.Template = template(corev1.PodSpec{Containers: []corev1.Container{container("spark-kubernetes-driver", "", ""), container("log", "memory=128Mi", "")}})
		}), hard("requests.memory=1Gi"), "driver 1Gi + 2 executors of 1408Mi", "", ""},
		"init container": {pi(func(a *v1beta2.SparkApplication) {
			a.Spec.Executor.Template = template(corev1.PodSpec{InitContainers: []corev1.Container{container("load", "memory=4Gi", "memory=4Gi")}, Containers: []corev1.Container{container("spark-kubernetes-executor", "", "")}})
		}), hard("requests.memory=1Gi"), "2 executors of 4Gi", "", ""},
		"restartable init container": {pi(func(a *v1beta2.SparkApplication) {
			side := container("side", "cpu=1 memory=640Mi", "")
			side.RestartPolicy = &always
			a.Spec.Executor.Template = template(corev1.PodSpec{InitContainers: []corev1.Container{side}, Containers: []corev1.Container{container("spark-kubernetes-executor", "", "")}})
		}), hard("requests.memory=1Gi"), "2 executors of 2Gi", "", ""},
		"limit of a sidecar": {pi(func(a *v1beta2.SparkApplication) {
			a.Spec.Driver.Template = template(corev1.PodSpec{Containers: []corev1.Container{container("spark-kubernetes-driver", "", ""), container("log", "", "memory=128Mi cpu=1")}})
		}), hard("requests.cpu=3"), "requests.cpu: the application needs 4 (driver 2 + 2 executors of 1)", "", ""},
		"spark-submit decides": {pi(func(a *v1beta2.SparkApplication) {
			a.Annotations = map[string]string{v1beta2.AnnotationSubmitter: v1beta2.SubmitterSparkSubmit}
		}), hard("pods=0"), "", "", ""},

		"scope of Spark's pods": {pi(), hard("pods=2", scopes(corev1.ResourceQuotaScopeNotBestEffort, corev1.ResourceQuotaScopeNotTerminating)), "pods: the application needs 3", "", ""},
		"best effort":           {pi(), hard("pods=0", scopes(corev1.ResourceQuotaScopeBestEffort)), "", "", ""},
		"terminating":           {pi(), hard("pods=0", scopes(corev1.ResourceQuotaScopeTerminating)), "", "", ""},
		"terminating driver": {pi(func(a *v1beta2.SparkApplication) {
			a.Spec.Driver.Template = template(corev1.PodSpec{ActiveDeadlineSeconds: ptr.To[int64](60)})
		}), hard("pods=0", scopes(corev1.ResourceQuotaScopeTerminating)), "pods: the application needs 1 (driver 1), but", "", ""},
		"one scope of two":              {pi(), hard("pods=0", scopes(corev1.ResourceQuotaScopeNotTerminating, corev1.ResourceQuotaScopeBestEffort)), "", "", ""},
		"class of one role":             {pi(driverClass("high")), hard("pods=0", classes(corev1.ScopeSelectorOpIn, "high", "higher")), "pods: the application needs 1 (driver 1)", "", ""},
		"class of the executors":        {pi(func(a *v1beta2.SparkApplication) { a.Spec.Executor.PriorityClassName = ptr.To("low") }), hard("pods=1", classes(corev1.ScopeSelectorOpIn, "low")), "pods: the application needs 2 (2 executors of 1)", "", ""},
		"another class":                 {pi(driverClass("low")), hard("pods=0", classes(corev1.ScopeSelectorOpIn, "high")), "", "", ""},
		"any class":                     {pi(driverClass("low")), hard("pods=0", scopes(corev1.ResourceQuotaScopePriorityClass)), "needs 1 (driver 1)", "", ""},
		"no class":                      {pi(), hard("pods=0", classes(corev1.ScopeSelectorOpExists)), "", "", ""},
		"no class, for pods without":    {pi(), hard("pods=0", classes(corev1.ScopeSelectorOpDoesNotExist)), "", "", "pods: the application needs 3"},
		"excluded class":                {pi(driverClass("high"), func(a *v1beta2.SparkApplication) { a.Spec.Executor.PriorityClassName = ptr.To("low") }), hard("pods=0", classes(corev1.ScopeSelectorOpNotIn, "high")), "needs 2 (2 executors of 1)", "", ""},
		"cross-namespace affinity":      {pi(func(a *v1beta2.SparkApplication) { a.Spec.Driver.Affinity = across() }), hard("pods=0", scopes(corev1.ResourceQuotaScopeCrossNamespacePodAffinity)), "needs 1 (driver 1)", "", ""},
		"no cross-namespace affinity":   {pi(), hard("pods=0", scopes(corev1.ResourceQuotaScopeCrossNamespacePodAffinity)), "", "", ""},
		"scope newer than the operator": {pi(), hard("pods=0", scopes("Elsewhere")), "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			need, err := quota.Of(test.app, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := need.Compare([]*corev1.ResourceQuota{test.quota})
			for kind, texts := range map[string]struct {
				got  []string
				want string
			}{"never": {got.Never, test.never}, "now": {got.Now, test.now}, "perhaps": {got.Perhaps, test.perhaps}} {
				all := strings.Join(texts.got, "\n")
				if (texts.want == "") != (all == "") || !strings.Contains(all, texts.want) {
					t.Errorf("%s: %q, want %q", kind, all, texts.want)
				}
			}
		})
	}
}

func across() *corev1.Affinity {
	return &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{
		{Weight: 1, PodAffinityTerm: corev1.PodAffinityTerm{TopologyKey: "zone", NamespaceSelector: &metav1.LabelSelector{}}},
	}}}
}

// What the operator sets for all applications counts, below what the application sets.
func TestDefaultsOfTheOperatorCount(t *testing.T) {
	app := pi(func(a *v1beta2.SparkApplication) { a.Spec.Executor.Memory, a.Spec.Executor.Instances = nil, nil })
	need, err := quota.Of(app, map[string]string{"spark.executor.memory": "4g", "spark.executor.instances": "3", "spark.driver.memory": "8g"})
	if err != nil {
		t.Fatal(err)
	}
	got := need.Compare([]*corev1.ResourceQuota{hard("memory=1Gi")})
	if len(got.Never) != 1 || !strings.Contains(got.Never[0], "driver 896Mi + 3 executors of 4505Mi") {
		t.Errorf("%q", got.Never)
	}
}

// The texts have a fixed order, and their number has a limit: a namespace may have many
// quotas.
func TestTextsAreOrderedAndBounded(t *testing.T) {
	need, err := quota.Of(pi(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var quotas []*corev1.ResourceQuota
	for i := range 30 {
		quotas = append(quotas, hard("pods=0 requests.cpu=0", func(q *corev1.ResourceQuota) { q.Name = string(rune('z' - i%26)) }))
	}
	got := need.Compare(quotas).Never
	if len(got) != 21 || !strings.HasPrefix(got[0], "ResourceQuota a: pods: ") || !strings.HasPrefix(got[1], "ResourceQuota a: requests.cpu: ") || got[20] != "and 40 more resources of ResourceQuotas" {
		t.Errorf("%d: %q", len(got), got)
	}
}
