// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"github.com/google/uuid"
	"k8s.io/apimachinery/pkg/types"
)

// submissionNamespace keeps our name-based UUIDs apart from those of others.
var submissionNamespace = uuid.MustParse("5ba1d1a0-6d6b-5b0c-9f5e-5d7c1f3f7f52")

// nextSubmissionID is the id of the submission after the one in the status. The
// ids of an application form a chain: as long as the status is not written,
// whoever computes the next id gets the same one, and so names the same objects;
// once it is written the id changes, whatever happens to the attempt counters.
func nextSubmissionID(app types.UID, previous string) string {
	return uuid.NewSHA1(submissionNamespace, []byte(string(app)+"/"+previous)).String()
}
