// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

// Server is a Prometheus outside the cluster. Its methods fail the test.
type Server struct {
	t        *testing.T
	url      string
	patience time.Duration
}

// Config is what a server reads.
type Config struct {
	// Binary is the program, which `hack/tool.sh prometheus` builds.
	Binary string
	// Kubeconfig leads to the API server by which the server finds its targets.
	Kubeconfig string
	// Through is set if the server reaches pods only through this API server.
	Through *rest.Config
	// Interval is that between scrapes; half a second if it is zero.
	Interval time.Duration
	// Patience is how long the methods of the server wait; a minute if it is zero.
	Patience time.Duration
	Monitors []Monitor
	Alerts   []Rules
}

// scrapeInterval is short, so that the rates of a test show within seconds.
const scrapeInterval = 500 * time.Millisecond

// Start starts a server on the loopback interface. It ends with the test.
func Start(t *testing.T, config Config) *Server {
	t.Helper()
	folder := t.TempDir()
	var scrapes []scrapeConfig
	for _, monitor := range config.Monitors {
		configs, err := monitor.scrapeConfigs(config.Kubeconfig, cmp.Or(config.Interval, scrapeInterval).String())
		if err != nil {
			t.Fatal(err)
		}
		for i := range configs {
			if config.Through != nil {
				if err := configs[i].proxy(config.Through); err != nil {
					t.Fatal(err)
				}
			}
		}
		scrapes = append(scrapes, configs...)
	}
	var groups []RuleGroup
	for _, rules := range config.Alerts {
		groups = append(groups, rules.Spec.Groups...)
	}
	write := func(name string, content any) string {
		text, err := yaml.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	rules := write("alerts.yaml", map[string]any{"groups": groups})
	main := write("prometheus.yaml", map[string]any{
		"global":         map[string]any{"evaluation_interval": "1s"},
		"rule_files":     []string{rules},
		"scrape_configs": scrapes,
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(folder, "prometheus.log"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, config.Binary, "--config.file="+main, "--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+address)
	command.Stdout, command.Stderr = log, log
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	if err := command.Start(); err != nil {
		stop()
		t.Fatalf("start Prometheus: %v", err)
	}
	t.Cleanup(func() {
		stop()
		_ = command.Wait()
		_ = log.Close()
		if content, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("log of Prometheus:\n%s", content)
		}
	})
	server := &Server{t: t, url: "http://" + address, patience: cmp.Or(config.Patience, time.Minute)}
	server.eventually("Prometheus is ready", server.patience, func() error { return server.get("/-/ready", nil) })
	return server
}

// get reads an answer of the API into data.
func (s *Server) get(path string, data any) error {
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if data == nil {
		if response.StatusCode != http.StatusOK {
			return errors.New(response.Status)
		}
		return nil
	}
	var answer struct {
		Error string
		Data  json.RawMessage
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	return json.Unmarshal(answer.Data, data)
}

// eventually waits until a check has no error.
func (s *Server) eventually(what string, limit time.Duration, check func() error) {
	s.t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(s.t.Context(), 200*time.Millisecond, limit, true, func(context.Context) (bool, error) {
		last = check()
		return last == nil, nil
	})
	if err != nil {
		s.t.Fatalf("%s: not so after %v: %v", what, limit, last)
	}
}

// Sample is one series of an answer.
type Sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
}

// Query returns the answer to a query now.
func (s *Server) Query(expr string) ([]Sample, error) {
	var data struct{ Result json.RawMessage }
	if err := s.get("/api/v1/query?query="+url.QueryEscape(expr), &data); err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	var samples []Sample
	if err := json.Unmarshal(data.Result, &samples); err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	return samples, nil
}

// Expect waits until the answer to a query is one series with a value.
func (s *Server) Expect(expr, want string) {
	s.t.Helper()
	s.eventually(expr+" is "+want, s.patience, func() error {
		samples, err := s.Query(expr)
		if err == nil && (len(samples) != 1 || samples[0].Value[1] != want) {
			err = fmt.Errorf("got %v", samples)
		}
		return err
	})
}

// ExpectTargets waits until the server scrapes exactly so many targets, without an error.
func (s *Server) ExpectTargets(want int) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("%d targets are up", want), s.patience, func() error {
		var data struct {
			ActiveTargets []struct{ Health, LastError, ScrapeURL string }
		}
		if err := s.get("/api/v1/targets?state=active", &data); err != nil {
			return err
		}
		up := 0
		for _, target := range data.ActiveTargets {
			if target.Health == "up" {
				up++
			}
		}
		if up != want || len(data.ActiveTargets) != want {
			return fmt.Errorf("%+v", data.ActiveTargets)
		}
		return nil
	})
}

// Alerts returns the names of the alerts that are pending or fire. It fails the test if a
// rule cannot be evaluated.
func (s *Server) Alerts() []string {
	s.t.Helper()
	var data struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError, State string }
		}
	}
	s.eventually("the rules are evaluated", s.patience, func() error {
		if err := s.get("/api/v1/rules", &data); err != nil {
			return err
		}
		for _, group := range data.Groups {
			for _, rule := range group.Rules {
				if rule.Health != "ok" {
					return fmt.Errorf("%s: %s %s", rule.Name, rule.Health, rule.LastError)
				}
			}
		}
		return nil
	})
	var names []string
	for _, group := range data.Groups {
		for _, rule := range group.Rules {
			if rule.State != "inactive" {
				names = append(names, rule.Name)
			}
		}
	}
	return names
}

// ExpectPanels waits until the query of each panel of a dashboard has an answer, for one of
// its targets at least. Conditional are panels that may have none, with the reason.
func (s *Server) ExpectPanels(file string, dashboard *Dashboard, variables, conditional map[string]string) {
	s.t.Helper()
	listed := map[string]bool{}
	for _, panel := range dashboard.Panels {
		if panel.Type == "row" {
			continue
		}
		place := file + ": " + panel.Title
		if conditional[place] != "" {
			listed[place] = true
			for _, target := range panel.Targets {
				if _, err := s.Query(target.Query(variables)); err != nil {
					s.t.Errorf("%s: %v", place, err)
				}
			}
			continue
		}
		s.eventually(place+" has data", s.patience, func() error {
			var queries []string
			for _, target := range panel.Targets {
				query := target.Query(variables)
				samples, err := s.Query(query)
				if err != nil || len(samples) > 0 && slices.ContainsFunc(samples, func(sample Sample) bool { return sample.Value[1] != "NaN" }) {
					return err
				}
				queries = append(queries, query)
			}
			return errors.New("no data for " + strings.Join(queries, "; "))
		})
	}
	for place := range conditional {
		if strings.HasPrefix(place, file+": ") && !listed[place] {
			s.t.Errorf("%s is listed as conditional, but there is no such panel", place)
		}
	}
}
