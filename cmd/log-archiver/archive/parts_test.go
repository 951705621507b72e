// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	_ "gocloud.dev/blob/s3blob"
)

// TestPartsAreSentAsTheyFill: of an object in S3, no more is held in memory than a part and what
// follows it. The client of S3 would hold 16 MiB of each log before it sends anything.
func TestPartsAreSentAsTheyFill(t *testing.T) {
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(name, value)
	}
	parts := make(chan int64, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
	}))
	defer server.Close()
	bucket, err := OpenBucket(t.Context(), "s3://logs?region=us-east-1&use_path_style=true&request_checksum_calculation=when_required&endpoint="+url.QueryEscape(server.URL), "")
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
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
