// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// TestSubmissionLatency prints how long it takes from the creation of an
// application to its driver pod, one application at a time. It measures and does
// not judge: the machine may be busy.
func TestSubmissionLatency(t *testing.T) {
	const applications = 20
	var took []time.Duration
	for i := range applications {
		app := sparkPi(fmt.Sprintf("latency-%d", i), "1")
		app.Spec.Image = ptr.To("localhost/there-is-no-such-image:1")
		watcher, err := cluster.core.CoreV1().Pods(app.Namespace).Watch(t.Context(), metav1.ListOptions{
			LabelSelector: v1beta2.LabelSparkAppName + "=" + app.Name,
		})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		create(t, app)
		if !added(watcher, time.After(time.Minute)) {
			t.Fatalf("no driver pod for %s within a minute", app.Name)
		}
		took = append(took, time.Since(start))
		watcher.Stop()
		time.Sleep(200 * time.Millisecond) // one at a time, on an idle operator
	}
	slices.Sort(took)
	fmt.Printf("create -> driver pod over %d applications: min %s, median %s, max %s\n", applications,
		took[0].Round(time.Millisecond), took[applications/2].Round(time.Millisecond), took[applications-1].Round(time.Millisecond))
}

func added(watcher watch.Interface, timeout <-chan time.Time) bool {
	for {
		select {
		case event, open := <-watcher.ResultChan():
			if !open {
				return false
			}
			if event.Type == watch.Added {
				return true
			}
		case <-timeout:
			return false
		}
	}
}
