// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
)

// Refusal is why an application cannot be submitted, in terms of the application.
type Refusal struct { //nolint:errname // the documentation calls it a refusal
	// Place is the path of the field at fault; empty if the cause names it.
	Place string
	// Value is the value of the field; empty if it has none or is a secret.
	Value string
	// Remedy is what to change there.
	Remedy string
	// Given is true if the application itself gives what is at fault, and false if it
	// gives nothing: a default of the operator may provide the value then.
	Given bool
	// Cause is the error as package submit or a builder put it.
	Cause error
	// Warnings are those that a submission would have had; they may explain it.
	Warnings []string
}

// Error returns one line: the field, its value and the remedy, then the words of
// spark-submit, for which clients may look. Long texts are shortened.
func (r *Refusal) Error() string {
	if r.Place == "" {
		return r.Cause.Error()
	}
	text := sparkconf.Excerpt(r.Place, sparkconf.MaxValue) + ": "
	if r.Value != "" {
		text += strconv.Quote(sparkconf.Excerpt(r.Value, sparkconf.MaxValue)) + ": "
	}
	text += sparkconf.Excerpt(r.Remedy, sparkconf.MaxMessage)
	var refused *submit.Error
	if errors.As(r.Cause, &refused) {
		text += "; spark-submit: " + sparkconf.Excerpt(refused.Message, sparkconf.MaxMessage)
	}
	return strings.NewReplacer("\n", " ", "\r", " ").Replace(text)
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// explain puts an error of a builder in terms of the application.
func (b *builder) explain(err error) error {
	refusal := &Refusal{Cause: err, Given: true, Warnings: sortedWarnings(b.warnings)}
	var refused *submit.Error
	if !errors.As(err, &refused) {
		return refusal
	}
	refusal.Place, refusal.Value = placeOf(b.app, refused.Key), refused.Value
	refusal.Given = gives(b.app, refused.Key)
	refusal.Remedy = remedyOf(refused)
	if refused.Key == keyMainClass && refused.Value == "" {
		refusal.Remedy = "set the class to run; it cannot be read from the JAR " + valueOf(b.app.Spec.MainApplicationFile)
		for kind, suffix := range map[v1beta2.SparkApplicationType]string{
			v1beta2.SparkApplicationTypePython: ".py", v1beta2.SparkApplicationTypeR: ".R",
		} {
			if b.app.Spec.Type == kind {
				refusal.Place, refusal.Value = "spec.mainApplicationFile", valueOf(b.app.Spec.MainApplicationFile)
				refusal.Remedy = "does not end in " + suffix + ", so Spark treats it as a JAR although spec.type is " + string(kind) +
					"; use a file whose name ends in " + suffix + ", or set spec.mainClass if it is a JAR"
			}
		}
	}
	return refusal
}

// Keys of package submit for inputs that are not properties.
const (
	keyMainClass       = "MainClass"
	keyPrimaryResource = "PrimaryResource"
	keySparkVersion    = "SparkVersion"
)

// remedyOf returns what to change. A hint of package submit takes precedence.
func remedyOf(refused *submit.Error) string {
	remedy := strings.NewReplacer(keyPrimaryResource, "spec.mainApplicationFile", "set the template itself", "use spec.driver.template or spec.executor.template").
		Replace(refused.Hint)
	switch {
	case remedy != "":
		return remedy
	case refused.Key == keyPrimaryResource && refused.Value == "":
		return "set the JAR, Python or R file, such as local:///opt/app/app.jar"
	case refused.Key == keyPrimaryResource, refused.Key == keyMainClass:
		return "a shell needs a terminal, which a driver pod does not have; set an application, or run the shell in its own pod"
	case refused.Key == keySparkVersion:
		return "set the Spark version of the image, such as " + sparkconf.NewestRelease().String()
	case refused.Value == "":
		return "set the missing value, or remove the settings that need it"
	}
	return "correct the value or remove it"
}

// placeOf returns the path of the field that gives a property its value, or where
// it could be given.
func placeOf(app *v1beta2.SparkApplication, key string) string {
	_, inConf := app.Spec.SparkConf[key]
	conf := "spec.sparkConf[" + key + "]"
	for _, typed := range typedPlaces(app) {
		if typed.key != key {
			continue
		}
		if inConf && !typed.given {
			return conf
		}
		return typed.place
	}
	if inConf {
		return conf
	}
	if rest, ok := strings.CutPrefix(key, "spark.hadoop."); ok {
		return "spec.hadoopConf[" + rest + "]"
	}
	driver, executor := driverRole(app), executorRole(app)
	for _, r := range []*role{&driver, &executor} {
		for prefix, name := range map[string]string{
			r.keys.label: "labels", r.keys.annotation: "annotations", r.keys.env: "envVars", r.keys.secret: "secrets",
			r.keys.secretKey: "envSecretKeyRefs", r.keys.nodeSelector: "nodeSelector", r.keys.volume: "volumeMounts",
		} {
			if rest, ok := strings.CutPrefix(key, prefix); ok {
				return placeInRole(app, r, name, rest, conf)
			}
		}
	}
	if key == "" || !strings.HasPrefix(key, "spark.") {
		return "spec.sparkConf"
	}
	return conf
}

// gives reports whether an application sets a property, or says what is no property.
func gives(app *v1beta2.SparkApplication, key string) bool {
	if _, inConf := app.Spec.SparkConf[key]; inConf || !strings.HasPrefix(key, "spark.") {
		return true
	}
	for _, typed := range typedPlaces(app) {
		if typed.key == key {
			return typed.given
		}
	}
	place := placeOf(app, key) // of an entry of a map, of which only the application has any
	return !strings.HasPrefix(place, "spec.sparkConf")
}

// placeInRole is where the entry of a family of properties comes from: the role's
// field, or other properties than the one that is named.
func placeInRole(app *v1beta2.SparkApplication, r *role, name, entry, conf string) string {
	prefix := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(conf, "spec.sparkConf["), "]"), entry)
	for key := range app.Spec.SparkConf {
		if strings.HasPrefix(key, prefix) && name == "volumeMounts" {
			return conf
		}
	}
	switch name {
	case "labels":
		if _, own := r.Labels[entry]; !own {
			if _, common := app.Labels[entry]; common {
				return "metadata.labels[" + entry + "]"
			}
		}
	case "secrets", "volumeMounts":
		return r.field(name)
	}
	return r.field(name) + "[" + entry + "]"
}

// typedPlace is a typed field that becomes a property.
type typedPlace struct {
	key, place string
	given      bool
}

func typedPlaces(app *v1beta2.SparkApplication) []typedPlace {
	spec := &app.Spec
	text := func(value *string) bool { return valueOf(value) != "" }
	places := []typedPlace{
		{keyPrimaryResource, "spec.mainApplicationFile", true},
		{keyMainClass, "spec.mainClass", true},
		{keySparkVersion, "spec.sparkVersion", true},
		{"metadata.namespace of the driver pod template", "spec.driver.template.metadata.namespace", true},
		{sparkconf.ContainerImagePullPolicy, "spec.imagePullPolicy", text(spec.ImagePullPolicy)},
		{sparkconf.ImagePullSecrets, "spec.imagePullSecrets", len(spec.ImagePullSecrets) > 0},
		{sparkconf.PysparkMajorPythonVersion, "spec.pythonVersion", text(spec.PythonVersion)},
		{sparkconf.MemoryOverheadFactor, "spec.memoryOverheadFactor", text(spec.MemoryOverheadFactor)},
		{sparkconf.Jars, "spec.deps.jars", len(spec.Deps.Jars) > 0},
		{sparkconf.JarPackages, "spec.deps.packages", len(spec.Deps.Packages) > 0},
		{sparkconf.SubmitPythonFiles, "spec.deps.pyFiles", len(spec.Deps.PyFiles) > 0},
		{sparkconf.Files, "spec.deps.files", len(spec.Deps.Files) > 0},
		{sparkconf.Archives, "spec.deps.archives", len(spec.Deps.Archives) > 0},
		{sparkconf.ExecutorInstances, "spec.executor.instances", spec.Executor.Instances != nil},
		{sparkconf.DriverPodName, "spec.driver.podName", text(spec.Driver.PodName)},
		{sparkconf.HadoopConfigMapName, "spec.hadoopConfigMap", text(spec.HadoopConfigMap)},
	}
	driver, executor := driverRole(app), executorRole(app)
	for _, r := range []*role{&driver, &executor} {
		image := r.field("image")
		if !text(r.Image) {
			image = "spec.image"
		}
		places = append(places,
			typedPlace{r.keys.image, image, text(r.Image) || text(spec.Image)},
			typedPlace{r.keys.cores, r.field("cores"), r.Cores != nil},
			typedPlace{r.keys.requestCores, r.field("coreRequest"), text(r.coreRequest)},
			typedPlace{r.keys.limitCores, r.field("coreLimit"), text(r.CoreLimit)},
			typedPlace{r.keys.memory, r.field("memory"), text(r.Memory)},
			typedPlace{r.keys.memoryOverhead, r.field("memoryOverhead"), text(r.MemoryOverhead)},
			typedPlace{r.keys.serviceAccount, r.field("serviceAccount"), text(r.ServiceAccount)},
			typedPlace{r.keys.javaOptions, r.field("javaOptions"), text(r.javaOptions)},
			typedPlace{r.keys.schedulerName, r.field("schedulerName"), text(r.SchedulerName)},
		)
	}
	return places
}
