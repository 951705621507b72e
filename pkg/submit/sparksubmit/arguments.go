// SPDX-License-Identifier: Apache-2.0

// Package sparksubmit builds the Job in which the real spark-submit, that of the
// application's own image, submits an application. It is for the few features
// that need the client's Java virtual machine (see package submit).
//
// The package is pure. Equal inputs give equal objects, and their name is derived
// from the submission id, so that a submission that is started over finds its
// Job.
package sparksubmit

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// Where Spark's images have the client, and where the Job mounts its files.
const (
	program  = "/opt/spark/bin/spark-submit"
	filesDir = "/etc/spark-submit"

	propertiesFile       = "spark.properties"
	driverTemplateFile   = "driver.json"
	executorTemplateFile = "executor.json"
)

// Arguments returns the command line with which spark-submit makes the submission
// of package submit's Input. Everything that has a property is in the properties
// file; a long list of dependencies would exceed what a command line may hold.
func Arguments(in *submit.Input) []string {
	args := []string{program, "--properties-file", filesDir + "/" + propertiesFile}
	if in.MainClass != "" {
		args = append(args, "--class", in.MainClass)
	}
	if in.ProxyUser != "" {
		args = append(args, "--proxy-user", in.ProxyUser)
	}
	// Everything behind the primary resource belongs to the application.
	return append(append(args, in.PrimaryResource), in.Arguments...)
}

// files returns what the Job mounts at filesDir.
func files(in *submit.Input) (map[string]string, error) {
	conf := maps.Clone(in.Conf)
	data := make(map[string]string, 3)
	if in.DriverTemplate != nil {
		text, err := templateText(in.DriverTemplate)
		if err != nil {
			return nil, err
		}
		data[driverTemplateFile] = text
		conf[sparkconf.DriverPodTemplateFile] = filesDir + "/" + driverTemplateFile
	}
	if in.ExecutorTemplate != nil {
		data[executorTemplateFile] = string(in.ExecutorTemplate)
		conf[sparkconf.ExecutorPodTemplateFile] = filesDir + "/" + executorTemplateFile
	}
	properties := make([]sparkconf.Property, 0, len(conf))
	for _, key := range slices.Sorted(maps.Keys(conf)) {
		properties = append(properties, sparkconf.Property{Key: key, Value: conf[key]})
	}
	data[propertiesFile] = string(sparkconf.AppendProperties(nil, properties))
	return data, nil
}

// templateText writes a template as a Pod in JSON, which is YAML too. Spark reads
// a whole Pod; without the kind some of its versions would guess.
func templateText(template *corev1.PodTemplateSpec) (string, error) {
	text, err := json.Marshal(struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        *metav1.ObjectMeta `json:"metadata"`
		Spec            *corev1.PodSpec    `json:"spec"`
	}{metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, &template.ObjectMeta, &template.Spec})
	if err != nil {
		return "", fmt.Errorf("writing the pod template of the driver: %w", err)
	}
	return string(text), nil
}
