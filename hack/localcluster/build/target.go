// SPDX-License-Identifier: Apache-2.0

package build

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Target is what one invocation of the Go tool builds: one or more programs of one module below components/.
type Target struct {
	// Name appears in progress lines and begins the name of the cache folder.
	Name string
	// Module is the folder below components/ that holds the module.
	Module string
	// Packages are relative to the module; each becomes a program with the last element of its path.
	Packages []string
	// Versioned is the required module whose version is the target's version; empty for our own programs.
	Versioned string
	// Tags are build constraints.
	Tags []string
	// Variables returns the string variables, as "import/path.name=value", that the linker sets for a version such as
	// "v1.36.3"; nil for none.
	Variables func(version string) []string
	// Links are further names of programs that choose what to do by the name they are called by: link → program.
	Links map[string]string
	// Expected is the duration of a build with an empty Go build cache on two cores, other targets of this list that
	// stand before it already built.
	Expected time.Duration
}

// Releases of Kubernetes that KubeAPIServer knows. The version of each is in the go.mod of its module.
const (
	// Newest is the release of the whole node as well.
	Newest = "newest"
	// Oldest is the oldest release that the operator supports.
	Oldest = "oldest"
)

// KubeAPIServer is the API server of a release alone, for tests that need no node. It returns an error if release is
// neither Newest nor Oldest.
func KubeAPIServer(release string) (Target, error) {
	modules := map[string]string{Newest: "kubernetes", Oldest: "kubernetes-oldest"}
	module, ok := modules[release]
	if !ok {
		return Target{}, fmt.Errorf("no kube-apiserver of the release %q of Kubernetes: choose one of %s",
			release, strings.Join(slices.Sorted(maps.Keys(modules)), ", "))
	}
	return Target{
		Name:      "kube-apiserver",
		Module:    module,
		Packages:  []string{"./kube-apiserver"},
		Versioned: "k8s.io/kubernetes",
		Variables: kubernetesVersion,
		Expected:  4 * time.Minute,
	}, nil
}

// Etcd is the store of the API server.
func Etcd() Target {
	return Target{
		Name:      "etcd",
		Module:    "etcd",
		Packages:  []string{"."},
		Versioned: "go.etcd.io/etcd/server/v3",
		Expected:  time.Minute / 2,
	}
}

// Kubernetes is every Kubernetes program of a node, in one binary.
func Kubernetes() Target {
	return Target{
		Name:      "kubernetes",
		Module:    "kubernetes",
		Packages:  []string{"."},
		Versioned: "k8s.io/kubernetes",
		Variables: kubernetesVersion,
		Links: map[string]string{
			"kube-apiserver":          "kubernetes",
			"kube-controller-manager": "kubernetes",
			"kube-proxy":              "kubernetes",
			"kube-scheduler":          "kubernetes",
			"kubectl":                 "kubernetes",
			"kubelet":                 "kubernetes",
		},
		Expected: 5 * time.Minute,
	}
}

// Containerd is the container runtime, its shim and its client ctr.
func Containerd() Target {
	return Target{
		Name:      "containerd",
		Module:    "containerd",
		Packages:  []string{".", "./containerd-shim-runc-v2"},
		Versioned: "github.com/containerd/containerd/v2",
		Tags:      []string{"no_btrfs", "no_zfs", "no_aufs", "no_devmapper"},
		Variables: func(version string) []string {
			return []string{"github.com/containerd/containerd/v2/version.Version=" + version}
		},
		Links:    map[string]string{"ctr": "containerd"},
		Expected: time.Minute,
	}
}

// CoreDNS is the DNS server of the cluster.
func CoreDNS() Target {
	return Target{
		Name:      "coredns",
		Module:    "coredns",
		Packages:  []string{"."},
		Versioned: "github.com/coredns/coredns",
		Expected:  time.Minute / 2,
	}
}

// Pause is the only program of the pods' sandbox image.
func Pause() Target {
	return Target{
		Name:     "pause",
		Module:   "pause",
		Packages: []string{"."},
		Expected: time.Second,
	}
}

// kubernetesVersion sets what /version and `kubectl version` report.
func kubernetesVersion(version string) []string {
	const variables = "k8s.io/component-base/version."
	settings := []string{variables + "gitVersion=" + version, variables + "gitTreeState=clean"}
	if parts := strings.Split(strings.TrimPrefix(version, "v"), "."); len(parts) == 3 {
		settings = append(settings, variables+"gitMajor="+parts[0], variables+"gitMinor="+parts[1])
	}
	return settings
}
