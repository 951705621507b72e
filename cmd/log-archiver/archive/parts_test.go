// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "gocloud.dev/blob/s3blob"
	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// s3Bucket opens a bucket of a server with the S3 API.
func s3Bucket(t *testing.T, serve http.HandlerFunc) *Bucket {
	t.Helper()
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(name, value)
	}
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	bucket, err := OpenBucket(t.Context(), "s3://logs?region=us-east-1&use_path_style=true&request_checksum_calculation=when_required&endpoint="+url.QueryEscape(server.URL), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bucket.Close() })
	return bucket
}

// TestPartsAreSentAsTheyFill: of an object in S3, no more is held in memory than a part and what
// follows it. The client of S3 would hold 16 MiB of each log before it sends anything.
func TestPartsAreSentAsTheyFill(t *testing.T) {
	parts := make(chan int64, 10)
	bucket := s3Bucket(t, func(w http.ResponseWriter, r *http.Request) {
		size, _ := io.Copy(io.Discard, r.Body)
		switch {
		case r.URL.Query().Has("uploads"):
			fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
		case r.Method == http.MethodPut:
			w.Header().Set("ETag", `"1"`)
			parts <- size
		case r.Method == http.MethodPost:
			fmt.Fprint(w, "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>")
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	object, err := bucket.create(ctx, "key")
	if err != nil {
		t.Fatal(err)
	}
	next := func() int64 {
		select {
		case size := <-parts:
			return size
		case <-ctx.Done():
			t.Fatal("no part was sent")
			return 0
		}
	}
	for range 2 {
		if _, err := object.Write(make([]byte, partSize+1)); err != nil {
			t.Fatal(err)
		}
		if size := next(); size != partSize {
			t.Errorf("a part of %d bytes", size)
		}
	}
	if err := object.Close(); err != nil {
		t.Fatal(err)
	}
	if size := next(); size != 2 {
		t.Errorf("a last part of %d bytes", size)
	}
}

// TestSlowUploadIsGivenUp: a bucket that does not answer holds a copy until its time limit, which is
// then shown. Others go on meanwhile, and the log arrives when the bucket answers.
func TestSlowUploadIsGivenUp(t *testing.T) {
	var answers atomic.Bool
	bucket := s3Bucket(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.Contains(r.URL.Path, "/id-slow/") && !answers.Load() {
			<-r.Context().Done()
			return
		}
		w.Header().Set("ETag", `"1"`)
	})
	c := newCluster(t, driver("slow", corev1.PodFailed), driver("fast", corev1.PodFailed))
	c.start(t, t.TempDir(), func(config *Config) { config.Bucket, config.Timeout = bucket, 300*time.Millisecond })
	c.wantAnnotation(t, "fast", v1beta2.AnnotationLogURL, "s3://logs/team/pi/id-fast/driver.log.gz")
	c.wantAnnotation(t, "slow", v1beta2.AnnotationLogArchiveError, "took too long")
	answers.Store(true)
	c.wantAnnotation(t, "slow", v1beta2.AnnotationLogURL, "s3://logs/team/pi/id-slow/driver.log.gz")
}
