// SPDX-License-Identifier: Apache-2.0

package informers

import (
	"encoding/json"
	"maps"

	"github.com/spark-operator/spark-operator/pkg/decode"
)

// maxPart is how many bytes a list, a map or a text takes that is decoded of a part with
// too many values.
const maxPart = 64 << 10

// withoutLarge returns an object without its large fields.
func withoutLarge(object map[string]json.RawMessage) []byte {
	maps.DeleteFunc(object, func(_ string, field json.RawMessage) bool { return len(field) > maxPart })
	small, err := json.Marshal(object)
	if err != nil {
		return nil
	}
	return small
}

// decodeStub makes object a stub. Nothing of its spec is decoded that is large, nor of
// metadata with too many values. It reports whether there is readable metadata.
func decodeStub(data []byte, object kind, counted decode.Values) (decoded bool) {
	outer := decode.Fields(data)
	whole := envelope{Spec: withoutLarge(decode.Fields(outer["spec"])), Status: outer["status"]}
	metadata := outer["metadata"]
	if len(metadata) == 0 {
		return false
	}
	if counted.Metadata > decode.MaxMetadataValues {
		metadata = withoutLarge(decode.Fields(metadata))
	}
	if decodeJSON(metadata, &whole.Metadata) != nil || decodeJSON(outer["kind"], &whole.Kind) != nil || decodeJSON(outer["apiVersion"], &whole.APIVersion) != nil {
		return false
	}
	copyMetadata(object, &whole.Metadata)
	whole.stub(object)
	return true
}

// withSmallStatus returns an object without the fields of its status that are large. None
// of them decides anything by itself.
func withSmallStatus(data []byte) []byte {
	outer := decode.Fields(data)
	outer["status"] = withoutLarge(decode.Fields(outer["status"]))
	small, err := json.Marshal(outer)
	if err != nil {
		return data
	}
	return small
}
