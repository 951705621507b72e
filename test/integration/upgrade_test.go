// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/test/sim/kubelet"
	"github.com/spark-operator/spark-operator/test/sim/operator"
)

// TestRollingUpgradeUnderLoad replaces both replicas as a Deployment does, a new one that
// is ready for each old one, while a hundred applications arrive: each is submitted once,
// and all complete.
func TestRollingUpgradeUnderLoad(t *testing.T) {
	t.Parallel()
	const applications = 100
	namespace := newNamespace(t, "rolling")
	node := kubelet.New(kubelet.Config{
		Namespace: namespace, LifeOf: kubelet.Always(kubelet.Life{Run: time.Second}), Workers: 4, LeaveGarbage: true,
	}, api.Core)
	if err := node.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(node.Wait)
	replica := func() *operator.Process {
		process, err := operator.StartReady(t.Context(), operator.Options{
			Binary: operatorBinary, Kubeconfig: api.Kubeconfig, Log: filepath.Join(t.TempDir(), "operator.log"),
			Flags: []string{"--namespaces", namespace, "--leader-election", "--leader-election-lock-namespace", namespace},
		})
		if err != nil {
			t.Error(err)
			return nil
		}
		t.Cleanup(process.Kill)
		return process
	}
	old := []*operator.Process{replica(), replica()}

	upgraded := make(chan struct{})
	for n := range applications {
		if n == applications/5 {
			go func() {
				defer close(upgraded)
				for _, process := range old {
					if replica() == nil || process == nil {
						return
					}
					if err := process.Stop(); err != nil {
						t.Error(err)
					}
				}
			}()
		}
		if _, err := api.Spark.SparkoperatorV1beta2().SparkApplications(namespace).Create(t.Context(), sparkPi(fmt.Sprintf("pi-%d", n)), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	<-upgraded
	waitForEnds(t, namespace, applications)
	if overlaps := node.Overlaps(); len(overlaps) > 0 {
		t.Errorf("drivers at once: %v", overlaps)
	}
	checkEnds(t, api, namespace, applications)
}
