// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// conf collects the properties of one submission. Of two that set the same key
// the later wins, in the order of the command line of kubeflow/spark-operator:
//
//  1. Params.DefaultConf, where the templates of driver and executor say nothing else;
//  2. what driver and executors have in common: namespace, image, pull policy and
//     secrets, pythonVersion, memoryOverheadFactor;
//  3. spec.history, or the operator's default for it;
//  4. spec.sparkConf;
//  5. spec.hadoopConf;
//  6. the fields of driver and executor, nodeSelector, dynamicAllocation.
//
// Where spark-submit has an option of its own (name, master, deploy mode and the
// dependencies) the option wins over spec.sparkConf, as it does there.
type conf struct {
	app      *v1beta2.SparkApplication
	values   map[string]string
	warnings []string
	faults   podspec.Faults
	// nameLabel is as in Params.
	nameLabel string
	// preview is as in Params.
	preview bool
	// history is where the event log goes that the operator sets; zero for none.
	history History
	// Likewise.
	archivesDriver, archivesExecutors bool
}

func newConf(app *v1beta2.SparkApplication, p *Params) *conf {
	bare := withoutPrefixes(app)
	app = bare.app
	c := &conf{
		app: app, warnings: bare.warnings, faults: bare.faults, nameLabel: p.nameLabel, preview: p.preview,
		archivesDriver: p.ArchiveDriverLog, archivesExecutors: p.ArchiveExecutorLogs,
		// Capacity for the properties of a plain application.
		values: make(map[string]string, len(p.DefaultConf)+len(app.Spec.SparkConf)+len(app.Spec.HadoopConf)+32),
	}
	maps.Copy(c.values, p.DefaultConf)
	c.keepTemplates(p.DefaultConf)
	c.setCommon()
	c.setUser()
	c.setHistory(p.History)
	c.setUI(p.UIProxyBase)
	c.setOptions(p)
	if wanted := app.Spec.LogArchive; wanted != nil && wanted.Enabled != nil && *wanted.Enabled && !p.ArchiveDriverLog && !p.preview {
		c.warn("spec.logArchive has no effect: the archive of logs is disabled in the operator (--enable-log-archive, chart value logArchive.enable)")
	}
	return c
}

func (c *conf) set(key, value string) { c.values[key] = value }

// setField sets a property from a typed field, which wins over spec.sparkConf.
func (c *conf) setField(key, value, place string) {
	switch given, set := c.app.Spec.SparkConf[key]; {
	case set && given == "" && value != "":
		// The field may have its value by default.
		c.warn("spec.sparkConf: " + key + " has no effect: it is empty; the value is " + value)
	case set && given != value:
		c.warn("spec.sparkConf: " + key + " has no effect: " + place + " sets it")
	}
	c.values[key] = value
}

func (c *conf) setString(key string, value *string, place string) {
	if value != nil && *value != "" {
		c.setField(key, *value, place)
	}
}

func (c *conf) setInt32(key string, value *int32, place string) {
	if value != nil {
		c.setField(key, strconv.FormatInt(int64(*value), 10), place)
	}
}

func (c *conf) warn(text string) { c.warnings = append(c.warnings, text) }

func (c *conf) fail(err *field.Error) { c.faults.Add(err) }

// setCommon sets what spec.sparkConf may override.
func (c *conf) setCommon() {
	spec := &c.app.Spec
	c.set(sparkconf.KubernetesNamespace, c.app.Namespace)
	// The operator does not wait: it watches the pods.
	c.set(sparkconf.WaitForAppCompletion, "false")
	for key, value := range map[string]*string{
		sparkconf.ContainerImage:            spec.Image,
		sparkconf.ContainerImagePullPolicy:  spec.ImagePullPolicy,
		sparkconf.PysparkMajorPythonVersion: spec.PythonVersion,
		sparkconf.MemoryOverheadFactor:      spec.MemoryOverheadFactor,
	} {
		if value != nil && *value != "" {
			c.set(key, *value)
		}
	}
	if len(spec.ImagePullSecrets) > 0 {
		c.set(sparkconf.ImagePullSecrets, strings.Join(spec.ImagePullSecrets, ","))
	}
}

// setUser copies spec.sparkConf and spec.hadoopConf.
func (c *conf) setUser() {
	for key, value := range c.app.Spec.SparkConf {
		switch key {
		case sparkconf.DriverPodName:
			// It names the driver pod unless spec.driver.podName does.
		case sparkconf.DriverPodTemplateFile, sparkconf.ExecutorPodTemplateFile:
			// A path on the submitter. Without its template the job would be another one.
			role, _, _ := strings.Cut(strings.TrimPrefix(key, "spark.kubernetes."), ".")
			c.fail(field.Forbidden(field.NewPath("spec", "sparkConf").Key(key),
				"it names a file of the submitter; set the pod template in spec."+role+".template"))
		case sparkconf.HadoopConfigMapName:
			// Spark would lead executors there, and the typed field the driver to its own.
			if valueOf(c.app.Spec.HadoopConfigMap) == "" {
				c.set(key, value)
				continue
			}
			c.warn("spec.sparkConf: " + key + " has no effect: spec.hadoopConfigMap names the ConfigMap")
		default:
			c.set(key, value)
		}
	}
	c.setMap(hadoopPrefix, c.app.Spec.HadoopConf, "spec.hadoopConf")
}

// setMap sets the properties of a family from a typed map.
func (c *conf) setMap(prefix string, values map[string]string, place string) {
	for key, value := range values {
		c.setField(prefix+key, value, place)
	}
}

// setUI sets the path of the UI behind its proxy.
func (c *conf) setUI(base string) {
	const proxyBase, redirect = "spark.ui.proxyBase", "spark.ui.proxyRedirectUri"
	if base == "" {
		return
	}
	if _, given := c.values[proxyBase]; !given {
		c.set(proxyBase, base)
	}
	if _, given := c.values[redirect]; !given {
		c.set(redirect, "/")
	}
}

// setOptions sets what spark-submit has options for.
func (c *conf) setOptions(p *Params) {
	c.setField(sparkconf.Master, p.Master, "the operator")
	c.setField(sparkconf.SubmitDeployMode, string(v1beta2.DeployModeCluster), "the operator")
	c.setField(sparkconf.AppName, c.app.Name, "metadata.name")
	deps := &c.app.Spec.Deps
	for _, list := range []struct {
		name, key string
		entries   []string
	}{
		{"jars", sparkconf.Jars, deps.Jars},
		{"packages", sparkconf.JarPackages, deps.Packages},
		{"excludePackages", sparkconf.JarPackagesExclusions, deps.ExcludePackages},
		{"repositories", sparkconf.JarRepositories, deps.Repositories},
		{"pyFiles", sparkconf.SubmitPythonFiles, deps.PyFiles},
		{"files", sparkconf.Files, deps.Files},
		{"archives", sparkconf.Archives, deps.Archives},
	} {
		if len(list.entries) > 0 {
			c.setField(list.key, strings.Join(list.entries, ","), "spec.deps."+list.name)
		}
	}
}

// setNodeSelector sets the selector of driver and executors.
func (c *conf) setNodeSelector() {
	c.setMap(sparkconf.NodeSelectorPrefix, c.app.Spec.NodeSelector, "spec.nodeSelector")
}

// setDynamicAllocation sets spec.dynamicAllocation, which has no effect unless it
// is enabled.
func (c *conf) setDynamicAllocation() {
	const prefix, place = "spark.dynamicAllocation.", "spec.dynamicAllocation."
	dynamic := c.app.Spec.DynamicAllocation
	if dynamic == nil || !dynamic.Enabled {
		return
	}
	c.setField(sparkconf.DynamicAllocationEnabled, "true", place+"enabled")
	c.setInt32(prefix+"initialExecutors", dynamic.InitialExecutors, place+"initialExecutors")
	c.setInt32(prefix+"minExecutors", dynamic.MinExecutors, place+"minExecutors")
	c.setInt32(prefix+"maxExecutors", dynamic.MaxExecutors, place+"maxExecutors")
	if tracking := dynamic.ShuffleTrackingEnabled; tracking != nil {
		c.setField(prefix+"shuffleTracking.enabled", strconv.FormatBool(*tracking), place+"shuffleTrackingEnabled")
	}
	if timeout := dynamic.ShuffleTrackingTimeout; timeout != nil {
		c.setField(prefix+"shuffleTracking.timeout", strconv.FormatInt(*timeout, 10), place+"shuffleTrackingTimeout")
	}
}
