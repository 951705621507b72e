// SPDX-License-Identifier: Apache-2.0

package submit

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// mountSecrets is MountSecretsFeatureStep: spark.kubernetes.driver.secrets.<secret>=<path>.
type mountSecrets struct{ conf *driverConf }

func newMountSecrets(conf *driverConf) (featureStep, error) { return mountSecrets{conf}, nil }

func (m mountSecrets) apply(spec *driverSpec) error {
	for _, secret := range m.conf.WithPrefix(sparkconf.DriverSecretsPrefix) {
		spec.addVolume(
			corev1.Volume{Name: secret.Key + "-volume", VolumeSource: corev1.VolumeSource{
				Secret: &corev1.SecretVolumeSource{SecretName: secret.Key},
			}},
			corev1.VolumeMount{MountPath: secret.Value},
		)
	}
	return nil
}

// envSecrets is EnvSecretsFeatureStep: spark.kubernetes.driver.secretKeyRef.<variable>=<secret>:<key>.
type envSecrets struct{ conf *driverConf }

func newEnvSecrets(conf *driverConf) (featureStep, error) { return envSecrets{conf}, nil }

func (e envSecrets) apply(spec *driverSpec) error {
	for _, reference := range e.conf.WithPrefix(sparkconf.DriverSecretKeyRefPrefix) {
		parts := javaSplit(reference.Value, ':')
		if len(parts) != 2 {
			// The value may be a secret that was put here by mistake.
			return require("SecretKeyRef must be in the form name:key.",
				sparkconf.DriverSecretKeyRefPrefix+reference.Key, "")
		}
		spec.container.Env = append(spec.container.Env, corev1.EnvVar{
			Name: reference.Key,
			ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: parts[0]},
				Key:                  parts[1],
			}},
		})
	}
	return nil
}
