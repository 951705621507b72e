// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/test/sim/prometheus"
)

// alerts renders the PrometheusRule and returns its alerts.
func alerts(t *testing.T, arguments ...string) prometheus.RuleGroup {
	t.Helper()
	rules := decode[prometheus.Rules](t, render(t, append([]string{"--set", "webhook.enable=true,prometheus.prometheusRule.create=true," + withArchive}, arguments...)...), "PrometheusRule")
	if len(rules) != 1 || len(rules[0].Spec.Groups) != 1 {
		t.Fatalf("rules %+v", rules)
	}
	return rules[0].Spec.Groups[0]
}

// writeGroup writes a file of rules for Prometheus.
func writeGroup(t *testing.T, file string, group prometheus.RuleGroup) {
	t.Helper()
	text, err := yaml.Marshal(map[string]any{"groups": []prometheus.RuleGroup{group}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// promtool runs it in a folder.
func promtool(t *testing.T, folder string, arguments ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), program(t, "promtool"), arguments...)
	command.Dir = folder
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
}

// TestAlertsFire when they should, and only then.
func TestAlertsFire(t *testing.T) {
	folder := t.TempDir()
	group := alerts(t)
	writeGroup(t, filepath.Join(folder, "alerts.yaml"), group)
	const file = "alerts.test.yaml"
	content, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, file), content, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, folder, "check", "rules", "--lint=all", "--lint-fatal", "alerts.yaml")
	promtool(t, folder, "test", "rules", file)

	var tests struct {
		Tests []struct {
			Checks []struct {
				Alert    string `json:"alertname"`
				Expected []any  `json:"exp_alerts"`
			} `json:"alert_rule_test"`
		} `json:"tests"`
	}
	if err := yaml.Unmarshal(content, &tests); err != nil {
		t.Fatal(err)
	}
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, test := range tests.Tests {
		for _, check := range test.Checks {
			fires[check.Alert] = fires[check.Alert] || len(check.Expected) > 0
			silent[check.Alert] = silent[check.Alert] || len(check.Expected) == 0
		}
	}
	for _, alert := range group.Rules {
		if !fires[alert.Alert] || !silent[alert.Alert] {
			t.Errorf("%s: a case in which it fires: %t, one in which it does not: %t", alert.Alert, fires[alert.Alert], silent[alert.Alert])
		}
	}
}

// TestAlertsHaveRunbooks: the link of each alert leads to a section, and each section of
// the runbooks is of an alert.
func TestAlertsHaveRunbooks(t *testing.T) {
	const page = "https://github.com/spark-operator/spark-operator/blob/main/docs/monitoring.md#"
	content, err := os.ReadFile(root + "/docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	_, runbooks, found := strings.Cut(string(content), "\n## Alerts\n")
	runbooks, _, ended := strings.Cut(runbooks, "\n## ")
	if !found || !ended {
		t.Fatal("docs/monitoring.md has no section Alerts, or none after it")
	}
	var sections []string
	for _, heading := range regexp.MustCompile(`(?m)^### (.+)$`).FindAllStringSubmatch(runbooks, -1) {
		sections = append(sections, heading[1])
	}
	var names []string
	for _, alert := range alerts(t).Rules {
		names = append(names, alert.Alert)
		if got, want := alert.Annotations["runbook_url"], page+strings.ToLower(alert.Alert); got != want {
			t.Errorf("%s: runbook %s, want %s", alert.Alert, got, want)
		}
		for _, key := range []string{"summary", "description"} {
			if alert.Annotations[key] == "" {
				t.Errorf("%s has no %s", alert.Alert, key)
			}
		}
		if severity := alert.Labels["severity"]; severity != "critical" && severity != "warning" {
			t.Errorf("%s: severity %q", alert.Alert, severity)
		}
	}
	if !slices.Equal(sections, names) {
		t.Errorf("docs/monitoring.md has runbooks for\n%q, the chart has the alerts\n%q", sections, names)
	}
}

func TestAlertsFollowTheValues(t *testing.T) {
	named := func(group prometheus.RuleGroup) map[string]prometheus.Alert {
		byName := map[string]prometheus.Alert{}
		for _, alert := range group.Rules {
			byName[alert.Alert] = alert
		}
		return byName
	}
	all := named(alerts(t))
	for _, test := range []struct{ set, alert, want string }{
		{"prometheus.prometheusRule.queueAgeSeconds=60", "SparkApplicationsWaitTooLong", "> 60"},
		{"prometheus.prometheusRule.certificateExpiryDays=30", "SparkOperatorCertificateExpires", "< 30 * 86400"},
		{"prometheus.metrics.prefix=my-", "SparkApplicationsStuck", "sum(my_spark_application_stalled{"},
		{"prometheus.metrics.prefix=my-", "ScheduledSparkApplicationRunsMissed", "increase(my_scheduled_spark_application_missed_run_count{"},
		{"prometheus.metrics.prefix=my-", "SparkOperatorPanics", "(my_spark_operator_panics_total{"},
		{"controller.leaderElection.enable=false", "SparkOperatorDown", "absent(workqueue_depth{"},
		{"fullnameOverride=x", "SparkOperatorDown", `name="x-controller-lock"`},
	} {
		if expr := named(alerts(t, "--set", test.set))[test.alert].Expr; !strings.Contains(expr, test.want) || strings.Contains(all[test.alert].Expr, test.want) {
			t.Errorf("%s: %s: want %q in %s", test.set, test.alert, test.want, expr)
		}
	}
	fewer := named(alerts(t, "--set", "prometheus.prometheusRule.disabled={SparkOperatorDown},prometheus.prometheusRule.alertLabels.team=data,prometheus.prometheusRule.runbookURL=http://wiki/"))
	if _, there := fewer["SparkOperatorDown"]; there || len(fewer) != len(all)-1 {
		t.Errorf("%d alerts of %d", len(fewer), len(all))
	}
	for name, alert := range fewer {
		if alert.Labels["team"] != "data" || alert.Annotations["runbook_url"] != "http://wiki/"+strings.ToLower(name) {
			t.Errorf("%+v", alert)
		}
	}
	const unprefixed = "SparkOperatorCertificateExpires"
	if got := named(alerts(t, "--set", "prometheus.metrics.prefix=my-"))[unprefixed].Expr; got != all[unprefixed].Expr {
		t.Errorf("the metrics of the webhook have no prefix: %s", got)
	}
	const archiver = "SparkLogCopiesFail"
	if got := named(alerts(t, "--set", "prometheus.metrics.prefix=my-"))[archiver].Expr; got != all[archiver].Expr {
		t.Errorf("the metrics of the log archiver have no prefix: %s", got)
	}
	for set, alert := range map[string]string{"webhook.enable=false": "SparkOperatorCertificateExpires", "logArchive.enable=false": archiver} {
		if _, there := named(alerts(t, "--set", set))[alert]; there {
			t.Errorf("%s: the alert %s is on what is not installed", set, alert)
		}
	}
}

// TestMonitorsSelectWhatIsServed: the labels, the port and the path are those of the pods.
func TestMonitorsSelectWhatIsServed(t *testing.T) {
	for _, set := range []string{"webhook.enable=true", "webhook.enable=false"} {
		for _, value := range []string{"podMonitor", "serviceMonitor"} {
			all := render(t, "--set", set+",prometheus.metrics.portName=prom,prometheus.metrics.endpoint=/m,prometheus."+value+".create=true")
			kind := strings.ToUpper(value[:1]) + value[1:]
			monitors := decode[prometheus.Monitor](t, all, kind)
			if len(monitors) != 1 {
				t.Fatalf("%d monitors", len(monitors))
			}
			endpoints := slices.Concat(monitors[0].Spec.PodMetricsEndpoints, monitors[0].Spec.Endpoints)
			if len(endpoints) != 1 || endpoints[0].Port != "prom" || endpoints[0].Path != "/m" {
				t.Errorf("%s: endpoints %+v", value, endpoints)
			}
			components := []string{"controller"}
			if set == "webhook.enable=true" {
				components = append(components, "webhook")
			}
			for _, component := range components {
				template := deploymentOf(t, all, component).Spec.Template
				if !slices.ContainsFunc(template.Spec.Containers[0].Ports, func(p corev1.ContainerPort) bool { return p.Name == "prom" }) {
					t.Errorf("%s has no port prom", component)
				}
				selects(t, monitors[0], all, template.Labels)
			}
		}
	}
}

// TestMonitorsSelectTheLogArchiver by a port of its own, without the TLS of the operator, and
// with and without webhook.
func TestMonitorsSelectTheLogArchiver(t *testing.T) {
	for _, set := range []string{"webhook.enable=false", "prometheus.podMonitor.podMetricsEndpoint.scheme=https,prometheus.serviceMonitor.scheme=https"} {
		for _, value := range []string{"podMonitor", "serviceMonitor"} {
			all := render(t, "--set", withArchive+","+set+",prometheus.metrics.portName=prom,prometheus."+value+".create=true")
			monitors := decode[prometheus.Monitor](t, all, strings.ToUpper(value[:1])+value[1:])
			if len(monitors) != 1 {
				t.Fatalf("%d monitors", len(monitors))
			}
			endpoints := slices.Concat(monitors[0].Spec.PodMetricsEndpoints, monitors[0].Spec.Endpoints)
			if len(endpoints) != 2 || endpoints[0].Port != "prom" || endpoints[1].Path != "/metrics" || endpoints[1].Scheme != "" || strings.Contains(set, "https") != (endpoints[0].Scheme == "https") {
				t.Fatalf("%s: endpoints %+v", value, endpoints)
			}
			for component, port := range map[string]string{"controller": "prom", "log-archiver": endpoints[1].Port} {
				template := deploymentOf(t, all, component).Spec.Template
				named := func(p corev1.ContainerPort) bool { return p.Name == port }
				if !slices.ContainsFunc(template.Spec.Containers[0].Ports, named) {
					t.Errorf("%s has no port %s", component, port)
				}
				selects(t, monitors[0], all, template.Labels)
			}
			for _, service := range decode[corev1.Service](t, all, "Service") {
				if !strings.HasSuffix(service.Name, "-metrics") {
					continue
				}
				if ports := service.Spec.Ports; len(ports) != 2 || ports[1].Name != endpoints[1].Port || ports[0].Port == ports[1].Port {
					t.Errorf("ports %+v", ports)
				}
			}
		}
	}
}

// selects checks that a monitor selects pods with the labels, if need be by a Service.
func selects(t *testing.T, monitor prometheus.Monitor, all objects, labels map[string]string) {
	t.Helper()
	if monitor.Kind == "ServiceMonitor" {
		services := slices.DeleteFunc(decode[corev1.Service](t, all, "Service"), func(s corev1.Service) bool {
			return !contains(s.Labels, monitor.Spec.Selector.MatchLabels)
		})
		if len(services) != 1 || !contains(labels, services[0].Spec.Selector) || services[0].Spec.Ports[0].Name != "prom" {
			t.Errorf("services %+v", services)
		}
		return
	}
	matches := contains(labels, monitor.Spec.Selector.MatchLabels)
	for _, requirement := range monitor.Spec.Selector.MatchExpressions {
		matches = matches && slices.Contains(requirement.Values, labels[requirement.Key])
	}
	if !matches {
		t.Errorf("%+v does not select %v", monitor.Spec.Selector, labels)
	}
}

func contains(labels, some map[string]string) bool {
	for key, value := range some {
		if labels[key] != value {
			return false
		}
	}
	return true
}

// otherMetrics are not the operator's: those of Prometheus, of every process, of Spark's
// servlets, and of the JMX exporter with the operator's rules.
var otherMetrics = regexp.MustCompile(`^(up|ALERTS|process_.+|metrics_spark_driver_.+|metrics_executor_.+|spark_driver_.+|spark_executor_.+_type_(gauges|counters_count(_total)?))$`)

// TestMetricsOfAlertsAndPanelsExist: docs/metrics.md is printed from the code of the operator, and
// the log archiver names its metrics in its own.
func TestMetricsOfAlertsAndPanelsExist(t *testing.T) {
	content, err := os.ReadFile(root + "/docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| ([a-z]+) \\|").FindAllStringSubmatch(string(content), -1) {
		kinds[row[1]] = row[2]
	}
	archiver, err := os.ReadFile(root + "/cmd/log-archiver/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, counter := range regexp.MustCompile(`CounterOpts{\s+Name: "([a-z_]+)"`).FindAllStringSubmatch(string(archiver), -1) {
		kinds[counter[1]] = "counter"
	}
	exists := func(name string) bool {
		if kind, whole := kinds[name]; whole {
			return kind == "counter" || kind == "gauge"
		}
		for _, suffix := range []string{"_sum", "_count", "_bucket"} {
			if base, cut := strings.CutSuffix(name, suffix); cut && (kinds[base] == "histogram" || kinds[base] == "summary" && suffix != "_bucket") {
				return true
			}
		}
		return otherMetrics.MatchString(name)
	}
	exprs := map[string]string{}
	for _, alert := range alerts(t).Rules {
		exprs[alert.Alert] = alert.Expr
	}
	for file, dashboard := range dashboards(t) {
		for _, variable := range dashboard.Templating.List {
			exprs[file+": "+variable.Name] = variable.Definition
		}
		for _, panel := range dashboard.Panels {
			for _, target := range panel.Targets {
				exprs[file+": "+panel.Title+" "+target.RefID] = target.Expr
			}
		}
	}
	for place, expr := range exprs {
		for _, name := range prometheus.MetricsIn(expr) {
			if !exists(name) {
				t.Errorf("%s: no metric %s", place, name)
			}
		}
	}
}

func dashboards(t *testing.T) map[string]prometheus.Dashboard {
	t.Helper()
	all, err := prometheus.ReadDashboards(chart + "/dashboards")
	if err != nil || len(all) != 4 {
		t.Fatalf("%d dashboards: %v", len(all), err)
	}
	return all
}

// TestDashboards: what Grafana requires of a file, and what its users expect.
func TestDashboards(t *testing.T) {
	uids := map[string]string{}
	var queries prometheus.RuleGroup
	queries.Name = "queries"
	for file, dashboard := range dashboards(t) {
		if other := uids[dashboard.UID]; other != "" || dashboard.UID == "" || len(dashboard.UID) > 40 {
			t.Errorf("%s: uid %q, also of %q", file, dashboard.UID, other)
		}
		uids[dashboard.UID] = file
		if dashboard.Title == "" || dashboard.SchemaVersion < 36 {
			t.Errorf("%s: title %q, schema %d", file, dashboard.Title, dashboard.SchemaVersion)
		}
		if first := dashboard.Templating.List[0]; first.Name != "datasource" || first.Type != "datasource" {
			t.Errorf("%s: the first variable is %+v, want the data source", file, first)
		}
		ids := map[int]bool{}
		taken := map[[2]int]string{}
		for _, panel := range dashboard.Panels {
			place := file + ": " + panel.Title
			if ids[panel.ID] || panel.ID <= 0 || panel.Title == "" {
				t.Errorf("%s: id %d", place, panel.ID)
			}
			ids[panel.ID] = true
			for x := panel.GridPos.X; x < panel.GridPos.X+panel.GridPos.W; x++ {
				for y := panel.GridPos.Y; y < panel.GridPos.Y+panel.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x < 0 || x >= 24 {
						t.Fatalf("%s overlaps %q at %d, %d", place, other, x, y)
					}
					taken[[2]int{x, y}] = panel.Title
				}
			}
			if panel.Type == "row" {
				continue
			}
			if panel.Description == "" || len(panel.Targets) == 0 {
				t.Errorf("%s has no description or no query", place)
			}
			refs := map[string]bool{}
			for _, target := range panel.Targets {
				if refs[target.RefID] || !strings.Contains(string(target.Datasource), `"${datasource}"`) || !strings.Contains(string(panel.Datasource), `"${datasource}"`) {
					t.Errorf("%s: query %s, data source %s", place, target.RefID, target.Datasource)
				}
				refs[target.RefID] = true
				known := map[string]string{"__rate_interval": "5m", "__range": "1h", "namespace": "n", "application": "a", "type": ".*"}
				expr := target.Query(known)
				if strings.Contains(expr, "$") {
					t.Errorf("%s: a variable that the dashboard lacks in %s", place, expr)
				}
				queries.Rules = append(queries.Rules, prometheus.Alert{Record: fmt.Sprintf("query:%d", len(queries.Rules)), Expr: expr})
			}
		}
	}
	folder := t.TempDir()
	writeGroup(t, filepath.Join(folder, "queries.yaml"), queries)
	promtool(t, folder, "check", "rules", "queries.yaml")
}

// TestDashboardsAsConfigMaps: one for each, with what Grafana's sidecar looks for, and with
// the names that the metrics of this release have.
func TestDashboardsAsConfigMaps(t *testing.T) {
	files := slices.Sorted(maps.Keys(dashboards(t)))
	all := decode[corev1.ConfigMap](t, render(t, "--set", "prometheus.dashboards.create=true,prometheus.dashboards.namespace=grafana,"+
		"prometheus.dashboards.annotations.grafana_folder=Spark,prometheus.metrics.prefix=my-,prometheus.metrics.labels=team-name"), "ConfigMap")
	var got []string
	for _, configMap := range all {
		if configMap.Namespace != "grafana" || configMap.Labels["grafana_dashboard"] != "1" || configMap.Annotations["grafana_folder"] != "Spark" {
			t.Errorf("%+v", configMap.ObjectMeta)
		}
		for file, text := range configMap.Data {
			got = append(got, file)
			if strings.Contains(text, "app_type") {
				t.Errorf("%s has app_type, but the metrics have team_name", file)
			}
			for _, name := range prometheus.MetricsIn(text) {
				prefixed := regexp.MustCompile(`^(my_)?(scheduled_)?spark_(application_|operator_crd|operator_panics|executor_(running|success|failure)_count$)`)
				if match := prefixed.FindStringSubmatch(name); match != nil && match[1] == "" || match == nil && strings.HasPrefix(name, "my_") {
					t.Errorf("%s: %s", file, name)
				}
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, files) {
		t.Errorf("ConfigMaps for %q, want %q", got, files)
	}
}
