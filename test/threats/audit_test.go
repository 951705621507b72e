// SPDX-License-Identifier: Apache-2.0

package threats

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/spark-operator/spark-operator/pkg/permissions"
)

// request is an entry of the audit log.
type request struct {
	Verb string
	User struct{ Username string }
	// ObjectRef is what it was about; nil for requests about no resource.
	ObjectRef *struct {
		Resource, Subresource, APIGroup, Namespace, Name string
	}
	RequestURI  string
	Annotations map[string]string
}

// refused reports whether the account lacked a permission.
func (r *request) refused() bool { return r.Annotations["authorization.k8s.io/decision"] == "forbid" }

// requests returns all that an account has asked for.
func requests(t *testing.T, user string) []request {
	t.Helper()
	file, err := os.Open(api.AuditLog)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []request
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return all // a line without end is being written
		}
		var one request
		if err == nil {
			err = json.Unmarshal(line, &one)
		}
		if err != nil {
			t.Fatalf("audit log: %v: %s", err, line)
		}
		if one.User.Username == user {
			all = append(all, one)
		}
	}
}

// uses reports whether the request used the permission.
func (r *request) uses(p *permissions.Permission) bool {
	if r.ObjectRef == nil || r.refused() {
		return false
	}
	resource := r.ObjectRef.Resource
	if r.ObjectRef.Subresource != "" {
		resource += "/" + r.ObjectRef.Subresource
	}
	return r.Verb == p.Verb && r.ObjectRef.APIGroup == p.Group && resource == p.Resource &&
		(p.Name == "" || r.ObjectRef.Name == p.Name) && (p.Namespace == "" || r.ObjectRef.Namespace == p.Namespace)
}

// nothingRefused fails if an account lacked a permission.
func nothingRefused(t *testing.T, user string) {
	t.Helper()
	for _, r := range requests(t, user) {
		if r.refused() {
			t.Errorf("%s may not %s %s", user, r.Verb, r.RequestURI)
		}
	}
}
