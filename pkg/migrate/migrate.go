// SPDX-License-Identifier: Apache-2.0

// Package migrate says what becomes of objects that ran under kubeflow/spark-operator
// when this operator takes over.
package migrate

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/decode"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

// Result is what becomes of an object.
type Result string

// All results, the best first.
const (
	// Same runs as before.
	Same Result = "same"
	// Changes runs, but not all of it has the effect that it says.
	Changes Result = "changes"
	// Refused does not run again.
	Refused Result = "refused"
)

// Finding is what is to be said about an object.
type Finding struct {
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	// State is what kubeflow/spark-operator reported last; empty for none.
	State  string `json:"state,omitempty"`
	Result Result `json:"result"`
	// Details are what changes, or why the object is refused, in texts of one line.
	Details []string `json:"details,omitempty"`
}

// Application judges a SparkApplication as the API server has it.
func Application(object *unstructured.Unstructured) Finding {
	return judge(object, func(app *v1beta2.SparkApplication) (state string, refusals, changes []string) {
		faults, tolerable := validation.ValidateStoredSparkApplication(app)
		return string(app.Status.AppState.State), texts(faults), append(texts(tolerable), validation.Warnings(app)...)
	})
}

// Schedule judges a ScheduledSparkApplication as the API server has it.
func Schedule(object *unstructured.Unstructured) Finding {
	return judge(object, func(app *v1beta2.ScheduledSparkApplication) (state string, refusals, changes []string) {
		faults, tolerable := validation.ValidateStoredScheduledSparkApplication(app)
		return string(app.Status.ScheduleState), texts(faults), append(texts(tolerable), validation.ScheduleWarnings(app)...)
	})
}

// Connect judges a SparkConnect as the API server has it.
func Connect(object *unstructured.Unstructured) Finding {
	return judge(object, func(connect *v1alpha1.SparkConnect) (state string, refusals, changes []string) {
		faults, tolerable := validation.ValidateStoredSparkConnect(connect)
		changes = append(texts(tolerable), replacedByKubeflow(connect)...)
		refused, warnings := validation.ConnectStart(connect)
		if changes = append(changes, warnings...); refused != "" {
			changes = append(changes, refused)
		}
		return string(connect.Status.State), texts(faults), changes
	})
}

// replacedByKubeflow are the fields of the server's container that kubeflow/spark-operator
// replaces.
func replacedByKubeflow(connect *v1alpha1.SparkConnect) (changes []string) {
	template := connect.Spec.Server.Template
	if template == nil {
		return nil
	}
	i := podspec.SparkContainer(&template.Spec, podspec.Driver, connect.Spec.SparkConf[podspec.Driver.ContainerNameKey()])
	if i < 0 {
		return nil
	}
	at := "spec.server.template.spec.containers[" + strconv.Itoa(i) + "]."
	container := &template.Spec.Containers[i]
	if len(container.Command) > 0 {
		changes = append(changes, at+"command has effect; kubeflow/spark-operator replaced it")
	}
	if container.Lifecycle != nil {
		changes = append(changes, at+"lifecycle has effect; kubeflow/spark-operator replaced it")
	}
	return changes
}

// refusal is how a warning begins that is none.
var refusal = regexp.MustCompile("^the (submission|start) will be refused: ")

func judge[T any](object *unstructured.Unstructured, look func(*T) (state string, refusals, changes []string)) Finding {
	finding := Finding{Namespace: object.GetNamespace(), Kind: object.GetKind(), Name: object.GetName(), Result: Same}
	text, err := json.Marshal(object.Object)
	if err != nil {
		finding.Result, finding.Details = Refused, []string{err.Error()}
		return finding
	}
	typed := new(T)
	unknown, err := decode.Strict(text, typed)
	if err != nil {
		finding.Result, finding.Details = Refused, []string{err.Error()}
		return finding
	}
	for _, path := range unknown {
		finding.Details = append(finding.Details, path+": this operator does not have the field")
	}
	state, refusals, changes := look(typed)
	finding.State = state
	for _, change := range changes {
		switch found := refusal.FindString(change); {
		case found == "":
			finding.Details = append(finding.Details, change)
		case len(refusals) == 0: // else it says the same
			refusals = []string{change[len(found):]}
		}
	}
	switch {
	case len(refusals) > 0 && !final(state):
		finding.Result, finding.Details = Refused, refusals
	case len(finding.Details) > 0:
		finding.Result = Changes
	}
	return finding
}

// final reports whether an application in the state never runs again.
func final(state string) bool {
	return state == string(v1beta2.ApplicationStateCompleted) || state == string(v1beta2.ApplicationStateFailed)
}

func texts[E error](faults []E) []string {
	var all []string
	for _, fault := range faults {
		all = append(all, strings.ReplaceAll(fault.Error(), "\n", " "))
	}
	return all
}

// Sort orders findings by result, the worst first, then by name.
func Sort(findings []Finding) {
	rank := map[Result]int{Refused: 0, Changes: 1, Same: 2}
	slices.SortFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank[a.Result], rank[b.Result]), cmp.Compare(a.Namespace, b.Namespace),
			cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
}
