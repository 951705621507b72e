// SPDX-License-Identifier: Apache-2.0

package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/diagnosis"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

const (
	// MaxReadBytes is what is read of it. The kubelet cuts off the end of what
	// exceeds the limit and not its beginning, so the limit is generous.
	MaxReadBytes = 1 << 20
	// logTimeout limits the read, so that it delays no other work.
	logTimeout = 3 * time.Second

	maxNoLogReason = 256
)

// readDriverLog reads the last words of a driver before its pod goes. It never
// fails: a node that is gone has no log, and the run has ended all the same.
func (r *Runner) readDriverLog(ctx context.Context, t *task) error {
	container := diagnosis.LoggingContainer(t.in.Driver)
	if container == "" || r.settings.LogTailLines <= 0 {
		return nil
	}
	pod := t.in.Driver
	text, err := r.readLogOf(ctx, pod, container)
	if err != nil {
		klog.FromContext(ctx).V(2).Info("Cannot read the driver's log", "pod", klog.KObj(pod), "container", container, "reason", err)
		t.out.LogTail = diagnosis.NoLog + reconcile.Truncate(reconcile.OneLine(err.Error()), maxNoLogReason)
		return nil
	}
	t.out.LogTail = diagnosis.CleanLog(text, r.settings.Hide)
	return nil
}

// readLogOf reads the last lines of a container's log. What arrived before an
// error is worth more than the error.
func (r *Runner) readLogOf(ctx context.Context, pod *podview.Pod, container string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	stream, err := r.kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container:  container,
		TailLines:  ptr.To(r.settings.LogTailLines),
		LimitBytes: ptr.To[int64](MaxReadBytes),
	}).Stream(ctx)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	text, err := io.ReadAll(io.LimitReader(stream, MaxReadBytes))
	switch {
	case len(text) > 0:
		return string(text), nil
	case err != nil:
		return "", fmt.Errorf("read: %w", err)
	}
	return "", errors.New("the log is empty")
}
