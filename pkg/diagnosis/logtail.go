// SPDX-License-Identifier: Apache-2.0

package diagnosis

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spark-operator/spark-operator/pkg/podview"
)

// LoggingContainer is the container of a driver whose log shows the failure: the
// Spark container if it ran, else an init container that failed; empty for none.
func LoggingContainer(pod *podview.Pod) string {
	if pod == nil {
		return ""
	}
	return loggingContainer(pod, driverContainer(pod))
}

// loggingContainer is LoggingContainer for a pod with that Spark container.
func loggingContainer(pod *podview.Pod, spark *podview.ContainerStatus) string {
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

// CleanLog makes the last lines of a log fit for the status: readable, without
// secrets, and short. Secrets go before the last cut, which could part a value from
// the name that gives it away; what is far before it need not be looked at.
func CleanLog(text string, redact func(string) string) string {
	text = LastBytes(text, maxSearchedBytes)
	text = terminalSequence.ReplaceAllString(text, "")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	text = redact(text)
	return LastBytes(strings.Trim(text, "\n"), maxTailBytes)
}

// terminalSequence is what programs write to colour a terminal.
var terminalSequence = regexp.MustCompile("\x1b\\[[0-9;?]*[ -/]*[@-~]")

// LastBytes returns the last whole lines of a text that fit into limit bytes, or
// the end of its last line if not even that fits.
func LastBytes(text string, limit int) string {
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

const (
	// maxTailBytes is what is kept of a log in the status.
	maxTailBytes = 4 << 10
	// maxSearchedBytes is how much of its end is searched for secrets.
	maxSearchedBytes = 64 << 10
	// NoLog begins the text that stands for a log that cannot be read.
	NoLog = "log not available: "
)
