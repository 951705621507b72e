// SPDX-License-Identifier: Apache-2.0

package plane

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// auditPolicy has the API server write one line for every request of the users
// that are counted. A policy knows no user agents, hence the users. Watches are
// written when they start; the others when they were answered.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitManagedFields: true
rules:
- level: None
  nonResourceURLs: ["*"]
- level: Request
  users: ["recorded"]
  omitStages: ["RequestReceived"]
- level: Metadata
  users: ["spark-operator", "floor"]
  omitStages: ["RequestReceived"]
- level: None
`

// Request is one request as the API server has audited it.
type Request struct {
	User     User
	Verb     string // create, update, patch, delete, get, list, watch
	Resource string // with subresource, such as pods/status
	Group    string
	// Namespace and Name of the object; also for creations.
	Namespace, Name string
	Code            int
	// Received and Answered are times of the API server's clock.
	Received, Answered time.Time
	// Body as JSON, of users whose bodies are kept.
	Body json.RawMessage
}

// Write reports whether the request changes something.
func (r *Request) Write() bool {
	switch r.Verb {
	case "get", "list", "watch":
		return false
	}
	return true
}

// OK reports whether the request was carried out.
func (r *Request) OK() bool { return r.Code >= 200 && r.Code < 300 }

// AuditSize is where the audit log ends now; requests answered later come behind.
func (p *Plane) AuditSize() (int64, error) {
	info, err := os.Stat(p.audit)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("audit log: %w", err)
	}
	return info.Size(), nil
}

// Audit calls each for every audited request behind an offset, in the order of
// the answers, and returns where it stopped. A line that is not complete yet is
// left for the next call.
func (p *Plane) Audit(offset int64, each func(*Request)) (int64, error) {
	file, err := os.Open(p.audit)
	if errors.Is(err, os.ErrNotExist) {
		return offset, nil
	}
	if err != nil {
		return offset, fmt.Errorf("audit log: %w", err)
	}
	defer file.Close()
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return offset, fmt.Errorf("audit log: %w", err)
	}
	lines := bufio.NewReaderSize(file, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return offset, nil
		}
		if err != nil {
			return offset, fmt.Errorf("audit log: %w", err)
		}
		offset += int64(len(line))
		request, counted, err := parseAudit(line)
		if err != nil {
			return offset, err
		}
		if counted {
			each(request)
		}
	}
}

func parseAudit(line []byte) (request *Request, counted bool, err error) {
	var event struct {
		Stage string `json:"stage"`
		Verb  string `json:"verb"`
		User  struct {
			Username string `json:"username"`
		} `json:"user"`
		ObjectRef struct {
			Resource, Subresource, Namespace, Name string
			APIGroup                               string `json:"apiGroup"`
		} `json:"objectRef"`
		ResponseStatus struct {
			Code int `json:"code"`
		} `json:"responseStatus"`
		RequestObject            json.RawMessage `json:"requestObject"`
		RequestReceivedTimestamp time.Time       `json:"requestReceivedTimestamp"`
		StageTimestamp           time.Time       `json:"stageTimestamp"`
	}
	if err := json.Unmarshal(line, &event); err != nil {
		return nil, false, fmt.Errorf("audit log: %w", err)
	}
	// A watch is answered twice: when it starts and when it ends.
	if watching := event.Verb == "watch"; watching != (event.Stage == "ResponseStarted") {
		return nil, false, nil
	}
	resource := event.ObjectRef.Resource
	if event.ObjectRef.Subresource != "" {
		resource += "/" + event.ObjectRef.Subresource
	}
	return &Request{
		User:      User(event.User.Username),
		Verb:      event.Verb,
		Resource:  resource,
		Group:     event.ObjectRef.APIGroup,
		Namespace: event.ObjectRef.Namespace,
		Name:      event.ObjectRef.Name,
		Code:      event.ResponseStatus.Code,
		Received:  event.RequestReceivedTimestamp,
		Answered:  event.StageTimestamp,
		Body:      event.RequestObject,
	}, true, nil
}
