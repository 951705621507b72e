// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/spark-operator/spark-operator/internal/document"
	"github.com/spark-operator/spark-operator/test/sim"
)

// published is the Helm repository that pages name.
const published = "https://spark-operator.github.io/spark-operator"

// serveChart serves a Helm repository with the chart, and returns its URL.
func serveChart(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(folder)))
	t.Cleanup(server.Close)
	for _, arguments := range [][]string{
		{"package", filepath.Join(sim.Repository, "charts/spark-operator"), "--destination", folder},
		{"repo", "index", folder, "--url", server.URL},
	} {
		if output, err := exec.CommandContext(t.Context(), sim.Program(t, "helm"), arguments...).CombinedOutput(); err != nil {
			t.Fatalf("helm %s: %v\n%s", arguments[0], err, output)
		}
	}
	return server.URL
}

// prepareHelm brings about what pages take for granted: the Helm repository, and an installed operator. The releases are
// uninstalled at the end of the page.
func prepareHelm(t *testing.T, run func(string), repository string, commands []document.Command) {
	t.Helper()
	uses := func(part string) bool {
		return slices.ContainsFunc(commands, func(command document.Command) bool { return strings.Contains(command.Text, part) })
	}
	if !uses("helm ") && !uses("deploy") {
		return
	}
	if !uses("helm repo add") {
		run("helm repo add spark-operator " + repository)
	}
	if !uses("helm install spark-operator ") && !uses("helm upgrade --install") && !uses("helm show") {
		run("helm install spark-operator spark-operator/spark-operator --namespace spark-operator --create-namespace")
	}
	t.Cleanup(func() {
		for _, release := range []string{"spark-operator", "rehearsal"} {
			run("helm uninstall " + release + " --namespace " + release + " --ignore-not-found")
		}
	})
}

var onPod = regexp.MustCompile(`(exec|logs|port-forward)( --namespace \S+)? (deploy\S*/\S+)( --namespace \S+)?.*`)

// executable returns a command that does on an API server alone what text does on a cluster.
func executable(text, repository string) string {
	text = strings.ReplaceAll(text, published, repository)
	text = strings.ReplaceAll(text, "yq .spec", "grep ^spec:")
	if strings.HasPrefix(text, "helm ") {
		text = strings.ReplaceAll(text, " --wait", "") // no pod becomes ready
	}
	text = onPod.ReplaceAllString(text, "get$2 $3$4")
	if strings.Contains(text, "--watch") {
		text = "timeout 2 " + text + `; [ "$?" = 124 ]`
	}
	return text
}

var waits = regexp.MustCompile(`^kubectl wait (\w+)/(\S+) --for=(?:condition=(\w+)|jsonpath='\{\.status\.state\}'=(\w+))`)

// satisfy sets the condition or the state for which a command waits.
func satisfy(t *testing.T, namespace, text string) {
	t.Helper()
	match := waits.FindStringSubmatch(text)
	if match == nil {
		t.Fatalf("cannot see what %q waits for", text)
	}
	status := map[string]any{"state": match[4]}
	if match[3] != "" {
		condition := metav1.Condition{Type: match[3], Status: metav1.ConditionTrue, Reason: "Test", LastTransitionTime: metav1.Now()}
		status = map[string]any{"conditions": []metav1.Condition{condition}, "driverInfo": map[string]any{}}
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		t.Fatal(err)
	}
	resources := map[string]schema.GroupVersionResource{
		"sparkapplication": {Group: "sparkoperator.k8s.io", Version: "v1beta2", Resource: "sparkapplications"},
		"sparkconnect":     {Group: "sparkoperator.k8s.io", Version: "v1alpha1", Resource: "sparkconnects"},
	}
	if _, err := api.Dynamic.Resource(resources[match[1]]).Namespace(namespace).
		Patch(t.Context(), match[2], types.MergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
}
