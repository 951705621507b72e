// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

func version(t testing.TB, text string) sparkconf.Version {
	t.Helper()
	v, err := sparkconf.ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestNames(t *testing.T) {
	const id = "3abfe389d5a139da"
	latest := switchesOf(version(t, "4.3.0"))
	for _, test := range []struct{ app, prefix, label string }{
		{"Spark Pi!", "spark-pi-" + id, "spark-pi"},
		{"你好_187609", "x87609-" + id, "187609"},
		{"  A.B/C  ", "a-b-c-" + id, "a-b-c"},
		{"___", "xabfe389d5a139da", ""},
		{"", "xabfe389d5a139da", ""},
		{"MY_app--1", "my-app-1-" + id, "my-app-1"},
		{"İstanbul", "i-stanbul-" + id, "i-stanbul"},
		{"\u212Aelvin", "kelvin-" + id, "kelvin"},
		{"1st_job", "xst-job-" + id, "1st-job"},
		{"a\xffb\tc\n", "a-b-c-" + id, "a-b-c"},
		{strings.Repeat("d", 62) + "-e", strings.Repeat("d", 62) + "-e-" + id, strings.Repeat("d", 62)},
	} {
		if got := resourceNamePrefix(test.app, id, latest); got != test.prefix {
			t.Errorf("prefix of %q = %q, want %q", test.app, got, test.prefix)
		}
		if got := appNameLabel(test.app); got != test.label {
			t.Errorf("label of %q = %q, want %q", test.app, got, test.label)
		}
	}
}

func TestPrefixByPatch(t *testing.T) {
	for patch, want := range map[string]string{"3.3.1": "-1-0", "3.3.2": "1-0", "3.3.3": "x-0", "3.2.0": "x-0"} {
		if got := resourceNamePrefix("_1", "0", switchesOf(version(t, patch))); got != want {
			t.Errorf("%s: %q, want %q", patch, got, want)
		}
	}
}

func TestDriverServiceName(t *testing.T) {
	fits := strings.Repeat("a", 52)
	if name, shortened := driverServiceName(fits, "0"); name != fits+"-driver-svc" || shortened {
		t.Errorf("%q, %v", name, shortened)
	}
	if name, shortened := driverServiceName(fits+"a", "0123456789abcdef"); name != "spark-0123456789abcdef-driver-svc" || !shortened {
		t.Errorf("%q, %v", name, shortened)
	}
}

func FuzzNames(f *testing.F) {
	for _, seed := range []string{"Spark Pi!", "你好", "İ", " - ", strings.Repeat("x", 70), "\xff\x00"} {
		f.Add(seed)
	}
	label := regexp.MustCompile(`^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$`)
	prefix := regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	s := switchesOf(version(f, "4.3.0"))
	f.Fuzz(func(t *testing.T, app string) {
		if got := appNameLabel(app); !label.MatchString(got) {
			t.Errorf("label of %q = %q", app, got)
		}
		got := resourceNamePrefix(app, "0123456789abcdef", s)
		if !prefix.MatchString(got) || strings.Contains(got, "--") {
			t.Errorf("prefix of %q = %q", app, got)
		}
	})
}
