// SPDX-License-Identifier: Apache-2.0

package ui

import (
	"testing"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
)

func TestEvaluateURL(t *testing.T) {
	for _, test := range []struct{ format, text, host, path string }{
		{"{{$appName}}.example.com", "http://pi.example.com", "pi.example.com", ""},
		{"https://{{ $appName }}.{{\t$appNamespace}}.example.com/", "https://pi.team.example.com/", "pi.team.example.com", ""},
		{"example.com/{{$appId}}/", "http://example.com/spark-1/", "example.com", "/spark-1"},
		{"example.com:8443/{{$appName}}", "http://example.com:8443/pi", "example.com", "/pi"},
		{"https://example.com:8443", "https://example.com:8443", "example.com", ""},
		{"/{{$appNamespace}}/{{$appName}}", "http:///team/pi", "", "/team/pi"},
		{"Spark.Example.COM/x", "http://Spark.Example.COM/x", "spark.example.com", "/x"},
		{"*.example.com", "http://*.example.com", "*.example.com", ""},
	} {
		got, err := evaluateURL(test.format, "pi", "team", "spark-1")
		if want := (address{test.text, test.host, test.path}); err != nil || got != want {
			t.Errorf("evaluateURL(%q) = %+v, %v, want %+v", test.format, got, err, want)
		}
	}
	for _, format := range []string{
		"", "{{$appNmae}}.example.com", "{{appName}}.example.com", "10.1.2.3/x", "http://[fd00::1]:80/x", "under_score.example.com",
		"example.com:port/x", "example.com/x?y=z", "example.com/x#y", "user@example.com", "a b.example.com",
	} {
		if got, err := evaluateURL(format, "pi", "team", "spark-1"); err == nil {
			t.Errorf("evaluateURL(%q) = %+v, want an error", format, got)
		}
	}
}

// The driver's path and the Ingress come from one evaluation, {{$appId}} included.
func TestProxyBase(t *testing.T) {
	app := newApp("pi", v1beta2.SparkApplicationSpec{})
	config := Config{WebService: true, IngressURLFormat: "example.com/{{$appId}}/{{$appName}}/"}
	base, err := ProxyBase(app, config, testRun)
	if err != nil || base != "/spark-0123/pi" {
		t.Errorf("base = %q, %v", base, err)
	}
	objects, err := Build(app, config, testRun)
	if err != nil {
		t.Fatal(err)
	}
	if path := objects.Web.Ingress.Spec.Rules[0].HTTP.Paths[0].Path; path != base+pathSuffix {
		t.Errorf("path of the Ingress = %q", path)
	}

	for name, config := range map[string]Config{
		"at the root": {WebService: true, IngressURLFormat: "{{$appName}}.example.com/"},
		"no Ingress":  {WebService: true},
		"no Service":  {IngressURLFormat: "example.com/x"},
	} {
		if base, err := ProxyBase(app, config, testRun); base != "" || err != nil {
			t.Errorf("%s: base = %q, %v, want none", name, base, err)
		}
	}
	if _, err := ProxyBase(app, Config{WebService: true, IngressURLFormat: "10.0.0.1/x"}, testRun); err == nil {
		t.Error("no error for a template that cannot be evaluated")
	}
}
