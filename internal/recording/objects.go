// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/spark-operator/spark-operator/pkg/submit"
)

// Placeholders are those of what a submission derives from its id.
func Placeholders(submissionID, master string) []string {
	ids := submit.NewIDs(submissionID)
	return []string{
		submissionID, "<submission-id>",
		ids.App, "spark-<app-id>",
		ids.Resource, "<prefix-id>",
		ids.Service, "<prefix-id>",
		ids.ConfigMap, "<conf-map-id>",
		ids.LocalDir, "<uuid>",
		master, "<apiserver>",
		// In a file of properties, within JSON.
		strings.ReplaceAll(master, ":", `\\:`), "<apiserver>",
	}
}

// CompareObjects compares stored objects, with placeholders in them, with the
// recorded ones, by kind and name.
func (c *Case) CompareObjects(objects []map[string]any) []Difference {
	return c.compareObjects(c.index(c.Objects), c.index(c.asSparkMakesThem(objects)))
}

// CompareBuilt compares objects that an API server has not seen yet with recorded
// ones, of which there may be more. What the server would add is filled in.
func (c *Case) CompareBuilt(objects []map[string]any) []Difference {
	for i, object := range objects {
		objects[i] = runtime.DeepCopyJSON(object)
		complete(objects[i])
	}
	got := c.index(c.asSparkMakesThem(objects))
	want := c.index(c.Objects)
	maps.DeleteFunc(want, func(place string, _ map[string]any) bool { return got[place] == nil })
	for _, object := range want {
		if spec, ok := object["spec"].(map[string]any); ok && object["kind"] == "Pod" {
			delete(spec, "priority") // by an admission plugin
			delete(spec, "preemptionPolicy")
		}
	}
	return c.compareObjects(want, got)
}

// Existed reports whether an object was there before the application, under the
// name of this one.
func (c *Case) Existed(object map[string]any) bool {
	return slices.ContainsFunc(c.Existing, func(existing map[string]any) bool {
		return existing["kind"] == object["kind"] && NameOf(existing) == NameOf(object)
	})
}

func (c *Case) compareObjects(want, got map[string]map[string]any) (differences []Difference) {
	all := maps.Clone(want)
	maps.Copy(all, got)
	for _, place := range slices.Sorted(maps.Keys(all)) {
		wantObject, gotObject := want[place], got[place]
		switch {
		case wantObject == nil:
			differences = append(differences, Difference{place, "nothing", show(withoutIdentity(gotObject))})
		case gotObject != nil:
			compareFiles(place, wantObject, gotObject, &differences)
			diff(place, wantObject, gotObject, &differences)
		default:
			differences = append(differences, Difference{place, "an object", "nothing"})
		}
	}
	return differences
}

func (c *Case) index(objects []map[string]any) map[string]map[string]any {
	byPlace := map[string]map[string]any{}
	for _, object := range objects {
		object = runtime.DeepCopyJSON(object)
		normalize(object)
		byPlace[c.place(object)] = object
	}
	return byPlace
}

// withoutIdentity is what is left to be said of an object after its kind and name.
func withoutIdentity(object map[string]any) map[string]any {
	rest := maps.Clone(object)
	for _, key := range []string{"kind", "metadata"} {
		delete(rest, key)
	}
	metadata, _ := object["metadata"].(map[string]any)
	for key, value := range metadata {
		if values, isMap := value.(map[string]any); key != "name" && key != "namespace" && (!isMap || len(values) > 0) {
			rest[key] = value
		}
	}
	return rest
}

// place names an object without the name of the application, so that one pattern
// in docs/deviations.md fits the same object of several cases.
func (c *Case) place(object map[string]any) string {
	short := strings.Replace(NameOf(object), c.Name(), "", 1)
	short = strings.TrimPrefix(strings.TrimPrefix(short, "-"), "<prefix-id>-")
	return fmt.Sprintf("%s(%s)", object["kind"], short)
}

// sparkName is the name of an application in names of Spark's own objects
// (KubernetesConf.getResourceNamePrefix).
func sparkName(name string) string {
	name = strings.ReplaceAll(name, ".", "-")
	if name[0] >= '0' && name[0] <= '9' {
		name = "x" + name[1:]
	}
	return name
}

// asSparkMakesThem gives the executors' template back the ConfigMap of its own that
// Spark makes.
func (c *Case) asSparkMakesThem(objects []map[string]any) []map[string]any {
	separated := make([]map[string]any, 0, len(objects)+1)
	var own, merged map[string]any
	for _, object := range objects {
		data, _ := object["data"].(map[string]any)
		if object["kind"] != "ConfigMap" || data[executorTemplate] == nil || data["spark.properties"] == nil {
			separated = append(separated, object)
			continue
		}
		merged, own = runtime.DeepCopyJSON(object), runtime.DeepCopyJSON(object)
		delete(child(merged, "data"), executorTemplate)
		own["data"] = map[string]any{executorTemplate: data[executorTemplate]}
		child(own, "metadata")["name"] = sparkName(c.Name()) + "-<prefix-id>-driver-podspec-conf-map"
		separated = append(separated, merged, own)
	}
	for i, object := range separated {
		if own == nil || object["kind"] != "Pod" {
			continue
		}
		pod := runtime.DeepCopyJSON(object)
		separated[i] = pod
		for _, volume := range elements(child(pod, "spec"), "volumes", nil) {
			source, _ := volume["configMap"].(map[string]any)
			if volume["name"] == "pod-template-volume" && source["name"] == NameOf(merged) {
				source["name"] = NameOf(own)
			}
		}
	}
	return separated
}
