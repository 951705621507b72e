// SPDX-License-Identifier: Apache-2.0

// Package clients runs the released code of programs that create SparkApplications or
// decide by their status, against the operator's binary and a real kube-apiserver with
// etcd. There is no node: test/sim plays the kubelet. hack/clients.sh fetches the
// clients, in the versions that the *.txt of this folder hold.
package clients

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/spark-operator/spark-operator/test/sim"
)

// world is what the tests of this package share.
type world struct {
	*sim.API
	operatorBinary string
	// clients is the folder that hack/clients.sh prints.
	clients      string
	airflow, sdk *program
}

var (
	// shared starts what the tests share, when the first one needs it.
	shared = sync.OnceValues(start)
	// ends undoes it, last first.
	ends []func()
)

func TestMain(m *testing.M) {
	code := m.Run()
	for _, end := range slices.Backward(ends) {
		end()
	}
	os.Exit(code)
}

func setUp(t *testing.T) *world {
	t.Helper()
	w, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func start() (*world, error) {
	w := &world{clients: os.Getenv("CLIENTS")}
	if w.clients == "" {
		return nil, errors.New("CLIENTS is not set: run these tests through `make test-clients`")
	}
	folder, err := os.MkdirTemp("", "spark-operator-clients-")
	if err != nil {
		return nil, err
	}
	ends = append(ends, func() { _ = os.RemoveAll(folder) })

	// A cold build of the servers takes minutes, a start seconds.
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	if w.API, err = sim.StartAPI(ctx, sim.ControlPlane()); err != nil {
		return nil, err
	}
	ends = append(ends, func() { _ = w.Stop() })
	// The programs take long to start; meanwhile the operator is built.
	if w.airflow, err = w.run("airflow", "airflow_tasks.py", folder); err != nil {
		return nil, err
	}
	if w.sdk, err = w.run("kubeflow", "kubeflow_jobs.py", folder); err != nil {
		return nil, err
	}
	w.operatorBinary, err = sim.BuildOperator(folder)
	return w, err
}
