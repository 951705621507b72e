// SPDX-License-Identifier: Apache-2.0

package threats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/spark-operator/spark-operator/pkg/permissions"
	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim/rights"
)

// startWebhook runs the webhook for the objects of a namespace.
func startWebhook(t *testing.T, namespace string, scope []string) *rights.Process {
	t.Helper()
	scope = slices.DeleteFunc(slices.Clone(scope), func(flag string) bool { return strings.HasPrefix(flag, "--node") })
	in := admission.Install(t, api.Core, namespace, admissionregistrationv1.Fail, namespace)
	process, config := account(t, namespace+"-webhook", []string{"webhook", "start"}, append(scope,
		"--webhook-bind-address=127.0.0.1", fmt.Sprintf("--webhook-port=%d", in.Port), "--enable-resource-quota-enforcement", "--feature-gates=PartialRestart=true",
		"--mutating-webhook-name="+namespace, "--validating-webhook-name="+namespace,
		"--webhook-secret-name="+namespace, "--webhook-secret-namespace="+rights.Namespace,
		"--webhook-svc-name=webhook", "--webhook-svc-namespace="+rights.Namespace,
		"--leader-election", "--leader-election-lock-name="+namespace+"-webhook", "--leader-election-lock-namespace="+rights.Namespace)...)
	start(t, process, kubeconfigOf(t, config))
	eventually(t, time.Minute, func(ctx context.Context) error {
		_, err := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Create(ctx, sparkPi(namespace, "probe", ""), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	})
	return process
}

// webhookScenario has the webhook repair its Secret and its configurations, and returns
// its permissions.
func webhookScenario(t *testing.T, namespace string, process *rights.Process) []permissions.Permission {
	t.Helper()
	token, err := process.Token(t.Context(), api.Core)
	if err != nil {
		t.Fatal(err)
	}
	config := rest.AnonymousClientConfig(api.Config)
	config.BearerToken = token
	all := checked(t, process, config)
	secrets := api.Core.CoreV1().Secrets(rights.Namespace)
	damaged := []byte(`{"data":{"server-key.pem":"AAAA"}}`)
	secret, err := secrets.Patch(t.Context(), namespace, types.MergePatchType, damaged, metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, func(ctx context.Context) error {
		repaired, err := secrets.Get(ctx, namespace, metav1.GetOptions{})
		if err == nil && repaired.ResourceVersion == secret.ResourceVersion {
			err = errors.New("the Secret is not repaired")
		}
		return err
	})
	return all
}
