// SPDX-License-Identifier: Apache-2.0

package submit

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spark-operator/spark-operator/pkg/sparkconf"
)

// volumeSpec is one volume of the configuration (KubernetesVolumeSpec).
type volumeSpec struct {
	kind, name  string
	mountPath   string
	subPath     string
	subPathExpr string
	readOnly    bool
	prefix      string // of all its keys: …volumes.<kind>.<name>.

	path         string // hostPath and nfs
	hostPathType string
	server       string // nfs
	medium       string // emptyDir
	claimName    string
	storageClass string
	hasClass     bool
	sizeLimit    string
	hasSize      bool
}

// Volume types.
const (
	volumeHostPath = "hostPath"
	volumeClaim    = "persistentVolumeClaim"
	volumeEmptyDir = "emptyDir"
	volumeNFS      = "nfs"
)

// parseVolumes returns the volumes below a prefix, sorted by name and type
// (KubernetesVolumeUtils.parseVolumesWithPrefix).
func parseVolumes(conf *driverConf, prefix string) ([]volumeSpec, error) {
	properties := conf.WithPrefix(prefix)
	if len(properties) == 0 {
		return nil, nil
	}
	var specs []volumeSpec
	for _, p := range properties {
		if parts := javaSplit(p.Key, '.'); len(parts) >= 2 {
			kind, name := parts[0], parts[1]
			specs = append(specs, volumeSpec{kind: kind, name: name, prefix: prefix + kind + "." + name + "."})
		}
	}
	order := func(a, b volumeSpec) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.kind, b.kind))
	}
	slices.SortFunc(specs, order)
	specs = slices.CompactFunc(specs, func(a, b volumeSpec) bool { return order(a, b) == 0 })
	for i := range specs {
		if err := specs[i].read(conf); err != nil {
			return nil, err
		}
	}
	return specs, nil
}

func (v *volumeSpec) read(conf *driverConf) error {
	short := v.kind + "." + v.name + "." // Spark's messages leave the prefix out
	value := func(rest string) (string, bool) { return conf.Raw(v.prefix + rest) }

	extras := conf.switches.volumeExtras
	var hasSubPath, hasSubPathExpr, set bool
	v.subPath, hasSubPath = value("mount.subPath")
	if extras {
		v.subPathExpr, hasSubPathExpr = value("mount.subPathExpr")
	}
	if hasSubPath && hasSubPathExpr {
		return &Error{
			Message: "These config options are mutually exclusive: " + short + "mount.subPath, " + short + "mount.subPathExpr",
			Key:     v.prefix + "mount.subPathExpr", Value: v.subPathExpr,
		}
	}
	if v.mountPath, set = value("mount.path"); !set {
		return &Error{
			Message: "key not found: " + short + "mount.path", Key: v.prefix + "mount.path",
			Hint: "set the mount path of the volume",
		}
	}
	if text, set := value("mount.readOnly"); set {
		switch {
		case strings.EqualFold(text, "true"):
			v.readOnly = true
		case !strings.EqualFold(text, "false"):
			return &Error{Message: sparkconf.NumberFormatMessage(text), Key: v.prefix + "mount.readOnly", Value: text}
		}
	}
	required := func(option string) (string, error) {
		text, set := value("options." + option)
		if !set {
			return "", &Error{
				Message: short + "options." + option + " is required for " + v.kind,
				Key:     v.prefix + "options." + option,
			}
		}
		return text, nil
	}

	var err error
	switch v.kind {
	case volumeHostPath:
		if v.path, err = required("path"); err != nil {
			return err
		}
		if extras {
			v.hostPathType, _ = value("options.type")
		}
		return nil
	case volumeClaim:
		if v.claimName, err = required("claimName"); err != nil {
			return err
		}
		v.storageClass, v.hasClass = value("options.storageClass")
	case volumeEmptyDir:
		v.medium, _ = value("options.medium")
	case volumeNFS:
		if v.path, err = required("path"); err != nil {
			return err
		}
		v.server, err = required("server")
		return err
	default:
		return &Error{
			Message: "Kubernetes Volume type `" + v.kind + "` is not supported", Key: v.prefix + "*",
			Hint: "use hostPath, persistentVolumeClaim, emptyDir or nfs, or a pod template",
		}
	}
	v.sizeLimit, v.hasSize = value("options.sizeLimit")
	if v.hasSize && extras {
		return v.checkSize()
	}
	return nil
}

// checkSize refuses sizes that lack a unit (KubernetesVolumeUtils.verifySize).
func (v *volumeSpec) checkSize() error {
	if strings.Trim(v.sizeLimit, "0123456789") != "" {
		return nil
	}
	key := v.prefix + "options.sizeLimit"
	digits := strings.TrimLeft(v.sizeLimit, "0")
	switch {
	case v.sizeLimit == "", len(digits) > 19:
		return &Error{Message: sparkconf.NumberFormatMessage(v.sizeLimit), Key: key, Value: v.sizeLimit}
	case len(digits) < 4 || len(digits) == 4 && digits < "1024":
		return &Error{
			Message: "Volume size `" + v.sizeLimit + "` is smaller than 1KiB. Missing units?",
			Key:     key, Value: v.sizeLimit, Hint: "use a size with a unit, such as 10Gi",
		}
	}
	return nil
}
