// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// cniFolders are where distributions put the plugins: Debian, then most others.
var cniFolders = [...]string{"/usr/lib/cni", "/opt/cni/bin"}

// requireRoot checks the requirements of a command that changes the node.
func requireRoot() error {
	if runtime.GOOS != "linux" {
		return errors.New("a node needs Linux: run this in a Linux virtual machine, or use `localcluster env`")
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("a node needs root: sudo --preserve-env=HOME,XDG_CACHE_HOME %s", strings.Join(os.Args, " "))
	}
	return nil
}

// requirePackages finds the folder of the CNI plugins, and what else comes with the distribution; the error has the command
// that installs what is missing.
func requirePackages() (cniPlugins string, err error) {
	var missing []string
	for program, pkg := range map[string]string{"runc": "runc", "ip": "iproute2", "iptables": "iptables"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, pkg)
		}
	}
	for _, folder := range cniFolders {
		if _, err := os.Stat(filepath.Join(folder, "bridge")); err == nil {
			cniPlugins = folder
			break
		}
	}
	if cniPlugins == "" {
		missing = append(missing, "containernetworking-plugins")
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return "", fmt.Errorf("missing packages: apt-get install --yes --no-install-recommends %s", strings.Join(missing, " "))
	}
	return cniPlugins, nil
}

// bridgesCallIptables reports whether the kernel has br_netfilter.
func bridgesCallIptables() bool {
	_, err := os.Stat("/proc/sys/net/bridge/bridge-nf-call-iptables")
	return err == nil
}
