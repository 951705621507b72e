// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"text/template"
)

// Networks come from 198.18.0.0/15, which is set aside for benchmarks of networks (RFC 2544) and so in use nowhere else.
// Link-local addresses would not do: Kubernetes refuses them in Endpoints.
const (
	podRange     = "198.18.16.0/20"
	serviceRange = "198.19.0.0/16"
	firstService = "198.19.0.1" // the Service kubernetes.default
	// dnsAddress is in the part of the range that Kubernetes leaves to explicit requests. No Service has it: it is an
	// address of the node's loopback interface, on which CoreDNS listens.
	dnsAddress = "198.19.0.10"
	// apiServerPort is on the node's own address, so that it is free.
	apiServerPort = 6443
)

const (
	nodeName   = "localcluster"
	pauseImage = "localhost/localcluster/pause:latest"
)

//go:embed templates
var templates embed.FS

// configuration is what the templates are rendered with.
type configuration struct {
	Architecture  string
	CNIPlugins    string // folder
	CgroupRoot    string // path below each hierarchy
	ConfigDir     string
	DNSAddress    string
	MasqueradeAll bool
	NodeName      string
	PKI           string // folder
	PauseImage    string
	PodRange      string
}

func (c *Cluster) configuration(cniPlugins string, masqueradeAll bool) configuration {
	return configuration{
		Architecture:  runtime.GOARCH,
		CNIPlugins:    cniPlugins,
		CgroupRoot:    "/" + c.cgroupName(),
		ConfigDir:     c.path("config"),
		DNSAddress:    dnsAddress,
		MasqueradeAll: masqueradeAll,
		NodeName:      nodeName,
		PKI:           c.path("config", "pki"),
		PauseImage:    pauseImage,
		PodRange:      podRange,
	}
}

// render returns the configuration files of the components, by path relative to the folder config.
func (c configuration) render() (map[string][]byte, error) {
	files := map[string][]byte{
		"resolv.conf": nil, // pods look up cluster names only: the node has no way out
	}
	for file, name := range map[string]string{
		"containerd.toml":        "containerd.toml",
		"cni/10-bridge.conflist": "cni.conflist",
		"kubelet.yaml":           "kubelet.yaml",
		"kube-proxy.yaml":        "kube-proxy.yaml",
		"Corefile":               "Corefile",
	} {
		parsed, err := template.New(name).Option("missingkey=error").ParseFS(templates, "templates/"+name)
		if err != nil {
			return nil, fmt.Errorf("render %s: %w", file, err)
		}
		var content bytes.Buffer
		if err := parsed.Execute(&content, c); err != nil {
			return nil, fmt.Errorf("render %s: %w", file, err)
		}
		files[file] = content.Bytes()
	}
	return files, nil
}

// writeFiles writes files below a folder and reports whether any of them was new or different.
func writeFiles(folder string, files map[string][]byte) (changed bool, err error) {
	for name, content := range files {
		path := filepath.Join(folder, name)
		if present, err := os.ReadFile(path); err == nil && bytes.Equal(present, content) {
			continue
		}
		changed = true
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return changed, err
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return changed, err
		}
	}
	return changed, nil
}
