// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// leaseLost is what the operator logs last when an API server was too slow to renew its
// Lease. A loaded machine does that; nothing else may end the process.
const leaseLost = "lost the Lease"

// restarts say how often a container of the operator restarted and how it ended last.
type restarts struct {
	count int32
	last  string // with the end of its log
}

func (r restarts) String() string {
	return fmt.Sprintf("restarted %d times; ended last with %s", r.count, r.last)
}

// operatorRestarts are those of all containers of the operators that TestMain installed.
func operatorRestarts(t *testing.T) map[string]restarts {
	t.Helper()
	all, err := findRestarts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func findRestarts(ctx context.Context) (map[string]restarts, error) {
	found := map[string]restarts{}
	for _, namespace := range []string{operatorNamespace, webhookNamespace} {
		pods, err := cluster.core.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/component in (controller, webhook)"})
		if err != nil {
			return nil, err
		}
		if len(pods.Items) == 0 {
			return nil, fmt.Errorf("no operator runs in namespace %s", namespace)
		}
		for i := range pods.Items {
			pod := &pods.Items[i]
			if pod.Status.Phase != corev1.PodRunning {
				return nil, fmt.Errorf("operator pod %s/%s is %s", namespace, pod.Name, pod.Status.Phase)
			}
			for _, status := range pod.Status.ContainerStatuses {
				found[namespace+"/"+pod.Name+"/"+status.Name] = restarts{status.RestartCount, fmt.Sprintf("%+v", status.LastTerminationState.Terminated)}
			}
		}
	}
	return found, nil
}

// checkRestarts prints the restarts of the operators during all tests. It fails for each
// that has another cause than a lost Lease.
func checkRestarts(ctx context.Context) error {
	all, err := findRestarts(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for container, of := range all {
		switch {
		case of.count == 0:
		case strings.Contains(of.last, leaseLost):
			fmt.Fprintf(os.Stderr, "e2e: %s: %s\n", container, of)
		default:
			failures = append(failures, fmt.Errorf("%s: %s", container, of))
		}
	}
	return errors.Join(failures...)
}
