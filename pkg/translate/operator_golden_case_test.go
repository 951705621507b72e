// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/spark-operator/spark-operator/pkg/batchscheduler"
	"github.com/spark-operator/spark-operator/pkg/ui"
)

// operatorRecording is what the established operator made of 162 manifests, as
// packed by hack/goldens/pack.go.
const operatorRecording = "testdata/operator-2.5.2.json.gz"

// operatorCase is one manifest and what the established operator, its webhook
// and spark-submit made of it on a real API server. Identifiers and times are
// placeholders such as <app-uid>; numbers in them were removed (see readCases).
type operatorCase struct {
	Case       string           `json:"case"`
	Spark      string           `json:"spark"`
	Controller string           `json:"controller"`
	Manifest   json.RawMessage  `json:"manifest"`
	Existing   []map[string]any `json:"existing"`
	// Admission is "accepted" or the message of the refusal; nothing follows then.
	Admission       string            `json:"admission"`
	Defaulted       map[string]any    `json:"defaulted"`
	Objects         []map[string]any  `json:"objects"`
	SparkProperties map[string]string `json:"sparkProperties"`
	Status          map[string]any    `json:"status"`
	Steps           []json.RawMessage `json:"steps"`

	ExecutorMutation *struct {
		Input  map[string]any `json:"input"`
		Result map[string]any `json:"result"`
		Error  string         `json:"error"`
	} `json:"executorMutation"`
}

// setup is how the operator was configured for a group of cases.
type setup struct {
	// webhook says whether the webhooks saw the objects of the namespace.
	webhook          bool
	ui               ui.Config
	batchSchedulers  *batchscheduler.Config
	defaultScheduler string
}

func (c *operatorCase) setup() setup {
	s := setup{webhook: true, ui: ui.Config{WebService: true}}
	switch c.Controller {
	case "plain":
		s.webhook = false
	case "ingress":
		s.ui.IngressURLFormat = "{{$appName}}.spark.example.com/{{$appNamespace}}/{{$appName}}"
		s.ui.IngressClassName = "nginx"
		s.ui.IngressTLS = []networkingv1.IngressTLS{{Hosts: []string{"*.spark.example.com"}, SecretName: "operator-default-tls"}}
		s.ui.IngressAnnotations = map[string]string{"example.com/issuer": "operator-default"}
	case "batch":
		s.batchSchedulers = &batchscheduler.Config{KubeSchedulerNames: []string{"coscheduling"}}
	case "batchdef":
		s.batchSchedulers = &batchscheduler.Config{}
		s.defaultScheduler = batchscheduler.Volcano
	}
	return s
}

// lifecycle reports whether the recording goes on after the submission. Objects
// of the run may be gone at its end; states and events are compared by the
// controller's tests.
func (c *operatorCase) lifecycle() bool { return len(c.Steps) > 0 }

// errorMessage is status.applicationState.errorMessage of an application whose
// submission was refused, otherwise "".
func (c *operatorCase) errorMessage() string {
	state, _ := c.Status["applicationState"].(map[string]any)
	if state["state"] != "FAILED" || c.lifecycle() {
		return ""
	}
	message, _ := state["errorMessage"].(string)
	return message
}

// numbered matches the number that tells placeholders of one kind apart. It
// carries no meaning across objects, as each comparison has one value of a kind.
var numbered = regexp.MustCompile(`<(uuid|submission-id|prefix-id|conf-map-id)-\d+>`)

// readCases reads the recording.
func readCases(t *testing.T) []*operatorCase {
	t.Helper()
	file, err := os.Open(operatorRecording)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var raw json.RawMessage
	if err := json.NewDecoder(unpacked).Decode(&raw); err != nil {
		t.Fatal(err)
	}
	// Placeholders stand in strings, where JSON writers may escape the brackets.
	text := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(raw))
	text = numbered.ReplaceAllString(text, "<$1>")
	var cases []*operatorCase
	if err := json.Unmarshal([]byte(text), &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func nameOf(object map[string]any) string {
	metadata, _ := object["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	return name
}
