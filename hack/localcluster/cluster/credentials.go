// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/spark-operator/spark-operator/hack/localcluster/kubeapi"
	"github.com/spark-operator/spark-operator/hack/localcluster/pki"
)

const administrators = "system:masters"

// writeCredentials makes the certificates of the cluster, the kubeconfig files of the components and that of the user.
// Certificates that are there for the same server are kept, so that a kubeconfig stays good over a repeated `up`.
func (c *Cluster) writeCredentials(server string, node net.IP) error {
	folder := c.path("config", "pki")
	marker := filepath.Join(folder, "complete")
	if made, err := os.ReadFile(marker); err == nil && string(made) == server {
		return nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	authority, err := pki.NewAuthority("localcluster-" + c.name)
	if err != nil {
		return err
	}
	signingKey, verifyingKey, err := pki.NewSigningKey()
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"ca.crt":              authority.Certificate,
		"ca.key":              authority.Key,
		"service-account.key": signingKey,
		"service-account.pub": verifyingKey,
	}

	for name, subject := range map[string]pki.Subject{
		"apiserver": {
			CommonName: "kube-apiserver",
			DNSNames: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
				"kubernetes.default.svc.cluster.local"},
			IPs: []net.IP{net.IPv4(127, 0, 0, 1), node, net.ParseIP(firstService)},
		},
		"kubelet": {
			CommonName:    "system:node:" + nodeName,
			Organizations: []string{"system:nodes"},
			DNSNames:      []string{nodeName},
			IPs:           []net.IP{node},
		},
		"admin":                   {CommonName: "admin", Organizations: []string{administrators}},
		"apiserver-kubelet":       {CommonName: "kube-apiserver-kubelet-client", Organizations: []string{administrators}},
		"kube-controller-manager": {CommonName: "system:kube-controller-manager"},
		"kube-scheduler":          {CommonName: "system:kube-scheduler"},
		"kube-proxy":              {CommonName: "system:kube-proxy"},
		// Kubernetes has no role of its own for CoreDNS outside of a pod.
		"coredns": {CommonName: "coredns", Organizations: []string{administrators}},
	} {
		pair, err := authority.Issue(subject)
		if err != nil {
			return err
		}
		files[name+".crt"], files[name+".key"] = pair.Certificate, pair.Key

		access := kubeapi.Access{Server: server, Authority: authority.Certificate, Client: pair}
		file := c.path("config", name+".kubeconfig")
		if name == "admin" {
			file = c.Kubeconfig()
		}
		if err := access.WriteKubeconfig(file, "localcluster-"+c.name); err != nil {
			return err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return fmt.Errorf("write credentials: %w", err)
		}
	}
	return os.WriteFile(marker, []byte(server), 0o600)
}

// access returns the administrator's access.
func (c *Cluster) access(server string) (kubeapi.Access, error) {
	access := kubeapi.Access{Server: server}
	for name, into := range map[string]*[]byte{
		"ca.crt":    &access.Authority,
		"admin.crt": &access.Client.Certificate,
		"admin.key": &access.Client.Key,
	} {
		content, err := os.ReadFile(c.path("config", "pki", name))
		if err != nil {
			return access, fmt.Errorf("credentials of cluster %s: %w", c.name, err)
		}
		*into = content
	}
	return access, nil
}

func (n network) server() string {
	return fmt.Sprintf("https://%s:%d", n.node, apiServerPort)
}
