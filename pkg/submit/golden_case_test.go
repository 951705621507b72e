// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spark-operator/spark-operator/pkg/submit"
)

// goldenCase is one recorded run of spark-submit; testdata/README.md describes
// the fields.
type goldenCase struct {
	Case  string `json:"case"`
	Spark string `json:"spark"`
	Input struct {
		Argv  []string                   `json:"argv"`
		Env   map[string]string          `json:"env"`
		Files map[string]json.RawMessage `json:"files"`
	} `json:"input"`
	IDs struct {
		AppID              string         `json:"appID"`
		ResourceNamePrefix string         `json:"resourceNamePrefix"`
		PodUID             string         `json:"podUID"`
		ServiceName        string         `json:"serviceName"`
		ConfMapName        string         `json:"confMapName"`
		SubmitTime         string         `json:"submitTime"`
		PropertiesDate     string         `json:"propertiesDate"`
		LocalDirUUID       string         `json:"localDirUUID"`
		LocalDirsOrder     []string       `json:"localDirsOrder"`
		ClaimIndex         map[string]int `json:"claimIndex"`
	} `json:"ids"`
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
	Requests []struct {
		Method string         `json:"method"`
		Path   string         `json:"path"`
		Status int            `json:"status"`
		Body   map[string]any `json:"body"`
	} `json:"requests"`
}

// readGoldens returns the recorded cases by version, and which runs these are.
func readGoldens(t *testing.T) (goldens map[string][]*goldenCase, known map[run]bool) {
	t.Helper()
	packed, err := filepath.Glob("testdata/spark-*.json.gz")
	if err != nil || len(packed) == 0 {
		t.Fatalf("no recordings in testdata: %v", err)
	}
	goldens, known = map[string][]*goldenCase{}, map[run]bool{}
	for _, name := range packed {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := gzip.NewReader(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var cases []*goldenCase
		decoder := json.NewDecoder(r)
		decoder.UseNumber()
		if err := decoder.Decode(&cases); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		goldens[cases[0].Spark] = cases
		for _, c := range cases {
			known[run{c.Case, c.Spark}] = true
		}
	}
	return goldens, known
}

// files returns the case's files by absolute path. Symbolic links are followed;
// an empty directory leaves no trace.
func (c *goldenCase) files() map[string][]byte {
	files := map[string][]byte{}
	links := map[string]string{}
	for name, raw := range c.Input.Files {
		if strings.HasSuffix(name, "/") {
			continue
		}
		file := path.Join(caseDir, name)
		var text string
		if json.Unmarshal(raw, &text) == nil {
			files[file] = []byte(text)
			continue
		}
		var f struct {
			Base64   *string
			Repeat   *string
			Count    int
			Symlink  *string
			Numbered bool
			First    int
			Last     int
			Content  string
		}
		if err := json.Unmarshal(raw, &f); err != nil {
			panic(fmt.Sprintf("%s: file %s: %v", c.Case, name, err))
		}
		switch {
		case f.Base64 != nil:
			content, err := base64.StdEncoding.DecodeString(*f.Base64)
			if err != nil {
				panic(fmt.Sprintf("%s: file %s: %v", c.Case, name, err))
			}
			files[file] = content
		case f.Repeat != nil:
			files[file] = []byte(strings.Repeat(*f.Repeat, f.Count))
		case f.Symlink != nil:
			links[file] = path.Join(path.Dir(file), *f.Symlink)
		case f.Numbered:
			for i := f.First; i <= f.Last; i++ {
				files[file+strconv.Itoa(i)] = []byte(f.Content)
			}
		default:
			panic(fmt.Sprintf("%s: file %s of an unknown form: %s", c.Case, name, raw))
		}
	}
	for link, target := range links {
		linked := map[string][]byte{}
		for file, content := range files {
			if rest, inside := strings.CutPrefix(file, target); inside && (rest == "" || rest[0] == '/') {
				linked[link+rest] = content
			}
		}
		for file, content := range linked {
			files[file] = content
		}
	}
	return files
}

const (
	unknownApp = "spark-00000000000000000000000000000000"
	unknownID  = "0000000000000000"
	// javaDate is the layout of java.util.Date.toString in UTC.
	javaDate = "Mon Jan 02 15:04:05 UTC 2006"
)

var uniqueID = regexp.MustCompile(`[0-9a-f]{16}`)

// withIDs completes the input with what the recorded client drew at random or
// took from its clock. Refused calls show nothing of it; any value will do.
func (c *goldenCase) withIDs(in submit.Input) submit.Input {
	in.IDs = submit.IDs{
		App:       orElse(c.IDs.AppID, unknownApp),
		Resource:  unknownID,
		Service:   unknownID,
		ConfigMap: unknownID,
		LocalDir:  orElse(c.IDs.LocalDirUUID, "00000000-0000-0000-0000-000000000000"),
	}
	prefix := c.IDs.ResourceNamePrefix
	if len(prefix) >= len(unknownID) {
		// A name without letters or digits leaves the id alone, whose leading
		// digit has become an x; every digit gives the same prefix.
		id := prefix[len(prefix)-len(unknownID):]
		in.IDs.Resource = strings.ReplaceAll(id, "x", "0")
	}
	if c.IDs.ServiceName != prefix+"-driver-svc" {
		in.IDs.Service = orElse(uniqueID.FindString(c.IDs.ServiceName), unknownID)
	}
	in.IDs.ConfigMap = orElse(uniqueID.FindString(c.IDs.ConfMapName), unknownID)

	in.SubmitTime = time.UnixMilli(0).UTC()
	millis, err := strconv.ParseInt(c.IDs.SubmitTime, 10, 64)
	if date, dateErr := time.Parse(javaDate, c.IDs.PropertiesDate); err == nil {
		in.SubmitTime = time.UnixMilli(millis).UTC()
	} else if dateErr == nil {
		in.SubmitTime = date // the user set the property to no number
	}
	return in
}

func orElse(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
