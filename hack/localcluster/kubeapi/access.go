// SPDX-License-Identifier: Apache-2.0

// Package kubeapi is the little that this module needs of a Kubernetes client. It stands on the standard library alone,
// so that a module which imports it for its tests inherits no version of client-go.
package kubeapi

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spark-operator/spark-operator/hack/localcluster/pki"
)

// Access is what a client needs in order to reach an API server.
type Access struct {
	// Server is the base URL, for instance https://127.0.0.1:6443.
	Server string
	// Authority is the PEM certificate that the server's own one is verified with.
	Authority []byte
	// Client is who the client is.
	Client pki.KeyPair
}

// Kubeconfig renders a kubeconfig file whose only context has the given name and which refers to no other file.
func (a Access) Kubeconfig(context string) []byte {
	encoded := base64.StdEncoding.EncodeToString
	return []byte(strings.NewReplacer(
		"CONTEXT", context,
		"SERVER", a.Server,
		"AUTHORITY", encoded(a.Authority),
		"CLIENT-CERTIFICATE", encoded(a.Client.Certificate),
		"CLIENT-KEY", encoded(a.Client.Key),
	).Replace(`apiVersion: v1
kind: Config
clusters:
- name: CONTEXT
  cluster:
    server: SERVER
    certificate-authority-data: AUTHORITY
users:
- name: CONTEXT
  user:
    client-certificate-data: CLIENT-CERTIFICATE
    client-key-data: CLIENT-KEY
contexts:
- name: CONTEXT
  context:
    cluster: CONTEXT
    user: CONTEXT
current-context: CONTEXT
`))
}

// WriteKubeconfig writes Kubeconfig to a file that only the owner can read, as it holds a private key.
func (a Access) WriteKubeconfig(file, context string) error {
	if err := os.WriteFile(file, a.Kubeconfig(context), 0o600); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}

// requestTimeout bounds one request; nothing this module asks for takes longer.
const requestTimeout = 20 * time.Second

// NewClient returns a client that authenticates with the certificate of the access.
func (a Access) NewClient() (*Client, error) {
	certificate, err := tls.X509KeyPair(a.Client.Certificate, a.Client.Key)
	if err != nil {
		return nil, fmt.Errorf("client certificate for %s: %w", a.Server, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(a.Authority) {
		return nil, errors.New("certificate authority for " + a.Server + ": no certificate in PEM format")
	}
	return &Client{
		server: a.Server,
		http: &http.Client{
			Timeout: requestTimeout,
			Transport: &http.Transport{
				TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}},
				ForceAttemptHTTP2: true,
			},
		},
	}, nil
}
