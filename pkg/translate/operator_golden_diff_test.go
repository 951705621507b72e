// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// difference is one place where this project and the recording do not agree.
type difference struct {
	path      string
	want, got string
}

func (d difference) String() string {
	return fmt.Sprintf("%s: want %s, got %s", d.path, d.want, d.got)
}

// listKeys says by which field the elements of a list are told apart, as far as
// their order has no meaning. A list of the name that is not here and holds
// objects is compared by position; tolerations and envFrom have no key and are
// compared as sets.
var listKeys = map[string]string{
	"containers": "name", "initContainers": "name", "volumes": "name", "env": "name", "ports": "name",
	"imagePullSecrets": "name", "volumeMounts": "mountPath", "hostAliases": "ip", "ownerReferences": "kind",
	"tolerations": "", "envFrom": "",
}

// diff appends the differing places of two JSON trees, one per place.
func diff(path string, want, got any, differences *[]difference) {
	switch want := want.(type) {
	case map[string]any:
		if got, ok := got.(map[string]any); ok {
			diffMaps(path, want, got, differences)
			return
		}
	case []any:
		if got, ok := got.([]any); ok {
			diffLists(path, want, got, differences)
			return
		}
	}
	if !reflect.DeepEqual(want, got) {
		*differences = append(*differences, difference{path, show(want), show(got)})
	}
}

func diffMaps(path string, want, got map[string]any, differences *[]difference) {
	keys := maps.Clone(want)
	maps.Copy(keys, got)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		wantValue, inWant := want[key]
		gotValue, inGot := got[key]
		if inWant && inGot {
			diff(path+"."+key, wantValue, gotValue, differences)
			continue
		}
		missing := difference{path + "." + key, "nothing", "nothing"}
		if inWant {
			missing.want = show(wantValue)
		} else {
			missing.got = show(gotValue)
		}
		*differences = append(*differences, missing)
	}
}

func diffLists(path string, want, got []any, differences *[]difference) {
	name := path[strings.LastIndex(path, ".")+1:]
	if key, known := listKeys[name]; known {
		diffMaps(path, keyed(want, key), keyed(got, key), differences)
		return
	}
	if len(want) != len(got) {
		*differences = append(*differences, difference{path, show(want), show(got)})
		return
	}
	for i := range want {
		diff(fmt.Sprintf("%s.%d", path, i), want[i], got[i], differences)
	}
}

// keyed turns a list into a map. Of several elements with the same key the last
// counts, as it does for environment variables; other lists have none after
// admission.
func keyed(list []any, key string) map[string]any {
	elements := make(map[string]any, len(list))
	for _, element := range list {
		id := show(element)
		if object, ok := element.(map[string]any); ok && key != "" {
			id = fmt.Sprint(object[key])
		}
		elements["["+id+"]"] = element
	}
	return elements
}

// show renders a value in one line.
func show(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(text))
}
