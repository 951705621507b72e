// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"encoding/json"
	"maps"
	"regexp"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	kjson "sigs.k8s.io/json"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/decode"
)

// decodeErrorKey marks stubs among the annotations. The API server accepts no
// annotation with blanks in its key, so no user can create a stub.
const decodeErrorKey = "spark-operator cannot decode"

// DecodeError reports whether the object is the stub of one that does not fit the
// Go types, and if so which field is at fault and why. A stub has the metadata
// and status of its original and of its spec only what is needed to end and
// remove a run: spec.suspend and spec.timeToLiveSeconds.
func DecodeError(object metav1.Object) (text string, stub bool) {
	text, stub = object.GetAnnotations()[decodeErrorKey]
	return text, stub
}

// MarkUndecodable makes an object look like the stub that the client returns for
// one that cannot be decoded; text names the field and the reason.
func MarkUndecodable(object metav1.Object, text string) {
	annotations := maps.Clone(object.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[decodeErrorKey] = text
	object.SetAnnotations(annotations)
}

// kind is one of the types that decodeOne can make a stub of.
type kind interface {
	runtime.Object
	metav1.Object
}

// envelope is an object of which only the outermost level was decoded.
type envelope struct {
	metav1.TypeMeta
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     json.RawMessage   `json:"spec"`
	Status   json.RawMessage   `json:"status"`
}

// stub gives a stub its kind, its status and what is needed of the spec.
func (e *envelope) stub(object kind) {
	object.GetObjectKind().SetGroupVersionKind(e.GroupVersionKind())
	switch typed := object.(type) {
	case *v1beta2.SparkApplication:
		typed.Spec.Suspend, typed.Spec.TimeToLiveSeconds = essentialSpec(e.Spec)
		if decodeJSON(e.Status, &typed.Status) != nil {
			typed.Status = v1beta2.SparkApplicationStatus{}
		}
	case *v1alpha1.SparkConnect:
		typed.Spec.Suspend, typed.Spec.TimeToLiveSeconds = essentialSpec(e.Spec)
		if decodeJSON(e.Status, &typed.Status) != nil {
			typed.Status = v1alpha1.SparkConnectStatus{}
		}
	case *v1beta2.ScheduledSparkApplication:
		if decodeJSON(e.Status, &typed.Status) != nil {
			typed.Status = v1beta2.ScheduledSparkApplicationStatus{}
		}
	}
}

// decodeList decodes the items of a list one by one. An item without readable
// metadata cannot be named; it is the only kind that is left out.
func decodeList[T any, P interface {
	*T
	kind
}](data []byte, meta *metav1.TypeMeta, listMeta *metav1.ListMeta, items *[]T) error {
	var list struct {
		metav1.TypeMeta
		Metadata metav1.ListMeta   `json:"metadata"`
		Items    []json.RawMessage `json:"items"`
	}
	if err := decodeJSON(data, &list); err != nil {
		return err
	}
	*meta, *listMeta = list.TypeMeta, list.Metadata
	*items = make([]T, 0, len(list.Items))
	for _, raw := range list.Items {
		var item T
		if decodeOne(raw, P(&item), P(new(T))) != nil {
			*items = append(*items, item)
		}
	}
	return nil
}

// decodeOne decodes data into object, or makes object a stub; scratch is an empty
// object of the same type. It returns nil if not even the metadata is readable.
func decodeOne[T any, P interface {
	*T
	kind
}](data []byte, object, scratch P) runtime.Object {
	var zero T
	counted := decode.CountValues(data)
	if counted.Status > decode.MaxStatusValues {
		data = withSmallStatus(data)
	}
	if refusal := counted.Refusal(); refusal != "" {
		*object = zero
		if !decodeStub(data, object, counted) {
			return nil
		}
		MarkUndecodable(object, refusal)
		return object
	}
	cause := decodeJSON(data, scratch)
	if cause != nil {
		if readable := readableTimes(data); readable != nil {
			data, cause = readable, decodeJSON(readable, scratch)
		}
	}
	if cause == nil {
		*object = *scratch
		return object
	}
	*object = zero
	if !decodeStub(data, object, counted) {
		return nil
	}
	MarkUndecodable(object, decode.Fault[T](data, cause))
	return object
}

// timeText matches what the API server takes for a date-time as far as its shape says.
var timeText = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[tT][0-9]{2}:[0-9]{2}:[0-9]{2}\S*$`)

// readableTimes returns an object whose status has only times that Go reads: the API
// server accepts some that Go does not, such as 2026-01-01t00:00:00z. A time that has no
// meaning at all is left out: the status says more than that, and without it the
// application would look new and run again. It returns nil if it changes nothing.
func readableTimes(data []byte) []byte {
	outer := decode.Fields(data)
	var status any
	if kjson.UnmarshalCaseSensitivePreserveInts(outer["status"], &status) != nil {
		return nil
	}
	if changed := readTimes(&status); !changed {
		return nil
	}
	var err error
	if outer["status"], err = json.Marshal(status); err != nil {
		return nil
	}
	readable, err := json.Marshal(outer)
	if err != nil {
		return nil
	}
	return readable
}

// readTimes replaces the times in a tree that Go does not read.
func readTimes(value *any) (changed bool) {
	switch typed := (*value).(type) {
	case string:
		if !timeText.MatchString(typed) {
			return false
		}
		if _, err := time.Parse(time.RFC3339, typed); err == nil {
			return false
		}
		*value = nil
		if upper := strings.ToUpper(typed); len(upper) == len(typed) {
			if _, err := time.Parse(time.RFC3339, upper); err == nil {
				*value = upper
			}
		}
		return true
	case map[string]any:
		for key, element := range typed {
			if readTimes(&element) {
				typed[key], changed = element, true
			}
		}
	case []any:
		for i := range typed {
			changed = readTimes(&typed[i]) || changed
		}
	}
	return changed
}

func copyMetadata(object metav1.Object, metadata *metav1.ObjectMeta) {
	if accessor, ok := object.(metav1.ObjectMetaAccessor); ok {
		if meta, ok := accessor.GetObjectMeta().(*metav1.ObjectMeta); ok {
			metadata.DeepCopyInto(meta)
		}
	}
}

// essentialSpec reads, each on its own, the fields that matter for an
// application that cannot run.
func essentialSpec(raw json.RawMessage) (suspend *bool, ttl *int64) {
	var spec struct {
		Suspend           json.RawMessage `json:"suspend"`
		TimeToLiveSeconds json.RawMessage `json:"timeToLiveSeconds"`
	}
	if decodeJSON(raw, &spec) != nil {
		return nil, nil
	}
	if decodeJSON(spec.Suspend, &suspend) != nil {
		suspend = nil
	}
	if decodeJSON(spec.TimeToLiveSeconds, &ttl) != nil {
		ttl = nil
	}
	return suspend, ttl
}

// decodeJSON decodes as clients of Kubernetes do: case-sensitively.
func decodeJSON(data []byte, into any) error {
	if len(data) == 0 {
		return nil
	}
	return kjson.UnmarshalCaseSensitivePreserveInts(data, into)
}
