// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// compare returns where this project and the recording differ.
func compare(t *testing.T, c *operatorCase, schema *crdSchema) []difference {
	t.Helper()
	o, err := process(c, schema)
	if err != nil {
		t.Fatal(err)
	}
	recordedStage, cause := c.refusal()
	if recordedStage != o.refused {
		return []difference{{"refused at", quoteStage(recordedStage, cause), quoteStage(o.refused, o.message)}}
	}
	var differences []difference
	if o.refused != admitted && !strings.Contains(o.message, cause) {
		differences = append(differences, difference{"refusal", cause, o.message})
	}
	if o.refused == atAdmission {
		return differences
	}
	if c.setup().webhook && o.defaulted != nil {
		differences = append(differences, compareDefaults(t, c, o)...)
	}
	if o.refused == admitted {
		differences = append(differences, compareProperties(c, o)...)
		differences = append(differences, compareObjects(c, o)...)
		differences = append(differences, compareStatus(c, o)...)
	}
	if c.ExecutorMutation != nil && o.run != nil {
		differences = append(differences, compareExecutor(t, c, o)...)
	}
	return differences
}

func quoteStage(s stage, message string) string {
	if s == admitted {
		return "nowhere"
	}
	return fmt.Sprintf("%s: %s", s, message)
}

// refusal says where the recorded application was refused, and the cause without
// what surrounds it: the webhook's name, the stages that an error went through,
// and spark-submit's log.
func (c *operatorCase) refusal() (stage, string) {
	if c.Admission != "accepted" {
		if _, cause, found := strings.Cut(c.Admission, "denied the request: "); found {
			return atAdmission, cause
		}
		_, cause, _ := strings.Cut(c.Admission, " is invalid: ")
		return atAdmission, strings.Trim(cause, "[]")
	}
	message := c.errorMessage()
	if message == "" {
		return admitted, ""
	}
	if _, quoted, found := strings.Cut(message, "Message: "); found {
		quoted, _, _ = strings.Cut(quoted, ". Received status: ")
		return atSubmission, quoted
	}
	for _, start := range []string{`Exception in thread "main" `, "Error: "} {
		if _, line, found := strings.Cut(message, start); found {
			line, _, _ = strings.Cut(line, "\n")
			line = strings.TrimPrefix(line, "org.apache.spark.SparkException: ")
			return atSubmission, strings.TrimPrefix(line, "java.lang.IllegalArgumentException: ")
		}
	}
	for _, start := range []string{
		"failed to submit spark application: ", "failed to run spark-submit: ", "failed to build spark-submit arguments: ",
		"failed during batch scheduler setup or check: ",
	} {
		message = strings.TrimPrefix(message, start)
	}
	return atSubmission, strings.TrimSuffix(message, ": <nil>")
}

// compareDefaults compares the specification after defaulting. The recorded one
// is read into our types first: the established webhook also stores empty objects
// and nulls.
func compareDefaults(t *testing.T, c *operatorCase, o *outcome) (differences []difference) {
	t.Helper()
	text, err := json.Marshal(c.Defaulted)
	if err != nil {
		t.Fatal(err)
	}
	recorded := v1beta2.SparkApplicationSpec{}
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	want, err := tree(&recorded)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tree(&o.defaulted.Spec)
	if err != nil {
		t.Fatal(err)
	}
	diff("defaulted", want, got, &differences)
	return differences
}

// compareProperties compares spark.properties as the driver reads it.
func compareProperties(c *operatorCase, o *outcome) (differences []difference) {
	want, got := map[string]any{}, map[string]any{}
	for key, value := range c.SparkProperties {
		want[key] = value
	}
	replacer := placeholders()
	for key, value := range o.run.Properties {
		got[key] = replacer.Replace(value)
	}
	for _, properties := range []map[string]any{want, got} {
		delete(properties, sparkconf.AppSubmitTime)
		delete(properties, sparkconf.DriverPodTemplateFile) // a file of the submitter
	}
	if c.lifecycle() && len(c.SparkProperties) == 0 {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(union(want, got))) {
		if wantValue, gotValue := want[key], got[key]; wantValue != gotValue {
			differences = append(differences, difference{"properties/" + key, show(wantValue), show(gotValue)})
		}
	}
	return differences
}

func union(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// compareObjects compares the objects of the run, told apart by kind and name.
func compareObjects(c *operatorCase, o *outcome) (differences []difference) {
	want, got := map[string]any{}, map[string]any{}
	index := func(objects []map[string]any, into map[string]any) {
		for _, object := range objects {
			object = runtime.DeepCopyJSON(object)
			normalize(object)
			place := fmt.Sprintf("%s(%s)", object["kind"], shortName(c, nameOf(object)))
			into[place] = object
		}
	}
	index(c.Objects, want)
	index(o.objects, got)
	for _, place := range slices.Sorted(maps.Keys(union(want, got))) {
		wantObject, recorded := want[place].(map[string]any)
		gotObject, built := got[place].(map[string]any)
		switch {
		case recorded && built:
			comparePropertiesFiles(place, wantObject, gotObject, &differences)
			diff(place, wantObject, gotObject, &differences)
		case recorded:
			differences = append(differences, difference{place, "an object", "nothing"})
		case !c.lifecycle(): // there, objects may have been deleted
			differences = append(differences, difference{place, "nothing", "an object"})
		}
	}
	return differences
}

// shortName leaves out the name of the application, so that one pattern in
// docs/deviations.md fits the same object of several cases.
func shortName(c *operatorCase, name string) string {
	var manifest struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	if json.Unmarshal(c.Manifest, &manifest) != nil {
		return name
	}
	short := strings.Replace(name, manifest.Metadata.Name, "", 1)
	return strings.TrimPrefix(strings.TrimPrefix(short, "-"), "<prefix-id>-")
}

// comparePropertiesFiles takes out of two ConfigMaps the files that are compared
// by their meaning: spark.properties and the executor template elsewhere, the
// files of the metrics exporter here.
func comparePropertiesFiles(place string, want, got map[string]any, differences *[]difference) {
	wantData, _ := want["data"].(map[string]any)
	gotData, _ := got["data"].(map[string]any)
	if wantData == nil || gotData == nil {
		return
	}
	for _, key := range []string{"spark.properties", "podspec-configmap-key"} {
		if wantData[key] != nil && gotData[key] != nil {
			delete(wantData, key)
			delete(gotData, key)
		}
	}
	compareMetricsFiles(place, wantData, gotData, differences)
}

// compareStatus compares what the status says of a fresh run.
func compareStatus(c *operatorCase, o *outcome) (differences []difference) {
	if o.status == nil {
		return nil
	}
	for _, key := range []string{"submissionID", "sparkApplicationId", "driverInfo"} {
		want, got := c.Status[key], o.status[key]
		if want == nil && c.lifecycle() {
			continue // reset since
		}
		diff("status."+key, want, got, &differences)
	}
	return differences
}

// compareExecutor compares the first executor as it is admitted: by the
// established webhook, or with our template and no webhook.
func compareExecutor(t *testing.T, c *operatorCase, o *outcome) (differences []difference) {
	t.Helper()
	pod, err := o.executor(c.ExecutorMutation.Input, c.ExecutorMutation.Result)
	if err != nil {
		t.Fatal(err)
	}
	if message := refusePod(pod, nil); message != "" || c.ExecutorMutation.Error != "" {
		if !strings.Contains(message, c.ExecutorMutation.Error) || c.ExecutorMutation.Error == "" {
			differences = append(differences, difference{"executor refused", show(c.ExecutorMutation.Error), show(message)})
		}
		return differences
	}
	got, err := tree(pod)
	if err != nil {
		t.Fatal(err)
	}
	want := c.ExecutorMutation.Result
	got["kind"] = "Pod"
	normalize(want)
	normalize(got)
	diff("executor", want, got, &differences)
	return differences
}
