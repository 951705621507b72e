// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"cmp"
	"path"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

const (
	// kubernetesDriverMaster is KUBERNETES_DRIVER_MASTER_URL.
	kubernetesDriverMaster = "spark.kubernetes.driver.master"

	envGoogleCredentials = "GOOGLE_APPLICATION_CREDENTIALS"
	googleKeyFile        = "key.json"
	envHadoopToken       = "HADOOP_TOKEN_FILE_LOCATION"
	hadoopTokenFile      = "hadoop.token"
)

// setDriver sets the fields of spec.driver that are properties.
func (c *conf) setDriver(r *role) {
	driver := &c.app.Spec.Driver
	c.setField(sparkconf.DriverPodName, DriverPodName(c.app), "spec.driver.podName")
	c.setRole(r)
	c.setString(kubernetesDriverMaster, driver.KubernetesMaster, "spec.driver.kubernetesMaster")
	c.setMap(sparkconf.DriverServiceLabelPrefix, driver.ServiceLabels, "spec.driver.serviceLabels")
	c.setMap(sparkconf.DriverServiceAnnotationPrefix, driver.ServiceAnnotations, "spec.driver.serviceAnnotations")
}

// setExecutor sets the fields of spec.executor that are properties.
func (c *conf) setExecutor(r *role) {
	executor := &c.app.Spec.Executor
	c.setInt32(sparkconf.ExecutorInstances, executor.Instances, "spec.executor.instances")
	if remove := executor.DeleteOnTermination; remove != nil {
		c.setField(sparkconf.ExecutorDeleteOnTermination, strconv.FormatBool(*remove), "spec.executor.deleteOnTermination")
	}
	if c.archivesExecutors && c.values[sparkconf.ExecutorDeleteOnTermination] == "" {
		c.set(sparkconf.ExecutorDeleteOnTermination, "false") // or their logs go with them at once
	}
	c.setRole(r)
}

// archives reports whether logs of a role are archived.
func (c *conf) archives(r *role) bool {
	return r.name == podspec.Driver && c.archivesDriver || r.name == podspec.Executor && c.archivesExecutors
}

// setRole sets what is the same for both roles.
func (c *conf) setRole(r *role) {
	if valueOf(r.Image) != "" {
		c.setString(r.keys.image, r.Image, r.field("image"))
	} else {
		c.setString(r.keys.image, c.app.Spec.Image, "spec.image")
	}
	c.setInt32(r.keys.cores, r.Cores, r.field("cores"))
	c.setString(r.keys.requestCores, r.coreRequest, r.field("coreRequest"))
	c.setString(r.keys.limitCores, r.CoreLimit, r.field("coreLimit"))
	c.setString(r.keys.memory, r.Memory, r.field("memory"))
	c.setString(r.keys.memoryOverhead, r.MemoryOverhead, r.field("memoryOverhead"))
	c.setString(r.keys.serviceAccount, r.ServiceAccount, r.field("serviceAccount"))
	c.setString(r.keys.javaOptions, r.javaOptions, r.field("javaOptions"))
	c.setMap(r.keys.annotation, r.Annotations, r.field("annotations"))
	c.setMap(r.keys.env, r.EnvVars, r.field("envVars"))
	for name, from := range r.EnvSecretKeyRefs {
		c.setField(r.keys.secretKey+name, from.Name+":"+from.Key, r.field("envSecretKeyRefs"))
	}
	c.setSecrets(r)
}

// setSecrets mounts Secrets. The variables that lead to their content win over
// envVars; of two Secrets of the same type the later wins.
func (c *conf) setSecrets(r *role) {
	paths := make(map[string]string, len(r.Secrets)) // of the first mount of each
	for i, secret := range r.Secrets {
		place := func() *field.Path { return field.NewPath("spec", string(r.name), "secrets").Index(i) }
		if volume := secret.Name + "-volume"; len(volume) > validation.DNS1123LabelMaxLength || len(validation.IsDNS1123Label(volume)) > 0 {
			c.fail(field.Invalid(place().Child("name"), secret.Name,
				"Spark mounts it as the volume "+volume+", which is not a valid name; mount it through spec.volumes instead"))
			continue
		}
		if earlier, mounted := paths[secret.Name]; !mounted {
			paths[secret.Name] = secret.Path
		} else if earlier != secret.Path {
			c.fail(field.Invalid(place(), secret.Path, "secret "+secret.Name+" is mounted at "+earlier+
				" already and Spark mounts a Secret only once; mount it through spec.volumes instead"))
		}
		c.setField(r.keys.secret+secret.Name, secret.Path, r.field("secrets"))
		switch secret.Type {
		case v1beta2.SecretTypeGCPServiceAccount:
			c.setField(r.keys.env+envGoogleCredentials, path.Join(secret.Path, googleKeyFile), r.field("secrets"))
		case v1beta2.SecretTypeHadoopDelegationToken:
			c.setField(r.keys.env+envHadoopToken, path.Join(secret.Path, hadoopTokenFile), r.field("secrets"))
		case v1beta2.SecretTypeGeneric:
		}
	}
}

// setLabels sets the labels of a role: those of the application, then those of
// the role, then those of the batch scheduler, then the operator's own, which
// nothing may change: it finds its pods by them.
func (c *conf) setLabels(r *role, scheduling map[string]string, submissionID string) {
	for key, value := range c.app.Labels {
		switch {
		case strings.HasPrefix(key, v1beta2.LabelPrefixKueue):
		case isSparkLabel(key):
			c.warn("metadata.labels: " + key + " is not passed on to the pods: Spark sets it itself")
		default:
			c.setField(r.keys.label+key, value, "metadata.labels")
		}
	}
	c.setMap(r.keys.label, r.Labels, r.field("labels"))
	c.setMap(r.keys.label, scheduling, "the batch scheduler")

	own := []sparkconf.Property{
		{Key: cmp.Or(c.nameLabel, v1beta2.LabelSparkAppName), Value: c.app.Name},
		{Key: v1beta2.LabelLaunchedBySparkOperator, Value: "true"},
		{Key: v1beta2.LabelSubmissionID, Value: submissionID},
	}
	if c.archives(r) {
		own = append(own, sparkconf.Property{Key: v1beta2.LabelLogArchive, Value: "true"})
	}
	if r.Template == nil {
		own = append(own, sparkconf.Property{Key: v1beta2.LabelMutatedBySparkOperator, Value: "true"})
	}
	for _, label := range own {
		key := r.keys.label + label.Key
		for _, from := range []struct {
			labels map[string]string
			place  string
		}{{c.app.Labels, "metadata.labels"}, {r.Labels, r.field("labels")}} {
			if given, set := from.labels[label.Key]; set && given != label.Value {
				c.warn(from.place + ": " + label.Key + " has no effect: the operator sets it")
			}
		}
		c.setField(key, label.Value, "the operator")
	}
}

// isSparkLabel reports whether Spark refuses the label as its own, on either
// role.
func isSparkLabel(key string) bool {
	switch key {
	case v1beta2.LabelSparkRole, v1beta2.LabelSparkApplicationSelector, v1beta2.LabelSparkVersion, "spark-app-name",
		v1beta2.LabelSparkExecutorID, "spark-exec-resourceprofile-id":
		return true
	}
	return false
}

// keepPlacement sets the properties of scheduler and node selector where a property
// would otherwise override what the fields put into a template. The last two
// arguments name the fields in warnings.
func (b *builder) keepPlacement(r *role, fields *podspec.Fields, schedulerField, selectorField string) {
	if name := fields.SchedulerName; name != "" {
		_, own := b.values[r.keys.schedulerName]
		_, common := b.values[sparkconf.SchedulerName]
		if own || common {
			b.setField(r.keys.schedulerName, name, schedulerField)
		}
	}
	for key, value := range r.NodeSelector {
		_, own := b.values[r.keys.nodeSelector+key]
		_, common := b.values[sparkconf.NodeSelectorPrefix+key]
		if own || common {
			b.setField(r.keys.nodeSelector+key, value, selectorField)
		}
	}
}
