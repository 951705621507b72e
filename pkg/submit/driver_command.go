// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

const (
	confDirInPod    = "/opt/spark/conf"
	propertiesInPod = confDirInPod + "/spark.properties"
)

// driverCommand is DriverCommandFeatureStep: the arguments of the container.
type driverCommand struct{ conf *driverConf }

func newDriverCommand(conf *driverConf) (featureStep, error) { return driverCommand{conf}, nil }

func (d driverCommand) apply(spec *driverSpec) error {
	resource := d.conf.resource
	switch d.conf.language {
	case languageJava:
		if isClientLocal(resource) {
			resource = SparkInternal // the JAR itself travels in spark.jars
		}
	case languagePython:
		if err := d.applyPython(spec); err != nil {
			return err
		}
		if isClientLocal(resource) {
			return d.conf.refuseUpload("PrimaryResource", resource)
		}
	case languageR: // never uploaded
	}
	args := []string{"driver"}
	if user := d.conf.in.ProxyUser; user != "" {
		args = append(args, "--proxy-user", user)
	}
	args = append(args, "--properties-file", propertiesInPod, "--class", d.conf.mainClass, resource)
	args = append(args, d.conf.in.Arguments...)
	spec.container.Args = append(spec.container.Args, args...)
	spec.set(sparkconf.ResourceType, string(d.conf.language))
	return nil
}

// applyPython chooses the interpreters.
func (d driverCommand) applyPython(spec *driverSpec) error {
	if d.conf.switches.checksPythonVersion {
		version, set, err := d.conf.String(sparkconf.PysparkMajorPythonVersion)
		if err != nil {
			return err
		}
		if set && version != "3" {
			return d.conf.Requirement(sparkconf.PysparkMajorPythonVersion, version,
				"Python 2 was dropped from Spark 3.1, and only 3 is allowed in this configuration. Note that this "+
					"configuration was deprecated in Spark 3.1. Please set 'spark.pyspark.python' and "+
					"'spark.pyspark.driver.python' configurations or PYSPARK_PYTHON and PYSPARK_DRIVER_PYTHON "+
					"environment variables instead.")
		}
	}
	env := d.conf.in.Env
	python, byConf, err := d.conf.String(sparkconf.PysparkPython)
	if err != nil {
		return err
	}
	driverPython, driverByConf, err := d.conf.String(sparkconf.PysparkDriverPython)
	if err != nil {
		return err
	}
	if !driverByConf {
		driverPython, driverByConf = python, byConf
	}
	set := func(name string, value string, given bool, variables ...string) {
		for _, variable := range variables {
			if !given {
				value, given = env[variable]
			}
		}
		if given {
			spec.addEnv(name, value)
		}
	}
	set("PYSPARK_PYTHON", python, byConf, "PYSPARK_PYTHON")
	set("PYSPARK_DRIVER_PYTHON", driverPython, driverByConf, "PYSPARK_DRIVER_PYTHON", "PYSPARK_PYTHON")
	return nil
}

// refuseUpload is the error for a file of the submitter. Without an upload path
// Spark refuses it as well; with one, Spark's error is that of a failed upload.
func (c *driverConf) refuseUpload(key, uri string) error {
	const hint = "native submission does not upload files: put the file into the image (local://<path>) " +
		"or into a store that the driver reads"
	upload, set, err := c.String(sparkconf.FileUploadPath)
	if err != nil {
		return err
	}
	if !set {
		return &Error{
			Message: "Please specify " + sparkconf.FileUploadPath + " property.", Key: key, Value: uri,
			Hint: hint + "; the cause is " + key + "=" + uri,
		}
	}
	return &Error{
		Message: "Uploading file " + filePath(uri) + " failed...", Key: key, Value: uri,
		Hint: hint + ", or submit with spark-submit, which uploads to " + sparkconf.FileUploadPath + "=" + upload,
	}
}
