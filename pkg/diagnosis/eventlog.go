// SPDX-License-Identifier: Apache-2.0

package diagnosis

import (
	"strings"

	"github.com/spark-operator/spark-operator/pkg/reconcile"
)

// EventLogLines is how many of the last lines of a log contain the exception with which
// Spark ends if it cannot begin an event log, with its stack and what follows it.
const EventLogLines = 100

// maxEventLogCause bounds what is repeated of the exception, in bytes.
const maxEventLogCause = 300

// EventLogFault returns the exception in the log of a driver with which Spark ended because
// it could not begin its event log; empty if there is none. Later failures to write are not
// meant: with these, Spark goes on.
func EventLogFault(log string) string {
	fault := ""
	for line := range strings.Lines(log) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "... "):
		case !strings.HasPrefix(line, "at "):
			fault = line
		case strings.HasPrefix(line, "at org.apache.spark.scheduler.EventLoggingListener.start("):
			fault = strings.TrimPrefix(fault, "Exception in thread \"main\" ")
			return reconcile.Truncate(reconcile.OneLine(strings.TrimPrefix(fault, ": ")), maxEventLogCause) // py4j begins with a colon
		}
	}
	return ""
}

// LastLines returns the last lines of a text, at most n.
func LastLines(text string, n int) string {
	at := len(strings.TrimRight(text, "\n"))
	for range n {
		if at = strings.LastIndexByte(text[:at], '\n'); at < 0 {
			return text
		}
	}
	return text[at+1:]
}
