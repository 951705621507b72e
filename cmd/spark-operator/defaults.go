// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	k8svalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/translate"
	"github.com/spark-operator/spark-operator/pkg/validation"
)

// DefaultsOptions are the flags with defaults for all applications. All of them become
// Spark properties of lowest precedence, so what an application says wins, be it in a
// field, in spec.sparkConf or in a pod template.
type DefaultsOptions struct {
	SparkConf        []string
	SparkConfFile    string
	ServiceAccount   string
	Labels           []string
	Annotations      []string
	ImagePullSecrets []string
}

// applicationDefaults is the heading of these flags in the help of every command.
const applicationDefaults = "application defaults"

// AddFlags declares the flags.
func (o *DefaultsOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&o.SparkConf, "default-spark-conf", o.SparkConf, "Spark property of all applications that do not set it: key=value. Can be repeated.")
	fs.StringVar(&o.SparkConfFile, "default-spark-conf-file", o.SparkConfFile, "File of Spark properties for all applications that do not set them, in the format of spark-defaults.conf. --default-spark-conf takes precedence.")
	fs.StringVar(&o.ServiceAccount, "default-service-account", o.ServiceAccount, "Service account of drivers without spec.driver.serviceAccount. If empty, the service account default.")
	fs.StringArrayVar(&o.Labels, "default-pod-label", o.Labels, "Label of the driver and executor pods of all applications: key=value. Can be repeated.")
	fs.StringArrayVar(&o.Annotations, "default-pod-annotation", o.Annotations, "Annotation of the driver and executor pods of all applications: key=value. Can be repeated.")
	fs.StringSliceVar(&o.ImagePullSecrets, "default-image-pull-secrets", o.ImagePullSecrets, "Comma-separated list of image pull secrets of applications without spec.imagePullSecrets.")
}

// Conf returns the properties that the flags stand for; nil for none. The error names
// the flag at fault.
func (o *DefaultsOptions) Conf() (map[string]string, error) {
	conf := map[string]string{}
	if o.SparkConfFile != "" {
		text, err := os.ReadFile(o.SparkConfFile)
		if err != nil {
			return nil, fmt.Errorf("--default-spark-conf-file: %w", err)
		}
		if conf, err = sparkconf.ParseProperties(string(text)); err != nil {
			return nil, fmt.Errorf("--default-spark-conf-file: %s: %w", o.SparkConfFile, err)
		}
		for key, value := range conf {
			conf[key] = sparkconf.TrimValue(value)
		}
	}
	for _, list := range []struct {
		flag     string
		pairs    []string
		prefixes []string
	}{
		{"default-spark-conf", o.SparkConf, []string{""}},
		{"default-pod-label", o.Labels, []string{sparkconf.DriverLabelPrefix, sparkconf.ExecutorLabelPrefix}},
		{"default-pod-annotation", o.Annotations, []string{sparkconf.DriverAnnotationPrefix, sparkconf.ExecutorAnnotationPrefix}},
	} {
		for _, pair := range list.pairs {
			key, value, found := strings.Cut(pair, "=")
			if !found || key == "" {
				return nil, fmt.Errorf("--%s: %q is not of the form key=value", list.flag, pair)
			}
			for _, prefix := range list.prefixes {
				conf[prefix+key] = value
			}
		}
	}
	if o.ServiceAccount != "" {
		conf[sparkconf.DriverServiceAccountName] = o.ServiceAccount
	}
	if len(o.ImagePullSecrets) > 0 {
		conf[sparkconf.ImagePullSecrets] = strings.Join(o.ImagePullSecrets, ",")
	}
	if len(conf) == 0 {
		return nil, nil
	}
	return conf, nil
}

// Validate returns what is wrong with the flags: with one of them, or with what a plain
// application would become by all of them.
func (o *DefaultsOptions) Validate() error {
	conf, err := o.Conf()
	if err != nil || conf == nil {
		return err
	}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(conf)) {
		if reason := validation.DefaultProperty(key, conf[key]); reason != "" {
			errs = append(errs, fmt.Errorf("--default-spark-conf: %s: %s", key, reason))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	jar := "local:///app.jar"
	app := &v1beta2.SparkApplication{
		ObjectMeta: metav1.ObjectMeta{Name: "app", Namespace: "default", UID: "00000000-0000-4000-8000-000000000000"},
		Spec:       v1beta2.SparkApplicationSpec{MainApplicationFile: &jar, MainClass: &jar, Image: &jar},
	}
	v1beta2.SetObjectDefaultsOver(app, conf)
	run, err := translate.Preview(app, conf)
	if err == nil {
		err = validMetadata(run)
	}
	if err != nil {
		return fmt.Errorf("every submission would fail with these defaults (--default-spark-conf, --default-pod-label and the like): %w", err)
	}
	return nil
}

// validMetadata returns what an API server would refuse of the defaults.
func validMetadata(run *translate.Run) error {
	var errs []error
	for role, meta := range map[string]*metav1.ObjectMeta{"driver": &run.Driver.ObjectMeta, "executor": &run.ExecutorTemplate.ObjectMeta} {
		path := field.NewPath(role)
		faults := metav1validation.ValidateLabels(meta.Labels, path.Child("labels"))
		faults = append(faults, apivalidation.ValidateAnnotations(meta.Annotations, path.Child("annotations"))...)
		errs = append(errs, faults.ToAggregate())
	}
	names := map[string]string{"service account": run.Driver.Spec.ServiceAccountName}
	for _, secret := range run.Driver.Spec.ImagePullSecrets {
		names["image pull secret"] = secret.Name
	}
	for what, name := range names {
		if problems := k8svalidation.IsDNS1123Subdomain(name); name != "" && len(problems) > 0 {
			errs = append(errs, fmt.Errorf("%q is not a valid name of a %s: %s", name, what, problems[0]))
		}
	}
	return errors.Join(errs...)
}
