// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"path/filepath"

	"github.com/spark-operator/spark-operator/hack/localcluster/node"
)

// programs are the folders of the built programs.
type programs struct {
	kubernetes, etcd, containerd, coredns, pause string
}

// spec says what the node consists of. Two equal specs make the same node.
func (c *Cluster) spec(programs programs, network network) node.Spec {
	return node.Spec{
		Network: node.Network{
			Interface:         nodeInterface,
			Address:           network.node.String() + "/30",
			Gateway:           network.host.String(),
			LoopbackAddresses: []string{dnsAddress + "/32"},
			Sysctls: map[string]string{
				"net/ipv4/ip_forward":                 "1",
				"net/bridge/bridge-nf-call-iptables":  "1",
				"net/bridge/bridge-nf-call-ip6tables": "1",
			},
		},
		// What the components write outside of their configured folders (sockets, leases of addresses, links to logs) is
		// to end with the node, so the places where they do so are the node's own.
		Mounts: []node.Mount{
			{Target: "/run"},
			{Target: "/var/log"},
			{Target: "/var/lib"},
			{Source: c.path("etcd"), Target: "/var/lib/etcd"},
			{Source: c.path("kubelet"), Target: "/var/lib/kubelet"},
			{Source: c.path("containerd"), Target: "/var/lib/containerd"},
			{Source: c.path("pod-logs"), Target: "/var/log/pods"},
		},
		Keep: []string{
			c.dir, programs.kubernetes, programs.etcd, programs.containerd, programs.coredns,
		},
		Components: c.components(programs, network),
		Readiness: node.Readiness{
			Server:          network.server(),
			AuthorityFile:   c.path("config", "pki", "ca.crt"),
			CertificateFile: c.path("config", "pki", "admin.crt"),
			KeyFile:         c.path("config", "pki", "admin.key"),
			NodeName:        nodeName,
			ProxyHealthURL:  "http://127.0.0.1:10256/healthz",
			DNSServer:       dnsAddress,
			DNSName:         "kubernetes.default.svc.cluster.local",
			DNSAddress:      firstService,
		},
		LogDir:    c.LogDir(),
		StateFile: c.path("state.json"),
	}
}

func (c *Cluster) components(programs programs, network network) []node.Component {
	var (
		config = func(name string) string { return c.path("config", name) }
		pki    = func(name string) string { return c.path("config", "pki", name) }
		nodeIP = network.node.String()
	)
	return []node.Component{
		{
			Name:    "etcd",
			Program: filepath.Join(programs.etcd, "etcd"),
			Arguments: []string{
				"--data-dir=/var/lib/etcd",
				"--listen-client-urls=http://127.0.0.1:2379",
				"--advertise-client-urls=http://127.0.0.1:2379",
				"--listen-peer-urls=http://127.0.0.1:2380",
				"--quota-backend-bytes=8589934592", // load tests outgrow the default of 2 GiB
				"--log-level=warn",
				"--unsafe-no-fsync", // objects need not survive the machine
			},
		},
		{
			Name:      "containerd",
			Program:   filepath.Join(programs.containerd, "containerd"),
			Arguments: []string{"--config=" + config("containerd.toml")},
		},
		{
			Name:    "kube-apiserver",
			Program: filepath.Join(programs.kubernetes, "kube-apiserver"),
			Arguments: []string{
				"--etcd-servers=http://127.0.0.1:2379",
				"--bind-address=" + nodeIP,
				"--advertise-address=" + nodeIP,
				"--cert-dir=/run/kube-apiserver",
				"--tls-cert-file=" + pki("apiserver.crt"),
				"--tls-private-key-file=" + pki("apiserver.key"),
				"--client-ca-file=" + pki("ca.crt"),
				"--kubelet-client-certificate=" + pki("apiserver-kubelet.crt"),
				"--kubelet-client-key=" + pki("apiserver-kubelet.key"),
				"--kubelet-certificate-authority=" + pki("ca.crt"),
				"--kubelet-preferred-address-types=InternalIP", // the node's name is in no DNS
				"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
				"--service-account-key-file=" + pki("service-account.pub"),
				"--service-account-signing-key-file=" + pki("service-account.key"),
				"--service-cluster-ip-range=" + serviceRange,
				"--authorization-mode=Node,RBAC",
				"--allow-privileged=true",
			},
		},
		{
			Name:    "kube-controller-manager",
			Program: filepath.Join(programs.kubernetes, "kube-controller-manager"),
			Arguments: []string{
				"--kubeconfig=" + config("kube-controller-manager.kubeconfig"),
				"--bind-address=127.0.0.1",
				"--cert-dir=/run/kube-controller-manager",
				"--leader-elect=false",
				"--use-service-account-credentials=true",
				"--service-account-private-key-file=" + pki("service-account.key"),
				"--root-ca-file=" + pki("ca.crt"),
				"--cluster-signing-cert-file=" + pki("ca.crt"),
				"--cluster-signing-key-file=" + pki("ca.key"),
			},
			NeedsAPI: true,
		},
		{
			Name:    "kube-scheduler",
			Program: filepath.Join(programs.kubernetes, "kube-scheduler"),
			Arguments: []string{
				"--kubeconfig=" + config("kube-scheduler.kubeconfig"),
				"--bind-address=127.0.0.1",
				"--cert-dir=/run/kube-scheduler",
				"--leader-elect=false",
			},
			NeedsAPI: true,
		},
		{
			Name:    "kubelet",
			Program: filepath.Join(programs.kubernetes, "kubelet"),
			Arguments: []string{
				"--config=" + config("kubelet.yaml"),
				"--kubeconfig=" + config("kubelet.kubeconfig"),
				"--hostname-override=" + nodeName,
				"--node-ip=" + nodeIP,
				"--v=2",
			},
			NeedsAPI: true,
		},
		{
			Name:      "kube-proxy",
			Program:   filepath.Join(programs.kubernetes, "kube-proxy"),
			Arguments: []string{"--config=" + config("kube-proxy.yaml")},
			NeedsAPI:  true,
		},
		{
			Name:      "coredns",
			Program:   filepath.Join(programs.coredns, "coredns"),
			Arguments: []string{"-conf=" + config("Corefile")},
			NeedsAPI:  true,
		},
	}
}
