// SPDX-License-Identifier: Apache-2.0

// Package plane is what the benchmark runs on: a kube-apiserver with etcd on
// loopback, one user per program so that every request is counted to who made it,
// and the cost of each process.
package plane

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/spark-operator/spark-operator/bench/profile"
	"github.com/spark-operator/spark-operator/hack/localcluster/controlplane"
	"github.com/spark-operator/spark-operator/test/sim/rights"
)

// User is a program that makes requests. The operator may do what the chart lets it do,
// the others anything; the audit log distinguishes them.
type User string

// The users. Requests of Operator and Floor are counted; those of Recorded are
// kept with their bodies; those of the others leave no trace.
const (
	Operator User = "spark-operator"
	Floor    User = "floor"
	Recorded User = "recorded"
	Kubelet  User = "kubelet"
	Person   User = "person"
)

var users = []User{Operator, Floor, Recorded, Kubelet, Person}

// Plane is a running control plane.
type Plane struct {
	env    *controlplane.Env
	folder string
	audit  string
	etcd   etcd
}

// Start starts a control plane with the CRDs found in a folder. The operator gets the
// rights of the chart, which is rendered in the file chart. Files of the plane
// lie in the folder work, which is made; Stop removes it.
func Start(ctx context.Context, work, crds, chart string) (_ *Plane, err error) {
	if err := os.RemoveAll(work); err != nil {
		return nil, fmt.Errorf("clear %s: %w", work, err)
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, fmt.Errorf("folder of the benchmark: %w", err)
	}
	p := &Plane{
		folder: work, audit: filepath.Join(work, "audit.log"),
		etcd: etcd{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: copiers}}},
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Stop())
		}
	}()
	tokens, policy := filepath.Join(work, "tokens.csv"), filepath.Join(work, "audit-policy.yaml")
	if err := os.WriteFile(tokens, tokenFile(), 0o600); err != nil {
		return nil, fmt.Errorf("tokens of the users: %w", err)
	}
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return nil, fmt.Errorf("audit policy: %w", err)
	}
	p.env, err = controlplane.Start(ctx, controlplane.Options{
		CRDs: []string{crds},
		APIServerFlags: map[string]string{
			"token-auth-file":   tokens,
			"audit-policy-file": policy,
			"audit-log-path":    p.audit,
			// One file, so that an offset in it stays valid. Megabytes.
			"audit-log-maxsize": "100000",
			"audit-log-mode":    "blocking", // batches may be dropped under load
		},
	})
	if err != nil {
		return nil, fmt.Errorf("start the control plane: %w", err)
	}
	p.etcd.url = p.env.EtcdURL()
	if err := p.grant(ctx, chart); err != nil {
		return nil, err
	}
	return p, nil
}

// grant gives the operator the rights of the rendered chart.
func (p *Plane) grant(ctx context.Context, chart string) error {
	client, err := kubernetes.NewForConfig(p.Config(Person))
	if err != nil {
		return fmt.Errorf("client of the rights: %w", err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: rights.Namespace}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("namespace of the rights: %w", err)
	}
	return rights.Grant(ctx, client.RbacV1(), chart, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: string(Operator)})
}

// Stop ends the servers and removes all files.
func (p *Plane) Stop() error {
	var failed []error
	p.etcd.client.CloseIdleConnections()
	if p.env != nil {
		failed = append(failed, p.env.Stop())
	}
	return errors.Join(append(failed, os.RemoveAll(p.folder))...)
}

// Env is the control plane itself, for those who stop and start its servers.
func (p *Plane) Env() *controlplane.Env { return p.env }

// Folder is where files of the benchmark may be put; Stop removes it.
func (p *Plane) Folder() string { return p.folder }

// tokenFile gives every user its own name as token: there is nothing to protect,
// and a look-up in a table is the cheapest way to identify users. A client
// certificate would be verified with every request.
func tokenFile() []byte {
	var text strings.Builder
	for _, user := range users {
		group := "system:masters"
		if user == Operator {
			group = "operators"
		}
		fmt.Fprintf(&text, "%s,%s,%s,%s\n", user, user, user, group)
	}
	return []byte(text.String())
}

// Config is how a user reaches the API server without any limit of its own.
func (p *Plane) Config(user User) *rest.Config {
	return &rest.Config{
		Host:            p.env.Access.Server,
		BearerToken:     string(user),
		TLSClientConfig: rest.TLSClientConfig{CAData: p.env.Access.Authority},
		UserAgent:       "spark-operator-bench-" + string(user),
		QPS:             -1,
	}
}

// BinaryConfig is Config for kinds of Kubernetes itself, which have a binary
// encoding.
func (p *Plane) BinaryConfig(user User) *rest.Config {
	config := p.Config(user)
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	return config
}

// Profiles is where profiles of the API server are found.
func (p *Plane) Profiles() (*profile.Source, error) {
	client, err := rest.HTTPClientFor(p.Config(Person))
	if err != nil {
		return nil, fmt.Errorf("client of the profiles: %w", err)
	}
	return &profile.Source{Name: "apiserver", URL: p.env.Access.Server + "/debug/pprof/", Client: client}, nil
}

// Kubeconfig writes a file by which another program reaches the API server as that
// user, and returns its path.
func (p *Plane) Kubeconfig(user User) (string, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters["bench"] = &clientcmdapi.Cluster{Server: p.env.Access.Server, CertificateAuthorityData: p.env.Access.Authority}
	config.AuthInfos["bench"] = &clientcmdapi.AuthInfo{Token: string(user)}
	config.Contexts["bench"] = &clientcmdapi.Context{Cluster: "bench", AuthInfo: "bench"}
	config.CurrentContext = "bench"
	path := filepath.Join(p.folder, string(user)+".kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return "", fmt.Errorf("kubeconfig of %s: %w", user, err)
	}
	return path, nil
}
