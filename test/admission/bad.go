// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1alpha1"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

// Bad is a manifest that is refused: the collection has at least one for each refusal
// of package validation.
type Bad struct {
	// Name is unique among those of a kind; it is not that of the object.
	Name string
	// Object is the manifest, without a namespace.
	Object *unstructured.Unstructured
	// CRD is a key of Reasons: why the CRD does not refuse the manifest. It is empty if
	// the CRD does.
	CRD string
}

// Reasons say why the CRD does not refuse something that package validation refuses.
var Reasons = map[string]string{
	"tolerable":   "kubeflow/spark-operator runs it without its webhook, and so does the controller",
	"submission":  "only building the objects of the submission shows it: the rules are those of spark-submit",
	"combination": "it depends on several fields, which a rule would have to merge as the operator does",
	"values":      "properties are texts, and fields take precedence over them",
	"grammar":     "the rule checks the form only; the rest has no expression in CEL",
	"cost":        "the names are in a list or map without a limit for their length, so the API server refuses the cost of a rule",
	"template":    "the CRD has no schema for pod templates",
	"namespace":   "a rule of a CRD cannot read the namespace of the object",
	"zones":       "CEL has no list of time zones",
	"metadata":    "a rule of a CRD cannot read the labels of the object",
	"operator":    "a default property of the operator may set the image; the webhook returns a warning",
}

const base = `
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {name: bad}
spec:
  sparkVersion: 4.1.4
  image: example.org/spark:4.1.4
  mainClass: org.example.Main
  mainApplicationFile: local:///opt/app/app.jar
`

// Application returns an application that runs, changed by a merge patch.
func Application(patch map[string]any) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(base), &object.Object); err != nil {
		return nil, err
	}
	Merge(object.Object, patch)
	return object, nil
}

// Schedule returns a schedule of the same application, changed by a merge patch.
func Schedule(patch map[string]any) (*unstructured.Unstructured, error) {
	app, err := Application(nil)
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": app.GetAPIVersion(), "kind": "ScheduledSparkApplication", "metadata": app.Object["metadata"],
		"spec": map[string]any{"schedule": "@daily", "template": app.Object["spec"]},
	}}
	Merge(object.Object, patch)
	return object, nil
}

// Connect returns a Spark Connect server that starts, changed by a merge patch.
func Connect(patch map[string]any) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v1alpha1.SchemeGroupVersion.String(), "kind": "SparkConnect", "metadata": map[string]any{"name": "bad"},
		"spec": map[string]any{
			"sparkVersion": "4.1.4", "image": "example.org/spark:4.1.4", "server": map[string]any{}, "executor": map[string]any{},
		},
	}}
	Merge(object.Object, patch)
	return object, nil
}

// Merge applies a JSON merge patch.
func Merge(object, patch map[string]any) {
	for key, value := range patch {
		switch value := value.(type) {
		case nil:
			delete(object, key)
		case map[string]any:
			inner, ok := object[key].(map[string]any)
			if !ok {
				inner = map[string]any{}
				object[key] = inner
			}
			Merge(inner, value)
		default:
			object[key] = value
		}
	}
}

//go:embed testdata
var testdata embed.FS

// letters stands for a long text in testdata.
var letters = regexp.MustCompile(`<(\d+) letters>`)

// BadManifests returns the collection, in a fixed order: testdata, then one manifest for
// each entry of the denial list of sparkConf, then one for each limit of a size.
func BadManifests() ([]Bad, error) {
	var all []Bad
	for _, kind := range []struct {
		file  string
		build func(map[string]any) (*unstructured.Unstructured, error)
	}{{"applications", Application}, {"schedules", Schedule}, {"connects", Connect}} {
		text, err := testdata.ReadFile("testdata/" + kind.file + ".yaml")
		if err != nil {
			return nil, err
		}
		text = letters.ReplaceAllFunc(text, func(match []byte) []byte {
			n, _ := strconv.Atoi(string(letters.FindSubmatch(match)[1]))
			return []byte(strings.Repeat("a", n))
		})
		var cases map[string]struct {
			CRD string
			Set map[string]any
		}
		if err := yaml.UnmarshalStrict(text, &cases); err != nil {
			return nil, fmt.Errorf("%s: %w", kind.file, err)
		}
		for _, name := range slices.Sorted(maps.Keys(cases)) {
			object, err := kind.build(cases[name].Set)
			if err != nil {
				return nil, err
			}
			all = append(all, Bad{name, object, cases[name].CRD})
		}
	}
	for _, more := range []func() ([]Bad, error){denied, tooLarge} {
		bad, err := more()
		if err != nil {
			return nil, err
		}
		all = append(all, bad...)
	}
	return all, nil
}

// denied has an application and a server for each entry of the denial list.
func denied() (all []Bad, _ error) {
	for _, denial := range validation.Denials() {
		key := denial.Key
		if denial.Prefix {
			key += "x"
		}
		patch := map[string]any{"spec": map[string]any{"sparkConf": map[string]any{key: "x"}}}
		object, err := Application(patch)
		if err != nil {
			return nil, err
		}
		server, err := Connect(patch)
		if err != nil {
			return nil, err
		}
		bad := Bad{Name: "property " + key, Object: object}
		var app v1beta2.SparkApplication
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &app); err != nil {
			return nil, err
		}
		if faults, _ := validation.ValidateStoredSparkApplication(&app); len(faults) == 0 {
			bad.CRD = "tolerable"
		}
		all = append(all, bad, Bad{bad.Name, server, bad.CRD})
	}
	return all, nil
}

// limits are the sizes that package validation bounds, by the path of the list or map.
// Those with a JSON object as an entry are lists of it, the others are maps of texts,
// or lists of texts if the entry is "".
var limits = []struct {
	path  string
	most  int
	entry any
}{
	{"metadata.labels", 2000, nil},
	{"spec.sparkConf", 20000, nil},
	{"spec.hadoopConf", 20000, nil},
	{"spec.volumes", 2000, `{"name":"v","emptyDir":{}}`},
	{"spec.nodeSelector", 2000, nil},
	{"spec.imagePullSecrets", 1000, ""},
	{"spec.driverIngressOptions", 200, `{"servicePort":%d,"servicePortName":"a","ingressURLFormat":"a.example.com/%[1]d"}`},
	{"spec.restartPolicy.nonRetryableExitCodes", 255, `1`},
	{"spec.batchSchedulerOptions.resources", 1000, nil},
	{"spec.deps.jars", 10000, ""},
	{"spec.deps.files", 10000, ""},
	{"spec.deps.pyFiles", 10000, ""},
	{"spec.deps.packages", 10000, ""},
	{"spec.deps.excludePackages", 10000, ""},
	{"spec.deps.repositories", 10000, ""},
	{"spec.deps.archives", 10000, ""},
	{"spec.driver.serviceLabels", 2000, nil},
	{"spec.driver.serviceAnnotations", 2000, nil},
	{"spec.driver.ports", 5000, `{"name":"p%d","protocol":"TCP","containerPort":%[1]d}`},
	{"spec.executor.ports", 5000, `{"name":"p%d","protocol":"TCP","containerPort":%[1]d}`},
	{"spec.driver.configMaps", 2000, `{"name":"c%d","path":"/c%[1]d"}`},
	{"spec.executor.secrets", 2000, `{"name":"s%d","path":"/s%[1]d"}`},
	{"spec.driver.env", 10000, `{"name":"V%d","value":"x"}`},
	{"spec.executor.envVars", 10000, nil},
	{"spec.driver.envSecretKeyRefs", 10000, `map:{"name":"s","key":"k"}`},
	{"spec.executor.envFrom", 2000, `{"prefix":"p%d","secretRef":{"name":"s"}}`},
	{"spec.driver.labels", 2000, nil},
	{"spec.executor.annotations", 2000, nil},
	{"spec.driver.volumeMounts", 2000, `{"name":"v","mountPath":"/v%d"}`},
	{"spec.executor.tolerations", 1000, `{"key":"k%d"}`},
	{"spec.executor.nodeSelector", 2000, nil},
	{"spec.driver.hostAliases", 5000, `{"ip":"10.0.0.1","hostnames":["h%d"]}`},
	{"spec.executor.sidecars", 500, `{"name":"s%d","image":"i"}`},
	{"spec.driver.initContainers", 500, `{"name":"s%d","image":"i"}`},
	{"spec.executor.template.spec.volumes", 2000, `{"name":"v%d","emptyDir":{}}`},
	{"spec.executor.template.spec.containers", 500, `{"name":"c%d","image":"i"}`},
}

// tooLarge has a manifest with one entry more than each limit allows.
func tooLarge() ([]Bad, error) { return sized(1) }

// Largest returns a manifest for each limit of a size that has as many entries as the
// limit allows: nothing refuses it for its size.
func Largest() ([]Bad, error) { return sized(0) }

func sized(more int) (all []Bad, _ error) {
	for _, limit := range limits {
		values, texts := map[string]any{}, []any{}
		for i := 1; i <= limit.most+more; i++ {
			name := fmt.Sprintf("x%d", i)
			entry, structured := limit.entry.(string)
			switch {
			case limit.entry == nil:
				values[name] = strconv.Itoa(i)
				continue
			case structured && entry == "":
				texts = append(texts, name)
				continue
			}
			entry, isMap := strings.CutPrefix(entry, "map:")
			if strings.Contains(entry, "%d") {
				entry = fmt.Sprintf(entry, i)
			}
			var value any
			if err := json.Unmarshal([]byte(entry), &value); err != nil {
				return nil, fmt.Errorf("%s: %w", limit.path, err)
			}
			if isMap {
				values[name] = value
			} else {
				texts = append(texts, value)
			}
		}
		object, err := Application(nil)
		if err != nil {
			return nil, err
		}
		var content any = texts
		if len(texts) == 0 {
			content = values
		}
		if err := unstructured.SetNestedField(object.Object, content, strings.Split(limit.path, ".")...); err != nil {
			return nil, err
		}
		bad := Bad{Name: "size of " + limit.path, Object: object}
		switch {
		case strings.HasPrefix(limit.path, "metadata."):
			bad.CRD = "metadata"
		case strings.Contains(limit.path, ".template."):
			bad.CRD = "template"
		}
		all = append(all, bad)
	}
	return all, nil
}
