// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

const (
	// maxTailBytes is what is kept of a log in the status.
	maxTailBytes = 4 << 10
	// maxReadBytes is what is read of it. The kubelet cuts off the end of what
	// exceeds the limit and not its beginning, so the limit is generous.
	maxReadBytes = 1 << 20
	// maxSearchedBytes is how much of its end is searched for secrets.
	maxSearchedBytes = 64 << 10
	// logTimeout limits the read, so that it delays no other work.
	logTimeout = 3 * time.Second

	noLog          = "log not available: "
	maxNoLogReason = 256
)

// readDriverLog reads the last words of a driver before its pod goes. It never
// fails: a node that is gone has no log, and the run has ended all the same.
func (c *Controller) readDriverLog(ctx context.Context, t *task) error {
	container := loggingContainer(t.in.driver)
	if container == "" || c.settings.LogTailLines <= 0 {
		return nil
	}
	pod := t.in.driver
	text, err := c.readLogOf(ctx, pod, container)
	if err != nil {
		klog.FromContext(ctx).V(2).Info("Cannot read the driver's log", "pod", klog.KObj(pod), "container", container, "reason", err)
		t.out.logTail = noLog + reconcile.Truncate(reconcile.OneLine(err.Error()), maxNoLogReason)
		return nil
	}
	t.out.logTail = cleanLog(text, c.settings.redact)
	return nil
}

// loggingContainer is the container of a driver whose log shows the failure: the
// Spark container if it ran, else an init container that failed; empty for none.
func loggingContainer(pod *podview.Pod) string {
	if pod == nil {
		return ""
	}
	spark := driverContainer(pod)
	if spark != nil && (spark.State.Running != nil || spark.State.Terminated != nil && spark.State.Terminated.Reason != "StartError" && spark.State.Terminated.Reason != "ContainerCannotRun") {
		return spark.Name
	}
	for i := range pod.Status.InitContainerStatuses {
		init := &pod.Status.InitContainerStatuses[i]
		if end := init.State.Terminated; end != nil && end.ExitCode != 0 && !init.Sidecar {
			return init.Name
		}
	}
	return ""
}

// readLogOf reads the last lines of a container's log. What arrived before an
// error is worth more than the error.
func (c *Controller) readLogOf(ctx context.Context, pod *podview.Pod, container string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	stream, err := c.kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container:  container,
		TailLines:  ptr.To(c.settings.LogTailLines),
		LimitBytes: ptr.To[int64](maxReadBytes),
	}).Stream(ctx)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	text, err := io.ReadAll(io.LimitReader(stream, maxReadBytes))
	switch {
	case len(text) > 0:
		return string(text), nil
	case err != nil:
		return "", fmt.Errorf("read: %w", err)
	}
	return "", errors.New("the log is empty")
}

// cleanLog makes the last lines of a log fit for the status: readable, without
// secrets, and short. Secrets go before the last cut, which could part a value from
// the name that gives it away; what is far before it need not be looked at.
func cleanLog(text string, redact func(string) string) string {
	text = lastBytes(text, maxSearchedBytes)
	text = terminalSequence.ReplaceAllString(text, "")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = redact(text)
	return lastBytes(strings.Trim(text, "\n"), maxTailBytes)
}

// terminalSequence is what programs write to colour a terminal.
var terminalSequence = regexp.MustCompile("\x1b\\[[0-9;?]*[ -/]*[@-~]")

// lastBytes returns the last whole lines of a text that fit into limit bytes, or
// the end of its last line if not even that fits.
func lastBytes(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	cut := len(text) - limit
	if text[cut-1] == '\n' {
		return text[cut:]
	}
	if _, lines, found := strings.Cut(text[cut:], "\n"); found {
		return lines
	}
	const ellipsis = "..."
	for cut += len(ellipsis); cut < len(text) && !utf8.RuneStart(text[cut]); cut++ {
	}
	return ellipsis + text[cut:]
}

// recordLogTail keeps the last words in the record of the attempt that ended.
func recordLogTail(out *outcome, status *v1beta2.SparkApplicationStatus) {
	if attempt := currentAttempt(status); attempt != nil && out.logTail != "" {
		attempt.LogTail = out.logTail
	}
}

// logEvent sends the end of the log tail as an event.
func (t *transition) logEvent(out *outcome) {
	if out.logTail == "" || strings.HasPrefix(out.logTail, noLog) {
		return
	}
	title := fmt.Sprintf("Last lines of driver %s:\n", t.new.DriverInfo.PodName)
	t.warning("SparkDriverLogTail", actionObserve, t.driver(), "%s%s", title, lastBytes(out.logTail, reconcile.MaxNote-len(title)))
}
