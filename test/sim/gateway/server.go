// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/spark-operator/spark-operator/test/sim"
)

// Start starts the proxy on an address of the loopback interface, with one rule. It ends
// with the test. Backend returns where the rule's Service listens.
func Start(t *testing.T, address string, rule Rule, backend func(Backend) string) {
	t.Helper()
	folder := t.TempDir()
	config, err := json.Marshal(map[string]any{
		"admin": map[string]any{"disabled": true, "config": map[string]any{"persist": false}},
		"apps": map[string]any{"http": map[string]any{"servers": map[string]any{"gateway": map[string]any{
			"listen":          []string{address},
			"automatic_https": map[string]any{"disable": true},
			// Caddy answers 200 to what no route matches.
			"routes": []any{rule.route(backend(rule.backend)), map[string]any{"handle": []any{
				map[string]any{"handler": "static_response", "status_code": http.StatusNotFound},
			}}},
		}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "caddy.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(folder, "caddy.log"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, sim.Program(t, "caddy"), "run", "--config", file)
	command.Env = append(os.Environ(), "HOME="+folder, "XDG_CONFIG_HOME="+folder, "XDG_DATA_HOME="+folder)
	command.Stdout, command.Stderr = log, log
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	if err := command.Start(); err != nil {
		stop()
		t.Fatalf("start Caddy: %v", err)
	}
	t.Cleanup(func() {
		stop()
		_ = command.Wait()
		_ = log.Close()
		if content, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("%s\nlog of Caddy:\n%s", config, content)
		}
	})
	err = wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			err = connection.Close()
		}
		return err == nil, nil
	})
	if err != nil {
		t.Fatalf("Caddy does not listen on %s: %v", address, err)
	}
}
