// SPDX-License-Identifier: Apache-2.0

//go:build !s3only

package main

// With the tag s3only, the program builds in a fraction of the time. Tests use it.
import (
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
)
