// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"crypto/sha256"
	"encoding/hex"
)

// NewIDs derives the identifiers from the id of a submission, so that building
// the same submission again names the same objects. Each is taken from the
// SHA-256 hash of its own name and the submission id and has the form that the
// real client gives it: random UUIDs (version 4) for App and LocalDir, 16
// hexadecimal digits for the others.
func NewIDs(submissionID string) IDs {
	app := derivedUUID("app", submissionID)
	dir := derivedUUID("local-dir", submissionID)
	return IDs{
		App:       "spark-" + hex.EncodeToString(app[:]),
		Resource:  derivedUniqueID("resource", submissionID),
		Service:   derivedUniqueID("service", submissionID),
		ConfigMap: derivedUniqueID("config-map", submissionID),
		LocalDir: hex.EncodeToString(dir[:4]) + "-" + hex.EncodeToString(dir[4:6]) + "-" +
			hex.EncodeToString(dir[6:8]) + "-" + hex.EncodeToString(dir[8:10]) + "-" + hex.EncodeToString(dir[10:]),
	}
}

func derived(name, submissionID string) [sha256.Size]byte {
	// The zero byte keeps pairs apart: it occurs in no name.
	return sha256.Sum256([]byte(name + "\x00" + submissionID))
}

func derivedUUID(name, submissionID string) (uuid [16]byte) {
	hash := derived(name, submissionID)
	copy(uuid[:], hash[:])
	uuid[6] = uuid[6]&0x0f | 0x40 // version 4
	uuid[8] = uuid[8]&0x3f | 0x80 // variant of RFC 9562
	return uuid
}

func derivedUniqueID(name, submissionID string) string {
	hash := derived(name, submissionID)
	return hex.EncodeToString(hash[:8])
}
