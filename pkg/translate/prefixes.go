// SPDX-License-Identifier: Apache-2.0

package translate

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/spark-operator/spark-operator/pkg/apis/sparkoperator.k8s.io/v1beta2"
	"github.com/spark-operator/spark-operator/pkg/podspec"
	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

const hadoopPrefix = "spark.hadoop."

// prefixes finds typed maps whose keys already have the prefix with which they
// become properties: spark.hadoop.fs.s3a.endpoint in spec.hadoopConf.
type prefixes struct {
	// app is the application with the keys as they are meant. It shares memory with
	// the one that was given, which is not changed.
	app      *v1beta2.SparkApplication
	warnings []string
	faults   podspec.Faults
}

func withoutPrefixes(given *v1beta2.SparkApplication) *prefixes {
	app := *given // the maps below are replaced, not changed
	p := &prefixes{app: &app}
	spec := &app.Spec
	bareKeys(p, hadoopPrefix, &spec.HadoopConf, "spec.hadoopConf")
	bareKeys(p, sparkconf.NodeSelectorPrefix, &spec.NodeSelector, "spec.nodeSelector")
	bareKeys(p, sparkconf.DriverServiceLabelPrefix, &spec.Driver.ServiceLabels, "spec.driver.serviceLabels")
	bareKeys(p, sparkconf.DriverServiceAnnotationPrefix, &spec.Driver.ServiceAnnotations, "spec.driver.serviceAnnotations")
	for _, r := range []role{driverRole(&app), executorRole(&app)} {
		bareKeys(p, r.keys.label, &r.Labels, r.field("labels"))
		bareKeys(p, r.keys.annotation, &r.Annotations, r.field("annotations"))
		bareKeys(p, r.keys.env, &r.EnvVars, r.field("envVars"))
		bareKeys(p, r.keys.secretKey, &r.EnvSecretKeyRefs, r.field("envSecretKeyRefs"))
		bareKeys(p, r.keys.nodeSelector, &r.NodeSelector, r.field("nodeSelector"))
		bareNames(p, r.keys.env, &r.Env, r.field("env"), func(v *corev1.EnvVar) *string { return &v.Name })
		bareNames(p, r.keys.secret, &r.Secrets, r.field("secrets"), func(s *v1beta2.SecretInfo) *string { return &s.Name })
	}
	return p
}

// bare returns a key without the prefix.
func (p *prefixes) bare(prefix, key, place string) (string, bool) {
	bare := key
	for strings.HasPrefix(bare, prefix) {
		bare = bare[len(prefix):]
	}
	if bare == key || bare == "" {
		return key, false
	}
	p.warnings = append(p.warnings, place+": "+key+" is used as "+bare+": the prefix "+prefix+" is added by the operator; remove it")
	return bare, true
}

// bareKeys replaces a map that has keys with the prefix.
func bareKeys[V comparable](p *prefixes, prefix string, values *map[string]V, place string) {
	replaced := false
	for _, key := range slices.Sorted(maps.Keys(*values)) {
		bare, changed := p.bare(prefix, key, place)
		if !changed {
			continue
		}
		if !replaced {
			*values, replaced = maps.Clone(*values), true
		}
		value := (*values)[key]
		delete(*values, key)
		if other, both := (*values)[bare]; both && other != value {
			p.faults.Add(field.Invalid(field.NewPath(place).Key(key), value,
				"the key "+bare+" has the same meaning and another value; remove one of them"))
		}
		(*values)[bare] = value
	}
}

// bareNames replaces a list that has names with the prefix. The reader of
// the list handles names that occur twice.
func bareNames[T any](p *prefixes, prefix string, list *[]T, place string, name func(*T) *string) {
	replaced := false
	for i := range *list {
		bare, changed := p.bare(prefix, *name(&(*list)[i]), place)
		if !changed {
			continue
		}
		if !replaced {
			*list, replaced = slices.Clone(*list), true
		}
		*name(&(*list)[i]) = bare
	}
}
