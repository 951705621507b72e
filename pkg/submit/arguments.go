// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"strings"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

const (
	kubernetesMasterPrefix = "k8s://"

	// SparkInternal is the primary resource of an application whose class is in the image.
	SparkInternal = "spark-internal"
)

// arguments are SparkSubmitArguments, checked by SparkSubmit and assembled into the SparkConf of the submission.
type arguments struct {
	in       *Input
	version  sparkconf.Version
	switches switches

	values    map[string]string // the SparkConf
	resource  string            // resolved primary resource
	language  language
	mainClass string
	warnings  []string
}

// language is the kind of application, in the notation of
// spark.kubernetes.resource.type.
type language string

const (
	languageJava   language = "java"
	languagePython language = "python"
	languageR      language = "r"
)

// parseArguments reads, checks and assembles in the order of Spark, so that it reports
// the same fault as Spark if there are several.
func parseArguments(in *Input) (*arguments, error) {
	version, err := sparkconf.ParseVersion(in.SparkVersion)
	if err != nil {
		return nil, &Error{Message: err.Error(), Key: "SparkVersion"}
	}
	a := &arguments{in: in, version: version, switches: switchesOf(version)}
	if in.VersionGuessed {
		a.switches = a.switches.withoutAdditions()
	}
	if warning := versionWarning(version); warning != "" {
		a.warn(warning)
	}
	a.load()
	a.resource, a.language = a.resolvePrimaryResource(in.PrimaryResource)
	for _, check := range []func() error{
		a.checkRemote,
		a.checkNumbers,
		a.checkUsers,
		a.checkMaster,
		a.checkApplicationKind,
		a.checkPackages,
		a.checkKeytab,
		a.checkMainClass,
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	a.assemble()
	return a, nil
}

func (a *arguments) warn(text string) { a.warnings = append(a.warnings, oneLine(text)) }

// load copies the properties and completes them from the environment
// (SparkSubmitArguments.loadEnvironmentArguments).
func (a *arguments) load() {
	a.values = make(map[string]string, len(a.in.Conf)+8)
	for key, value := range a.in.Conf {
		if strings.HasPrefix(key, "spark.") {
			a.values[key] = value
		}
	}
	if len(a.values) < len(a.in.Conf) {
		for _, p := range sparkconf.New(a.in.Conf, nil, a.version).Keys() {
			if !strings.HasPrefix(p, "spark.") {
				a.warn("Ignoring non-Spark config property: " + p)
			}
		}
	}
	a.fromEnv(sparkconf.Master, "MASTER")
	a.fromEnv(sparkconf.SubmitDeployMode, "DEPLOY_MODE")
	a.fromEnv(sparkconf.DriverMemory, "SPARK_DRIVER_MEMORY")
	a.fromEnv(sparkconf.ExecutorMemory, "SPARK_EXECUTOR_MEMORY")
	a.fromEnv(sparkconf.ExecutorCores, "SPARK_EXECUTOR_CORES")
	a.fromDeprecated(sparkconf.Keytab, "spark.yarn.keytab")
	a.fromDeprecated(sparkconf.Principal, "spark.yarn.principal")
}

func (a *arguments) fromEnv(key, name string) {
	if value, set := a.in.Env[name]; set && !a.has(key) {
		a.values[key] = value
	}
}

func (a *arguments) fromDeprecated(key, old string) {
	if value, set := a.values[old]; set && !a.has(key) {
		a.values[key] = value
	}
}

func (a *arguments) has(key string) bool {
	_, ok := a.values[key]
	return ok
}

func (a *arguments) checkRemote() error {
	if !a.switches.refusesRemote || a.has(sparkconf.LocalConnect) {
		return nil
	}
	_, byEnv := a.in.Env["SPARK_REMOTE"]
	if a.has(sparkconf.Remote) || byEnv {
		return &Error{
			Message: "Remote cannot be specified with master and/or deploy mode.",
			Key:     sparkconf.Remote, Value: a.values[sparkconf.Remote],
			Hint: "remove it: a submitted application brings its own driver",
		}
	}
	return nil
}

// checkNumbers is the early check of memory, cores and instances. It looks at
// the raw text: no references, no blanks in integers.
func (a *arguments) checkNumbers() error {
	if a.in.PrimaryResource == "" {
		return &Error{Message: "Must specify a primary resource (JAR or Python or R file)", Key: "PrimaryResource"}
	}
	for _, memory := range []struct{ key, message string }{
		{sparkconf.DriverMemory, "Driver memory must be a positive number"},
		{sparkconf.ExecutorMemory, "Executor memory must be a positive number"},
	} {
		if value, set := a.values[memory.key]; set {
			if amount, err := sparkconf.ParseMemory(value, sparkconf.Byte, a.version); err != nil || amount <= 0 {
				hint := "use a whole number with a unit, such as 512m or 2g"
				if amount := strings.TrimRight(value, "bBkKmMgGtTpP"); amount != "" && strings.Trim(amount, "0123456789") == "" && strings.Trim(amount, "0") != "" {
					hint = "it is too large: Spark counts bytes in 63 bits; " + hint
				}
				return &Error{Message: memory.message, Key: memory.key, Value: value, Hint: hint}
			}
		}
	}
	counts := []struct{ key, message string }{
		{sparkconf.DriverCores, "Driver cores must be a positive number"},
		{sparkconf.ExecutorCores, "Executor cores must be a positive number"},
		{sparkconf.CoresMax, "Total executor cores must be a positive number"},
		{sparkconf.ExecutorInstances, "Number of executors must be a positive number"},
	}
	if strings.EqualFold(a.values[sparkconf.DynamicAllocationEnabled], "true") {
		counts = counts[:3]
	}
	for _, count := range counts {
		if value, set := a.values[count.key]; set {
			if n, ok := sparkconf.ParseInt(value); !ok || n <= 0 {
				return &Error{Message: count.message, Key: count.key, Value: value, Hint: "use a whole number above 0"}
			}
		}
	}
	return nil
}

func (a *arguments) checkUsers() error {
	if a.in.ProxyUser != "" && a.has(sparkconf.Principal) {
		return &Error{
			Message: "Only one of --proxy-user or --principal can be provided.",
			Key:     sparkconf.Principal, Value: a.values[sparkconf.Principal],
			Hint: "remove the proxy user or the principal",
		}
	}
	return nil
}

// checkMaster checks the kind of cluster and the deploy mode, and writes both in
// the form in which the driver gets them.
func (a *arguments) checkMaster() error {
	master, given := a.values[sparkconf.Master]
	isKubernetes := strings.HasPrefix(master, "k8s")
	if a.switches.strictKubernetesURL {
		isKubernetes = strings.HasPrefix(master, kubernetesMasterPrefix)
	}
	refuse := func(message, hint string) error {
		return &Error{Message: message, Key: sparkconf.Master, Value: master, Hint: hint}
	}
	const useKubernetes = "set the API server as k8s://https://<host>:<port>"
	local := !given || strings.HasPrefix(master, "local")
	known := isKubernetes || local || strings.HasPrefix(master, "yarn") || strings.HasPrefix(master, "spark") ||
		a.switches.mesos && strings.HasPrefix(master, "mesos")
	if !known {
		if a.switches.mesos {
			return refuse("Master must either be yarn or start with spark, mesos, k8s, or local", useKubernetes)
		}
		return refuse("Master must either be yarn or start with spark, k8s, or local", useKubernetes)
	}

	switch mode, set := a.values[sparkconf.SubmitDeployMode]; {
	case !set:
		a.values[sparkconf.SubmitDeployMode] = "cluster"
	case mode == "client":
		return &Error{
			Message: "the submission creates a driver pod, which is deploy mode cluster",
			Key:     sparkconf.SubmitDeployMode, Value: mode, Hint: "remove the property",
		}
	case mode != "cluster":
		return &Error{
			Message: "Deploy mode must be either client or cluster",
			Key:     sparkconf.SubmitDeployMode, Value: mode, Hint: "remove the property",
		}
	}
	switch {
	case local:
		return refuse(`Cluster deploy mode is not compatible with master "local"`, useKubernetes)
	case !isKubernetes:
		return refuse("the master is not a Kubernetes cluster", useKubernetes)
	case !strings.HasPrefix(master, kubernetesMasterPrefix):
		return refuse("requirement failed: Kubernetes master URL must start with k8s://.", useKubernetes)
	}
	url := master[len(kubernetesMasterPrefix):]
	if !strings.Contains(url, "://") {
		a.values[sparkconf.Master] = kubernetesMasterPrefix + "https://" + url
		return nil
	}
	scheme, err := uriScheme(url)
	switch {
	case err != nil:
		return refuse(err.Error(), useKubernetes)
	case strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http"):
	case scheme == "":
		a.values[sparkconf.Master] = kubernetesMasterPrefix + "https://" + url
	default:
		return refuse("Invalid Kubernetes master scheme: "+scheme+" found in URL: "+url, useKubernetes)
	}
	return nil
}

// Main classes of applications that serve other clients until they are ended.
const (
	thriftServer = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"
	// ConnectServer is the Spark Connect server.
	ConnectServer = "org.apache.spark.sql.connect.service.SparkConnectServer"
)

// IsServer reports whether the main class is one of Spark's servers that
// spark-submit refuses in cluster mode.
func IsServer(mainClass string) bool { return mainClass == thriftServer || mainClass == ConnectServer }

// checkApplicationKind refuses what has a console or serves other clients.
func (a *arguments) checkApplicationKind() error {
	refuse := func(message, key, value string) error {
		return &Error{Message: message, Key: key, Value: value}
	}
	const notApplicable = "Cluster deploy mode is not applicable to "
	switch a.in.PrimaryResource {
	case "connect-shell":
		if !a.switches.connectShell {
			break
		}
		fallthrough
	case "spark-shell", "pyspark-shell", "sparkr-shell":
		return refuse(notApplicable+"Spark shells.", "PrimaryResource", a.in.PrimaryResource)
	}
	if a.in.AllowServers && IsServer(a.in.MainClass) {
		return nil
	}
	switch a.in.MainClass {
	case "org.apache.spark.sql.hive.thriftserver.SparkSQLCLIDriver":
		return refuse(notApplicable+"Spark SQL shell.", "MainClass", a.in.MainClass)
	case thriftServer:
		return refuse(notApplicable+"Spark Thrift server.", "MainClass", a.in.MainClass)
	case ConnectServer:
		switch {
		case a.switches.connectServerYARN:
			return refuse("Launching Spark Connect server in cluster deploy mode is supported only for YARN",
				"MainClass", a.in.MainClass)
		case a.switches.refusesConnectServer:
			return refuse(notApplicable+"Spark Connect server.", "MainClass", a.in.MainClass)
		}
	}
	return nil
}

// checkPackages checks the coordinates of spark.jars.packages. The driver
// resolves them; the real client does so as well, only to extend its own class
// path.
func (a *arguments) checkPackages() error {
	packages := a.values[sparkconf.JarPackages]
	if sparkconf.TrimSpace(packages) == "" {
		return nil
	}
	for _, coordinate := range javaSplit(packages, ',') {
		parts := javaSplit(strings.ReplaceAll(coordinate, "/", ":"), ':')
		if len(parts) != 3 {
			return require("Provided Maven Coordinates must be in the form 'groupId:artifactId:version'. "+
				"The coordinate provided is: "+coordinate, sparkconf.JarPackages, packages)
		}
		for i, name := range []string{"groupId", "artifactId", "version"} {
			if sparkconf.TrimSpace(parts[i]) == "" {
				return require("The "+name+" cannot be null or be whitespace. The "+name+" provided is: "+parts[i],
					sparkconf.JarPackages, packages)
			}
		}
	}
	return nil
}

func (a *arguments) checkKeytab() error {
	keytab, set := a.values[sparkconf.Keytab]
	if !set || !a.has(sparkconf.Principal) || isLocalURI(keytab) {
		return nil
	}
	if _, exists := a.in.file(keytab); !exists {
		return &Error{
			Message: "requirement failed: Keytab file: " + keytab + " does not exist",
			Key:     sparkconf.Keytab, Value: keytab,
			Hint: "mount the keytab from a Secret and set its path in the driver as local://<path>",
		}
	}
	return nil
}

// assemble completes the SparkConf (SparkSubmit.prepareSubmitEnvironment).
func (a *arguments) assemble() {
	if !a.has(sparkconf.AppName) {
		if a.in.MainClass != "" {
			a.values[sparkconf.AppName] = a.in.MainClass
		} else {
			a.values[sparkconf.AppName] = lastPathComponent(a.resource)
		}
	}
	delete(a.values, sparkconf.DriverHost) // it becomes the service's name
	a.resolveDependencies()
	if !a.has(sparkconf.AppSubmitTime) || !a.switches.keepsSubmitTime {
		a.values[sparkconf.AppSubmitTime] = epochMillis(a.in.SubmitTime)
	}
}
