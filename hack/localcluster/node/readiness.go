// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/spark-operator/spark-operator/hack/localcluster/kubeapi"
	"github.com/spark-operator/spark-operator/hack/localcluster/pki"
)

// checkTimeout bounds each single check.
const checkTimeout = 5 * time.Second

// checks look at the node from the inside.
type checks struct {
	readiness Readiness
	api       *kubeapi.Client
	resolver  *net.Resolver
}

func newChecks(readiness Readiness) (*checks, error) {
	var files [3][]byte
	for i, name := range []string{readiness.AuthorityFile, readiness.CertificateFile, readiness.KeyFile} {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("credentials of the node: %w", err)
		}
		files[i] = content
	}
	access := kubeapi.Access{
		Server:    readiness.Server,
		Authority: files[0],
		Client:    pki.KeyPair{Certificate: files[1], Key: files[2]},
	}
	client, err := access.NewClient()
	if err != nil {
		return nil, err
	}
	resolver := &net.Resolver{
		PreferGo: true,
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, net.JoinHostPort(readiness.DNSServer, "53"))
		},
	}
	return &checks{readiness: readiness, api: client, resolver: resolver}, nil
}

// waitAPI returns when the API server is ready or ctx ends.
func (c *checks) waitAPI(ctx context.Context) error {
	return kubeapi.WaitUntil(ctx, 50*time.Millisecond, nil, func(ctx context.Context) error {
		return c.api.Get(ctx, "/readyz", nil)
	})
}

// ready returns nil when pods can be created, scheduled and started, reach services, and look up names.
func (c *checks) ready(ctx context.Context) error {
	for _, check := range []struct {
		subject string
		do      func(context.Context) error
	}{
		{"kube-apiserver", func(ctx context.Context) error { return c.api.Get(ctx, "/readyz", nil) }},
		{"the node's Ready condition", c.nodeReady},
		{"kube-proxy", c.proxyHealthy},
		{"DNS", c.dnsAnswers},
		{"the default service account", func(ctx context.Context) error {
			return c.api.Get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil)
		}},
		{"the certificate authority of the default namespace", func(ctx context.Context) error {
			return c.api.Get(ctx, "/api/v1/namespaces/default/configmaps/kube-root-ca.crt", nil)
		}},
	} {
		limited, cancel := context.WithTimeout(ctx, checkTimeout)
		err := check.do(limited)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", check.subject, err)
		}
	}
	return nil
}

func (c *checks) nodeReady(ctx context.Context) error {
	return Ready(ctx, c.api, c.readiness.NodeName)
}

// Ready returns nil if the Node object exists and its Ready condition is true.
func Ready(ctx context.Context, api *kubeapi.Client, name string) error {
	var object struct {
		Status struct {
			Conditions []struct{ Type, Status, Message string } `json:"conditions"`
		} `json:"status"`
	}
	if err := api.Get(ctx, "/api/v1/nodes/"+name, &object); err != nil {
		return err
	}
	for _, condition := range object.Status.Conditions {
		if condition.Type == "Ready" {
			if condition.Status == "True" {
				return nil
			}
			return errors.New(condition.Message)
		}
	}
	return errors.New("the kubelet has not reported yet")
}

func (c *checks) proxyHealthy(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.readiness.ProxyHealthURL, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("answers %s", response.Status)
	}
	return nil
}

func (c *checks) dnsAnswers(ctx context.Context) error {
	addresses, err := c.resolver.LookupHost(ctx, c.readiness.DNSName)
	if err != nil {
		return err
	}
	if !slices.Contains(addresses, c.readiness.DNSAddress) {
		return fmt.Errorf("%s is at %v instead of %s", c.readiness.DNSName, addresses, c.readiness.DNSAddress)
	}
	return nil
}
