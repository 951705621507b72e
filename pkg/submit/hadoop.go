// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

const (
	hadoopConfVolume = "hadoop-properties"
	hadoopConfPath   = "/opt/hadoop/conf"
	hadoopConfEnv    = "HADOOP_CONF_DIR"
)

// hadoopConf is HadoopConfDriverFeatureStep: a Hadoop configuration from a
// ConfigMap or from a directory of the submitter.
type hadoopConf struct {
	conf     *driverConf
	dir      string
	fromDir  bool
	existing string
	exists   bool
}

func newHadoopConf(conf *driverConf) (featureStep, error) {
	h := &hadoopConf{conf: conf}
	h.dir, h.fromDir = conf.in.Env[hadoopConfEnv]
	var err error
	if h.existing, h.exists, err = conf.String(sparkconf.HadoopConfigMapName); err != nil {
		return nil, err
	}
	if h.fromDir && h.exists {
		return nil, require("Do not specify both the `HADOOP_CONF_DIR` in your ENV and the ConfigMap as the creation "+
			"of an additional ConfigMap, when one is already specified is extraneous",
			sparkconf.HadoopConfigMapName, h.existing)
	}
	return h, nil
}

func (h *hadoopConf) apply(spec *driverSpec) error {
	if !h.fromDir && !h.exists {
		return nil
	}
	name := h.existing
	source := &corev1.ConfigMapVolumeSource{}
	if h.fromDir {
		name = h.conf.prefix + "-hadoop-config"
		files := h.conf.in.filesIn(h.dir)
		data := make(map[string]string, len(files))
		for _, file := range slices.Sorted(maps.Keys(files)) {
			text, err := h.conf.text(files[file])
			if err != nil {
				err.Key, err.Value = hadoopConfEnv, h.dir+"/"+file
				return err
			}
			data[file] = text
			source.Items = append(source.Items, corev1.KeyToPath{Key: file, Path: file})
		}
		spec.addConfigMap(h.conf, name, data)
	}
	source.Name = name
	spec.addVolume(
		corev1.Volume{Name: hadoopConfVolume, VolumeSource: corev1.VolumeSource{ConfigMap: source}},
		corev1.VolumeMount{MountPath: hadoopConfPath},
	)
	spec.addEnv(hadoopConfEnv, hadoopConfPath)
	if h.conf.switches.executorHadoopConfigMap {
		spec.set(sparkconf.ExecutorHadoopConfigMapName, name)
	}
	return nil
}

// filesIn returns the files directly in a directory by their base names.
func (in *Input) filesIn(dir string) map[string][]byte {
	if len(in.Files) == 0 {
		return nil
	}
	prefix := strings.TrimSuffix(in.absolute(dir), "/") + "/"
	files := map[string][]byte{}
	for file, content := range in.Files {
		name, inside := strings.CutPrefix(file, prefix)
		if inside && name != "" && !strings.Contains(name, "/") {
			files[name] = content
		}
	}
	return files
}

// text decodes a file. Up to 4.0 each malformed sequence becomes U+FFFD; later
// versions refuse the file (MalformedInputException).
func (c *driverConf) text(content []byte) (string, *Error) {
	if utf8.Valid(content) {
		return string(content), nil
	}
	if c.switches.strictUTF8 {
		return "", &Error{Message: "Input length = 1", Hint: "the file must be UTF-8 text"}
	}
	return replaceMalformed(content), nil
}

// replaceMalformed replaces each maximal malformed part by U+FFFD, as Java's
// decoder does. Go's decoder replaces each byte, which differs in truncated
// sequences of three and four bytes.
func replaceMalformed(content []byte) string {
	var out strings.Builder
	out.Grow(len(content))
	for len(content) > 0 {
		r, size := utf8.DecodeRune(content)
		if r == utf8.RuneError && size == 1 {
			size = malformedLength(content)
		}
		out.WriteRune(r)
		content = content[size:]
	}
	return out.String()
}

// malformedLength returns how many bytes at the start Java takes for one
// malformed sequence: those that could still have become a character, and a
// whole surrogate.
func malformedLength(content []byte) int {
	if content[0] == 0xed {
		n := 1
		for n < min(3, len(content)) && !utf8.RuneStart(content[n]) {
			n++
		}
		return n
	}
	for n := 1; n < min(utf8.UTFMax, len(content)); n++ {
		if utf8.FullRune(content[:n+1]) { // complete, and known to be wrong
			return n
		}
	}
	return min(utf8.UTFMax-1, len(content))
}
