// SPDX-License-Identifier: Apache-2.0

// Package recording holds what tests need to compare this project with recordings
// of kubeflow/spark-operator: it reads them, brings objects to a common form, and
// explains the differences by the rows of docs/deviations.md. The unit tests of
// pkg/translate compare objects as they are built, test/goldens what an API server
// stores. No program links it.
package recording

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// File is the recording of 162 manifests, relative to the root of the repository,
// as packed by hack/goldens/pack.go.
const File = "pkg/translate/testdata/operator-2.5.2.json.gz"

// Case is one manifest and what kubeflow/spark-operator, its webhook and
// spark-submit made of it on a real API server. Identifiers and times are
// placeholders such as <app-uid>; numbers in them were removed (see Read).
type Case struct {
	Case       string           `json:"case"`
	Spark      string           `json:"spark"`
	Controller string           `json:"controller"`
	Manifest   json.RawMessage  `json:"manifest"`
	Existing   []map[string]any `json:"existing"`
	// Admission is Accepted or the message of the refusal; nothing follows then.
	Admission string           `json:"admission"`
	Defaulted map[string]any   `json:"defaulted"`
	Objects   []map[string]any `json:"objects"`
	Status    map[string]any   `json:"status"`
	Events    [][]any          `json:"events"`
	Steps     []Step           `json:"steps"`

	ExecutorMutation *struct {
		Input  map[string]any `json:"input"`
		Result map[string]any `json:"result"`
		Error  string         `json:"error"`
	} `json:"executorMutation"`
}

// Step is what was done to a running application, the status at rest afterwards,
// and the events that had not been seen before.
type Step struct {
	Do     string         `json:"do"`
	Status map[string]any `json:"status"`
	Events [][]any        `json:"events"`
}

// Accepted is Case.Admission of an application that was admitted.
const Accepted = "accepted"

// PlainController is Case.Controller of a namespace that the recorded webhooks did
// not see.
const PlainController = "plain"

// number matches the number that distinguishes placeholders of one kind. It
// carries no meaning across objects, as each comparison has one value of a kind.
var number = regexp.MustCompile(`<(uuid|submission-id|prefix-id|conf-map-id|app-id)-\d+>`)

// Read reads the recording of a checkout.
func Read(repository string) ([]*Case, error) {
	file, err := os.Open(filepath.Join(repository, File))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", File, err)
	}
	var raw json.RawMessage
	if err := json.NewDecoder(unpacked).Decode(&raw); err != nil {
		return nil, fmt.Errorf("%s: %w", File, err)
	}
	text := number.ReplaceAllString(unescape(string(raw)), "<$1>")
	var cases []*Case
	if err := json.Unmarshal([]byte(text), &cases); err != nil {
		return nil, fmt.Errorf("%s: %w", File, err)
	}
	return cases, nil
}

// unescape shows the brackets of placeholders, which JSON writers may escape.
func unescape(text string) string {
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(text)
}

// Name is the name of the application, which may be another than that of the case.
func (c *Case) Name() string {
	var manifest map[string]any
	if json.Unmarshal(c.Manifest, &manifest) != nil {
		return ""
	}
	return NameOf(manifest)
}

// GoesOn reports whether the recording goes on after the submission.
func (c *Case) GoesOn() bool { return len(c.Steps) > 0 }

// NameOf returns metadata.name.
func NameOf(object map[string]any) string {
	metadata, _ := object["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	return name
}

// Tree is an object as it is written in JSON.
func Tree(object any) (map[string]any, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	return tree, json.Unmarshal(text, &tree)
}

// Rewrite returns a copy of a tree in which values are replaced by placeholders.
func Rewrite(tree map[string]any, placeholders *strings.Replacer) (map[string]any, error) {
	text, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	var rewritten map[string]any
	return rewritten, json.Unmarshal([]byte(placeholders.Replace(unescape(string(text)))), &rewritten)
}
