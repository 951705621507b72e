// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// difference is one place where the library and the recording do not agree.
type difference struct {
	path      string
	want, got string
}

func (d difference) String() string {
	return fmt.Sprintf("%s: want %s, got %s", d.path, d.want, d.got)
}

// Paths of differences in the outcome as a whole.
const (
	sparkRefuses = "Spark refuses"
	refusedHere  = "refused here"
)

// compare runs the library on a recorded submission and returns the differences.
func compare(c *goldenCase, in submit.Input) []difference {
	in = c.withIDs(in)
	conf := maps.Clone(in.Conf)
	built, err := submit.Build(in)
	again, errAgain := submit.Build(in)
	switch {
	case !reflect.DeepEqual(built, again) || fmt.Sprint(err) != fmt.Sprint(errAgain):
		return []difference{{"Build", "the same for the same input", "something else the second time"}}
	case !maps.Equal(conf, in.Conf):
		return []difference{{"Input/Conf", "untouched", "changed"}}
	case c.Error != nil && len(c.Requests) == 0 && err == nil:
		return []difference{{sparkRefuses, c.Error.Message, "objects"}}
	case c.Error != nil && len(c.Requests) == 0:
		var refusal *submit.Error
		if !errors.As(err, &refusal) {
			return []difference{{refusedHere, "a *submit.Error", err.Error()}}
		}
		if refusal.Message != c.Error.Message {
			return []difference{{refusedHere, c.Error.Message, refusal.Message}}
		}
		return nil
	case err != nil:
		return []difference{{refusedHere, "objects", err.Error()}}
	}
	want, complete, err := recordedRequests(c)
	if err != nil {
		return []difference{{"requests", "readable", err.Error()}}
	}
	got, err := builtRequests(built, c.IDs.PodUID, !atLeast(c.Spark, "3.4"))
	if err != nil {
		return []difference{{"objects", "encodable", err.Error()}}
	}
	if !complete {
		got = got[:min(len(got), len(want))]
	}

	return append(compareRequests(c, in, want, got), compareProperties(built)...)
}

// compareRequests normalizes both sides and returns where they differ. It
// modifies the bodies.
func compareRequests(c *goldenCase, in submit.Input, want, got []request) (differences []difference) {
	n := newNormalizer(c, in)
	n.recorded(want, got)
	for _, side := range [][]request{want, got} {
		if err := n.both(side); err != nil {
			return []difference{{"order", "the same everywhere", err.Error()}}
		}
	}
	if w, g := outline(want), outline(got); !slices.Equal(w, g) {
		differences = append(differences, difference{"objects", fmt.Sprintf("%q", w), fmt.Sprintf("%q", g)})
	}
	for i := range min(len(want), len(got)) {
		if want[i].kind() == got[i].kind() && want[i].name() == got[i].name() {
			differences = append(differences, compareBodies(c, in, want[i], got[i], i)...)
		}
	}
	return differences
}

// outline names the collection, object and kind of each request.
func outline(requests []request) (lines []string) {
	for _, r := range requests {
		lines = append(lines, fmt.Sprintf("%s/%s (%s)", r.collection, r.name(), r.kind()))
	}
	return lines
}

// compareBodies compares two requests for the same object; index is their place
// in the sequence.
func compareBodies(c *goldenCase, in submit.Input, want, got request, index int) []difference {
	var differences []difference
	place := want.kind()
	if place == "ConfigMap" || place == "Secret" {
		// Only the part of the name that says which one it is.
		name := strings.TrimPrefix(want.name(), c.IDs.ResourceNamePrefix+"-")
		place += "(" + uniqueID.ReplaceAllString(name, "*") + ")"
	}
	if place == "PodGroup" {
		place += fmt.Sprintf("(%d)", index)
	}
	wantData, ok := want.field("data").(map[string]any)
	gotData, _ := got.field("data").(map[string]any)
	if properties, isText := wantData["spark.properties"].(string); ok && isText {
		path := place + "/data/spark.properties"
		differences = propertiesLines(path, c, in, properties, text(gotData["spark.properties"]))
		delete(wantData, "spark.properties")
		delete(gotData, "spark.properties")
	}
	diff(place, want.body, got.body, &differences)
	return differences
}

// propertiesLines compares two texts of spark.properties line by line without
// regard to order: the client writes them in hash order.
func propertiesLines(path string, c *goldenCase, in submit.Input, want, got string) (differences []difference) {
	wantLines, gotLines := strings.Split(want, "\n"), strings.Split(got, "\n")
	if len(wantLines) < 3 || len(gotLines) < 3 || gotLines[len(gotLines)-1] != "" {
		return []difference{{path, abbreviate(want), abbreviate(got)}}
	}
	// The client reads its clock twice, the library once: the date comment is
	// that of the submit time, in the recorded notation.
	if _, err := time.Parse("#"+javaDate, wantLines[1]); err != nil {
		return []difference{{path, "a date", wantLines[1]}}
	}
	wantLines[1] = in.SubmitTime.Format("#" + javaDate)
	for i := range 2 {
		if wantLines[i] != gotLines[i] {
			differences = append(differences, difference{fmt.Sprintf("%s#%d", path, i+1), wantLines[i], gotLines[i]})
		}
	}
	byKey := func(lines []string) map[string]string {
		entries := map[string]string{}
		for _, line := range lines[2 : len(lines)-1] {
			key := line[:keyEnd(line)]
			if other, twice := entries[key]; twice {
				line = other + "\n" + line
			}
			entries[key] = line
		}
		return entries
	}
	wantEntries, gotEntries := byKey(wantLines), byKey(gotLines)
	keys := maps.Clone(wantEntries)
	maps.Copy(keys, gotEntries)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if wantEntries[key] != gotEntries[key] {
			differences = append(differences, difference{path + "/" + key, quoteLine(wantEntries, key), quoteLine(gotEntries, key)})
		}
	}
	return differences
}

func quoteLine(lines map[string]string, key string) string {
	if line, present := lines[key]; present {
		return abbreviate(fmt.Sprintf("%q", line))
	}
	return "nothing"
}

// compareProperties checks that the map given for inspection is what a driver
// reads from the text.
func compareProperties(built submit.Objects) []difference {
	if len(built.ConfigMaps) == 0 {
		return []difference{{"ConfigMaps", "at least one", "none"}}
	}
	read, err := sparkconf.ParseProperties(built.ConfigMaps[len(built.ConfigMaps)-1].Data["spark.properties"])
	if err != nil {
		return []difference{{"spark.properties", "readable", err.Error()}}
	}
	var differences []difference
	keys := maps.Clone(read)
	maps.Copy(keys, built.Properties)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		inText, inMap := quoteLine(read, key), quoteLine(built.Properties, key)
		if inText != inMap {
			differences = append(differences, difference{"Properties/" + key, inText, inMap})
		}
	}
	return differences
}

// keyEnd returns the offset of the first separator that is not escaped.
func keyEnd(line string) int {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '=', ':', ' ', '\t', '\f':
			return i
		}
	}
	return len(line)
}

// diff appends the differing places of two trees, one per place.
func diff(path string, want, got any, differences *[]difference) {
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok {
			keys := maps.Clone(w)
			maps.Copy(keys, g)
			for _, key := range slices.Sorted(maps.Keys(keys)) {
				wantValue, inWant := w[key]
				gotValue, inGot := g[key]
				if inWant != inGot {
					*differences = append(*differences, difference{path + "/" + key, present(wantValue, inWant), present(gotValue, inGot)})
					continue
				}
				diff(path+"/"+key, wantValue, gotValue, differences)
			}
			return
		}
	case []any:
		if g, ok := got.([]any); ok {
			diffLists(path, w, g, differences)
			return
		}
	}
	if !reflect.DeepEqual(want, got) {
		*differences = append(*differences, difference{path, present(want, true), present(got, true)})
	}
}

// diffLists compares lists by position, or by name where the names are unique
// and differ, so that one missing element does not make all later ones differ.
func diffLists(path string, want, got []any, differences *[]difference) {
	anyElement := func(any) bool { return true }
	wantNames, gotNames := namesIn(want, anyElement), namesIn(got, anyElement)
	named := !slices.Contains(wantNames, "") && !slices.Contains(gotNames, "")
	if slices.Equal(wantNames, gotNames) && len(want) == len(got) {
		for i := range want {
			element := fmt.Sprintf("%s[%d]", path, i)
			if named {
				element = fmt.Sprintf("%s[%s]", path, wantNames[i])
			}
			diff(element, want[i], got[i], differences)
		}
		return
	}
	if !named {
		*differences = append(*differences, difference{path, present(want, true), present(got, true)})
		return
	}
	*differences = append(*differences, difference{path, fmt.Sprintf("%q", wantNames), fmt.Sprintf("%q", gotNames)})
	for i, name := range wantNames {
		if j := slices.Index(gotNames, name); j >= 0 && slices.Index(wantNames, name) == i {
			diff(fmt.Sprintf("%s[%s]", path, name), want[i], got[j], differences)
		}
	}
}

func present(value any, exists bool) string {
	if !exists {
		return "nothing"
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return abbreviate(string(encoded))
}

// abbreviate keeps the lines of a report readable.
func abbreviate(s string) string {
	const longest = 300
	if len(s) > longest {
		return fmt.Sprintf("%s… (%d bytes)", s[:longest], len(s))
	}
	return s
}
