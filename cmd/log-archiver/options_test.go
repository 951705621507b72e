// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestBadFlagsAreRefused in one line, which names the flag or its value and what is wrong
// with it, before anything is connected.
func TestBadFlagsAreRefused(t *testing.T) {
	const bucket = "--bucket=file:///tmp/logs"
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "--bucket: is required, such as s3://NAME?region=REGION"},
		{[]string{"--bucket=logs"}, "the URL of the bucket has no scheme: use s3://"},
		{[]string{"--bucket=ftp://u:hunter2@logs"}, `no driver registered for "ftp"`},
		{[]string{"--bucket=s3://u:hunter2@%zz"}, "the URL of the bucket cannot be parsed"},
		{[]string{"--bucket=s3://logs?regoin=eu-west-1"}, "regoin"},
		{[]string{bucket, "--public-url=javascript:alert(1)"}, "the public URL must begin with http:// or https://"},
		{[]string{bucket, "--namespaces=a,B_c"}, `--namespaces: "B_c": a lowercase RFC 1123 label`},
		{[]string{bucket, "--workers=0"}, "--workers: 0 is less than 1"},
		{[]string{bucket, "--workers=four"}, `invalid argument "four" for "--workers" flag`},
		{[]string{bucket, "--follow=-1"}, "--follow: -1 is negative; 0 copies logs at the end of their driver"},
		{[]string{bucket, "--max-bytes=0"}, "--max-bytes: 0 is less than 1"},
		{[]string{bucket, "--max-bytes=1Gi"}, `invalid argument "1Gi" for "--max-bytes" flag`},
		{[]string{bucket, "--timeout=10ms"}, "--timeout: 10ms is less than a second"},
		{[]string{bucket, "--timeout=5"}, `invalid argument "5" for "--timeout" flag`},
		{[]string{bucket, "--redact=("}, "--redact: error parsing regexp"},
		{[]string{bucket, "--workers=0", "--follow=-1"}, "--workers: 0 is less than 1; --follow: -1 is negative"},
		{[]string{bucket, "--bukcet=x"}, "unknown flag: --bukcet"},
		{[]string{bucket, "extra"}, `unexpected argument "extra"`},
		{[]string{bucket, "--kubeconfig=" + filepath.Join(t.TempDir(), "none")}, "connection to the API server: "},
	} {
		err := run(t.Context(), test.args)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want %s", test.args, err, test.want)
		}
	}
}
