// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

const (
	krb5Volume     = "krb5-file"
	krb5Path       = "/etc/krb5.conf"
	krb5File       = "krb5.conf"
	keytabVolume   = "kerberos-keytab"
	keytabPath     = "/mnt/secrets/kerberos-keytab"
	tokenVolume    = "hadoop-secret"
	tokenPath      = "/mnt/secrets/hadoop-credentials"
	tokenSecretKey = "hadoop-tokens"
	tokenFileEnv   = "HADOOP_TOKEN_FILE_LOCATION"
)

// setting is an optional text.
type setting struct {
	value string
	set   bool
}

// kerberosConf is KerberosConfDriverFeatureStep: krb5.conf, keytab and
// delegation tokens. Tokens that the submitter already holds are passed on; new
// ones are not requested, which would need a Kerberos client and each store's
// protocol.
type kerberosConf struct {
	conf                   *driverConf
	principal, keytab      setting
	secretName, secretKey  setting
	krb5File, krb5Existing setting
	tokens                 []byte // in Hadoop's format; nil if there are none
}

func newKerberosConf(conf *driverConf) (featureStep, error) {
	k := &kerberosConf{conf: conf}
	for _, entry := range [...]struct {
		key  string
		into *setting
	}{
		{sparkconf.Principal, &k.principal},
		{sparkconf.Keytab, &k.keytab},
		{sparkconf.KerberosTokenSecretName, &k.secretName},
		{sparkconf.KerberosTokenSecretItemKey, &k.secretKey},
		{sparkconf.KerberosKrb5Path, &k.krb5File},
		{sparkconf.KerberosKrb5ConfigMapName, &k.krb5Existing},
	} {
		var err error
		if entry.into.value, entry.into.set, err = conf.String(entry.key); err != nil {
			return nil, err
		}
	}
	switch {
	case k.krb5File.set && k.krb5Existing.set:
		return nil, require("Do not specify both a Krb5 local file and the ConfigMap as the creation of an additional "+
			"ConfigMap, when one is already specified, is extraneous", sparkconf.KerberosKrb5Path, k.krb5File.value)
	case k.keytab.set && !k.principal.set:
		return nil, require("If a Kerberos keytab is specified you must also specify a Kerberos principal",
			sparkconf.Principal, "")
	case k.principal.set && !k.keytab.set:
		return nil, require("If a Kerberos principal is specified you must also specify a Kerberos keytab",
			sparkconf.Keytab, "")
	case k.secretName.set && !k.secretKey.set:
		return nil, require("If a secret storing a Kerberos Delegation Token is specified you must also specify the "+
			"item-key where the data is stored", sparkconf.KerberosTokenSecretItemKey, "")
	case k.secretKey.set && !k.secretName.set:
		return nil, require("If a secret data item-key where the data of the Kerberos Delegation Token is specified you "+
			"must also specify the name of the secret", sparkconf.KerberosTokenSecretName, "")
	}
	if !k.keytab.set && !k.secretName.set {
		if location := conf.in.Env[tokenFileEnv]; location != "" {
			k.tokens, _ = conf.in.file(location)
		}
	}
	return k, nil
}

func (k *kerberosConf) apply(spec *driverSpec) error {
	if err := k.applyKrb5(spec); err != nil {
		return err
	}
	switch {
	case k.keytab.set && !isLocalURI(k.keytab.value):
		return k.applyKeytab(spec)
	case k.secretName.set:
		k.applyTokens(spec, k.secretName.value, k.secretKey.value)
	case k.tokens != nil:
		name := k.conf.prefix + "-delegation-tokens"
		spec.addSecret(k.conf, name, map[string][]byte{tokenSecretKey: k.tokens})
		k.applyTokens(spec, name, tokenSecretKey)
	case !k.keytab.set && strings.EqualFold(k.conf.values[sparkconf.HadoopSecurityAuthentication], "kerberos"):
		spec.warn("No Hadoop delegation tokens are obtained for the driver: set " +
			sparkconf.Keytab + " and " + sparkconf.Principal + ", or " + sparkconf.KerberosTokenSecretName + " and " +
			sparkconf.KerberosTokenSecretItemKey + ".")
	}
	return nil
}

func (k *kerberosConf) applyKrb5(spec *driverSpec) error {
	source := &corev1.ConfigMapVolumeSource{}
	switch {
	case k.krb5Existing.set:
		source.Name = k.krb5Existing.value
	case k.krb5File.set:
		content, exists := k.conf.in.file(k.krb5File.value)
		if !exists {
			return k.conf.missingFile(sparkconf.KerberosKrb5Path, k.krb5File.value, k.krb5File.value,
				"put the file into a ConfigMap and set its name by "+sparkconf.KerberosKrb5ConfigMapName)
		}
		text, err := k.conf.text(content)
		if err != nil {
			err.Key, err.Value = sparkconf.KerberosKrb5Path, k.krb5File.value
			return err
		}
		name := lastPathComponent(k.krb5File.value)
		source.Name = k.conf.prefix + "-krb5-file"
		source.Items = []corev1.KeyToPath{{Key: name, Path: name}}
		spec.addConfigMap(k.conf, source.Name, map[string]string{name: text})
	default:
		return nil
	}
	spec.addVolume(
		corev1.Volume{Name: krb5Volume, VolumeSource: corev1.VolumeSource{ConfigMap: source}},
		corev1.VolumeMount{MountPath: krb5Path, SubPath: krb5File},
	)
	return nil
}

func (k *kerberosConf) applyKeytab(spec *driverSpec) error {
	content, exists := k.conf.in.file(k.keytab.value)
	if !exists {
		return k.conf.missingFile(sparkconf.Keytab, k.keytab.value, k.keytab.value, "")
	}
	file := lastPathComponent(k.keytab.value)
	name := k.conf.prefix + "-kerberos-keytab"
	spec.addSecret(k.conf, name, map[string][]byte{file: content})
	spec.addVolume(
		corev1.Volume{Name: keytabVolume, VolumeSource: corev1.VolumeSource{
			Secret: &corev1.SecretVolumeSource{SecretName: name},
		}},
		corev1.VolumeMount{MountPath: keytabPath},
	)
	spec.set(sparkconf.Keytab, keytabPath+"/"+file)
	return nil
}

func (k *kerberosConf) applyTokens(spec *driverSpec, secret, key string) {
	spec.addVolume(
		corev1.Volume{Name: tokenVolume, VolumeSource: corev1.VolumeSource{
			Secret: &corev1.SecretVolumeSource{SecretName: secret},
		}},
		corev1.VolumeMount{MountPath: tokenPath},
	)
	spec.addEnv(tokenFileEnv, tokenPath+"/"+key)
}

// missingFile is the error for a file of the submitter that does not exist.
func (c *driverConf) missingFile(key, value, file, hint string) error {
	message := file + " (No such file or directory)"
	if c.switches.nioFileErrors {
		message = file
	}
	if file == "" && c.switches.nioFileErrors {
		message = "Is a directory" // the empty path is the working directory
	}
	return &Error{Message: message, Key: key, Value: value, Hint: hint}
}
