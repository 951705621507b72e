// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/pkg/submit"
)

// request is one object sent to the API server: the collection it goes to and
// the body.
type request struct {
	collection string
	body       map[string]any
}

func (r request) field(names ...string) any {
	var value any = r.body
	for _, name := range names {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[name]
	}
	return value
}

func (r request) kind() string { return text(r.field("kind")) }
func (r request) name() string { return text(r.field("metadata", "name")) }

// recordedRequests returns the objects that the real client sent, up to the
// first refusal by the API server. What follows a refusal is cleaning up and
// concerns the controller.
func recordedRequests(c *goldenCase) (requests []request, complete bool, err error) {
	for _, r := range c.Requests {
		collection, _, _ := strings.Cut(r.Path, "?")
		if r.Method != http.MethodPost {
			name := path.Base(collection)
			collection = path.Dir(collection)
			if recorded := (request{body: r.Body}); recorded.name() != name {
				return nil, false, fmt.Errorf("%s %s with an object named %q", r.Method, r.Path, recorded.name())
			}
		}
		requests = append(requests, request{collection: collection, body: r.Body})
		if r.Status >= http.StatusBadRequest {
			return requests, false, nil
		}
	}
	return requests, true, nil
}

// collections are the resource paths of the kinds that a submission creates.
var collections = map[string]string{
	"Pod":                   "/api/v1/namespaces/%s/pods",
	"Service":               "/api/v1/namespaces/%s/services",
	"ConfigMap":             "/api/v1/namespaces/%s/configmaps",
	"Secret":                "/api/v1/namespaces/%s/secrets",
	"PersistentVolumeClaim": "/api/v1/namespaces/%s/persistentvolumeclaims",
	"NetworkPolicy":         "/apis/networking.k8s.io/v1/namespaces/%s/networkpolicies",
	"PodGroup":              "/apis/scheduling.volcano.sh/v1beta1/namespaces/%s/podgroups",
}

// namelessPod is what the recording API server called a pod without a name.
const namelessPod = "x-abcde"

// builtRequests sends the objects as KubernetesClientApplication's Client does:
// pre-resources, pod, pre-resources again, then everything else, owned by the
// pod: in the order of the feature steps, or in that of kinds and names
// (HasMetadataComparator of the client library of Spark 3.3).
func builtRequests(objects submit.Objects, podUID string, sorted bool) ([]request, error) {
	var requests []request
	var firstError error
	send := func(apiVersion, kind string, object any) {
		body, err := toJSON(object)
		if err != nil && firstError == nil {
			firstError = err
			return
		}
		body["apiVersion"], body["kind"] = apiVersion, kind
		sent := request{body: body}
		sent.collection = fmt.Sprintf(collections[kind], text(sent.field("metadata", "namespace")))
		requests = append(requests, sent)
	}

	for _, object := range objects.Pre {
		send(object.GetAPIVersion(), object.GetKind(), object)
	}
	send("v1", "Pod", objects.Driver)
	created := objects.Driver.DeepCopy()
	created.UID = types.UID(podUID)
	created.Name = cmp.Or(created.Name, namelessPod)
	submit.Own(&objects, created)
	for _, object := range objects.Pre {
		send(object.GetAPIVersion(), object.GetKind(), object)
	}
	dependents := len(requests)
	secrets, configMaps := objects.Secrets, objects.ConfigMaps
	if len(secrets) > 0 && strings.HasSuffix(secrets[0].Name, "-kubernetes-credentials") {
		send("v1", "Secret", secrets[0])
		secrets = secrets[1:]
	}
	if objects.Service != nil {
		send("v1", "Service", objects.Service)
	}
	if objects.NetworkPolicy != nil {
		send("networking.k8s.io/v1", "NetworkPolicy", objects.NetworkPolicy)
	}
	for _, claim := range objects.Claims {
		send("v1", "PersistentVolumeClaim", claim)
	}
	for len(configMaps) > 0 &&
		(strings.HasSuffix(configMaps[0].Name, "-hadoop-config") || strings.HasSuffix(configMaps[0].Name, "-krb5-file")) {
		send("v1", "ConfigMap", configMaps[0])
		configMaps = configMaps[1:]
	}
	for _, secret := range secrets {
		send("v1", "Secret", secret)
	}
	for _, configMap := range configMaps {
		send("v1", "ConfigMap", configMap)
	}
	if sorted {
		kinds := []string{"Secret", "Service", "PersistentVolumeClaim", "ConfigMap"}
		slices.SortStableFunc(requests[dependents:], func(a, b request) int {
			return cmp.Or(
				cmp.Compare(slices.Index(kinds, a.kind()), slices.Index(kinds, b.kind())),
				cmp.Compare(a.name(), b.name()))
		})
	}
	return requests, firstError
}

// toJSON returns object as the generic tree that a recorded body is.
func toJSON(object any) (map[string]any, error) {
	encoded, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("%T: %w", object, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber()
	tree := map[string]any{}
	return tree, decoder.Decode(&tree)
}

// text returns value if it is a string, and "" otherwise.
func text(value any) string {
	s, _ := value.(string)
	return s
}
