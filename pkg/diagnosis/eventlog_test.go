// SPDX-License-Identifier: Apache-2.0

package diagnosis

import (
	"strings"
	"testing"
)

// The stacks are those of Spark 4.3 and 3.5, shortened.
func TestEventLogFault(t *testing.T) {
	const frames = `
	at org.apache.hadoop.fs.RawLocalFileSystem.getFileLinkStatusInternal(RawLocalFileSystem.java:915)
	at org.apache.spark.deploy.history.EventLogFileWriter.requireLogBaseDirAsDirectory(EventLogFileWriters.scala:77)
	at org.apache.spark.deploy.history.RollingEventLogFilesWriter.start(EventLogFileWriters.scala:322)
	at org.apache.spark.scheduler.EventLoggingListener.start(EventLoggingListener.scala:83)
	at org.apache.spark.SparkContext.<init>(SparkContext.scala:639)
	... 20 more
`
	for name, test := range map[string]struct{ log, want string }{
		"JVM": {"26/11/22 10:00:00 INFO SparkContext: x\nException in thread \"main\" java.io.FileNotFoundException: File file:/spark-events does not exist" + frames +
			"26/11/22 10:00:01 INFO ShutdownHookManager: Shutdown hook called\n", "java.io.FileNotFoundException: File file:/spark-events does not exist"},
		"Python": {"py4j.protocol.Py4JJavaError: An error occurred while calling None.org.apache.spark.api.java.JavaSparkContext.\n: java.nio.file.AccessDeniedException: /spark-events/x" + frames,
			"java.nio.file.AccessDeniedException: /spark-events/x"},
		"cut off":      {frames, ""},
		"long":         {"java.io.IOException: " + strings.Repeat("x", 1000) + frames, "java.io.IOException: " + strings.Repeat("x", maxEventLogCause-len("java.io.IOException: ")-len("...")) + "..."},
		"during a run": {"ERROR AsyncEventQueue: Listener EventLoggingListener threw an exception\njava.io.IOException: No space left on device\n\tat org.apache.spark.scheduler.EventLoggingListener.logEvent(EventLoggingListener.scala:133)\n", ""},
		"another one":  {"java.lang.IllegalStateException: x\n\tat org.example.Main.main(Main.java:1)\n", ""},
		"empty":        {"", ""},
	} {
		if got := EventLogFault(test.log); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestLastLines(t *testing.T) {
	for _, test := range []struct {
		text string
		n    int
		want string
	}{
		{"a\nb\nc\n", 2, "b\nc\n"}, {"a\nb\nc", 2, "b\nc"}, {"a\n", 2, "a\n"}, {"a\nb", 2, "a\nb"}, {"", 1, ""}, {"\n\n", 1, "\n\n"}, {"a\nb\n", 0, ""},
	} {
		if got := LastLines(test.text, test.n); got != test.want {
			t.Errorf("LastLines(%q, %d) = %q, want %q", test.text, test.n, got, test.want)
		}
	}
}
