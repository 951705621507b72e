// SPDX-License-Identifier: Apache-2.0

package diagnosis

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/redact"
)

func TestLoggingContainer(t *testing.T) {
	ended := func(name string, code int32, reason string) corev1.ContainerStatus {
		return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason}}}
	}
	for name, test := range map[string]struct {
		init, main []corev1.ContainerStatus
		want       string
	}{
		"nothing ran":           {main: []corev1.ContainerStatus{{Name: v1beta2.DriverContainerName}}},
		"driver failed":         {init: []corev1.ContainerStatus{ended("fetch", 0, "")}, main: []corev1.ContainerStatus{ended(v1beta2.DriverContainerName, 1, "Error")}, want: v1beta2.DriverContainerName},
		"init container failed": {init: []corev1.ContainerStatus{ended("fetch", 2, "Error")}, main: []corev1.ContainerStatus{{Name: v1beta2.DriverContainerName}}, want: "fetch"},
		"driver never started":  {main: []corev1.ContainerStatus{ended(v1beta2.DriverContainerName, 128, "StartError")}},
	} {
		pod := &corev1.Pod{Status: corev1.PodStatus{InitContainerStatuses: test.init, ContainerStatuses: test.main}}
		if got := LoggingContainer(podview.Of(pod)); got != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if LoggingContainer(nil) != "" {
		t.Error("a pod that is gone has a log")
	}
}

func TestCleanLog(t *testing.T) {
	if got := CleanLog("\n\x1b[31mred\x1b[0m\ttab\r\nbell\a \xff\n\n", redact.Secrets); got != "red\ttab\nbell \uFFFD" {
		t.Errorf("%q", got)
	}
	var long strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&long, "line %d\n", i)
	}
	got := CleanLog(long.String(), redact.Secrets)
	if len(got) > maxTailBytes || len(got) < maxTailBytes-10 || !strings.HasPrefix(got, "line ") || !strings.HasSuffix(got, "\nline 999") {
		t.Errorf("%d bytes, %.20q", len(got), got)
	}
	got = CleanLog(strings.Repeat("ü", maxTailBytes), redact.Secrets)
	if len(got) > maxTailBytes || !utf8.ValidString(got) || !strings.HasPrefix(got, "...ü") {
		t.Errorf("%d bytes, %.20q", len(got), got)
	}
	// The name of the key is cut off, its value must not show.
	if got := CleanLog("password="+strings.Repeat("x", maxTailBytes), redact.Secrets); got != "password=[redacted]" {
		t.Errorf("%.40q", got)
	}
}
