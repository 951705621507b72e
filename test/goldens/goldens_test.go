// SPDX-License-Identifier: Apache-2.0

package goldens

import (
	"flag"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/spark-operator/spark-operator/internal/recording"
	"github.com/spark-operator/spark-operator/test/admission"
	"github.com/spark-operator/spark-operator/test/sim"
)

// selected are the cases to compare; hack/mutants names the few that it needs.
var selected = flag.String("cases", "", "regular expression of the cases to compare; all if empty")

// TestStoredAsRecorded creates every recorded manifest, lets the operator work on
// it, does what was done to it afterwards, and compares all that is stored with
// the recording: where it is refused, the defaults, the objects in full with the
// order and the number of what is in them, the executor that Spark would create,
// the status and the events. docs/deviations.md says where they differ on purpose.
func TestStoredAsRecorded(t *testing.T) {
	cases, err := recording.Read(sim.Repository)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := recording.ReadDeviations(sim.Repository, cases)
	if err != nil {
		t.Fatal(err)
	}
	operatorOf := map[string][]*recording.Case{}
	wanted, err := regexp.Compile(*selected)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if wanted.MatchString(c.Case) {
			operatorOf[c.Controller] = append(operatorOf[c.Controller], c)
		}
	}
	startWebhook(t)
	var lock sync.Mutex
	found := map[string][]recording.Difference{}
	t.Run("operators", func(t *testing.T) {
		for operator, group := range operatorOf {
			t.Run(operator, func(t *testing.T) {
				t.Parallel()
				flags, known := operators[operator]
				if !known {
					t.Fatalf("no flags are known for the recorded operator %q", operator)
				}
				sim.StartOperator(t, operatorBinary, api.Kubeconfig, "diff-"+operator, append(flags, "--pod-webhook")...)
				differences := runGroup(t, "diff-"+operator, group)
				lock.Lock()
				defer lock.Unlock()
				maps.Copy(found, differences)
			})
		}
	})
	report(t, cases, rows, found)
}

// startWebhook has the API server ask the webhook of this operator about the namespaces
// that the recorded webhooks saw.
func startWebhook(t *testing.T) {
	t.Helper()
	var namespaces []string
	for operator := range operators {
		if operator != recording.PlainController {
			namespaces = append(namespaces, "diff-"+operator)
		}
	}
	in := admission.Install(t, api.Core, "diff-jobs", admissionregistrationv1.Fail, namespaces...)
	in.Start(t, operatorBinary, api.Kubeconfig, in.Port)
	probe := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "sparkoperator.k8s.io/v1beta2", "kind": "SparkApplication", "metadata": map[string]any{"name": "probe"},
		"spec": map[string]any{"mainClass": "Main", "mainApplicationFile": "local:///a.jar", "driver": map[string]any{}, "executor": map[string]any{}, "sparkVersion": "4.0.4"},
	}}
	var err error
	for range 300 {
		if _, err = api.Dynamic.Resource(applications).Namespace("diff-jobs").Create(t.Context(), probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("the webhook does not answer: %v", err)
}

// report says which differences no row explains, which rows explain nothing, and
// what was compared.
func report(t *testing.T, cases []*recording.Case, rows *recording.Deviations, found map[string][]recording.Difference) {
	var equal, deviating, failing int
	refusedLater := 0
	for _, c := range cases {
		differences, compared := found[c.Case]
		if !compared {
			continue
		}
		left, own := rows.Explain(c.Case, differences)
		for _, d := range left {
			t.Errorf("%s: %s", c.Case, d)
		}
		switch {
		case len(left) > 0:
			failing++
		case own:
			deviating++
		default:
			equal++
		}
		if stage, _ := c.Refusal(); stage == recording.AtAdmission && slices.ContainsFunc(differences, recording.Difference.IsStage) {
			refusedLater++
		}
	}
	summary := fmt.Sprintf("operator goldens: %d manifests through the operator and an API server: %d stored as recorded "+
		"but for the rows about every case, %d with a documented deviation of their own (%d of them were refused at admission and are not here)", len(found), equal, deviating, refusedLater)
	if failing > 0 {
		summary += fmt.Sprintf(", %d FAILING", failing)
	}
	t.Log(summary)
	compared := func(name string) bool { _, is := found[name]; return is }
	for _, complaint := range rows.Unused(compared, len(found) == len(cases)) {
		t.Error(complaint)
	}
}
