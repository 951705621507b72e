// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/decode"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

// application is what the webhook reads of a SparkApplication. Of the status that is
// the state alone: the API server accepts times there that Go does not read.
type application struct {
	Metadata *metav1.ObjectMeta            `json:"metadata"`
	Spec     *v1beta2.SparkApplicationSpec `json:"spec"`
	Status   struct {
		AppState struct {
			State v1beta2.ApplicationStateType `json:"state"`
		} `json:"applicationState"`
	} `json:"status"`
}

// into returns what is decoded into an application.
func into(app *v1beta2.SparkApplication) *application {
	return &application{Metadata: &app.ObjectMeta, Spec: &app.Spec}
}

// name gives an object the namespace of the request, and a name to validate while the
// API server has yet to generate it.
func name(meta *metav1.ObjectMeta, namespace string) {
	meta.Namespace = namespace
	if meta.Name == "" && meta.GenerateName != "" {
		meta.Name = meta.GenerateName + "xxxxx"
	}
}

// mutateApplication stores the defaults that kubeflow/spark-operator stores, and where
// it does: in applications that are new or about to start again. What cannot be decoded
// is left to validation.
func (w *Webhook) mutateApplication(request *admissionv1.AdmissionRequest) answer {
	app := &v1beta2.SparkApplication{}
	given := into(app)
	if kjson.UnmarshalCaseSensitivePreserveInts(request.Object.Raw, given) != nil || app.DeletionTimestamp != nil {
		return answer{}
	}
	switch given.Status.AppState.State {
	case v1beta2.ApplicationStateNew, v1beta2.ApplicationStateInvalidating:
	default:
		return answer{}
	}
	before, err := json.Marshal(&app.Spec)
	if err != nil {
		return answer{}
	}
	instances := app.Spec.Executor.Instances
	conf := app.Spec.SparkConf
	app.Spec.SparkConf = make(map[string]string, len(conf)+len(w.config.DefaultConf))
	maps.Copy(app.Spec.SparkConf, w.config.DefaultConf)
	maps.Copy(app.Spec.SparkConf, conf)
	v1beta2.SetDefaults_SparkApplication(app) // and none of Kubernetes' in pod templates: they would look like drift
	app.Spec.SparkConf = conf
	if instances != nil {
		app.Spec.Executor.Instances = instances // a 0 of Kueue is a default to the controller, but it was given
	}
	after, err := json.Marshal(&app.Spec)
	if err != nil || bytes.Equal(before, after) {
		return answer{}
	}
	object := membersOf(request.Object.Raw)
	if !isObject(object["spec"]) {
		return answer{} // the schema refuses it
	}
	return answer{patch: additions("/spec", object["spec"], before, after)}
}

// validateApplication refuses applications that cannot run and warns about what has no
// effect.
func (w *Webhook) validateApplication(request *admissionv1.AdmissionRequest) answer {
	return validate(request, func(raw []byte) verdict {
		app := &v1beta2.SparkApplication{}
		given := into(app)
		unknown, err := decode.Strict(raw, given)
		if err != nil {
			return verdict{undecodable: err.Error()}
		}
		name(&app.ObjectMeta, request.Namespace)
		found := faults(unknown, validation.ValidateSparkApplication(app))
		var warnings []string
		if len(found) == 0 {
			found, warnings = submission(validation.Submission(app))
		}
		var room []string
		if len(found) == 0 {
			found, room = w.compareWithQuotas(app, given.Status.AppState.State)
		}
		return verdict{
			deleted: app.DeletionTimestamp != nil,
			faults:  found,
			warn:    func() []string { return append(room, warnings...) },
		}
	})
}

// schedule is what the webhook reads of a ScheduledSparkApplication.
type schedule struct {
	Metadata metav1.ObjectMeta                     `json:"metadata"`
	Spec     v1beta2.ScheduledSparkApplicationSpec `json:"spec"`
}

// validateSchedule refuses schedules whose runs could not run, or that have none.
func (w *Webhook) validateSchedule(request *admissionv1.AdmissionRequest) answer {
	return validate(request, func(raw []byte) verdict {
		var given schedule
		unknown, err := decode.Strict(raw, &given)
		if err != nil {
			return verdict{undecodable: err.Error()}
		}
		app := &v1beta2.ScheduledSparkApplication{ObjectMeta: given.Metadata, Spec: given.Spec}
		name(&app.ObjectMeta, request.Namespace)
		found := faults(unknown, validation.ValidateScheduledSparkApplication(app))
		var warnings []string
		if len(found) == 0 {
			found, warnings = submission(validation.SubmissionOfRun(app))
		}
		return verdict{
			deleted: app.DeletionTimestamp != nil,
			faults:  found,
			warn: func() []string {
				return append(w.compareRunsWithQuotas(app, len(found) > 0), warnings...)
			},
		}
	})
}

// verdict is what the rules say about one object.
type verdict struct {
	// undecodable is the field that does not fit its type; nothing else is known then.
	undecodable string
	deleted     bool
	faults      []string
	warn        func() []string
}

// validate applies the rules to a new object. Of a changed one it refuses only the
// faults that it did not have before: a user must be able to suspend, label or
// repair an object that was stored without a webhook. These are warnings.
func validate(request *admissionv1.AdmissionRequest, judge func(raw []byte) verdict) answer {
	if request.Operation == admissionv1.Update && sameSpec(request.OldObject.Raw, request.Object.Raw) {
		return answer{}
	}
	now := judge(request.Object.Raw)
	var before verdict
	if request.Operation == admissionv1.Update && (now.undecodable != "" || len(now.faults) > 0) {
		before = judge(request.OldObject.Raw)
	}
	switch {
	case now.deleted:
		return answer{}
	case now.undecodable != "" && now.undecodable == before.undecodable:
		return answer{warnings: []string{undecodable(now.undecodable)}}
	case now.undecodable != "":
		return denied(http.StatusBadRequest, "%s", undecodable(now.undecodable))
	}
	var added, old []string
	for _, fault := range now.faults {
		if slices.Contains(before.faults, fault) {
			old = append(old, fault)
		} else {
			added = append(added, fault)
		}
	}
	if len(added) > 0 {
		return denied(http.StatusForbidden, "%s", strings.Join(added, "; "))
	}
	return answer{warnings: append(old, now.warn()...)}
}

func undecodable(fault string) string { return "the object cannot be decoded: " + fault }

// submission makes a fault of a refusal. It is that of spark-submit, which refuses the
// same objects on every attempt.
func submission(refused string, warnings []string) (faults, _ []string) {
	if refused != "" {
		faults = []string{refused}
	}
	return faults, warnings
}

// faults makes texts of everything that is wrong.
func faults(unknown []string, errs field.ErrorList) []string {
	var texts []string
	for _, path := range unknown {
		if strings.HasPrefix(path, "spec.") { // metadata and status are the API server's
			texts = append(texts, path+": unknown field; remove it or correct its name")
		}
	}
	if len(texts) > podspec.MaxFaults {
		texts = append(texts[:podspec.MaxFaults], "and more unknown fields")
	}
	for _, err := range errs {
		texts = append(texts, strings.ReplaceAll(err.Error(), "\n", " ")) // no blank is lost: clients match on the texts
	}
	return texts
}

// sameSpec reports whether an update leaves the spec as it is. The API server writes
// equal objects equally.
func sameSpec(before, after []byte) bool {
	old, now := membersOf(before), membersOf(after)
	return len(old["spec"]) > 0 && string(old["spec"]) == string(now["spec"])
}
