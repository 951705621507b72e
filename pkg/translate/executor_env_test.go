// SPDX-License-Identifier: Apache-2.0

package translate_test

import (
	"maps"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
	"github.com/spark-operator/spark-operator/pkg/submit"
	"github.com/spark-operator/spark-operator/pkg/translate"
)

// started is the environment of a container as the kubelet makes it: variables in
// their order, each with what is defined by then; the last of a name wins.
func started(env []corev1.EnvVar, fields map[string]string) map[string]string {
	have := map[string]string{}
	for _, variable := range env {
		var value string
		if from := variable.ValueFrom; from != nil && from.FieldRef != nil {
			value = fields[from.FieldRef.FieldPath]
		} else if from != nil {
			value = "secret " + from.SecretKeyRef.Name + "/" + from.SecretKeyRef.Key
		} else {
			value = podspec.Resolve(variable.Value, func(name string) (string, bool) { text, ok := have[name]; return text, ok })
			value = strings.ReplaceAll(value, "$$", "$")
		}
		have[variable.Name] = value
	}
	return have
}

// executorEnvironment is what the JVM and the Python workers of executor 7 see:
// Spark appends its variables to those of the template, and sends the properties
// spark.executorEnv.* to the workers as they are.
func executorEnvironment(template *corev1.PodSpec, properties map[string]string, appID string) (jvm, python map[string]string) {
	conf := sparkconf.New(properties, nil, sparkconf.Version{})
	literal := func(name, value string) corev1.EnvVar { return corev1.EnvVar{Name: name, Value: value} }
	env := append([]corev1.EnvVar{}, template.Containers[0].Env...)
	env = append(env,
		literal("SPARK_USER", "spark"), literal("SPARK_DRIVER_URL", "spark://driver"), literal("SPARK_EXECUTOR_CORES", "1"),
		literal("SPARK_EXECUTOR_MEMORY", "1024m"), literal("SPARK_APPLICATION_ID", appID), literal("SPARK_CONF_DIR", "/opt/spark/conf"),
		literal("SPARK_EXECUTOR_ID", "7"), literal("SPARK_RESOURCE_PROFILE_ID", "0"))
	for _, p := range conf.WithPrefix(sparkconf.ExecutorEnvPrefix) {
		env = append(env, literal(p.Key, p.Value))
	}
	env = append(env, literal("SPARK_EXECUTOR_POD_IP", "10.0.0.7"), literal("SPARK_EXECUTOR_POD_NAME", "pi-exec-7"))
	for _, p := range conf.WithPrefix(sparkconf.ExecutorSecretKeyRefPrefix) {
		name, key, _ := strings.Cut(p.Value, ":")
		env = append(env, corev1.EnvVar{Name: p.Key, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: name}, Key: key,
		}}})
	}
	jvm = started(env, map[string]string{
		"metadata.labels['spark-exec-id']": "7", "metadata.labels['spark-app-selector']": appID,
		"metadata.labels['spark-exec-resourceprofile-id']": "0", "metadata.name": "pi-exec-7", "status.podIP": "10.0.0.7",
	})
	python = maps.Clone(jvm)
	maps.Copy(python, conf.Map(sparkconf.ExecutorEnvPrefix))
	return jvm, python
}

// References are expanded wherever the variables of an executor are seen: by its
// JVM and by its Python workers.
func TestReferencesOfExecutors(t *testing.T) {
	literal := func(name, value string) corev1.EnvVar { return corev1.EnvVar{Name: name, Value: value} }
	appID := submit.NewIDs(params().SubmissionID).App
	for name, test := range map[string]struct {
		env     []corev1.EnvVar
		edit    func(*v1beta2.SparkApplication)
		want    map[string]string
		warning string
	}{
		"ids": {
			env:  []corev1.EnvVar{literal("TAG", "exec-$(SPARK_EXECUTOR_ID)"), literal("LOGDIR", "/logs/$(SPARK_APPLICATION_ID)")},
			want: map[string]string{"TAG": "exec-7", "LOGDIR": "/logs/" + appID},
		},
		"pod": {
			env:  []corev1.EnvVar{literal("A", "$(SPARK_EXECUTOR_POD_NAME)@$(SPARK_EXECUTOR_POD_IP)"), literal("B", "$(SPARK_RESOURCE_PROFILE_ID)$(SPARK_CONF_DIR)")},
			want: map[string]string{"A": "pi-exec-7@10.0.0.7", "B": "0/opt/spark/conf"},
		},
		"one after the other": {
			env:  []corev1.EnvVar{literal("A", "a$(SPARK_EXECUTOR_ID)"), literal("B", "b$(A)"), literal("C", "$(B)$(A)$(SPARK_APPLICATION_ID)")},
			want: map[string]string{"A": "a7", "B": "ba7", "C": "ba7a7" + appID},
		},
		"not yet defined": {
			env:  []corev1.EnvVar{literal("A", "$(B)"), literal("B", "b")},
			want: map[string]string{"A": "$(B)", "B": "b"},
		},
		"escapes": {
			env:  []corev1.EnvVar{literal("A", "$$(SPARK_EXECUTOR_ID)"), literal("B", "$$$(SPARK_APPLICATION_ID)"), literal("C", "5$$")},
			want: map[string]string{"A": "$(SPARK_EXECUTOR_ID)", "B": "$" + appID, "C": "5$"},
		},
		"of nothing": {
			env:  []corev1.EnvVar{literal("A", "$(NOWHERE)")},
			want: map[string]string{"A": "$(NOWHERE)"},
		},
		"envVars": {
			edit: func(app *v1beta2.SparkApplication) {
				app.Spec.Executor.EnvVars = map[string]string{"A": "x$(SPARK_EXECUTOR_ID)", "B": "$(A)y", "C": "$(SPARK_APPLICATION_ID)", "D": "d"}
			},
			want: map[string]string{"A": "x7", "B": "x7y", "C": appID, "D": "d"},
		},
		"to envVars and back": {
			env: []corev1.EnvVar{literal("A", "$(B)$(D)"), literal("C", "c")},
			edit: func(app *v1beta2.SparkApplication) {
				app.Spec.Executor.EnvVars = map[string]string{"B": "$(C)$(SPARK_EXECUTOR_ID)", "D": "d"}
			},
			want: map[string]string{"A": "$(C)7d", "B": "$(C)7", "C": "c", "D": "d"}, // C is defined later
		},
		"a circle": {
			edit: func(app *v1beta2.SparkApplication) {
				app.Spec.Executor.EnvVars = map[string]string{"A": "$(B)", "B": "$(A)"}
			},
			want: map[string]string{"A": "$(A)", "B": "$(A)"},
		},
		"sparkConf": {
			edit: func(app *v1beta2.SparkApplication) {
				app.Spec.SparkConf = map[string]string{"spark.executorEnv.A": "x$(SPARK_EXECUTOR_ID)", "spark.executorEnv.B": "$(SPARK_APPLICATION_ID)"}
			},
			want: map[string]string{"A": "x7", "B": appID},
		},
		"env over sparkConf": {
			env: []corev1.EnvVar{literal("A", "x$(SPARK_EXECUTOR_ID)")},
			edit: func(app *v1beta2.SparkApplication) {
				app.Spec.SparkConf = map[string]string{"spark.executorEnv.A": "conf"}
			},
			want: map[string]string{"A": "x7"},
		},
		"a secret": {
			env: []corev1.EnvVar{literal("URL", "u:$(PASSWORD)@h")},
			edit: func(app *v1beta2.SparkApplication) {
				app.Spec.Executor.EnvSecretKeyRefs = map[string]v1beta2.NameKey{"PASSWORD": {Name: "n", Key: "k"}}
			},
			want: map[string]string{"URL": "u:secret n/k@h", "PASSWORD": "secret n/k"},
		},
		"own id": {
			env:  []corev1.EnvVar{literal("SPARK_APPLICATION_ID", "mine"), literal("A", "$(SPARK_APPLICATION_ID)")},
			want: map[string]string{"SPARK_APPLICATION_ID": "mine", "A": "mine"},
		},
		"template": {
			edit: func(app *v1beta2.SparkApplication) {
				app.Spec.Executor.Template = &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "spark", Env: []corev1.EnvVar{literal("A", "$(SPARK_EXECUTOR_ID)"), literal("B", "$(A)$(SPARK_APPLICATION_ID)")},
				}}}}
			},
			want: map[string]string{"A": "7", "B": "7" + appID},
		},
		"known to the driver alone": {
			env:     []corev1.EnvVar{literal("A", "$(SPARK_DRIVER_URL)")},
			warning: "spec.executor.env: Python workers see A with its references unexpanded, as only the driver knows SPARK_DRIVER_URL",
		},
		"instead of Spark's own": {
			env:     []corev1.EnvVar{literal("SPARK_USER", "u$(SPARK_EXECUTOR_ID)")},
			warning: "Python workers see SPARK_USER with its references unexpanded, as Spark sets a variable of this name itself",
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := build(t, func(app *v1beta2.SparkApplication) {
				app.Spec.Executor.Env = test.env
				if test.edit != nil {
					test.edit(app)
				}
			})
			jvm, python := executorEnvironment(&run.ExecutorTemplate.Spec, run.Properties, appID)
			for name, want := range test.want {
				if jvm[name] != want || python[name] != want {
					t.Errorf("%s is %q in the JVM and %q in Python, want %q", name, jvm[name], python[name], want)
				}
			}
			if test.warning == "" {
				expectWarnings(t, run)
			} else {
				expectWarnings(t, run, test.warning)
			}
		})
	}
}

// So are those of a driver, which Spark does not send anywhere.
func TestReferencesOfDriver(t *testing.T) {
	env := []corev1.EnvVar{
		{Name: "A", Value: "$(SPARK_APPLICATION_ID)"}, {Name: "B", Value: "$(A)@$(SPARK_DRIVER_BIND_ADDRESS)"},
		{Name: "C", Value: "$$(A)$(SPARK_USER)"}, {Name: "D", Value: "$(FROM_VARS)"},
	}
	edit := func(app *v1beta2.SparkApplication) {
		app.Spec.Driver.Env = env
		app.Spec.Driver.EnvVars = map[string]string{"FROM_VARS": "v"}
	}
	appID := submit.NewIDs(params().SubmissionID).App
	fields := map[string]string{"status.podIP": "10.0.0.1", "metadata.labels['spark-app-selector']": appID}
	want := map[string]string{"A": appID, "B": appID + "@10.0.0.1", "C": "$(A)spark", "D": "v"}
	got := started(build(t, edit).Driver.Spec.Containers[0].Env, fields)
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}

	// In a Job they are in a template, before Spark's own.
	run, err := translate.BuildJob(application(edit), translate.JobParams{Params: params()})
	if err != nil {
		t.Fatal(err)
	}
	var all []corev1.EnvVar
	properties := map[string]string{}
	for _, text := range run.Files.Data {
		var pod corev1.Pod
		if err := yaml.Unmarshal([]byte(text), &pod); err == nil && strings.Contains(text, `"$(A)@`) {
			all = append(all, pod.Spec.Containers[0].Env...)
		} else if strings.Contains(text, "spark.kubernetes.driverEnv.") {
			if properties, err = sparkconf.ParseProperties(text); err != nil {
				t.Fatal(err)
			}
		}
	}
	all = append(all, corev1.EnvVar{Name: "SPARK_USER", Value: "spark"}, corev1.EnvVar{Name: "SPARK_APPLICATION_ID", Value: appID})
	for _, p := range sparkconf.New(properties, nil, sparkconf.Version{}).WithPrefix(sparkconf.DriverEnvPrefix) {
		all = append(all, corev1.EnvVar{Name: p.Key, Value: p.Value})
	}
	got = started(all, fields)
	for name, value := range want {
		if got[name] != value {
			t.Errorf("in a Job %s is %q, want %q", name, got[name], value)
		}
	}
}

// TestReferencesToLateVariables: what stays as it is written, because Spark sets the
// variable after it, is named in a warning.
func TestReferencesToLateVariables(t *testing.T) {
	for name, test := range map[string]struct {
		value string
		conf  map[string]string
		late  string
	}{
		"local directories": {value: "$(SPARK_LOCAL_DIRS)/x", late: "SPARK_LOCAL_DIRS"},
		"Java option":       {value: "$(SPARK_JAVA_OPT_0)", late: "SPARK_JAVA_OPT_0"},
		"class path":        {value: "$(SPARK_CLASSPATH)", conf: map[string]string{"spark.executor.extraClassPath": "/x"}, late: "SPARK_CLASSPATH"},
		"class path, none":  {value: "$(SPARK_CLASSPATH)"},
		"known":             {value: "$(SPARK_EXECUTOR_ID) $(SPARK_EXECUTOR_POD_NAME)"},
		"escaped":           {value: "$$(SPARK_LOCAL_DIRS)"},
		"of nobody":         {value: "$(NOBODY)"},
	} {
		app := goldenApplications(t)["scala"].DeepCopy()
		app.Spec.SparkConf = test.conf
		app.Spec.Executor.Env = []corev1.EnvVar{{Name: "TAG", Value: test.value}}
		run, err := translate.Build(app, params())
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(run.Warnings, "\n")
		if warned := strings.Contains(text, "spec.executor.env: TAG keeps $("); warned != (test.late != "") || !strings.Contains(text, test.late) {
			t.Errorf("%s: warnings %q", name, run.Warnings)
		}
	}
	app := goldenApplications(t)["scala"].DeepCopy()
	app.Spec.Driver.Env = []corev1.EnvVar{{Name: "TAG", Value: "$(SPARK_LOCAL_DIRS)"}}
	job, err := translate.BuildJob(app, jobParams())
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(job.Warnings, "\n"); !strings.Contains(text, "spec.driver.env: TAG keeps $(SPARK_LOCAL_DIRS)") {
		t.Errorf("warnings %q", job.Warnings)
	}
}
