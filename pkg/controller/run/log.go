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
	"github.com/spark-operator/spark-operator/pkg/translate"
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
	pod, lines := t.in.Driver, r.settings.LogTailLines
	dir := translate.EventLogDir(t.in.App, r.settings.DefaultConf, r.settings.History)
	if dir != "" {
		lines = max(lines, diagnosis.EventLogLines)
	}
	text, err := r.readLogOf(ctx, pod, container, lines)
	if err != nil {
		klog.FromContext(ctx).V(2).Info("Cannot read the driver's log", "pod", klog.KObj(pod), "container", container, "reason", err)
		t.out.LogTail = diagnosis.NoLog + reconcile.Truncate(reconcile.OneLine(err.Error()), maxNoLogReason)
		return nil
	}
	if dir != "" {
		t.out.EventLogFault = r.eventLogFault(dir, text)
		text = diagnosis.LastLines(text, int(r.settings.LogTailLines))
	}
	t.out.LogTail = diagnosis.CleanLog(text, r.settings.Hide)
	return nil
}

// eventLogFault says that a driver could not begin its event log, and what to do; empty if it
// could.
func (r *Runner) eventLogFault(dir, log string) string {
	fault := diagnosis.EventLogFault(log)
	if fault == "" {
		return ""
	}
	return r.settings.Hide("Spark cannot write the event log to " + dir + ": " + fault +
		"; create the directory and let the driver write to it (spec.driver.podSecurityContext.fsGroup for a volume), or set spec.history.enabled to false")
}

// readLogOf reads the last lines of a container's log. What arrived before an
// error is worth more than the error.
func (r *Runner) readLogOf(ctx context.Context, pod *podview.Pod, container string, lines int64) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	stream, err := r.kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container:  container,
		TailLines:  &lines,
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
