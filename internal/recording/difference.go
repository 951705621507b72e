// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Difference is one place where this project and the recording do not agree.
type Difference struct {
	// Path is the place: the object, and the fields on the way into it.
	Path string
	// Want is the recorded value, Got that of this project, both in one line.
	Want, Got string
}

// String shows the place and what this project gives as docs/deviations.md has it,
// and what was recorded.
func (d Difference) String() string {
	return fmt.Sprintf("`%s: %s`, recorded: %s", d.Path, unquote(d.Got), d.Want)
}

// unquote takes the quotes from a text.
func unquote(shown string) string {
	var text string
	if strings.HasPrefix(shown, `"`) && json.Unmarshal([]byte(shown), &text) == nil {
		return text
	}
	return shown
}

// listKeys names the field that identifies the elements of a list, so that one
// element more is one difference; tolerations and envFrom have no such field. Their
// order is compared for itself. Other lists are compared by position.
var listKeys = map[string]string{
	"containers": "name", "initContainers": "name", "volumes": "name", "env": "name", "ports": "name",
	"imagePullSecrets": "name", "volumeMounts": "mountPath", "hostAliases": "ip", "ownerReferences": "kind",
	"tolerations": "", "envFrom": "", "events": "reason",
}

// Diff returns the differing places of two JSON trees below a path.
func Diff(path string, want, got any) (differences []Difference) {
	diff(path, want, got, &differences)
	return differences
}

// diff appends the differing places of two JSON trees, one per place.
func diff(path string, want, got any, differences *[]Difference) {
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
		*differences = append(*differences, Difference{path, show(want), show(got)})
	}
}

func diffMaps(path string, want, got map[string]any, differences *[]Difference) {
	keys := maps.Clone(want)
	maps.Copy(keys, got)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		wantValue, inWant := want[key]
		gotValue, inGot := got[key]
		if inWant && inGot {
			diff(path+"."+key, wantValue, gotValue, differences)
			continue
		}
		missing := Difference{path + "." + key, "nothing", "nothing"}
		if inWant {
			missing.Want = show(wantValue)
		} else {
			missing.Got = show(gotValue)
		}
		*differences = append(*differences, missing)
	}
}

func diffLists(path string, want, got []any, differences *[]Difference) {
	name, _, _ := strings.Cut(path[strings.LastIndex(path, ".")+1:], "@") // events@STEP
	if key, known := listKeys[name]; known {
		wantIDs, gotIDs := identify(want, key), identify(got, key)
		diffMaps(path, keyed(want, wantIDs), keyed(got, gotIDs), differences)
		wantOrder := slices.DeleteFunc(slices.Clone(wantIDs), func(id string) bool { return !slices.Contains(gotIDs, id) })
		gotOrder := slices.DeleteFunc(slices.Clone(gotIDs), func(id string) bool { return !slices.Contains(wantIDs, id) })
		if !slices.Equal(wantOrder, gotOrder) {
			*differences = append(*differences, Difference{path + ".order", strings.Join(wantOrder, " "), strings.Join(gotOrder, " ")})
		}
		return
	}
	if len(want) != len(got) {
		*differences = append(*differences, Difference{path, show(want), show(got)})
		return
	}
	for i := range want {
		diff(fmt.Sprintf("%s.%d", path, i), want[i], got[i], differences)
	}
}

// identify names the elements of a list by the field key, or by all that they are.
// Of several elements of one name the last has the plain name, as it is the one
// that counts among environment variables; ~1 is the one before it, and so on.
func identify(list []any, key string) []string {
	ids := make([]string, len(list))
	later := map[string]int{}
	for i := len(list) - 1; i >= 0; i-- {
		id := show(list[i])
		if object, ok := list[i].(map[string]any); ok && key != "" {
			id = fmt.Sprint(object[key])
		}
		ids[i] = "[" + id + "]"
		if n := later[id]; n > 0 {
			ids[i] += fmt.Sprintf("~%d", n)
		}
		later[id]++
	}
	return ids
}

func keyed(list []any, ids []string) map[string]any {
	elements := make(map[string]any, len(list))
	for i, id := range ids {
		elements[id] = list[i]
	}
	return elements
}

// show renders a value in one line.
func show(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return unescape(string(text))
}
