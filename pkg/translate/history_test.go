// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

var historyDefault = translate.History{Dir: "file:///spark-events", ClaimName: "spark-events"}

const claimOfHistory = "spark.kubernetes.driver.volumes.persistentVolumeClaim.spark-event-log.options.claimName"

// TestEventLogIsThatOfTheUserElseOfTheFieldElseOfTheOperator: spec.sparkConf wins over
// spec.history, which wins over the flags.
func TestEventLogIsThatOfTheUserElseOfTheFieldElseOfTheOperator(t *testing.T) {
	for name, test := range map[string]struct {
		defaults    translate.History
		defaultConf map[string]string
		history     *v1beta2.History
		conf        map[string]string
		want        map[string]string
		dir         string
		warning     string
	}{
		"nothing":        {want: map[string]string{"spark.eventLog.enabled": absent, "spark.eventLog.dir": absent, "spark.eventLog.rolling.enabled": absent, "spark.eventLog.compress": absent}},
		"an empty field": {history: &v1beta2.History{}, want: map[string]string{"spark.eventLog.enabled": absent}},
		"the operator's": {
			defaults: historyDefault,
			want: map[string]string{
				"spark.eventLog.enabled": "true", "spark.eventLog.dir": "file:///spark-events",
				"spark.eventLog.rolling.enabled": "true", "spark.eventLog.compress": "true", claimOfHistory: "spark-events",
			},
			dir: "file:///spark-events",
		},
		"enabled with the operator's directory": {
			defaults: historyDefault, history: &v1beta2.History{Enabled: ptr.To(true)},
			want: map[string]string{"spark.eventLog.enabled": "true", claimOfHistory: "spark-events"}, dir: "file:///spark-events",
		},
		"enabled without a directory": {
			history: &v1beta2.History{Enabled: ptr.To(true)}, want: map[string]string{"spark.eventLog.enabled": absent},
			warning: "spec.history.enabled has no effect",
		},
		"enabled with a directory in sparkConf": {
			history: &v1beta2.History{Enabled: ptr.To(true)}, conf: map[string]string{"spark.eventLog.dir": "s3a://mine"},
			want: map[string]string{"spark.eventLog.enabled": "true", "spark.eventLog.compress": "true"}, dir: "s3a://mine",
		},
		"a bucket instead of the operator's claim": {
			defaults: historyDefault, history: &v1beta2.History{Dir: ptr.To("s3a://logs/events")},
			want: map[string]string{"spark.eventLog.dir": "s3a://logs/events", claimOfHistory: absent}, dir: "s3a://logs/events",
		},
		"switched off": {
			defaults: historyDefault, history: &v1beta2.History{Enabled: ptr.To(false)},
			want: map[string]string{"spark.eventLog.enabled": "false", "spark.eventLog.dir": absent, claimOfHistory: absent},
		},
		"switched off by a property": {
			defaults: historyDefault, conf: map[string]string{"spark.eventLog.enabled": "false"},
			want: map[string]string{"spark.eventLog.enabled": "false", "spark.eventLog.rolling.enabled": absent, claimOfHistory: absent},
		},
		"a directory of the user instead of the operator's claim": {
			defaults: historyDefault, conf: map[string]string{"spark.eventLog.dir": "file:///mine", "spark.eventLog.compress": "false"},
			want: map[string]string{"spark.eventLog.dir": "file:///mine", "spark.eventLog.compress": "false", "spark.eventLog.rolling.enabled": "true", claimOfHistory: absent},
			dir:  "file:///mine",
		},
		"the field against a property": {
			history: &v1beta2.History{Dir: ptr.To("s3a://logs")}, conf: map[string]string{"spark.eventLog.dir": "s3a://mine"},
			want: map[string]string{"spark.eventLog.dir": "s3a://mine"}, dir: "s3a://mine",
			warning: "spec.history.dir has no effect: spark.eventLog.dir in spec.sparkConf is s3a://mine",
		},
		"the switch against a property": {
			history: &v1beta2.History{Enabled: ptr.To(false)}, conf: map[string]string{"spark.eventLog.enabled": "true", "spark.eventLog.dir": "s3a://mine"},
			want: map[string]string{"spark.eventLog.enabled": "true"}, dir: "s3a://mine",
			warning: "spec.history.enabled has no effect: spark.eventLog.enabled in spec.sparkConf is true",
		},
		"the field over a default property": {
			defaultConf: map[string]string{"spark.eventLog.enabled": "false", "spark.eventLog.dir": "s3a://all", "spark.eventLog.rolling.enabled": "false"},
			history:     &v1beta2.History{Dir: ptr.To("s3a://logs")},
			want:        map[string]string{"spark.eventLog.enabled": "true", "spark.eventLog.dir": "s3a://logs", "spark.eventLog.rolling.enabled": "false"},
			dir:         "s3a://logs",
		},
		"a file in no volume": {
			history: &v1beta2.History{Dir: ptr.To("file:///events")}, want: map[string]string{"spark.eventLog.dir": "file:///events"}, dir: "file:///events",
			warning: "the event log in file:///events is lost with the driver pod",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, version := range sparkconf.Releases() {
				app := application(func(app *v1beta2.SparkApplication) {
					app.Spec.SparkVersion, app.Spec.History, app.Spec.SparkConf = version.String(), test.history, test.conf
				})
				p := params()
				p.History, p.DefaultConf = test.defaults, test.defaultConf
				run, err := translate.Build(app, p)
				if err != nil {
					t.Fatal(err)
				}
				expectProperties(t, run, test.want)
				if test.warning == "" {
					expectWarnings(t, run)
				} else {
					expectWarnings(t, run, test.warning)
				}
				if dir := translate.EventLogDir(app, test.defaultConf, test.defaults); dir != test.dir {
					t.Errorf("the event log goes to %q, want %q", dir, test.dir)
				}
				if claim := claimIn(run.Driver); (claim != "") != (test.want[claimOfHistory] == "spark-events") {
					t.Errorf("the driver mounts %q", claim)
				}
			}
		})
	}
}

// claimIn returns the claim and the path of the writable mount of the event log.
func claimIn(pod *corev1.Pod) string {
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim == nil || !strings.HasPrefix(volume.Name, "spark-event-log") {
			continue
		}
		for _, mount := range pod.Spec.Containers[0].VolumeMounts {
			if mount.Name == volume.Name && !mount.ReadOnly && !volume.PersistentVolumeClaim.ReadOnly {
				return volume.PersistentVolumeClaim.ClaimName + " at " + mount.MountPath
			}
		}
	}
	return ""
}

// TestClaimOfTheEventLogIsOnlyInTheDriver: executors write no event log. A volume of the
// user at the same path, or of the same name, stays.
func TestClaimOfTheEventLogIsOnlyInTheDriver(t *testing.T) {
	own := corev1.Volume{Name: "mine", VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "mine"}}}
	mount := corev1.VolumeMount{Name: "mine", MountPath: "/spark-events/"}
	for name, test := range map[string]struct {
		edit func(*v1beta2.SparkApplicationSpec)
		want string
	}{
		"none": {func(*v1beta2.SparkApplicationSpec) {}, "spark-events at /spark-events"},
		"field": {func(spec *v1beta2.SparkApplicationSpec) {
			spec.Volumes, spec.Driver.VolumeMounts = []corev1.Volume{own}, []corev1.VolumeMount{mount}
		}, ""},
		"template": {func(spec *v1beta2.SparkApplicationSpec) {
			spec.Driver.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Volumes: []corev1.Volume{own}, Containers: []corev1.Container{{Name: "x", VolumeMounts: []corev1.VolumeMount{mount}}}}}
		}, ""},
		"property": {func(spec *v1beta2.SparkApplicationSpec) {
			spec.SparkConf = map[string]string{
				"spark.kubernetes.driver.volumes.hostPath.mine.mount.path": "/spark-events", "spark.kubernetes.driver.volumes.hostPath.mine.options.path": "/var/events",
			}
		}, ""},
		"same name": {func(spec *v1beta2.SparkApplicationSpec) {
			named := own
			named.Name = "spark-event-log"
			spec.Volumes, spec.Driver.VolumeMounts = []corev1.Volume{named}, []corev1.VolumeMount{{Name: "spark-event-log", MountPath: "/other"}}
		}, "spark-events at /spark-events"},
	} {
		app := application(func(app *v1beta2.SparkApplication) { test.edit(&app.Spec) })
		p := params()
		p.History = historyDefault
		run, err := translate.Build(app, p)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := claimIn(run.Driver)
		if name == "same name" && strings.HasPrefix(got, "mine") {
			got = "spark-events at /spark-events"
		}
		if got != test.want {
			t.Errorf("%s: the driver mounts %q, want %q", name, got, test.want)
		}
		expectWarnings(t, run)
		seen := map[string]bool{}
		for _, volume := range run.Driver.Spec.Volumes {
			if seen[volume.Name] {
				t.Errorf("%s: two volumes are named %s", name, volume.Name)
			}
			seen[volume.Name] = true
		}
		if slices.ContainsFunc(run.ExecutorTemplate.Spec.Volumes, func(v corev1.Volume) bool { return strings.HasPrefix(v.Name, "spark-event-log") }) {
			t.Errorf("%s: executors mount the claim", name)
		}
		for key := range run.Properties {
			if strings.HasPrefix(key, "spark.kubernetes.executor.volumes.") {
				t.Errorf("%s: %s", name, key)
			}
		}
	}
}

// TestEventLogOfAPodIsLost: a volume that goes with the pod keeps no event log.
func TestEventLogOfAPodIsLost(t *testing.T) {
	for name, test := range map[string]struct {
		source corev1.VolumeSource
		at     string
		lost   bool
	}{
		"claim":       {corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "c"}}, "/data", false},
		"host":        {corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/x"}}, "/data/events", false},
		"emptyDir":    {corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}, "/data", true},
		"other place": {corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/x"}}, "/dat", true},
	} {
		run := build(t, func(app *v1beta2.SparkApplication) {
			app.Spec.History = &v1beta2.History{Dir: ptr.To("file:///data/events")}
			app.Spec.Volumes = []corev1.Volume{{Name: "v", VolumeSource: test.source}}
			app.Spec.Driver.VolumeMounts = []corev1.VolumeMount{{Name: "v", MountPath: test.at}}
		})
		if lost := len(run.Warnings) == 1 && strings.Contains(run.Warnings[0], "is lost with the driver pod"); lost != test.lost {
			t.Errorf("%s: warnings %q", name, run.Warnings)
		}
	}
}

func TestCheckEventLogDir(t *testing.T) {
	for _, dir := range []string{
		"file:///spark-events", "file:/spark-events", "file:///spark-events/team/", "s3a://bucket/spark-events", "s3a://my_bucket", "gs://bucket/x", "hdfs:///spark-events",
		"hdfs://namenode:8020/spark-events", "abfss://events@account.dfs.core.windows.net/spark-events", "${env:EVENTS}", "s3a://${spark.x}/events",
	} {
		if reason := translate.CheckEventLogDir(dir); reason != "" {
			t.Errorf("%s %s", dir, reason)
		}
	}
	for dir, want := range map[string]string{
		"": "has no scheme", "/spark-events": "has no scheme", "spark-events": "has no scheme", "file:spark-events": "is not an absolute URL", "file:": "is not an absolute URL",
		"s3a:bucket": "is not an absolute URL", "file://spark-events/x": "use file:///spark-events/x", "file:///": "is the root", "file:///a/../b": "is not a plain path",
		"file:///a:b": "a colon", "file:////a": "is not a plain path", "local:///spark-events": "cannot write to a local: URL", "https://host/x": "cannot write to a https: URL",
		"s3a:///events": "names no bucket", "s3a://key:secret@bucket/x": "contains credentials", "s3a://bucket/x?y=z": "has a query", "s3a://bucket/x#y": "a fragment",
		"s3a://bucket\n/x": "is not a URL", " s3a://bucket": "is not a URL", "s3a://bu cket": "is not a URL", "file:///a%zz": "is not a URL",
	} {
		if reason := translate.CheckEventLogDir(dir); !strings.Contains(reason, want) || strings.Contains(reason, "\n") || strings.Contains(reason, "secret@") {
			t.Errorf("%q: %q, want %q", dir, reason, want)
		}
	}
}
