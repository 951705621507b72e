// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/reconcile/loop"
)

// parse reads a command line as "controller start" does.
func parse(t *testing.T, arguments ...string) (*ControllerOptions, error) {
	t.Helper()
	return parseInto(t, NewControllerOptions, arguments)
}

// parseInto reads a command line into new options and validates them.
func parseInto[O processOptions](t *testing.T, newOptions func() (O, error), arguments []string) (O, error) {
	t.Helper()
	options, err := newOptions()
	if err != nil {
		t.Fatal(err)
	}
	var sets cliflag.NamedFlagSets
	options.AddFlags(&sets)
	all := pflag.NewFlagSet("start", pflag.ContinueOnError)
	all.SetOutput(io.Discard)
	for _, fs := range sets.FlagSets {
		all.AddFlagSet(fs)
	}
	if err := all.Parse(arguments); err != nil {
		var none O
		return none, err
	}
	return options, options.Validate()
}

// TestFlagsOfKubeflow parses every flag that command lines for kubeflow's
// operator may carry.
func TestFlagsOfKubeflow(t *testing.T) {
	options, err := parse(t,
		"--controller-threads=20", "--namespaces=a,b", "--namespace-selector=spark=enabled", "--cache-sync-timeout=1m",
		"--max-tracked-executor-per-app=10", "--default-time-to-live-seconds=60", "--enable-driver-pdb",
		"--workqueue-ratelimiter-bucket-qps=50", "--workqueue-ratelimiter-bucket-size=500", "--workqueue-ratelimiter-max-delay=6h",
		"--enable-batch-scheduler", "--kube-scheduler-names=coscheduling", "--default-batch-scheduler=coscheduling",
		"--enable-ui-service=false", "--ingress-class-name=nginx", "--ingress-url-format={{$appName}}.example.com",
		`--ingress-tls=[{"hosts":["*.example.com"],"secretName":"tls"}]`, `--ingress-annotations={"a":"b"}`,
		"--leader-election=true", "--leader-election-lock-name=lock", "--leader-election-lock-namespace=ns",
		"--leader-election-lease-duration=15s", "--leader-election-renew-deadline=10s", "--leader-election-retry-period=2s",
		"--driver-pod-creation-grace-period=20s", "--kube-api-qps=100", "--kube-api-burst=200",
		"--enable-metrics=true", "--metrics-bind-address=:8080", "--metrics-endpoint=/metrics", "--metrics-prefix=", "--metrics-labels=app_type",
		"--metrics-job-submit-latency-buckets=0.5,1,2", "--metrics-job-start-latency-buckets=30,60",
		"--health-probe-bind-address=:8081", "--secure-metrics=false", "--metric-tls-min-version=VersionTLS13", "--metric-tls-cipher-suites=",
		"--pprof-bind-address=0", "--scheduled-spark-application-timestamp-precision=millis",
		"--submitter-service-url=", "--submitter-startup-timeout=5m", "--submitter-request-timeout=2m", "--submitter-max-retries=3",
		"--submitter-initial-backoff=2s", "--submitter-tls-enabled=false", "--submitter-tls-cert-file=", "--submitter-tls-key-file=", "--submitter-tls-ca-file=",
		"--feature-gates=PartialRestart=true,LoadSparkDefaults=false,RestSubmitter=false,DefaultTimeToLive=true", "--load-spark-defaults=false",
		"--kubeconfig=", "--zap-log-level=info", "--zap-encoder=console", "--zap-devel", "--zap-stacktrace-level=error", "--zap-time-encoding=iso8601",
	)
	if err != nil {
		t.Fatal(err)
	}
	config, err := options.Config("k8s://https://10.0.0.1:443")
	if err != nil {
		t.Fatal(err)
	}
	c := config.Controller
	if c.Workers != 20*loop.Namespaces || c.MaxTrackedExecutors != 10 || c.DefaultTimeToLive != time.Minute || c.DriverGracePeriod != 20*time.Second || !c.PartialRestart {
		t.Errorf("controller %+v", c)
	}
	if c.UI.WebService || c.UI.IngressClassName != "nginx" || c.UI.IngressTLS[0].SecretName != "tls" || c.UI.IngressAnnotations["a"] != "b" {
		t.Errorf("ui %+v", c.UI)
	}
	if !c.BatchScheduling.Enabled || c.BatchScheduling.Default != "coscheduling" {
		t.Errorf("batch scheduling %+v", c.BatchScheduling)
	}
	if !slices.Equal(config.Informers.Namespaces, []string{"a", "b"}) || config.Informers.NamespaceSelector == nil {
		t.Errorf("informers %+v", config.Informers)
	}
	if !slices.Equal(config.Metrics.SubmitLatencyBuckets, []float64{0.5, 1, 2}) || !slices.Equal(config.Metrics.Labels, []string{"app_type"}) {
		t.Errorf("metrics %+v", config.Metrics)
	}
}

func TestSubmitter(t *testing.T) {
	options, err := parse(t, "--submitter=spark-submit", "--submitter-deadline=90s", "--enable-service-links")
	if err != nil {
		t.Fatal(err)
	}
	config, err := options.Config("k8s://https://10.0.0.1:443")
	if err != nil {
		t.Fatal(err)
	}
	if c := config.Controller; c.Submitter != "spark-submit" || c.SubmitterDeadline != 90*time.Second || !c.ServiceLinks {
		t.Errorf("submitter %q, deadline %v, service links %t", c.Submitter, c.SubmitterDeadline, c.ServiceLinks)
	}
	if options, err = parse(t); err != nil || options.Submitter != "native" || options.ServiceLinks {
		t.Errorf("default submitter %q, %v", options.Submitter, err)
	}
}

func TestStuckDrivers(t *testing.T) {
	for _, test := range []struct {
		arguments              []string
		cannotStart, nodeGrace time.Duration
	}{
		{nil, 0, 5 * time.Minute},
		{[]string{"--driver-cannot-start-timeout=15m", "--node-loss-grace-period=0"}, 15 * time.Minute, 0},
	} {
		options, err := parse(t, test.arguments...)
		if err != nil {
			t.Fatal(err)
		}
		config, err := options.Config("k8s://https://10.0.0.1:443")
		if err != nil {
			t.Fatal(err)
		}
		if c := config.Controller; c.DriverCannotStartTimeout != test.cannotStart || c.NodeLossGracePeriod != test.nodeGrace {
			t.Errorf("%q: %v, %v", test.arguments, c.DriverCannotStartTimeout, c.NodeLossGracePeriod)
		}
	}
}

func TestDefaults(t *testing.T) {
	options, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	if options.KubeAPIQPS >= 0 || options.Threads != 10 || !options.EnableUIService || options.Election.Enabled || options.Serving.MetricsAddress != noAddress {
		t.Errorf("defaults %+v", options)
	}
}

// TestInvalidFlagsAreNamed: one line each, with the flag in it.
func TestInvalidFlagsAreNamed(t *testing.T) {
	for _, test := range []struct {
		argument string
		want     string
	}{
		{"--nonsense", "--nonsense"},
		{"--controller-threads=many", "controller-threads"},
		{"--controller-threads=0", "--controller-threads: 0"},
		{"--max-tracked-executor-per-app=-1", "--max-tracked-executor-per-app"},
		{"--default-time-to-live-seconds=-1", "--default-time-to-live-seconds"},
		{"--default-time-to-live-seconds=9223372036854775807", "--default-time-to-live-seconds"},
		{"--driver-cannot-start-timeout=-1s", "--driver-cannot-start-timeout: -1s"},
		{"--node-loss-grace-period=-1s", "--node-loss-grace-period: -1s"},
		{"--namespace-selector=a=(", "--namespace-selector"},
		{"--application-selector=a=(", "--application-selector"},
		{"--application-selector=!sparkoperator.k8s.io/scheduled-app-name", "select both by another label"},
		{"--ingress-tls={", "--ingress-tls"},
		{`--ingress-annotations=["a=b"]`, "--ingress-annotations"},
		{`--ui-route-annotations=["a=b"]`, "--ui-route-annotations"},
		{"--scheduled-spark-application-timestamp-precision=hours", "--scheduled-spark-application-timestamp-precision"},
		{"--metrics-job-submit-latency-buckets=1,x", "--metrics-job-submit-latency-buckets"},
		{"--metrics-job-start-latency-buckets=2,1", "--metrics-job-start-latency-buckets"},
		{"--metrics-endpoint=metrics", "--metrics-endpoint"},
		{"--metric-tls-min-version=SSL3", "--metric-tls-min-version"},
		{"--metric-tls-cipher-suites=ROT13", "--metric-tls-cipher-suites"},
		{"--submitter=livy", "--submitter"},
		{"--submitter-deadline=0s", "--submitter-deadline"},
		{"--zap-encoder=xml", "--zap-encoder"},
		{"--zap-log-level=loud", "--zap-log-level"},
		{"--feature-gates=Nonsense=true", "Nonsense"},
		{"--leader-election-lock-name=Spark", "--leader-election-lock-name"},
		{"--leader-election-lock-namespace=a.b", "--leader-election-lock-namespace"},
		{"--driver-pod-creation-grace-period=-5s", "--driver-pod-creation-grace-period: -5s"},
		{"--controller-threads=100000", "--controller-threads: 100000"},
		{"--cache-sync-timeout=0s", "--cache-sync-timeout: 0s"},
		{"--kube-api-qps=0", "--kube-api-qps: 0"},
		{"--kube-api-qps=NaN", "--kube-api-qps"},
		{"--kube-api-burst=-1", "--kube-api-burst: -1"},
		{"--namespaces=jobs,Team_A", "--namespaces"},
		{"--log-tail-lines=-1", "--log-tail-lines"},
		{"--log-tail-redact=(", "--log-tail-redact"},
		{"--health-probe-bind-address=8081", "--health-probe-bind-address"},
		{"--metrics-bind-address=:99999", "--metrics-bind-address"},
		{"--pprof-bind-address=:8081", "--pprof-bind-address"},
		{"--otlp-traces-endpoint=collector:4318", "--otlp-traces-endpoint"},
		{"--metrics-endpoint=/{metrics", "--metrics-endpoint"},
		{"--metrics-labels=a,a", "--metrics-labels"},
		{"--metrics-labels=app_type,state", `"state" is already a label`},
		{"--metrics-labels=reason", `"reason" is already a label`},
		{"--metrics-labels=le", `"le" is already a label`},
		{"--metrics-labels=quantile", `"quantile" is already a label`},
		{"--metrics-usage-team-label=a b", "--metrics-usage-team-label"},
		{"--metrics-job-submit-latency-buckets=1,+Inf", "--metrics-job-submit-latency-buckets"},
		{"--metrics-job-start-latency-buckets=-1,1", "--metrics-job-start-latency-buckets"},
		{"--ingress-class-name=My Class", "--ingress-class-name"},
		{`--ingress-tls=[{"host":"a"}]`, "--ingress-tls"},
		{`--ingress-annotations={"a b":"c"}`, "--ingress-annotations"},
		{`--ui-route-annotations={"a b":"c"}`, "--ui-route-annotations"},
		{"--ui-route-gateways=infra/", `--ui-route-gateways: "infra/"`},
		{"--ui-route-gateways=/web", `--ui-route-gateways: "/web"`},
		{"--ui-route-gateways=web:", `--ui-route-gateways: "web:"`},
		{"--ui-route-gateways=a/b/c", `--ui-route-gateways: "a/b/c"`},
		{"--kube-scheduler-names=a,B", "--kube-scheduler-names"},
		{"--logging-format=xml", "logging-format"},
	} {
		_, err := parse(t, test.argument)
		if err == nil {
			t.Errorf("%s: no error", test.argument)
			continue
		}
		if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q", test.argument, err)
		}
	}
	for _, arguments := range [][]string{
		{"--kube-api-qps=5", "--kube-api-burst=0"},
		{"--enable-batch-scheduler", "--default-batch-scheduler=nonesuch"},
		{"--leader-election", "--leader-election-lock-name="},
		{"--leader-election", "--leader-election-lock-namespace="},
		{"--leader-election", "--leader-election-lease-duration=5s"},
		{"--leader-election", "--leader-election-renew-deadline=2s"},
		{"--leader-election", "--leader-election-retry-period=-1s"},
		{"--leader-election", "--application-selector=team=a"},
		{"--leader-election", "--leader-election-lease-duration=900ms", "--leader-election-renew-deadline=500ms", "--leader-election-retry-period=100ms"},
	} {
		flag, _, _ := strings.Cut(arguments[1], "=")
		if _, err := parse(t, arguments...); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), flag) {
			t.Errorf("%q: want one line with %s: %v", arguments, flag, err)
		}
	}
}

// TestSelectedApplicationsNeedALeaseOfTheirOwn: with the Lease of another instance, this
// one would be a standby for applications that the other does not run.
func TestSelectedApplicationsNeedALeaseOfTheirOwn(t *testing.T) {
	for _, arguments := range [][]string{
		{"--application-selector=team=a"},
		{"--application-selector=team=a", "--leader-election", "--leader-election-lock-name=team-a"},
		{"--application-selector=team=a", "--leader-election", "--dry-run"},
	} {
		options, err := parse(t, arguments...)
		if err != nil {
			t.Errorf("%q: %v", arguments, err)
			continue
		}
		config, err := options.Config("k8s://https://10.0.0.1:443")
		if err != nil || config.Informers.ApplicationSelector == nil || config.Informers.ApplicationSelector.String() != "team=a" {
			t.Errorf("%q: selector %v, %v", arguments, config.Informers.ApplicationSelector, err)
		}
	}
}

// TestZeroIsHonoured: what may be 0 is not replaced by a default.
func TestZeroIsHonoured(t *testing.T) {
	options, err := parse(t, "--max-tracked-executor-per-app=0", "--driver-pod-creation-grace-period=0s", "--log-tail-lines=0", "--default-time-to-live-seconds=0")
	if err != nil {
		t.Fatal(err)
	}
	config, err := options.Config("k8s://https://10.0.0.1:443")
	if err != nil {
		t.Fatal(err)
	}
	if c := config.Controller; c.MaxTrackedExecutors != 0 || c.DriverGracePeriod != 0 || c.LogTailLines != 0 || c.DefaultTimeToLive != 0 {
		t.Errorf("controller %+v", c)
	}
}

// TestChartRepeatsNoOtherDefault: values.yaml shows the defaults of the flags, and they
// are the same.
func TestChartRepeatsNoOtherDefault(t *testing.T) {
	content, err := os.ReadFile("../../charts/spark-operator/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(content, &values); err != nil {
		t.Fatal(err)
	}
	options, err := NewControllerOptions()
	if err != nil {
		t.Fatal(err)
	}
	var sets cliflag.NamedFlagSets
	options.AddFlags(&sets)
	defaults := map[string]string{}
	for _, fs := range sets.FlagSets {
		fs.VisitAll(func(f *pflag.Flag) { defaults[f.Name] = f.DefValue })
	}
	for flag, path := range map[string]string{
		"controller-threads":                              "workers",
		"driver-pod-creation-grace-period":                "driverPodCreationGracePeriod",
		"driver-cannot-start-timeout":                     "driverCannotStartTimeout",
		"node-loss-grace-period":                          "nodeLossGracePeriod",
		"max-tracked-executor-per-app":                    "maxTrackedExecutorPerApp",
		"log-tail-lines":                                  "driverLogTail.lines",
		"kube-api-qps":                                    "kubeAPIQPS",
		"kube-api-burst":                                  "kubeAPIBurst",
		"submitter":                                       "submitter",
		"submitter-deadline":                              "submitterDeadline",
		"default-time-to-live-seconds":                    "defaultTimeToLiveSeconds",
		"leader-election-lease-duration":                  "leaderElection.leaseDuration",
		"leader-election-renew-deadline":                  "leaderElection.renewDeadline",
		"leader-election-retry-period":                    "leaderElection.retryPeriod",
		"scheduled-spark-application-timestamp-precision": "scheduledSparkApplicationTimestampPrecision",
	} {
		value, found, err := unstructured.NestedFieldNoCopy(values, append([]string{"controller"}, strings.Split(path, ".")...)...)
		if err != nil || !found {
			t.Errorf("values.yaml has no controller.%s", path)
			continue
		}
		got := fmt.Sprint(value)
		if duration, err := time.ParseDuration(got); err == nil {
			got = duration.String()
		}
		if want, err := time.ParseDuration(defaults[flag]); err == nil {
			defaults[flag] = want.String()
		}
		if got != defaults[flag] {
			t.Errorf("controller.%s is %s, --%s %s", path, got, flag, defaults[flag])
		}
	}
}

// TestErrorsBeforeLogging runs the command itself up to the check of arguments.
func TestErrorsBeforeLogging(t *testing.T) {
	for _, arguments := range [][]string{
		{"controller", "start", "--controller-threads=0"},
		{"controller", "start", "word"},
		{"controller", "start", "--nonsense"},
		{"nonsense"},
	} {
		var out bytes.Buffer
		command := newCommand()
		command.SilenceErrors = true
		command.SetOut(&out)
		command.SetErr(&out)
		command.SetArgs(arguments)
		if err := command.Execute(); err == nil {
			t.Errorf("%q: no error", arguments)
		}
		if out.Len() > 0 {
			t.Errorf("%q printed %q beside the error", arguments, out.String())
		}
	}
}

func TestHelpShowsFlagsAndExamples(t *testing.T) {
	var out bytes.Buffer
	command := newCommand()
	command.SetOut(&out)
	command.SetArgs([]string{"controller", "start", "--help"})
	if err := command.Execute(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--leader-election-lock-name", "--ingress-url-format", "Accepted for compatibility, without effect"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the help lacks %q", want)
		}
	}
}

func TestVersion(t *testing.T) {
	for _, arguments := range [][]string{{"version"}, {"version", "--short"}} {
		var out bytes.Buffer
		command := newCommand()
		command.SetOut(&out)
		command.SetArgs(arguments)
		if err := command.Execute(); err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(out.String(), "\n"); lines == 0 || (len(arguments) == 2) != (lines == 1) {
			t.Errorf("%q printed %q", arguments, out.String())
		}
	}
}

func TestMasterURL(t *testing.T) {
	config := &rest.Config{Host: "https://127.0.0.1:6443"}
	for _, test := range []struct {
		host, port, want string
	}{
		{"", "", "k8s://https://127.0.0.1:6443"},
		{"10.0.0.1", "443", "k8s://https://10.0.0.1:443"},
		{"fd00::1", "443", "k8s://https://[fd00::1]:443"},
	} {
		getenv := func(name string) string {
			return map[string]string{"KUBERNETES_SERVICE_HOST": test.host, "KUBERNETES_SERVICE_PORT": test.port}[name]
		}
		if got := masterURL(config, getenv); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func TestLogTail(t *testing.T) {
	for _, test := range []struct {
		arguments []string
		lines     int64
		redacts   string // a text that must not stay, if any
		fails     string // what the error has to name
	}{
		{lines: 20, redacts: "password=hunter2"},
		{arguments: []string{"--log-tail-lines=0"}, redacts: "password=hunter2"},
		{arguments: []string{"--log-tail-redact="}, lines: 20},
		{arguments: []string{"--log-tail-redact=user=\\S+"}, lines: 20, redacts: "user=jane"},
		{arguments: []string{"--log-tail-redact=(user="}, fails: "--log-tail-redact: error parsing regexp: missing closing )"},
		{arguments: []string{"--log-tail-lines=-1"}, fails: "--log-tail-lines: -1 is negative"},
	} {
		options, err := parse(t, test.arguments...)
		if test.fails != "" {
			if err == nil || !strings.Contains(err.Error(), test.fails) {
				t.Errorf("%q: error %v", test.arguments, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		config, err := options.Config("k8s://https://10.0.0.1:443")
		if err != nil {
			t.Fatal(err)
		}
		lines, hide := config.Controller.LogTailLines, config.Controller.Redact
		if lines != test.lines || (hide != nil) != (test.redacts != "") || hide != nil && hide(test.redacts) == test.redacts {
			t.Errorf("%q: %d lines, hides %t", test.arguments, lines, hide != nil)
		}
	}
}

func TestGatewaysOfTheUI(t *testing.T) {
	options, err := parse(t, "--ui-route-url-format=spark.example.com/{{$appName}}", "--ui-route-gateways=infra/web:https,own", `--ui-route-annotations={"a":"b"}`)
	if err != nil {
		t.Fatal(err)
	}
	config, err := options.Config("k8s://https://10.0.0.1:443")
	if err != nil {
		t.Fatal(err)
	}
	want := []v1beta2.RouteGateway{{Namespace: "infra", Name: "web", SectionName: "https"}, {Name: "own"}}
	if c := config.Controller.UI; c.RouteURLFormat != "spark.example.com/{{$appName}}" || !slices.Equal(c.RouteGateways, want) || c.RouteAnnotations["a"] != "b" {
		t.Errorf("ui %+v", c)
	}
	if _, err := parse(t, "--ui-route-url-format=a.example.com", "--ingress-url-format=b.example.com"); err == nil || !strings.Contains(err.Error(), "set only one of them") {
		t.Errorf("two URLs: %v", err)
	}
}
