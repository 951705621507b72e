// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "gocloud.dev/blob/fileblob"              // file://
	_ "gocloud.dev/blob/s3blob"                // s3://
	_ "golang.org/x/crypto/x509roots/fallback" // the image has no certificates of its own
)
