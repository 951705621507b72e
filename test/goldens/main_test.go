// SPDX-License-Identifier: Apache-2.0

// Package goldens sends the recorded manifests of kubeflow/spark-operator through
// this operator's binary and a real kube-apiserver with etcd, and compares what is
// stored in the end with what was stored then.
package goldens

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/test/sim"
)

// What all tests share; set by TestMain before any of them.
var (
	api            *sim.API
	operatorBinary string
)

func TestMain(m *testing.M) {
	sim.Main(m, sim.Setup{
		// Pods are admitted with the service accounts that prepare creates.
		ControlPlane: sim.ControlPlane("testdata/podgroups.yaml"),
		Ready: func(ctx context.Context, started *sim.API, binary string) error {
			api, operatorBinary = started, binary
			return prepare(ctx)
		},
	})
}

// operators are the flags that the recorded operators were run with, by the name
// that Case.Controller has. Each watches the namespace diff-NAME.
var operators = map[string][]string{
	"jobs":  nil,
	"plain": nil, // its namespace was not selected by the recorded webhooks
	"quota": nil,
	// Not recorded: TestNetworkPolicyIsStored.
	"policy": nil,
	"gates":  {"--feature-gates=LoadSparkDefaults=true"},
	"ingress": {
		"--ingress-url-format={{$appName}}.spark.example.com/{{$appNamespace}}/{{$appName}}",
		"--ingress-class-name=nginx",
		`--ingress-tls=[{"hosts":["*.spark.example.com"],"secretName":"operator-default-tls"}]`,
		`--ingress-annotations={"example.com/issuer":"operator-default"}`,
	},
	"batch":    {"--enable-batch-scheduler", "--kube-scheduler-names=coscheduling"},
	"batchdef": {"--enable-batch-scheduler", "--default-batch-scheduler=volcano"},
}

// prepare creates what was beside the recorded applications.
func prepare(ctx context.Context) error {
	for name, value := range map[string]int32{"diff-high": 1000, "diff-low": 10} {
		class := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Value: value}
		if _, err := api.Core.SchedulingV1().PriorityClasses().Create(ctx, class, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	for operator := range operators {
		namespace := "diff-" + operator
		object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
		if _, err := api.Core.CoreV1().Namespaces().Create(ctx, object, metav1.CreateOptions{}); err != nil {
			return err
		}
		for _, name := range []string{"default", "spark-operator-spark", "exec-sa"} {
			account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
			if _, err := api.Core.CoreV1().ServiceAccounts(namespace).Create(ctx, account, metav1.CreateOptions{}); err != nil {
				return err
			}
		}
	}
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "team"}, Spec: corev1.ResourceQuotaSpec{Hard: resources("4", "4Gi")}}
	_, err := api.Core.CoreV1().ResourceQuotas(quotaNamespace).Create(ctx, quota, metav1.CreateOptions{})
	return err
}

// quotaNamespace has the quota that a webhook enforced in the recording. Here the
// API server holds it, as it did then, too.
const quotaNamespace = "diff-quota"

// resetQuota gives the quota the recorded status. Admission adds to it what each
// pod asks for.
func resetQuota(t *testing.T) {
	t.Helper()
	quota, err := api.Core.CoreV1().ResourceQuotas(quotaNamespace).Get(t.Context(), "team", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	quota.Status = corev1.ResourceQuotaStatus{Hard: resources("4", "4Gi"), Used: resources("1", "1Gi")}
	if _, err := api.Core.CoreV1().ResourceQuotas(quotaNamespace).UpdateStatus(t.Context(), quota, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func resources(cpu, memory string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse(memory)}
}
