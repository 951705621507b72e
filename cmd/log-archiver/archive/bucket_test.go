// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podview"
	"github.com/spark-operator/spark-operator/pkg/redact"
)

// TestKeysStayInTheirNamespace, whatever the labels of a pod are.
func TestKeysStayInTheirNamespace(t *testing.T) {
	pod := executor("7", corev1.PodFailed)
	if got := Key(podview.Of(pod)); got != "team/pi/id-exec-7/executor-7.log.gz" {
		t.Errorf("%q", got)
	}
	delete(pod.Labels, v1beta2.LabelSparkExecutorID)
	if got := Key(podview.Of(pod)); got != "team/pi/id-exec-7/exec-7.log.gz" {
		t.Errorf("%q", got)
	}
}

// TestOpenBucket: URLs of objects, and what is wrong with a URL, without what may be secret in it.
func TestOpenBucket(t *testing.T) {
	for address, want := range map[string]string{
		"file:///tmp/logs":              "file:///tmp/logs/k",
		"file:///tmp/logs/?prefix=a/b/": "file:///tmp/logs/a/b/k",
	} {
		bucket, err := OpenBucket(t.Context(), address, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := bucket.URL("k"); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
	bucket, err := OpenBucket(t.Context(), "file:///tmp/logs", "https://logs.example.com/spark")
	if err != nil || bucket.URL("k") != "https://logs.example.com/spark/k" {
		t.Error(bucket, err)
	}
	for address, want := range map[string]string{
		"bucket":               "has no scheme",
		"s3://user:secret@%zz": "cannot be parsed",
		"ftp://host":           "no driver registered",
		"ftp://u:secret@host":  "no driver registered",
	} {
		if _, err := OpenBucket(t.Context(), address, ""); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := OpenBucket(t.Context(), "file:///tmp", "javascript:alert(1)"); err == nil {
		t.Error("a public URL that is none")
	}
}

// TestReasonIsOneShortLine without secrets. It has the end of the error, which is the cause.
func TestReasonIsOneShortLine(t *testing.T) {
	a := &Archiver{config: Config{Hide: redact.Secrets}}
	got := a.reason(errors.New("AccessDenied\n\tkey AKIAIOSFODNN7EXAMPLE " + strings.Repeat("é", 500) + ": connection refused"))
	if strings.ContainsAny(got, "\n\t") || strings.Contains(got, "AKIA") || len(got) > maxReason || !strings.HasSuffix(got, "é: connection refused") || !strings.HasPrefix(got, "AccessDenied key [redacted]") {
		t.Errorf("%q", got)
	}
}
