// SPDX-License-Identifier: Apache-2.0

package podspec_test

import (
	"encoding/json"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
)

// Whatever the API server lets through, the edits do not fail on it, change
// nothing but the pod, and change nothing the second time.
func FuzzApply(f *testing.F) {
	for _, spec := range []string{
		`{}`,
		`{"driver":{"env":[{"name":"A","value":"$(B)"},{"name":"A"}],"volumeMounts":[{"name":"v","mountPath":"/v"}]},"volumes":[{"name":"v"}]}`,
		`{"driver":{"sidecars":[{"name":"s","image":"i"}],"hostAliases":[{"ip":"1.1.1.1","hostnames":["a"]}]},"sparkConfigMap":"c"}`,
		`{"driver":{"template":{"spec":{"containers":[{"name":"x"},{"name":"y"}]}},"memoryLimit":"2g","gpu":{"name":"g","quantity":1}}}`,
		`{"driver":{"securityContext":{"privileged":true},"ports":[{"name":"p","protocol":"TCP","containerPort":1}],"hostNetwork":true}}`,
	} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		app := &v1beta2.SparkApplication{}
		if json.Unmarshal([]byte(spec), &app.Spec) != nil {
			t.Skip("no spec")
		}
		apply(t, app, podspec.Driver)
	})
}

func FuzzConfigMapVolumeName(f *testing.F) {
	for _, name := range []string{"a", "a.b", "some-rather-long-name-of-a-config-map.that-has-dots-and-more-than-63"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if len(validation.IsDNS1123Subdomain(name)) > 0 {
			t.Skip("no name of a ConfigMap")
		}
		if got := podspec.ConfigMapVolumeName(name); len(validation.IsDNS1123Label(got)) > 0 {
			t.Errorf("%q becomes %q", name, got)
		}
	})
}
