// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	kjson "sigs.k8s.io/json"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/decode"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// Paths under which the webhooks are called. They are those of
// kubeflow/spark-operator, whose configurations keep working.
const (
	PathMutatePod           = "/mutate--v1-pod"
	PathMutateApplication   = "/mutate-sparkoperator-k8s-io-v1beta2-sparkapplication"
	PathMutateSchedule      = "/mutate-sparkoperator-k8s-io-v1beta2-scheduledsparkapplication"
	PathMutateConnect       = "/mutate-sparkoperator-k8s-io-v1alpha1-sparkconnect"
	PathValidateApplication = "/validate-sparkoperator-k8s-io-v1beta2-sparkapplication"
	PathValidateSchedule    = "/validate-sparkoperator-k8s-io-v1beta2-scheduledsparkapplication"
	PathValidateConnect     = "/validate-sparkoperator-k8s-io-v1alpha1-sparkconnect"
)

// Config is what the answers depend on besides the reviews.
type Config struct {
	// Application returns the application of an executor pod, nil if it is not known: new
	// executors get the placement that it has now (feature gate PartialRestart). It makes no
	// request: executors wait for the answer. Nil without the gate.
	Application func(namespace, name string) *v1beta2.SparkApplication
	// Watched reports whether this operator works in a namespace; nil for every
	// namespace. Objects of others pass as they are.
	Watched func(namespace string) bool
	// Selector selects the applications, schedules and SparkConnects of this operator by
	// their labels; nil for all. Others pass as they are.
	Selector labels.Selector
	// DefaultConf are the properties that the controller has for all applications. What
	// they set is not defaulted: it would win over them.
	DefaultConf map[string]string
	// Quotas returns the ResourceQuotas of a namespace, which are shared and not changed;
	// nil to check none. It makes no request.
	Quotas func(namespace string) []*corev1.ResourceQuota
}

// Webhook answers reviews. It is safe for concurrent use.
type Webhook struct {
	config   Config
	handlers map[string]handler
}

// handler answers the reviews of one path, which are about one kind.
type handler struct {
	kind   metav1.GroupVersionKind
	answer func(*admissionv1.AdmissionRequest) answer
}

// New returns a webhook.
func New(config Config) *Webhook {
	w := &Webhook{config: config}
	group := v1beta2.SchemeGroupVersion
	application := metav1.GroupVersionKind{Group: group.Group, Version: group.Version, Kind: "SparkApplication"}
	schedule := metav1.GroupVersionKind{Group: group.Group, Version: group.Version, Kind: "ScheduledSparkApplication"}
	server := metav1.GroupVersionKind{Group: group.Group, Version: v1alpha1.SchemeGroupVersion.Version, Kind: "SparkConnect"}
	pod := metav1.GroupVersionKind{Version: corev1.SchemeGroupVersion.Version, Kind: "Pod"}
	w.handlers = map[string]handler{
		PathMutatePod:           {pod, w.mutatePod},
		PathMutateApplication:   {application, w.mutateApplication},
		PathMutateSchedule:      {schedule, allowed},
		PathMutateConnect:       {server, allowed},
		PathValidateApplication: {application, w.validateApplication},
		PathValidateSchedule:    {schedule, w.validateSchedule},
		PathValidateConnect:     {server, validateConnect},
	}
	return w
}

// Paths returns all paths that have an answer.
func (w *Webhook) Paths() []string { return slices.Sorted(maps.Keys(w.handlers)) }

// Outcome is what became of a review.
type Outcome string

// Outcomes of reviews.
const (
	Allowed Outcome = "allowed"
	Patched Outcome = "patched" // allowed with changes
	Denied  Outcome = "denied"
)

// answer is the answer to the API server about an object.
type answer struct {
	// denial is why the object is refused; empty if it is allowed.
	denial string
	// code is the HTTP status of a denial.
	code     int32
	patch    []operation
	warnings []string
}

// allowed is the answer to what is none of our business.
func allowed(*admissionv1.AdmissionRequest) answer { return answer{} }

func denied(code int32, format string, arguments ...any) answer {
	return answer{code: code, denial: fmt.Sprintf(format, arguments...)}
}

// Review answers the AdmissionReview in body, which was sent to path. An error means
// that body is no review that could be answered; it has one line.
func (w *Webhook) Review(path string, body []byte) ([]byte, Outcome, error) {
	handler, known := w.handlers[path]
	if !known {
		return nil, "", fmt.Errorf("unknown path %s; use one of %s", sparkconf.Excerpt(path, maxQuoted), strings.Join(w.Paths(), ", "))
	}
	review, err := read(body)
	if err != nil {
		return nil, "", fmt.Errorf("the body is not an AdmissionReview: %s", sparkconf.Excerpt(oneLine(err.Error()), maxQuoted))
	}
	switch want := admissionv1.SchemeGroupVersion.String(); {
	case review.APIVersion != want || review.Kind != "AdmissionReview":
		return nil, "", fmt.Errorf("the body is %q of %q; send an AdmissionReview of %s",
			sparkconf.Excerpt(review.Kind, maxQuoted), sparkconf.Excerpt(review.APIVersion, maxQuoted), want)
	case review.Request == nil:
		return nil, "", errors.New("the AdmissionReview has no request")
	case review.Request.UID == "":
		return nil, "", errors.New("the request of the AdmissionReview has no uid")
	}
	given := w.answer(handler, review.Request)
	response, outcome, err := given.response(review.Request)
	if err != nil {
		return nil, "", err
	}
	text, err := json.Marshal(admissionv1.AdmissionReview{TypeMeta: review.TypeMeta, Response: response})
	return text, outcome, err
}

// read decodes a review without the objects in it, which are most of its text: the handlers
// decode them. Field ownership is left out, because no answer depends on it.
func read(body []byte) (*admissionv1.AdmissionReview, error) {
	rest, object := decode.Cut(body, "request", "object")
	rest, before := decode.Cut(rest, "request", "oldObject")
	var review admissionv1.AdmissionReview
	if err := kjson.UnmarshalCaseSensitivePreserveInts(rest, &review); err != nil {
		return nil, err
	}
	if review.Request != nil {
		restore(&review.Request.Object, object)
		restore(&review.Request.OldObject, before)
	}
	return &review, nil
}

// restore puts an object that was cut out of a review back, without field ownership.
func restore(at *runtime.RawExtension, object []byte) {
	if object != nil && string(object) != "null" {
		at.Raw, _ = decode.Cut(object, "metadata", "managedFields")
	}
}

func (w *Webhook) answer(handler handler, request *admissionv1.AdmissionRequest) answer {
	switch {
	case request.Kind != handler.kind:
		return denied(http.StatusBadRequest, "this webhook reviews %s, not %s; check the rules of the webhook configuration",
			kindName(handler.kind), sparkconf.Excerpt(kindName(request.Kind), maxQuoted))
	case request.SubResource != "", request.Operation != admissionv1.Create && request.Operation != admissionv1.Update:
		return answer{}
	case w.config.Watched != nil && !w.config.Watched(request.Namespace):
		return answer{}
	case len(request.Object.Raw) == 0:
		return denied(http.StatusBadRequest, "the review of an operation %s has no object", request.Operation)
	}
	if w.config.Selector != nil && handler.kind.Group == v1beta2.SchemeGroupVersion.Group {
		var labelled metav1.PartialObjectMetadata // what cannot be decoded is refused below
		if kjson.UnmarshalCaseSensitivePreserveInts(request.Object.Raw, &labelled) == nil && !w.config.Selector.Matches(labels.Set(labelled.Labels)) {
			return answer{}
		}
	}
	return handler.answer(request)
}

func kindName(kind metav1.GroupVersionKind) string {
	return kind.Kind + " of " + strings.TrimPrefix(kind.Group+"/"+kind.Version, "/")
}

// response writes an answer down.
func (a answer) response(request *admissionv1.AdmissionRequest) (*admissionv1.AdmissionResponse, Outcome, error) {
	response := &admissionv1.AdmissionResponse{UID: request.UID, Allowed: a.denial == "", Warnings: bounded(a.warnings)}
	switch {
	case !response.Allowed:
		reason := metav1.StatusReasonForbidden
		if a.code == http.StatusBadRequest {
			reason = metav1.StatusReasonBadRequest
		}
		response.Result = &metav1.Status{Status: metav1.StatusFailure, Code: a.code, Reason: reason, Message: a.denial}
		return response, Denied, nil
	case len(a.patch) == 0:
		return response, Allowed, nil
	}
	patch, err := json.Marshal(a.patch)
	if err != nil {
		return nil, "", fmt.Errorf("write the patch: %w", err)
	}
	kind := admissionv1.PatchTypeJSONPatch
	response.Patch, response.PatchType = patch, &kind
	return response, Patched, nil
}

// Limits of an answer to the API server. It cuts warnings off itself beyond these.
const (
	maxWarnings      = 16
	maxWarningLength = 256 // bytes
	maxQuoted        = 256 // bytes
)

// bounded returns the warnings that fit, each once and in a fixed order.
func bounded(warnings []string) []string {
	warnings = slices.Clone(warnings)
	slices.Sort(warnings)
	warnings = slices.Compact(warnings)
	if more := len(warnings) - maxWarnings; more > 0 {
		warnings = append(warnings[:maxWarnings], fmt.Sprintf("and %d more warnings, which are not listed", more))
	}
	for i := range warnings {
		warnings[i] = sparkconf.Excerpt(oneLine(warnings[i]), maxWarningLength-40) // with the number of what follows
	}
	return warnings
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
