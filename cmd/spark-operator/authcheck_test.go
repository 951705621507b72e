// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/client-go/kubernetes/scheme"
)

// authServer is an API server that allows everything but what denied says; it returns a
// kubeconfig file for it.
func authServer(t *testing.T, denied func(*authorizationv1.ResourceAttributes) bool) (kubeconfig string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var question authorizationv1.SelfSubjectAccessReview
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, _, err = scheme.Codecs.UniversalDeserializer().Decode(body, nil, &question)
		}
		if err != nil || r.URL.Path != "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" {
			http.Error(w, "unexpected request to "+r.URL.Path, http.StatusBadRequest)
			return
		}
		question.Status.Allowed = !denied(question.Spec.ResourceAttributes)
		question.SetGroupVersionKind(authorizationv1.SchemeGroupVersion.WithKind("SelfSubjectAccessReview"))
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(&question)
	}))
	t.Cleanup(server.Close)
	kubeconfig = filepath.Join(t.TempDir(), "config")
	text := `{"apiVersion":"v1","kind":"Config","current-context":"x","clusters":[{"name":"c","cluster":{"server":"` + server.URL +
		`"}}],"users":[{"name":"u","user":{}}],"contexts":[{"name":"x","context":{"cluster":"c","user":"u"}}]}`
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

func authCheckOf(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	command := newCommand()
	var out bytes.Buffer
	command.SetOut(&out)
	command.SetErr(&bytes.Buffer{})
	command.SetArgs(append([]string{"auth-check"}, arguments...))
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

// TestAuthCheckNamesMissingPermissions: each permission has a row; a missing one fails the
// command, unless it is optional.
func TestAuthCheckNamesMissingPermissions(t *testing.T) {
	secrets := authServer(t, func(a *authorizationv1.ResourceAttributes) bool {
		return a.Namespace == "b" && a.Resource == "configmaps" && a.Verb == "create"
	})
	nodes := authServer(t, func(a *authorizationv1.ResourceAttributes) bool { return a.Resource == "nodes" })
	log := authServer(t, func(a *authorizationv1.ResourceAttributes) bool { return a.Subresource == "log" })
	lease := authServer(t, func(a *authorizationv1.ResourceAttributes) bool { return a.Name == "lock" && a.Verb == "update" })
	for name, test := range map[string]struct {
		kubeconfig string
		arguments  []string
		row, err   string
	}{
		"missing":          {secrets, []string{"--namespaces=a,b"}, "create configmaps b missing Spark properties", "1 of "},
		"other namespaces": {secrets, []string{"--namespaces=a"}, "create configmaps a allowed Spark properties", ""},
		"optional":         {nodes, []string{"--namespaces=a"}, "get nodes - missing (optional) force-deleting drivers", ""},
		"cluster-wide":     {nodes, nil, "get nodes - missing force-deleting drivers", "permissions are missing"},
		"not needed":       {nodes, []string{"--node-loss-grace-period=0"}, "list events * allowed", ""},
		"subresource":      {log, nil, "get pods/log * missing", "permissions are missing"},
		"command line":     {lease, []string{"controller", "start", "--leader-election", "--leader-election-lock-name=lock"}, "update leases.coordination.k8s.io lock spark-operator missing leader election", "missing"},
		"webhook":          {lease, []string{"webhook", "--leader-election", "--leader-election-lock-name=lock"}, "patch mutatingwebhookconfigurations.admissionregistration.k8s.io spark-operator-webhook - allowed", "1 of 16 permissions are missing"},
		"feature gate":     {lease, []string{"webhook", "--feature-gates=PartialRestart=true", "--leader-election", "--leader-election-lock-name=lock"}, "watch sparkapplications.sparkoperator.k8s.io * allowed", "1 of 18 permissions are missing"},
	} {
		t.Run(name, func(t *testing.T) {
			output, err := authCheckOf(t, append(test.arguments, "--kubeconfig", test.kubeconfig)...)
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if row := strings.Join(strings.Fields(test.row), " "); !strings.Contains(strings.Join(strings.Fields(output), " "), row) {
				t.Errorf("no row %q in\n%s", row, output)
			}
		})
	}
}

func TestAuthCheckPrintsJSON(t *testing.T) {
	kubeconfig := authServer(t, func(a *authorizationv1.ResourceAttributes) bool { return a.Resource == "jobs" })
	output, err := authCheckOf(t, "--kubeconfig", kubeconfig, "--namespaces=a", "-o", "json")
	if err == nil {
		t.Error("no error")
	}
	var answers []answer
	if err := json.Unmarshal([]byte(output), &answers); err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		if a.Allowed == (a.Resource == "jobs") || a.For == "" || (a.Namespace != "a") != a.Cluster {
			t.Errorf("%+v", a)
		}
	}
}

func TestAuthCheckRefusesBadArguments(t *testing.T) {
	for want, arguments := range map[string][]string{
		`unexpected argument "stop"`:          {"controller", "stop"},
		`unexpected argument "jobs"`:          {"webhook", "start", "jobs"},
		`--output: "xml" is invalid`:          {"-o", "xml"},
		`--namespaces: "A b" is not a valid`:  {"--namespaces=A b"},
		"find the API server":                 {"--kubeconfig=/nonexistent"},
		"unknown flag: --no-such":             {"--no-such"},
		"--webhook-secret-namespace: \"a.b\"": {"webhook", "--webhook-secret-namespace=a.b"},
	} {
		if _, err := authCheckOf(t, arguments...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", arguments, err)
		}
	}
	unreachable := authServer(t, nil)
	text, err := os.ReadFile(unreachable)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(unreachable, bytes.Replace(text, []byte("http://127.0.0.1"), []byte("http://127.0.0.1/none"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := authCheckOf(t, "--kubeconfig", unreachable); err == nil || !strings.Contains(err.Error(), "ask the API server about ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("unreachable server: %v", err)
	}
}

// TestAuthCheckPrintsRoles: what is optional is not granted, and names limit rules.
func TestAuthCheckPrintsRoles(t *testing.T) {
	output, err := authCheckOf(t, "--namespaces=a", "--leader-election", "-o", "rbac")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(output, "nodes") || strings.Contains(output, "ClusterRole") || strings.Count(output, "kind: Role\n") != 2 || !strings.Contains(output, "resourceNames:\n  - spark-operator-lock\n") {
		t.Errorf("%s", output)
	}
	if output, err = authCheckOf(t, "webhook", "-o", "rbac"); err != nil || !strings.Contains(output, "kind: ClusterRole\n") {
		t.Errorf("%v: %s", err, output)
	}
}
