// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

const (
	credentialsVolume = "kubernetes-credentials"
	credentialsPath   = "/mnt/secrets/spark-kubernetes-credentials"
	redacted          = "<present_but_redacted>"
)

// driverCredentials is DriverKubernetesCredentialsFeatureStep: the credentials of the
// driver for the API server.
type driverCredentials struct {
	conf           *driverConf
	serviceAccount string
	withAccount    bool
	data           map[string][]byte // of the secret
	given          string            // the first property that asks for the secret
}

// credentialFiles are the settings that name files of the submitter.
var credentialFiles = [...]struct{ suffix, secretKey, description string }{
	{"caCertFile", "ca-cert", "Driver CA cert file"},
	{"clientKeyFile", "client-key", "Driver client key file"},
	{"clientCertFile", "client-cert", "Driver client cert file"},
}

func newDriverCredentials(conf *driverConf) (featureStep, error) {
	d := &driverCredentials{conf: conf}
	var err error
	if d.serviceAccount, d.withAccount, err = conf.String(sparkconf.DriverServiceAccountName); err != nil {
		return nil, err
	}
	const tokenKey = sparkconf.AuthDriverPrefix + "oauthToken"
	if token, set := conf.Raw(tokenKey); set {
		d.add(tokenKey, "oauth-token", []byte(token))
	}
	for _, f := range credentialFiles {
		key := sparkconf.AuthDriverPrefix + f.suffix
		name, set := conf.Raw(key)
		if !set {
			continue
		}
		content, exists := conf.in.file(name)
		if !exists {
			return nil, &Error{
				Message: "requirement failed: " + f.description + " provided at " + conf.in.absolutePath(name) +
					" does not exist or is not a file.",
				Key: key, Value: name,
				Hint: "mount the file into the driver and set its path there by " +
					sparkconf.AuthDriverMountedPrefix + f.suffix,
			}
		}
		d.add(key, f.secretKey, content)
	}
	return d, nil
}

func (d *driverCredentials) add(property, key string, content []byte) {
	if d.data == nil {
		d.data = make(map[string][]byte, 4)
		d.given = property
	}
	d.data[key] = content
}

func (d *driverCredentials) apply(spec *driverSpec) error {
	if d.data == nil {
		if d.withAccount {
			spec.pod.Spec.ServiceAccountName = d.serviceAccount
			spec.pod.Spec.DeprecatedServiceAccount = d.serviceAccount
		}
	} else {
		d.applySecret(spec)
	}
	for _, key := range d.conf.Keys() {
		if strings.HasSuffix(key, "oauthToken") {
			spec.set(key, redacted)
		}
	}
	d.mounted(spec, "oauthTokenFile", "oauth-token")
	for _, f := range credentialFiles {
		d.mounted(spec, f.suffix, f.secretKey)
	}
	return nil
}

// mounted sets the path of a file in the driver: the path of the user, or the path in
// the secret.
func (d *driverCredentials) mounted(spec *driverSpec, suffix, secretKey string) {
	key := sparkconf.AuthDriverMountedPrefix + suffix
	if _, set := d.conf.Raw(key); set {
		return // passes through
	}
	if _, exists := d.data[secretKey]; exists {
		spec.set(key, credentialsPath+"/"+secretKey)
	}
}

func (d *driverCredentials) applySecret(spec *driverSpec) {
	if d.withAccount {
		spec.warn("Not applying " + sparkconf.DriverServiceAccountName + "=" + d.serviceAccount +
			" to the driver pod, because the driver credentials given by " + d.given + " take precedence")
	}
	name := d.conf.prefix + "-kubernetes-credentials"
	spec.addVolume(
		corev1.Volume{Name: credentialsVolume, VolumeSource: corev1.VolumeSource{
			Secret: &corev1.SecretVolumeSource{SecretName: name},
		}},
		corev1.VolumeMount{MountPath: credentialsPath},
	)
	spec.addSecret(d.conf, name, d.data)
}

// addSecret adds an immutable Secret. The bytes are copied: the input stays the
// caller's.
func (s *driverSpec) addSecret(conf *driverConf, name string, data map[string][]byte) {
	copied := make(map[string][]byte, len(data))
	for key, content := range data {
		copied[key] = append([]byte{}, content...)
	}
	immutable := true
	s.objects.Secrets = append(s.objects.Secrets, &corev1.Secret{
		TypeMeta:   typeMeta("Secret"),
		ObjectMeta: conf.objectMeta(name),
		Data:       copied,
		Immutable:  &immutable,
	})
}

// addConfigMap adds an immutable ConfigMap.
func (s *driverSpec) addConfigMap(conf *driverConf, name string, data map[string]string) {
	immutable := true
	s.objects.ConfigMaps = append(s.objects.ConfigMaps, &corev1.ConfigMap{
		TypeMeta:   typeMeta("ConfigMap"),
		ObjectMeta: conf.objectMeta(name),
		Data:       data,
		Immutable:  &immutable,
	})
}
