// SPDX-License-Identifier: Apache-2.0

package submit_test

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// The library starts where spark-submit has merged its sources of properties.
// This file reproduces the part before: bin/spark-submit, the launcher's option
// parser (SparkSubmitOptionParser) and SparkSubmitArguments.

const (
	caseDir     = "/opt/case"
	defaultConf = "/opt/spark/conf"
)

// outcome is what spark-submit does before anything of the library is reached.
type outcome struct {
	// reason says why the library is not concerned.
	reason string
	// message is the error that the recording must show; empty if the call is
	// not a submission.
	message string
}

// flagProperties are the options with a property of the same meaning.
var flagProperties = map[string]string{
	"--master":              "spark.master",
	"--deploy-mode":         "spark.submit.deployMode",
	"--name":                "spark.app.name",
	"--jars":                "spark.jars",
	"--files":               "spark.files",
	"--archives":            "spark.archives",
	"--py-files":            "spark.submit.pyFiles",
	"--packages":            "spark.jars.packages",
	"--exclude-packages":    "spark.jars.excludes",
	"--repositories":        "spark.jars.repositories",
	"--driver-memory":       "spark.driver.memory",
	"--driver-cores":        "spark.driver.cores",
	"--driver-java-options": "spark.driver.extraJavaOptions",
	"--driver-library-path": "spark.driver.extraLibraryPath",
	"--driver-class-path":   "spark.driver.extraClassPath",
	"--executor-memory":     "spark.executor.memory",
	"--executor-cores":      "spark.executor.cores",
	"--num-executors":       "spark.executor.instances",
	"--principal":           "spark.kerberos.principal",
	"--keytab":              "spark.kerberos.keytab",
	"--remote":              "spark.remote", // from 3.4 on
}

// environmentProperties are the variables read when neither an option nor a
// property is given (SparkSubmitArguments.loadEnvironmentArguments).
var environmentProperties = map[string]string{
	"MASTER":                "spark.master",
	"DEPLOY_MODE":           "spark.submit.deployMode",
	"SPARK_DRIVER_MEMORY":   "spark.driver.memory",
	"SPARK_EXECUTOR_MEMORY": "spark.executor.memory",
	"SPARK_EXECUTOR_CORES":  "spark.executor.cores",
	"SPARK_REMOTE":          "spark.remote", // from 3.4 on
}

// arguments is a parsed command line.
type arguments struct {
	values          map[string]string // option to last value
	loadDefaults    bool
	conf            map[string]string
	primaryResource string
	application     []string
}

// options returns the value options and switches that a version knows.
func options(version string) (withValue, switches []string) {
	for option := range flagProperties {
		if option != "--remote" || atLeast(version, "3.4") {
			withValue = append(withValue, option)
		}
	}
	withValue = append(withValue, "--class", "--conf", "-c", "--kill", "--status", "--properties-file",
		"--proxy-user", "--queue", "--total-executor-cores")
	switches = []string{"--help", "-h", "--supervise", "--usage-error", "--verbose", "-v", "--version"}
	if atLeast(version, "4.0") {
		switches = append(switches, "--load-spark-defaults")
	}
	return withValue, switches
}

var equalsForm = regexp.MustCompile(`^(--[^=]+)=([^\n\r\x{85}\x{2028}\x{2029}]+)$`)

// parseArguments follows SparkSubmitOptionParser.parse as the launcher uses it.
// It returns the text with which the launcher refuses, if it does.
func parseArguments(version string, argv []string) (args arguments, refusal string) {
	args = arguments{values: map[string]string{}, conf: map[string]string{}}
	withValue, switches := options(version)
	for i := 0; i < len(argv); i++ {
		option, value, hasValue := argv[i], "", false
		if m := equalsForm.FindStringSubmatch(option); m != nil {
			option, value, hasValue = m[1], m[2], true
		}
		switch {
		case slices.Contains(withValue, option):
			if !hasValue {
				if i+1 == len(argv) {
					return args, fmt.Sprintf("Error: Missing argument for option '%s'.", option)
				}
				i++
				value = argv[i]
			}
			if option != "--conf" && option != "-c" {
				args.values[option] = value
				continue
			}
			key, v, found := strings.Cut(value, "=")
			if !found {
				return args, fmt.Sprintf("Error: Invalid argument to --conf: %s", value)
			}
			args.conf[key] = v
		case slices.Contains(switches, option):
			args.loadDefaults = args.loadDefaults || option == "--load-spark-defaults"
		case strings.HasPrefix(option, "-"):
			return args, fmt.Sprintf("Error: Unrecognized option: %s", option)
		default:
			args.primaryResource, args.application = argv[i], argv[i+1:]
			return args, ""
		}
	}
	if args.values["--kill"] == "" && args.values["--status"] == "" {
		return args, "Error: Missing application resource."
	}
	return args, ""
}

// commandLine turns a recorded call into the library's input, or says how the
// call ends before the library would be reached.
func commandLine(c *goldenCase) (submit.Input, *outcome) {
	argv := c.Input.Argv
	if atLeast(c.Spark, "3.4") {
		argv = slices.Clone(argv)
		for i := range argv {
			argv[i] = strings.ReplaceAll(argv[i], "\r", "") // bin/spark-submit
		}
	}
	files := c.files()
	args, refusal := parseArguments(c.Spark, argv)
	if refusal != "" {
		return submit.Input{}, &outcome{reason: "the command line parser refuses", message: refusal}
	}
	propertiesFile, hasFile := args.values["--properties-file"]
	propertiesText, exists := files[propertiesFile]
	if !path.IsAbs(propertiesFile) {
		propertiesText, exists = files[path.Join(caseDir, propertiesFile)]
	}
	if hasFile && !exists {
		return submit.Input{}, &outcome{
			reason:  "the command line parser refuses",
			message: fmt.Sprintf("Error: Invalid properties file '%s'.", propertiesFile),
		}
	}
	if args.values["--kill"] != "" || args.values["--status"] != "" {
		return submit.Input{}, &outcome{reason: "no submission: --kill and --status"}
	}
	if mode, given := args.values["--deploy-mode"]; given && mode != "client" && mode != "cluster" {
		return submit.Input{}, &outcome{
			reason:  "the command line parser refuses",
			message: `--deploy-mode must be either "client" or "cluster"`,
		}
	}

	conf := args.conf
	addMissing := func(more map[string]string) {
		for key, value := range more {
			if _, exists := conf[key]; !exists && strings.HasPrefix(key, "spark.") {
				conf[key] = value
			}
		}
	}
	if hasFile {
		addMissing(readProperties(propertiesText))
	}
	env := map[string]string{"SPARK_CONF_DIR": defaultConf} // exported by bin/spark-submit
	for name, value := range c.Input.Env {
		env[name] = value
	}
	if !hasFile || args.loadDefaults {
		addMissing(readProperties(files[path.Join(env["SPARK_CONF_DIR"], "spark-defaults.conf")]))
	}
	for option, key := range flagProperties {
		if value, given := args.values[option]; given {
			conf[key] = value
		}
	}
	for name, key := range environmentProperties {
		if value, set := env[name]; set && (name != "SPARK_REMOTE" || atLeast(c.Spark, "3.4")) {
			addMissing(map[string]string{key: value})
		}
	}
	addMissing(systemProperties(env["SPARK_SUBMIT_OPTS"]))

	return submit.Input{
		SparkVersion:    c.Spark,
		Conf:            conf,
		MainClass:       args.values["--class"],
		PrimaryResource: args.primaryResource,
		Arguments:       args.application,
		ProxyUser:       args.values["--proxy-user"],
		User:            env["HADOOP_USER_NAME"],
		Env:             env,
		Files:           files,
		WorkingDir:      caseDir,
	}, nil
}

// systemProperties returns the spark.* properties among JVM options.
func systemProperties(jvmOptions string) map[string]string {
	properties := map[string]string{}
	for _, option := range strings.Fields(jvmOptions) {
		definition, isProperty := strings.CutPrefix(option, "-D")
		if key, value, _ := strings.Cut(definition, "="); isProperty {
			properties[key] = value
		}
	}
	return properties
}

// readProperties reads a properties file as Utils.getPropertiesFromFile does:
// Java's syntax, values trimmed of blanks but not of line ends.
func readProperties(text []byte) map[string]string {
	properties, err := sparkconf.ParseProperties(string(text))
	if err != nil {
		panic(fmt.Sprintf("recorded properties file: %v", err))
	}
	for key, value := range properties {
		properties[key] = sparkconf.TrimValue(value)
	}
	return properties
}

// atLeast reports whether a Spark version is that minor version or a later one.
func atLeast(version, minor string) bool {
	number := func(v string) (n int) {
		var first, second int
		if _, err := fmt.Sscanf(v, "%d.%d", &first, &second); err != nil {
			panic(fmt.Sprintf("version %q: %v", v, err))
		}
		return first*1000 + second
	}
	return number(version) >= number(minor)
}
