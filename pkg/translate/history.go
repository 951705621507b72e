// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"net/url"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// History is where applications write their event logs that do not say it (spec.history).
// The zero value is nowhere.
type History struct {
	// Dir is the URL of a directory: see CheckEventLogDir.
	Dir string
	// ClaimName is the PersistentVolumeClaim that drivers mount at the path of Dir; empty
	// for none.
	ClaimName string
}

// historyVolume is the volume of the claim in the driver.
const historyVolume = "spark-event-log"

// setHistory sets the properties of the event log, and mounts its claim. Properties
// that the user sets win, so it follows them.
func (c *conf) setHistory(defaults History) {
	given := c.app.Spec.History
	if given == nil && defaults.Dir == "" {
		return
	}
	want := defaults
	if given == nil {
		given = &v1beta2.History{}
	}
	if dir := valueOf(given.Dir); dir != "" {
		want = History{Dir: dir, ClaimName: valueOf(given.ClaimName)}
	}
	switch {
	case given.Enabled != nil && !*given.Enabled:
		c.setBelowUser(sparkconf.EventLogEnabled, "false", "spec.history.enabled")
		return
	case want.Dir != "":
		place := "spec.history.dir"
		if valueOf(given.Dir) == "" {
			place = "" // a default
		}
		c.setBelowUser(sparkconf.EventLogDir, want.Dir, place)
	case given.Enabled == nil:
		return
	case c.values[sparkconf.EventLogDir] == "":
		if !c.preview {
			c.warn("spec.history.enabled has no effect: set spec.history.dir, the directory of the event logs; the operator has no default (--history-dir)")
		}
		return
	}
	place := "spec.history"
	if given.Enabled == nil && valueOf(given.Dir) == "" {
		place = ""
	}
	c.setBelowUser(sparkconf.EventLogEnabled, "true", place)
	dir := c.eventLogDir()
	if dir == "" {
		return
	}
	// The defaults of Spark since 4.0: files that do not grow without limit.
	for _, key := range []string{sparkconf.EventLogRolling, sparkconf.EventLogCompress} {
		if _, set := c.values[key]; !set {
			c.set(key, "true")
		}
	}
	if dir == want.Dir {
		c.history = want
		c.mountHistory()
	}
}

// setBelowUser sets a property that spec.sparkConf may override. Place is the field from
// which it comes; empty for a default.
func (c *conf) setBelowUser(key, value, place string) {
	given, set := c.app.Spec.SparkConf[key]
	switch {
	case !set:
		c.set(key, value)
	case given != value && place != "":
		c.warn(place + " has no effect: " + key + " in spec.sparkConf is " + sparkconf.Excerpt(given, sparkconf.MaxValue))
	}
}

// eventLogDir returns where the driver writes its event log; empty if it writes none.
func (c *conf) eventLogDir() string {
	if !strings.EqualFold(strings.TrimSpace(c.values[sparkconf.EventLogEnabled]), "true") {
		return ""
	}
	return c.values[sparkconf.EventLogDir]
}

// mountHistory mounts the claim in the driver, which alone writes an event log, unless
// the user mounts something there.
func (c *conf) mountHistory() {
	if c.history.ClaimName == "" {
		return
	}
	at, driver := mountPath(c.history.Dir), driverRole(c.app)
	taken := func(mounts []corev1.VolumeMount) bool {
		return slices.ContainsFunc(mounts, func(m corev1.VolumeMount) bool { return path.Clean(m.MountPath) == at })
	}
	name, volumes := historyVolume, c.app.Spec.Volumes
	if taken(driver.VolumeMounts) {
		return
	}
	if driver.Template != nil {
		pod := &driver.Template.Spec
		volumes = slices.Concat(volumes, pod.Volumes)
		if i := podspec.SparkContainer(pod, driver.name, c.values[driver.name.ContainerNameKey()]); i >= 0 && taken(pod.Containers[i].VolumeMounts) {
			return
		}
	}
	for key, value := range c.values {
		if strings.HasPrefix(key, driver.keys.volume) && strings.HasSuffix(key, ".mount.path") && path.Clean(value) == at {
			return
		}
	}
	for slices.ContainsFunc(volumes, func(v corev1.Volume) bool { return v.Name == name }) {
		name += "-0"
	}
	prefix := driver.keys.volume + "persistentVolumeClaim." + name + "."
	c.set(prefix+"mount.path", at)
	c.set(prefix+"mount.readOnly", "false")
	c.set(prefix+"options.claimName", c.history.ClaimName)
}

// mountPath is the path of a file URL; empty for another.
func mountPath(dir string) string {
	parsed, err := url.Parse(dir)
	if err != nil || !strings.EqualFold(parsed.Scheme, fileScheme) {
		return ""
	}
	return path.Clean(parsed.Path)
}

const fileScheme = "file"

// warnLostHistory warns of an event log on the file system of the pod.
func (b *builder) warnLostHistory(pod *corev1.PodSpec, spark int) {
	at := mountPath(b.history.Dir)
	if at == "" {
		return
	}
	volume, longest := "", 0
	for _, mount := range pod.Containers[spark].VolumeMounts {
		over := path.Clean(mount.MountPath)
		if (at == over || strings.HasPrefix(at, strings.TrimSuffix(over, "/")+"/")) && len(over) > longest {
			volume, longest = mount.Name, len(over)
		}
	}
	if i := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == volume }); i >= 0 {
		if source := &pod.Volumes[i].VolumeSource; source.EmptyDir == nil && source.Ephemeral == nil {
			return
		}
	}
	b.warn("the event log in " + sparkconf.Excerpt(b.history.Dir, sparkconf.MaxValue) + " is lost with the driver pod: set spec.history.claimName, or mount a volume there that outlives the pod")
}

// EventLogDir returns the URL of the directory in which the driver of an application
// writes its event log; empty if it writes none.
func EventLogDir(app *v1beta2.SparkApplication, defaultConf map[string]string, defaults History) string {
	return newConf(app, &Params{DefaultConf: defaultConf, History: defaults}).eventLogDir()
}

// CheckEventLogDir returns why the driver could not write an event log to a URL; empty
// if it can. A value with a reference (${...}), which Spark resolves, is not checked.
func CheckEventLogDir(dir string) string {
	if strings.Contains(dir, "${") {
		return ""
	}
	parsed, err := url.Parse(dir)
	const remedy = "; use a URL such as s3a://bucket/spark-events, or file:///spark-events for a directory of a volume"
	switch {
	case err != nil:
		return "is not a URL" + remedy
	case parsed.Scheme == "":
		return "has no scheme" + remedy
	case parsed.Opaque != "" || parsed.Path != "" && !strings.HasPrefix(parsed.Path, "/") || parsed.Host == "" && parsed.Path == "":
		return "is not an absolute URL" + remedy
	case slices.Contains([]string{"local", "http", "https", "ftp"}, parsed.Scheme):
		return "Spark cannot write to a " + parsed.Scheme + ": URL" + remedy
	case parsed.RawQuery != "" || parsed.Fragment != "" || parsed.ForceQuery:
		return "has a query or a fragment" + remedy
	case hasPassword(parsed):
		return "contains credentials, which everyone can read; put them into a Secret"
	case parsed.Scheme != fileScheme && parsed.Host == "" && parsed.Scheme != "hdfs" && parsed.Scheme != "viewfs":
		return "names no bucket or host" + remedy
	case parsed.Scheme != fileScheme:
		return ""
	case parsed.Host != "":
		return "names the host " + parsed.Host + "; use file:///" + parsed.Host + parsed.Path + " with three slashes for a directory"
	case path.Clean(parsed.Path) == "/":
		return "is the root of the file system; name a directory" + remedy
	case path.Clean(parsed.Path) != strings.TrimSuffix(parsed.Path, "/") || strings.Contains(parsed.Path, ":"):
		return "is not a plain path: it must not contain //, /./, /../ or a colon"
	}
	return ""
}

func hasPassword(u *url.URL) bool {
	_, has := u.User.Password()
	return has
}
