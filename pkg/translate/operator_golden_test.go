// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/spark-operator/spark-operator/internal/recording"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
	"github.com/spark-operator/spark-operator/pkg/submit"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

const (
	repository       = "../.."
	testSubmissionID = "7f2b4c1e-93a5-4d0e-8c64-1b9a5d2e7f30"
	// testMaster is the API server, <apiserver> in the recording.
	testMaster = "apiserver.test:6443"
)

// TestOperatorGoldens is the fast layer of the comparison with recordings of
// kubeflow/spark-operator: of each application that got a driver it compares the
// objects as they are built here with those that were stored. test/goldens
// compares everything, on a real API server, and decides whether the rows of
// docs/deviations.md hold; here they only explain.
func TestOperatorGoldens(t *testing.T) {
	cases, err := recording.Read(repository)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := recording.ReadDeviations(repository, cases)
	if err != nil {
		t.Fatal(err)
	}
	var equal, deviating, failing, elsewhere int
	for _, c := range cases {
		t.Run(c.Case, func(t *testing.T) {
			if stage, _ := c.Refusal(); stage != recording.NotRefused || c.GoesOn() {
				elsewhere++
				return
			}
			differences, err := compareBuilt(c)
			if err != nil {
				t.Fatal(err)
			}
			left, own := rows.Explain(c.Case, differences)
			for _, d := range left {
				t.Error(d)
			}
			switch {
			case len(left) > 0:
				failing++
			case own:
				deviating++
			default:
				equal++
			}
		})
	}
	summary := fmt.Sprintf("operator goldens: %d manifests as built: driver, Service and spark.properties of %d as recorded, "+
		"of %d with a documented deviation; %d more only with an API server (test/goldens)", equal+deviating+failing, equal, deviating, elsewhere)
	if failing > 0 {
		summary += fmt.Sprintf(", %d FAILING", failing)
	}
	t.Log(summary)
}

// TestDriverOfRefusedRecording compares the driver of the one recording with several
// init containers and sidecars. The application is refused here for a fault of its
// executors, which is taken out of it first.
func TestDriverOfRefusedRecording(t *testing.T) {
	cases, err := recording.Read(repository)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := recording.ReadDeviations(repository, cases)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(cases, func(c *recording.Case) bool { return c.Case == "containers" })
	repaired := *cases[at]
	var manifest map[string]any
	if err := json.Unmarshal(repaired.Manifest, &manifest); err != nil {
		t.Fatal(err)
	}
	sidecars, _, err := unstructured.NestedSlice(manifest, "spec", "executor", "sidecars")
	if err != nil || len(sidecars) != 2 {
		t.Fatalf("sidecars %v, %v", sidecars, err)
	}
	if err := unstructured.SetNestedSlice(manifest, sidecars[:1], "spec", "executor", "sidecars"); err != nil {
		t.Fatal(err)
	}
	if repaired.Manifest, err = json.Marshal(manifest); err != nil {
		t.Fatal(err)
	}
	differences, err := compareBuilt(&repaired)
	if err != nil {
		t.Fatal(err)
	}
	left, _ := rows.Explain(repaired.Case, differences)
	for _, d := range left {
		t.Error(d)
	}
}

// compareBuilt builds the objects of a submission and compares them.
func compareBuilt(c *recording.Case) ([]recording.Difference, error) {
	run, err := buildRecorded(c)
	if err != nil {
		return c.CompareRefusal(recording.AtSubmission, err.Error()), nil
	}
	objects, err := builtObjects(c, run)
	if err != nil {
		return nil, err
	}
	return c.CompareBuilt(objects), nil
}

func buildRecorded(c *recording.Case) (*translate.Run, error) {
	app := &v1beta2.SparkApplication{}
	if err := json.Unmarshal(c.Manifest, app); err != nil {
		return nil, err
	}
	app.UID = "<app-uid>"
	// The API server holds the application: no webhook has refused it.
	if errs, _ := validation.ValidateStoredSparkApplication(app); len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	v1beta2.SetObjectDefaults_SparkApplication(app)
	params := translate.Params{
		SubmissionID: testSubmissionID,
		Master:       "k8s://https://" + testMaster,
		SubmitTime:   time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	if c.Controller == "ingress" {
		params.UIProxyBase = "/" + app.Namespace + "/" + app.Name
	}
	if name := batchscheduler.NameFor(app, map[string]string{"batchdef": batchscheduler.Volcano}[c.Controller]); name != "" {
		scheduler, err := batchscheduler.New(name, batchscheduler.Config{KubeSchedulerNames: []string{"coscheduling"}})
		if err != nil {
			return nil, err
		}
		params.Scheduler = scheduler
	}
	run, err := translate.Build(app, params)
	if err != nil {
		return nil, err
	}
	driver := run.Driver.DeepCopy()
	driver.UID = "<driver-pod-uid>"
	submit.Own(&run.Objects, driver)
	return run, nil
}

// builtObjects are the objects of a submission as trees with placeholders.
func builtObjects(c *recording.Case, run *translate.Run) ([]map[string]any, error) {
	placeholders := strings.NewReplacer(recording.Placeholders(testSubmissionID, testMaster)...)
	var objects []map[string]any
	add := func(apiVersion, kind string, object any) error {
		tree, err := recording.Tree(object)
		if err != nil {
			return err
		}
		tree["apiVersion"], tree["kind"] = apiVersion, kind
		tree, err = recording.Rewrite(tree, placeholders)
		if err != nil || c.Existed(tree) {
			return err
		}
		objects = append(objects, tree)
		return nil
	}
	err := add("v1", "Pod", run.Driver)
	if run.Service != nil && err == nil {
		err = add("v1", "Service", run.Service)
	}
	for _, claim := range run.Claims {
		if err == nil {
			err = add("v1", "PersistentVolumeClaim", claim)
		}
	}
	for _, group := range run.Groups {
		if err == nil {
			err = add(group.Object.GetAPIVersion(), group.Object.GetKind(), group.Object.Object)
		}
	}
	if run.NetworkPolicy != nil && err == nil {
		err = add("networking.k8s.io/v1", "NetworkPolicy", run.NetworkPolicy)
	}
	maps := run.ConfigMaps
	if run.MonitoringConfig != nil {
		maps = append([]*corev1.ConfigMap{run.MonitoringConfig}, maps...)
	}
	for _, configMap := range maps {
		if err == nil {
			err = add("v1", "ConfigMap", configMap)
		}
	}
	return objects, err
}
