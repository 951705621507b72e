// SPDX-License-Identifier: Apache-2.0

package scheduledapp

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// run is one that is to be started.
type run struct {
	name string
	// scheduled is the time of the schedule that the run is for; zero if it was asked
	// for with the annotation run-now.
	scheduled time.Time
	// requested is set if the run for a time of the schedule is the one that was asked
	// for with the annotation run-now, too.
	requested bool
}

// Precision is the unit of the time in names of runs: the values of the flag
// --scheduled-spark-application-timestamp-precision.
type Precision string

// Units of the time in names of runs.
const (
	PrecisionNanos   Precision = "nanos"
	PrecisionMicros  Precision = "micros"
	PrecisionMillis  Precision = "millis"
	PrecisionSeconds Precision = "seconds"
	PrecisionMinutes Precision = "minutes"
)

// timestamp writes a time in whole units since 1970. Two times never look the
// same: one that is no multiple of a minute is written in seconds, which takes
// more digits.
func (p Precision) timestamp(t time.Time) string {
	switch p {
	case PrecisionMicros:
		return strconv.FormatInt(t.UnixMicro(), 10)
	case PrecisionMillis:
		return strconv.FormatInt(t.UnixMilli(), 10)
	case PrecisionMinutes:
		if seconds := t.Unix(); seconds%60 == 0 {
			return strconv.FormatInt(seconds/60, 10)
		}
		return strconv.FormatInt(t.Unix(), 10)
	case PrecisionSeconds:
		return strconv.FormatInt(t.Unix(), 10)
	case PrecisionNanos:
	}
	return strconv.FormatInt(t.UnixNano(), 10)
}

func (p Precision) validate() error {
	switch p {
	case PrecisionNanos, PrecisionMicros, PrecisionMillis, PrecisionSeconds, PrecisionMinutes:
		return nil
	}
	return fmt.Errorf("invalid timestamp precision %q; use nanos, micros, millis, seconds or minutes", p)
}

// runName is <schedule>-<time>.
func runName(schedule string, scheduled time.Time, precision Precision) string {
	return boundedName(schedule, precision.timestamp(scheduled))
}

// runNowName is <schedule>-now-<hash>. The hash is of the request: the schedule,
// the value of the annotation and how many requests came before it.
func runNowName(app *v1beta2.ScheduledSparkApplication, value string) string {
	count := int64(0)
	if app.Status.RunNow != nil {
		count = app.Status.RunNow.Count
	}
	return boundedName(app.Name, "now-"+shortHash(fmt.Sprintf("%s/%d/%s", app.UID, count, value)))
}

// boundedName is <schedule>-<suffix>. Where that exceeds a DNS label, which names
// of applications must not, the name of the schedule is cut and followed by a hash
// of the whole of it, so that all runs of a schedule begin alike.
func boundedName(schedule, suffix string) string {
	name := schedule + "-" + suffix
	if len(name) <= validation.DNS1035LabelMaxLength {
		return name
	}
	tail := "-" + shortHash(schedule) + "-" + suffix
	kept := schedule[:validation.DNS1035LabelMaxLength-len(tail)]
	return strings.TrimRight(kept, "-.") + tail
}

// shortHash is the start of the SHA-256 sum, in eight hexadecimal digits.
func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

const scheduleKind = "ScheduledSparkApplication"

// newApplication returns the SparkApplication of a run: the template as it is, save
// for names that each run needs for itself (see nameRun), the labels and annotations of the schedule, and the schedule as its owner.
func newApplication(app *v1beta2.ScheduledSparkApplication, r run) *v1beta2.SparkApplication {
	labels := make(map[string]string, len(app.Labels)+1)
	maps.Copy(labels, app.Labels)
	labels[v1beta2.LabelScheduledSparkAppName] = app.Name

	annotations := make(map[string]string, len(app.Annotations)+1)
	for key, value := range app.Annotations {
		if !belongsToManifest(key) {
			annotations[key] = value
		}
	}
	if !r.scheduled.IsZero() {
		annotations[v1beta2.AnnotationScheduledTime] = r.scheduled.UTC().Format(time.RFC3339)
		if !r.requested {
			delete(annotations, v1beta2.AnnotationRunNow)
		}
	}
	spec := app.Spec.Template.DeepCopy()
	nameRun(spec, app.Name, r.name)
	return &v1beta2.SparkApplication{
		ObjectMeta: metav1.ObjectMeta{
			Name:        r.name,
			Namespace:   app.Namespace,
			Labels:      labels,
			Annotations: annotations,
			// No controller: as in kubeflow/spark-operator, so that tools which look
			// for the controller of an application treat runs as they do others.
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion:         v1beta2.SchemeGroupVersion.String(),
				Kind:               scheduleKind,
				Name:               app.Name,
				UID:                app.UID,
				BlockOwnerDeletion: ptr.To(true),
			}},
		},
		Spec: *spec,
	}
}

// belongsToManifest reports whether an annotation is the record of a tool about
// the very object that it applied. On a run it would make the tool take that for
// one of its own.
func belongsToManifest(annotation string) bool {
	for _, prefix := range []string{"kubectl.kubernetes.io/", "argocd.argoproj.io/", "meta.helm.sh/"} {
		if strings.HasPrefix(annotation, prefix) {
			return true
		}
	}
	return annotation == v1beta2.AnnotationScheduledTime
}

// ownerUIDs returns the UIDs of the schedules that an application is a run of:
// those that own it and whose label it has. Something that only refers to a
// schedule, such as a copy made by hand, is none of its runs.
func ownerUIDs(app metav1.Object) []string {
	var uids []string
	for _, owner := range app.GetOwnerReferences() {
		if isSchedule(owner) && app.GetLabels()[v1beta2.LabelScheduledSparkAppName] == owner.Name {
			uids = append(uids, string(owner.UID))
		}
	}
	return uids
}

func isSchedule(owner metav1.OwnerReference) bool {
	return owner.Kind == scheduleKind && strings.HasPrefix(owner.APIVersion, v1beta2.SchemeGroupVersion.Group+"/")
}

// isOwnedBy reports whether the schedule with that UID owns the application.
func isOwnedBy(app *v1beta2.SparkApplication, uid types.UID) bool {
	for _, owner := range app.OwnerReferences {
		if isSchedule(owner) && owner.UID == uid {
			return true
		}
	}
	return false
}

// scheduledTime is the time of the schedule that a run is for; false if it is not
// known.
func scheduledTime(app *v1beta2.SparkApplication) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, app.Annotations[v1beta2.AnnotationScheduledTime])
	return t, err == nil
}

// isFinished reports whether a run has ended for good.
func isFinished(app *v1beta2.SparkApplication) bool {
	switch app.Status.AppState.State { //nolint:exhaustive // the two final states
	case v1beta2.ApplicationStateCompleted, v1beta2.ApplicationStateFailed:
		return true
	}
	return false
}

// isGoing reports whether a run is going, or about to. One that a user has
// suspended is not: it uses nothing, and it is unknown for how long. One that Kueue
// holds back is.
func isGoing(app *v1beta2.SparkApplication) bool {
	if isFinished(app) {
		return false
	}
	suspended := app.Status.AppState.State == v1beta2.ApplicationStateSuspended && ptr.Deref(app.Spec.Suspend, false)
	return !suspended || app.Labels[v1beta2.LabelKueueQueue] != ""
}

// isActive reports whether a run counts for the concurrency policy: one that is
// going, or one that waits for its first resumption because the template asks for
// suspended runs. Otherwise each time of the schedule would add one of those.
func (in *input) isActive(app *v1beta2.SparkApplication) bool {
	return isGoing(app) || in.awaitsResumption(app)
}

// awaitsResumption reports whether a run was never resumed since the schedule, whose
// template asks for suspended runs, created it.
func (in *input) awaitsResumption(app *v1beta2.SparkApplication) bool {
	return ptr.Deref(in.app.Spec.Template.Suspend, false) && ptr.Deref(app.Spec.Suspend, false) && app.Labels[v1beta2.LabelKueueQueue] == "" &&
		app.Status.SubmissionID == "" && app.Status.LastSubmissionAttemptTime.IsZero() && !isFinished(app)
}

// standing says what the run in the way of the next one is doing.
func (in *input) standing(name string) string {
	if note := in.note(name); note != "" {
		return "has not ended" + note
	}
	return "is still running"
}

// note says why a run in the way does not end by itself; empty if it may.
func (in *input) note(name string) string {
	if app := in.run(name); app != nil && in.awaitsResumption(app) {
		return ": it is suspended (spec.template.suspend); set its spec.suspend to false or delete it"
	}
	return ""
}
