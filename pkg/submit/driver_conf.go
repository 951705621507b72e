// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"maps"
	"slices"
	"strings"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// driverConf is what the steps read: the final SparkConf and the identity of the
// submission (KubernetesDriverConf). It does not change once it is made.
type driverConf struct {
	*sparkconf.Conf
	in       *Input
	values   map[string]string // behind Conf
	switches switches

	appID     string
	appName   string
	namespace string
	prefix    string // of resource names

	resource  string // primary resource; spark-internal if there is none
	language  language
	mainClass string
	warnings  []string
}

func newDriverConf(in *Input) (*driverConf, error) {
	a, err := parseArguments(in)
	if err != nil {
		return nil, err
	}
	c := &driverConf{
		Conf:     sparkconf.New(a.values, in.Env, a.version),
		in:       in,
		values:   a.values,
		switches: a.switches,
		appID:    in.IDs.App,
		appName:  a.values[sparkconf.AppName],
		resource: a.resource, language: a.language, mainClass: a.mainClass,
		warnings: a.warnings,
	}
	switch c.language {
	case languageJava:
	case languagePython:
		c.mainClass = "org.apache.spark.deploy.PythonRunner"
	case languageR:
		c.mainClass = "org.apache.spark.deploy.RRunner"
	}
	// The volumes of executors are parsed only to refuse them in time.
	if _, err := parseVolumes(c, sparkconf.ExecutorVolumesPrefix); err != nil {
		return nil, err
	}
	c.prefix = resourceNamePrefix(c.appName, in.IDs.Resource, c.switches)
	if c.namespace, _, err = c.String(sparkconf.KubernetesNamespace); err != nil {
		return nil, err
	}
	return c, c.checkClient()
}

// checkClient checks the settings of the real client's own connection. They have
// no effect on the objects.
func (c *driverConf) checkClient() error {
	const tokenFile, token = sparkconf.AuthSubmissionPrefix + "oauthTokenFile", sparkconf.AuthSubmissionPrefix + "oauthToken"
	if c.Contains(tokenFile) && c.Contains(token) {
		return require("Cannot specify OAuth token through both a file "+tokenFile+" and a value "+token+".", token, "")
	}
	if _, _, err := c.String(sparkconf.KubernetesContext); err != nil {
		return err
	}
	for _, key := range []string{sparkconf.SubmissionRequestTimeout, sparkconf.SubmissionConnectionTimeout} {
		if _, _, err := c.Int(key); err != nil {
			return err
		}
	}
	_, _, err := c.Bool(sparkconf.KubernetesTrustCertificates)
	return err
}

// labels are those of the driver pod and of the service's selector: the user's
// and Spark's own.
func (c *driverConf) labels() (map[string]string, error) {
	custom := c.WithPrefix(sparkconf.DriverLabelPrefix)
	preset := map[string]string{
		labelVersion: c.Version().String(),
		labelAppID:   c.appID,
		labelAppName: appNameLabel(c.appName),
		labelRole:    roleDriver,
	}
	if len(custom) == 0 {
		return preset, nil
	}
	for _, key := range slices.Sorted(maps.Keys(preset)) {
		if i := slices.IndexFunc(custom, func(p sparkconf.Property) bool { return p.Key == key }); i >= 0 {
			return nil, require("Label with key "+key+" is not allowed as it is reserved for Spark bookkeeping operations.",
				sparkconf.DriverLabelPrefix+key, custom[i].Value)
		}
	}
	for _, p := range custom {
		if c.switches.appIDInLabels {
			p.Value = c.substituteIDs(p.Value)
		}
		preset[p.Key] = p.Value
	}
	return preset, nil
}

// substituteIDs replaces the placeholders that a driver knows
// (Utils.substituteAppNExecIds).
func (c *driverConf) substituteIDs(text string) string {
	if !strings.Contains(text, "{{") {
		return text
	}
	text = strings.ReplaceAll(text, "{{APP_ID}}", c.appID)
	return strings.ReplaceAll(text, "{{EXECUTOR_ID}}", "")
}

// Labels that Spark sets.
const (
	labelVersion = "spark-version"
	labelAppID   = "spark-app-selector"
	labelAppName = "spark-app-name"
	labelRole    = "spark-role"

	roleDriver   = "driver"
	roleExecutor = "executor"
)
