// SPDX-License-Identifier: Apache-2.0

package threats

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

// misleadTheSampler has the operator ask web UIs of drivers that send it elsewhere, send what
// never ends, or nothing, and writes addresses into the statuses of drivers that are no pods.
func misleadTheSampler(t *testing.T, by *tenant) {
	const planted = "planted-by-the-web-ui"
	var visits atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	t.Cleanup(elsewhere.Close)
	uis := map[string]struct {
		serve http.HandlerFunc
		ip    string // instead of that of the server
		want  string
	}{
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/latest/meta-data/"+planted, http.StatusTemporaryRedirect)
		}, "", "redirects"},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			text := []byte(`[{"description":"` + strings.Repeat(planted, 1000))
			for r.Context().Err() == nil {
				if _, err := w.Write(text); err != nil {
					return
				}
			}
		}, "", "sends more than 512 KiB"},
		"silent":  {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "", "does not answer in time"},
		"garbage": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `[{"stageIds":"`+planted+`"}]`) }, "", "cannot be read"},
		"refusal": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, planted, http.StatusTeapot) }, "", "HTTP status 418"},
		"node":    {nil, "169.254.169.254", "no IP address that belongs to a pod"},
		"cloud":   {nil, "fd00:ec2::254", "no IP address that belongs to a pod"},
	}
	for name, ui := range uis {
		server := httptest.NewServer(ui.serve)
		t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
		ip, port, err := net.SplitHostPort(server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if ui.ip != "" {
			ip = ui.ip
		}
		app := by.appWith(name, map[string]string{"spark.ui.port": port})
		app.Spec.Progress = &v1beta2.ProgressConfiguration{PeriodSeconds: ptr.To[int64](10)}
		running := waitState(t, by.create(t, app), v1beta2.ApplicationStateRunning)
		address := fmt.Appendf(nil, `{"status":{"podIP":%q,"podIPs":[{"ip":%q}]}}`, ip, ip)
		if _, err := by.core.CoreV1().Pods(by.namespace).Patch(t.Context(), running.Status.DriverInfo.PodName, types.MergePatchType, address, metav1.PatchOptions{}, "status"); err != nil {
			t.Fatal(err)
		}
	}
	for name, ui := range uis {
		shown := waitFor(t, by.namespace, name, "an application that shows why there is no progress", func(app *v1beta2.SparkApplication) bool {
			return app.Status.Progress != nil && app.Status.Progress.Message != "" &&
				(ui.ip != "" || strings.Contains(app.Status.Progress.Message, "127.0.0.1"))
		})
		text, err := json.Marshal(shown.Status)
		if err != nil {
			t.Fatal(err)
		}
		if message := shown.Status.Progress.Message; !strings.Contains(message, ui.want) || strings.Contains(string(text), planted) || shown.Status.AppState.State != v1beta2.ApplicationStateRunning {
			t.Errorf("%s: want %q in %s", name, ui.want, text)
		}
	}
	if visits.Load() > 0 {
		t.Errorf("%d redirects were followed", visits.Load())
	}
}
