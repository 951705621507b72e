// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	nodev1 "k8s.io/api/node/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/test/sim"
)

// refusal is what the API server has against an object.
type refusal struct {
	kind    string
	message string // a part of it
}

// refusals are the recorded calls of spark-submit of which an object is refused:
// the real client sends the same, which the recorder took as it came. What an
// operator can know of these before it sends anything is the matter of package
// validation.
var refusals = map[string][]refusal{
	// Files of the configuration directory whose names are no keys of a ConfigMap.
	"confdir-name-blank": {{"ConfigMap", "data[x+y.txt]: Invalid value"}},
	// spark.kubernetes.driver.limit.cores below spark.driver.cores.
	"cores-limit-below": {{"Pod", "must be less than or equal to cpu limit"}},
	// spark.kubernetes.container.image is set to nothing.
	"image-empty": {{"Pod", "spec.containers[0].image: Required value"}},
	// Values and names that no label may have. Placeholders are only replaced where
	// the version of Spark does.
	"label-placeholder-unknown": {{"Pod", `metadata.labels: Invalid value: "{{OTHER}}"`}, {"Service", `spec.selector: Invalid value: "{{OTHER}}"`}},
	"label-subst-literal":       {{"Pod", `metadata.labels: Invalid value: "${env:NSX}"`}, {"Service", `spec.selector: Invalid value: "${env:NSX}"`}},
	"label-trailing-dot":        {{"Pod", "metadata.labels: Invalid value"}, {"Service", "spec.selector: Invalid value"}},
	"svc-labels":                {{"Service", `metadata.labels: Invalid value: "{{APP_ID}}"`}},
	"vol-pvc-ondemand-labels":   {{"PersistentVolumeClaim", `metadata.labels: Invalid value: "{{APP_ID}}"`}},
	// An empty entry in spark.local.dir.
	"local-dir-conf-blanks": {{"Pod", "mountPath: Required value"}},
	// spark.connect.grpc.binding.port is 0.
	"port-connect-zero": {{"Pod", "containerPort: Required value"}, {"Service", "spec.ports[3].port: Invalid value: 0"}},
	// The reference ":key" names no Secret.
	"secret-keyref-leading": {{"Pod", `secretKeyRef.name: Invalid value: ""`}},
	// A Secret with dots in its name, of which Spark makes the name of a volume, and
	// an empty mount path.
	"secret-mounts": {{"Pod", "must not contain dots"}},
	// Without its first step a pod has neither name nor image.
	"steps-exclude-basic": {{"Pod", "metadata.name: Required value"}},
	// The template has a port of the name that Spark adds.
	"template-duplicate-ports": {{"Pod", `Duplicate value: "spark-ui"`}},
	// hostPath of type Nonsense.
	"vol-hostpath-type-bad": {{"Pod", `hostPath.type: Unsupported value: "Nonsense"`}},
}

// TestGoldenObjectsAreAdmitted shows every object that package submit builds of a
// recorded call of spark-submit to the API server, which decodes it strictly and
// validates it without keeping it.
func TestGoldenObjectsAreAdmitted(t *testing.T) {
	objects := goldenObjects(t)
	prepareAdmission(t, objects)
	config := rest.CopyConfig(api.Config)
	config.WarningHandler = rest.NoWarnings{} // admission is asked, not style
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}

	var workers sync.WaitGroup
	queue := make(chan *goldenObject)
	for range 8 {
		workers.Go(func() {
			for one := range queue {
				one.answer = dryRun(t.Context(), client, one.object)
			}
		})
	}
	start := time.Now()
	for _, one := range objects {
		queue <- one
	}
	close(queue)
	workers.Wait()
	t.Logf("%d different objects in %s", len(objects), time.Since(start).Round(time.Millisecond))

	found := map[string]map[refusal]bool{}
	for _, one := range objects {
		if one.answer == nil {
			continue
		}
		for _, call := range one.calls {
			expected := one.expected(call)
			if expected == nil {
				t.Errorf("%s, Spark %s: %s %s: %v", call.name, call.spark, one.object.GetKind(), one.object.GetName(), one.answer)
				continue
			}
			if found[call.name] == nil {
				found[call.name] = map[refusal]bool{}
			}
			found[call.name][*expected] = true
		}
	}
	for name, list := range refusals {
		for _, r := range list {
			if !found[name][r] {
				t.Errorf("%s: no %s is refused with %q", name, r.kind, r.message)
			}
		}
	}
}

// goldenObject is one object, the calls that it was built of, and the answer of
// the API server.
type goldenObject struct {
	object *unstructured.Unstructured
	calls  []goldenCall
	answer error
}

type goldenCall struct{ name, spark string }

// expected returns the refusal that explains the answer; nil if none does.
func (o *goldenObject) expected(call goldenCall) *refusal {
	for _, r := range refusals[call.name] {
		if r.kind == o.object.GetKind() && strings.Contains(o.answer.Error(), r.message) {
			return &r
		}
	}
	return nil
}

// goldenObjects has the unit test of package submit write its objects and
// returns each different one once.
func goldenObjects(t *testing.T) []*goldenObject {
	t.Helper()
	file := filepath.Join(t.TempDir(), "objects.jsonl")
	command := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-run=^TestObjectsOfGoldens$", "./pkg/submit", "-args", "-objects="+file)
	command.Dir = sim.Repository
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, output)
	}
	lines, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer lines.Close()
	var objects []*goldenObject
	byText := map[string]*goldenObject{}
	scanner := bufio.NewScanner(lines)
	scanner.Buffer(nil, 64<<20) // one object; ConfigMaps take up to 1 MiB
	for scanner.Scan() {
		var line struct {
			Case, Spark string
			Object      json.RawMessage
		}
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		one := byText[string(line.Object)]
		if one == nil {
			one = &goldenObject{object: &unstructured.Unstructured{}}
			if err := json.Unmarshal(line.Object, one.object); err != nil {
				t.Fatal(err)
			}
			byText[string(line.Object)] = one
			objects = append(objects, one)
		}
		one.calls = append(one.calls, goldenCall{line.Case, line.Spark})
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	if len(objects) == 0 {
		t.Fatalf("%s wrote no objects", command)
	}
	return objects
}

// dryRun creates an object without keeping it.
func dryRun(ctx context.Context, client dynamic.Interface, object *unstructured.Unstructured) error {
	resources := map[string]string{
		"Pod": "pods", "Service": "services", "ConfigMap": "configmaps", "Secret": "secrets",
		"PersistentVolumeClaim": "persistentvolumeclaims", "NetworkPolicy": "networkpolicies", "PodGroup": "podgroups",
	}
	version, err := schema.ParseGroupVersion(object.GetAPIVersion())
	if err != nil {
		return err
	}
	_, err = client.Resource(version.WithResource(resources[object.GetKind()])).Namespace(object.GetNamespace()).
		Create(ctx, object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
	return err
}

// podGroups is as much of Volcano's definition as spark-submit uses.
const podGroups = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: podgroups.scheduling.volcano.sh}
spec:
  group: scheduling.volcano.sh
  scope: Namespaced
  names: {kind: PodGroup, plural: podgroups, singular: podgroup}
  versions:
  - name: v1beta1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              minMember: {type: integer, format: int32}
              queue: {type: string}
              priorityClassName: {type: string}
              minResources: {type: object, additionalProperties: {x-kubernetes-int-or-string: true}}
`

// prepareAdmission creates what the objects need to be there: namespaces, the
// classes that pods name, and Volcano's API.
func prepareAdmission(t *testing.T, objects []*goldenObject) {
	t.Helper()
	ctx := t.Context()
	definition := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(podGroups), &definition.Object); err != nil {
		t.Fatal(err)
	}
	definitions := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	if _, err := api.Dynamic.Resource(definitions).Create(ctx, definition, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}

	done := map[string]bool{"namespace/default": true}
	once := func(kind, name string, create func() error) {
		if key := kind + "/" + name; name != "" && !done[key] {
			done[key] = true
			if err := create(); err != nil {
				t.Fatalf("%s: %v", key, err)
			}
		}
	}
	for _, one := range objects {
		namespace := one.object.GetNamespace()
		once("namespace", namespace, func() error { newNamespace(t, namespace); return nil })
		spec := func(field string) string {
			value, _, _ := unstructured.NestedString(one.object.Object, "spec", field)
			return value
		}
		account, _, _ := unstructured.NestedString(one.object.Object, "spec", "serviceAccountName")
		if account != "" && account != "default" {
			once("service account", namespace+"/"+account, func() error {
				return sim.CreateServiceAccount(ctx, api.Core, namespace, account)
			})
		}
		once("priority class", spec("priorityClassName"), func() error {
			class := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: spec("priorityClassName")}, Value: 1000}
			_, err := api.Core.SchedulingV1().PriorityClasses().Create(ctx, class, metav1.CreateOptions{})
			return err
		})
		once("runtime class", spec("runtimeClassName"), func() error {
			class := &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: spec("runtimeClassName")}, Handler: "runsc"}
			_, err := api.Core.NodeV1().RuntimeClasses().Create(ctx, class, metav1.CreateOptions{})
			return err
		})
	}
	// The server takes a moment to serve a new definition.
	served := schema.GroupVersionResource{Group: "scheduling.volcano.sh", Version: "v1beta1", Resource: "podgroups"}
	var last error
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		_, last = api.Dynamic.Resource(served).List(ctx, metav1.ListOptions{})
		return last == nil, nil
	})
	if err != nil {
		t.Fatal(fmt.Errorf("the API of pod groups: %w (%w)", err, last))
	}
}
