// SPDX-License-Identifier: Apache-2.0

// Package integration runs the API and the operator's binary against a real
// kube-apiserver with etcd. There is no node: drivers stay pending, nothing
// collects garbage.
package integration

import (
	"context"
	"flag"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/spark-operator/spark-operator/hack/localcluster/controlplane"
	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/test/sim"
)

// What all tests share; set by TestMain before any of them.
var (
	api            *sim.API
	operatorBinary string
)

var givenBinary = flag.String("operator", "", "path of the operator to test, instead of one that is built with the race detector")

func TestMain(m *testing.M) {
	flag.Parse()
	sim.Main(m, sim.Setup{
		Binary: *givenBinary,
		// So that the tests of the whole program find races, too.
		BuildFlags:   []string{"-race"},
		ControlPlane: controlPlane(),
		Ready: func(ctx context.Context, started *sim.API, binary string) error {
			api, operatorBinary = started, binary
			// No controller creates that of the namespace that exists from the start.
			return sim.CreateServiceAccount(ctx, api.Core, "default", "default")
		},
	})
}

func controlPlane() controlplane.Options {
	options := sim.ControlPlane()
	// Both families, so that Services may ask for either.
	options.APIServerFlags["service-cluster-ip-range"] = "198.19.0.0/16,fd00:c613::/112"
	return options
}

// newNamespace creates a namespace for one test.
func newNamespace(t *testing.T, name string) string {
	t.Helper()
	if err := sim.CreateNamespace(t.Context(), api.Core, name); err != nil {
		t.Fatal(err)
	}
	return name
}

// waitFor polls an application until done says so.
func waitFor(t *testing.T, namespace, name, what string, done func(*v1beta2.SparkApplication) bool) *v1beta2.SparkApplication {
	t.Helper()
	var app *v1beta2.SparkApplication
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		var err error
		app, err = api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Get(ctx, name, metav1.GetOptions{})
		return err == nil && done(app), err
	})
	if err != nil {
		t.Fatalf("%s never became %s: %v; status %+v", name, what, err, app.Status)
	}
	return app
}
