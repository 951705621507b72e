// SPDX-License-Identifier: Apache-2.0

package sparkconf

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func newConf(t testing.TB, version string, keysAndValues ...string) *Conf {
	values := map[string]string{}
	for pair := range slices.Chunk(keysAndValues, 2) {
		values[pair[0]] = pair[1]
	}
	return New(values, map[string]string{"HOME": "/root", "EMPTY": "", "NEST": "${spark.app.name}"}, mustVersion(t, version))
}

func TestTypedReads(t *testing.T) {
	c := newConf(t, "4.1.4",
		DriverCores, " 2 ",
		ConfigMapMaxSize, "99",
		MemoryOverheadFactor, " .50 ",
		LocalDirsTmpfs, " TRUE ",
		DriverMemory, "1500k",
		"spark.yarn.driver.memoryOverhead", "700",
		ImagePullSecrets, "a, b,,c ",
		ContainerImage, "general",
		ContainerImagePullPolicy, "Never",
	)
	check := func(what string, got any, ok bool, err error, want any) {
		t.Helper()
		if !ok || err != nil || got != want {
			t.Errorf("%s = %v, %v, %v, want %v", what, got, ok, err, want)
		}
	}
	cores, ok, err := c.Int(DriverCores)
	check("int", cores, ok, err, int32(2))
	size, ok, err := c.Long(ConfigMapMaxSize)
	check("long", size, ok, err, int64(99))
	factor, ok, err := c.Double(MemoryOverheadFactor)
	check("double", factor, ok, err, .5)
	tmpfs, ok, err := c.Bool(LocalDirsTmpfs)
	check("boolean", tmpfs, ok, err, true)
	memory, ok, err := c.MiB(DriverMemory)
	check("memory", memory, ok, err, int64(1))
	memory, ok, err = c.MiB(DriverMemoryOverhead)
	check("deprecated key", memory, ok, err, int64(700))
	image, ok, err := c.String(DriverContainerImage)
	check("fallback entry", image, ok, err, "general")
	policy, ok, err := c.OneOf(ContainerImagePullPolicy, "Always", "Never")
	check("option", policy, ok, err, "Never")
	memory, ok, err = c.MiB(DriverMinMemoryOverhead)
	check("default", memory, ok, err, int64(384))

	if secrets, err := c.List(ImagePullSecrets); err != nil || !slices.Equal(secrets, []string{"a", "b", "c"}) {
		t.Errorf("list = %q, %v", secrets, err)
	}
	if value, ok, err := c.String(DriverPodName); ok || err != nil {
		t.Errorf("unset without default = %q, %v, %v", value, ok, err)
	}
	if port, err := c.RawInt(DriverPort, 7078); err != nil || port != 7078 {
		t.Errorf("raw fallback = %d, %v", port, err)
	}
	if !c.Contains(DriverMemoryOverhead) || c.Contains(DriverPodName) {
		t.Error("Contains must count deprecated keys and nothing else")
	}
}

func TestDefaultsByVersion(t *testing.T) {
	for _, test := range []struct{ version, key, want string }{
		{"3.3.1", ConfigMapMaxSize, "1572864"},
		{"3.3.2", ConfigMapMaxSize, "1048576"},
		{"3.5.9", DriverMinMemoryOverhead, ""},
		{"3.4.2", LegacyUseReadWriteOnceAccessMode, ""},
		{"3.4.3", LegacyUseReadWriteOnceAccessMode, "true"},
		{"3.5.0", LegacyUseReadWriteOnceAccessMode, ""},
		{"3.5.1", LegacyUseReadWriteOnceAccessMode, "true"},
		{"4.0.0", LegacyUseReadWriteOnceAccessMode, "false"},
		{"4.2.0", DriverAllowPrivilegeEscalation, ""},
		{"4.3.0", DriverAllowPrivilegeEscalation, "false"},
	} {
		got, ok, err := newConf(t, test.version).String(test.key)
		if got != test.want || ok != (test.want != "") || err != nil {
			t.Errorf("%s: default of %s = %q, %v, %v, want %q", test.version, test.key, got, ok, err, test.want)
		}
	}
}

// The texts were recorded from spark-submit.
func TestErrorTexts(t *testing.T) {
	c := func(version string) *Conf {
		return newConf(t, version,
			UIPort, "http", ConfigMapMaxSize, "1m", MemoryOverheadFactor, "abc", LocalDirsTmpfs, "yes",
			ContainerImagePullPolicy, "always", DriverAllowPrivilegeEscalation, "maybe", DriverPort, "http",
			DriverMemoryOverhead, "1 g",
		)
	}
	read := map[string]func(*Conf) error{
		UIPort:                         func(c *Conf) error { _, _, err := c.Int(UIPort); return err },
		ConfigMapMaxSize:               func(c *Conf) error { _, _, err := c.Long(ConfigMapMaxSize); return err },
		MemoryOverheadFactor:           func(c *Conf) error { _, _, err := c.Double(MemoryOverheadFactor); return err },
		LocalDirsTmpfs:                 func(c *Conf) error { _, _, err := c.Bool(LocalDirsTmpfs); return err },
		DriverAllowPrivilegeEscalation: func(c *Conf) error { _, _, err := c.Bool(DriverAllowPrivilegeEscalation); return err },
		DriverPort:                     func(c *Conf) error { _, err := c.RawInt(DriverPort, 1); return err },
		DriverMemoryOverhead:           func(c *Conf) error { _, _, err := c.MiB(DriverMemoryOverhead); return err },
		ContainerImagePullPolicy: func(c *Conf) error {
			_, _, err := c.OneOf(ContainerImagePullPolicy, "Always", "Never", "IfNotPresent")
			return err
		},
		DriverMemoryOverheadFactor: func(c *Conf) error {
			return c.Requirement(DriverMemoryOverheadFactor, "0.0", "Ensure that memory overhead is a double greater than 0")
		},
	}
	for _, test := range []struct{ version, key, want string }{
		{"4.0.5", UIPort, "spark.ui.port should be int, but was http"},
		{"4.0.5", ConfigMapMaxSize, "spark.kubernetes.configMap.maxSize should be long, but was 1m"},
		{"4.0.5", MemoryOverheadFactor, "spark.kubernetes.memoryOverheadFactor should be double, but was abc"},
		{"4.0.5", LocalDirsTmpfs, "spark.kubernetes.local.dirs.tmpfs should be boolean, but was yes"},
		{"4.0.5", ContainerImagePullPolicy, "The value of spark.kubernetes.container.image.pullPolicy should be one of Always, Never, IfNotPresent, but was always"},
		{"4.0.5", DriverMemoryOverheadFactor, "'0.0' in spark.driver.memoryOverheadFactor is invalid. Ensure that memory overhead is a double greater than 0"},
		{"4.1.4", UIPort, `[INVALID_CONF_VALUE.TYPE_MISMATCH] The value 'http' in the config "spark.ui.port" is invalid. It should be a/an 'int' value. SQLSTATE: 22022`},
		{"4.1.4", ContainerImagePullPolicy, `[INVALID_CONF_VALUE.OUT_OF_RANGE_OF_OPTIONS] The value 'always' in the config "spark.kubernetes.container.image.pullPolicy" is invalid. It should be one of 'Always, Never, IfNotPresent'. SQLSTATE: 22022`},
		{"4.1.4", DriverMemoryOverheadFactor, `[INVALID_CONF_VALUE.REQUIREMENT] The value '0.0' in the config "spark.driver.memoryOverheadFactor" is invalid. Ensure that memory overhead is a double greater than 0 SQLSTATE: 22022`},
		// Reported under the entry that it falls back to.
		{"4.3.0", DriverAllowPrivilegeEscalation, `[INVALID_CONF_VALUE.TYPE_MISMATCH] The value 'maybe' in the config "spark.kubernetes.securityContext.allowPrivilegeEscalation" is invalid. It should be a/an 'boolean' value. SQLSTATE: 22022`},
		{"4.3.0", DriverPort, `Illegal value for config key spark.driver.port: For input string: "http"`},
		{"4.1.4", DriverMemoryOverhead, `[INVALID_CONF_VALUE.TYPE_MISMATCH] The value '1 g' in the config "spark.driver.memoryOverhead" is invalid. It should be a/an 'bytes in MiB' value. SQLSTATE: 22022`},
		{"3.5.9", DriverMemoryOverhead, "Size must be specified as bytes (b), kibibytes (k), mebibytes (m), gibibytes (g), tebibytes (t), or pebibytes(p). E.g. 50b, 100k, or 250m.\nFailed to parse byte string: 1 g"},
	} {
		err := read[test.key](c(test.version))
		var value *ValueError
		if !errors.As(err, &value) || value.Message != test.want || value.Key != test.key {
			t.Errorf("%s: %s: %#v, want the text %q", test.version, test.key, err, test.want)
		}
		if text := fmt.Sprint(err); !strings.Contains(text, test.key) || strings.Contains(text, "\n") {
			t.Errorf("%q does not name %s in one line", text, test.key)
		}
	}
	general := newConf(t, "4.3.0", AllowPrivilegeEscalation, "maybe")
	_, _, err := general.Bool(DriverAllowPrivilegeEscalation)
	var value *ValueError
	if !errors.As(err, &value) || value.Key != AllowPrivilegeEscalation {
		t.Errorf("%v, want the key that is set", err)
	}
}

func TestSubstitution(t *testing.T) {
	for _, test := range []struct{ value, want string }{
		{"plain $ { } ${ ${", "plain $ { } ${ ${"},
		{"${spark.app.name}", "app"},
		{"a-${spark.app.name}-${env:HOME}-b", "a-app-/root-b"},
		{"${env:NEST}${env:EMPTY}", "app"},
		{"${env:NONE} ${spark.none} ${other} ${hive:x}", "${env:NONE} ${spark.none} ${other} ${hive:x}"},
		{"${spark.driver.memory}", "1g"}, // the entry's default
		{"${spark.kubernetes.driver.container.image}", "img"},
		{"${a b} ${spark.app.name}", "${a b} app"},
		{"${}}${env:}", "${}}${env:}"},
		{"$${spark.app.name}}", "$app}"},
		{"${spark.two}", "app/app"},
	} {
		c := newConf(t, "4.1.4", DriverPodName, test.value, AppName, "app", ContainerImage, "img",
			"spark.two", "${spark.app.name}/${spark.app.name}")
		if got, ok, err := c.String(DriverPodName); !ok || err != nil || got != test.want {
			t.Errorf("%q = %q, %v, %v, want %q", test.value, got, ok, err, test.want)
		}
	}
}

func TestSubstitutionErrors(t *testing.T) {
	circular := newConf(t, "4.1.4", DriverPodName, "${spark.a}", "spark.a", "x${spark.b}", "spark.b", "${spark.a}")
	_, _, err := circular.String(DriverPodName)
	var value *ValueError
	if !errors.As(err, &value) || value.Message != "requirement failed: Circular reference in ${spark.a}: spark.a" || value.Key != DriverPodName {
		t.Errorf("circular: %#v", err)
	}
	system := newConf(t, "4.1.4", DriverPodName, "${system:user.name}")
	if _, _, err := system.String(DriverPodName); err == nil || !strings.Contains(err.Error(), "system") {
		t.Errorf("system property: %v", err)
	}
}

// chain is a property whose references double with each of the levels.
func chain(t testing.TB, levels int, last string) *Conf {
	values := []string{DriverPodName, "${spark.0}"}
	for i := range levels {
		next := fmt.Sprintf("${spark.%d}", i+1)
		values = append(values, fmt.Sprintf("spark.%d", i), next+next)
	}
	return newConf(t, "4.1.4", append(values, fmt.Sprintf("spark.%d", levels), last)...)
}

func TestReferencesAreBounded(t *testing.T) {
	refused := func(c *Conf, key, part string) {
		t.Helper()
		_, _, err := c.String(key)
		var value *ValueError
		if !errors.As(err, &value) || value.Key != key || !strings.Contains(err.Error(), part) || len(err.Error()) > 4096 {
			t.Errorf("error %.500v, want one of %s with %q", err, key, part)
		}
	}
	const bytes, deep = "more than 4194304 bytes", "more than 64 deep"
	refused(chain(t, 40, "0123456789"), DriverPodName, bytes) // 2^40 references if they were followed
	refused(chain(t, 70, ""), DriverPodName, deep)
	// What is followed once costs nothing the second time.
	if got, ok, err := chain(t, 40, "").String(DriverPodName); got != "" || !ok || err != nil {
		t.Errorf("2^40 references to an empty text: %q, %v, %v", got, ok, err)
	}
	// One text of half a megabyte: side by side, and then by one property after the other.
	long := strings.Repeat("x", 512<<10)
	refused(newConf(t, "4.1.4", "spark.l", long, DriverPodName, strings.Repeat("${spark.l}", 9)), DriverPodName, bytes)
	all := []string{"spark.l", long}
	for i := range 9 {
		all = append(all, fmt.Sprintf("spark.r%d", i), "${spark.l}")
	}
	c := newConf(t, "4.1.4", all...)
	for i := range 8 {
		if got, _, err := c.String(fmt.Sprintf("spark.r%d", i)); got != long || err != nil {
			t.Fatalf("property %d within the budget: %d bytes, %v", i, len(got), err)
		}
	}
	refused(c, "spark.r8", bytes)
	// Starts of references that never end.
	open := strings.Repeat("${", 400<<10)
	for _, value := range []string{open, open + " }", strings.Repeat("${ ", 400<<10)} {
		if got, _, err := newConf(t, "4.1.4", DriverPodName, value).String(DriverPodName); got != value || err != nil {
			t.Errorf("%d bytes without a reference became %d bytes, %v", len(value), len(got), err)
		}
	}
}

func TestWithPrefix(t *testing.T) {
	c := newConf(t, "4.1.4", "spark.x.b", "${env:HOME}", "spark.x.a", "1", "spark.x.", "0", "spark.y", "2", "spark.xa", "3")
	want := []Property{{"", "0"}, {"a", "1"}, {"b", "${env:HOME}"}}
	if got := c.WithPrefix("spark.x."); !slices.Equal(got, want) {
		t.Errorf("WithPrefix = %q, want %q", got, want)
	}
	if got := c.WithPrefix("spark.z."); got != nil {
		t.Errorf("WithPrefix = %q, want nothing", got)
	}
	if got := c.Map("spark.x."); !maps.Equal(got, map[string]string{"": "0", "a": "1", "b": "${env:HOME}"}) {
		t.Errorf("Map = %q", got)
	}
	if got := c.Map("spark.z."); got != nil {
		t.Errorf("Map = %q, want nil", got)
	}
	if got := c.Keys(); !slices.IsSorted(got) || len(got) != 5 {
		t.Errorf("Keys = %q", got)
	}
	if c.Version().String() != "4.1.4" {
		t.Errorf("Version = %s", c.Version())
	}
}

func FuzzSubstitute(f *testing.F) {
	f.Add("${spark.b}${env:E}", "${spark.a}", "x${system:y}")
	f.Add("${${spark.b}}", "a", "${spark.app.name")
	f.Fuzz(func(t *testing.T, a, b, e string) {
		values := map[string]string{"spark.a": a, "spark.b": b}
		c := New(values, map[string]string{"E": e}, Version{})
		for _, key := range []string{"spark.a", "spark.b"} {
			value, ok, err := c.String(key)
			if ok == (err != nil) {
				t.Fatalf("%s=%q: %q, %v, %v", key, values[key], value, ok, err)
			}
			if err == nil && !strings.Contains(values[key], "${") && value != values[key] {
				t.Fatalf("%s=%q became %q", key, values[key], value)
			}
		}
	})
}
