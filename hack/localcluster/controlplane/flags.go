// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"maps"
	"net"
	"os"
	"slices"
	"strconv"

	"github.com/spark-operator/spark-operator/hack/localcluster/kubeapi"
	"github.com/spark-operator/spark-operator/hack/localcluster/pki"
)

// serviceRange and firstService are the cluster IPs, of which only the first is in a certificate. The range is for
// benchmarks of networks (RFC 2544), so no real network has it.
const (
	serviceRange = "198.19.0.0/16"
	firstService = "198.19.0.1"
)

func etcdFlags(dir *directory, url string) map[string]string {
	return map[string]string{
		"data-dir":              dir.file("etcd"),
		"listen-client-urls":    url,
		"advertise-client-urls": url,
		"listen-peer-urls":      "http://127.0.0.1:0", // required, though there are no peers
		"unsafe-no-fsync":       "true",               // the data need not survive the machine
		"quota-backend-bytes":   "8589934592",         // load tests outgrow the default of 2 GiB
		"log-level":             "warn",
	}
}

func apiServerFlags(dir *directory, port int, etcdURL string) map[string]string {
	return map[string]string{
		"etcd-servers":                     etcdURL,
		"bind-address":                     "127.0.0.1",
		"advertise-address":                "127.0.0.1", // else the machine must have a default route
		"secure-port":                      strconv.Itoa(port),
		"cert-dir":                         dir.path,
		"tls-cert-file":                    dir.file("apiserver.crt"),
		"tls-private-key-file":             dir.file("apiserver.key"),
		"client-ca-file":                   dir.file("ca.crt"),
		"service-account-issuer":           "https://kubernetes.default.svc",
		"service-account-key-file":         dir.file("service-account.pub"),
		"service-account-signing-key-file": dir.file("service-account.key"),
		"service-cluster-ip-range":         serviceRange,
		"authorization-mode":               "Node,RBAC",
		"allow-privileged":                 "true",
		// It would write loopback into Endpoints, which is invalid, and complain every ten seconds.
		"endpoint-reconciler-type": "none",
		// Its controller, which makes the default service accounts, does not run: no pod would be admitted.
		"disable-admission-plugins": "ServiceAccount",
	}
}

// arguments merges flags and overrides into sorted command line arguments.
func arguments(flags, overrides map[string]string) []string {
	merged := maps.Clone(flags)
	maps.Copy(merged, overrides)
	var arguments []string
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		if merged[name] != RemoveFlag {
			arguments = append(arguments, "--"+name+"="+merged[name])
		}
	}
	return arguments
}

// writeCredentials makes the authority, the server's certificate and the signing key of service accounts, and returns the
// access of an administrator.
func writeCredentials(dir *directory, server string) (kubeapi.Access, error) {
	authority, err := pki.NewAuthority("controlplane-ca")
	if err != nil {
		return kubeapi.Access{}, err
	}
	serving, err := authority.Issue(pki.Subject{
		CommonName: "kube-apiserver",
		DNSNames:   []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
		IPs:        []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP(firstService)},
	})
	if err != nil {
		return kubeapi.Access{}, err
	}
	admin, err := authority.Issue(pki.Subject{CommonName: "admin", Organizations: []string{"system:masters"}})
	if err != nil {
		return kubeapi.Access{}, err
	}
	signingKey, verifyingKey, err := pki.NewSigningKey()
	if err != nil {
		return kubeapi.Access{}, err
	}
	for name, content := range map[string][]byte{
		"ca.crt":              authority.Certificate,
		"apiserver.crt":       serving.Certificate,
		"apiserver.key":       serving.Key,
		"service-account.key": signingKey,
		"service-account.pub": verifyingKey,
	} {
		if err := os.WriteFile(dir.file(name), content, 0o600); err != nil {
			return kubeapi.Access{}, err
		}
	}
	return kubeapi.Access{Server: server, Authority: authority.Certificate, Client: admin}, nil
}
