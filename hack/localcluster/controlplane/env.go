// SPDX-License-Identifier: Apache-2.0

// Package controlplane runs a real kube-apiserver and its etcd on loopback for integration tests: no node, no controllers,
// no root, no docker. The programs are built once from pinned Go modules and then taken from the user's cache.
//
//	env, err := controlplane.Start(ctx, controlplane.Options{CRDs: []string{"../../manifests/crd"}})
//	if err != nil { ... }
//	defer env.Stop()
//	config, err := clientcmd.BuildConfigFromFlags("", env.Kubeconfig)
//
// As no controllers run, nothing collects garbage, empties a deleted namespace or makes a namespace's default service
// account; a test that needs their effects brings them about itself.
package controlplane

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spark-operator/spark-operator/hack/localcluster/build"
	"github.com/spark-operator/spark-operator/hack/localcluster/kubeapi"
	"github.com/spark-operator/spark-operator/hack/localcluster/process"
)

const (
	// startTimeout bounds the start of the two servers, once built. It is generous because tests of several packages
	// start at the same time on small machines.
	startTimeout = 2 * time.Minute
	// stopGrace is how long StopAPIServer waits for requests under way.
	stopGrace = 15 * time.Second
	// portAttempts is how often a start is repeated because another process took a port that was free before.
	portAttempts = 5
)

// Options are the choices of Start; the zero value is a good one.
type Options struct {
	// CRDs are files, or folders with files, of CustomResourceDefinitions (.yaml, .yml or .json). Start creates them and
	// returns when all are established.
	CRDs []string
	// APIServerFlags are added to the flags of kube-apiserver, without the leading dashes. They replace flags of the same
	// name; a flag whose value is RemoveFlag is left out.
	APIServerFlags map[string]string
	// EtcdFlags does for etcd what APIServerFlags does for kube-apiserver.
	EtcdFlags map[string]string
	// Kubernetes is the release of the API server, build.Newest or build.Oldest. Empty means the environment variable
	// LOCALCLUSTER_KUBERNETES, and build.Newest if that is empty, too.
	Kubernetes string
	// Progress gets a line for each program that has to be built; nil means os.Stderr.
	Progress io.Writer
}

// RemoveFlag is the value that takes a default flag away.
const RemoveFlag = "\x00remove"

// Env is a running control plane. Its methods may be called concurrently.
type Env struct {
	// Kubeconfig is the path of a kubeconfig file for a cluster administrator (group system:masters). It lives as long as
	// the Env.
	Kubeconfig string
	// Access is the content of Kubeconfig: host, authority, client certificate and key.
	Access kubeapi.Access

	directory        *directory
	client           *kubeapi.Client
	etcd             *process.Child
	etcdURL          string
	apiServerProgram string
	apiServerArgs    []string

	mu        sync.Mutex
	apiServer *process.Child // nil while stopped
}

// Start builds the programs if need be, starts them on free loopback ports and returns when the API server is ready.
// The context limits the start only. The caller stops the Env; should it die before, the kernel ends the servers and the
// next Start removes their files.
func Start(ctx context.Context, options Options) (*Env, error) {
	progress := options.Progress
	if progress == nil {
		progress = os.Stderr
	}
	builder, err := build.New(progress)
	if err != nil {
		return nil, err
	}
	target, err := build.KubeAPIServer(cmp.Or(options.Kubernetes, os.Getenv("LOCALCLUSTER_KUBERNETES"), build.Newest))
	if err != nil {
		return nil, err
	}
	apiServer, err := builder.Ensure(ctx, target)
	if err != nil {
		return nil, err
	}
	etcd, err := builder.Ensure(ctx, build.Etcd())
	if err != nil {
		return nil, err
	}

	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("control plane not ready within %s", startTimeout))
	defer cancel()
	for attempt := 1; ; attempt++ {
		env, err := start(ctx, options, filepath.Join(apiServer, "kube-apiserver"), filepath.Join(etcd, "etcd"))
		if err == nil {
			return env, nil
		}
		if attempt == portAttempts || !strings.Contains(err.Error(), "address already in use") {
			return nil, err
		}
	}
}

func start(ctx context.Context, options Options, apiServer, etcd string) (env *Env, err error) {
	dir, err := newDirectory()
	if err != nil {
		return nil, err
	}
	env = &Env{directory: dir, apiServerProgram: apiServer}
	defer func() {
		if err != nil {
			err = errors.Join(err, env.Stop())
			env = nil
		}
	}()

	etcdPort, apiServerPort, err := freePorts()
	if err != nil {
		return env, err
	}
	env.etcdURL = fmt.Sprintf("http://127.0.0.1:%d", etcdPort)
	env.Access, err = writeCredentials(dir, fmt.Sprintf("https://127.0.0.1:%d", apiServerPort))
	if err != nil {
		return env, err
	}
	env.Kubeconfig = dir.file("kubeconfig")
	if err := env.Access.WriteKubeconfig(env.Kubeconfig, "controlplane"); err != nil {
		return env, err
	}
	if env.client, err = env.Access.NewClient(); err != nil {
		return env, err
	}

	env.etcd, err = process.StartChild(etcd, arguments(etcdFlags(dir, env.etcdURL), options.EtcdFlags), dir.file("etcd.log"))
	if err != nil {
		return env, err
	}
	env.apiServerArgs = arguments(apiServerFlags(dir, apiServerPort, env.etcdURL), options.APIServerFlags)
	if err := env.StartAPIServer(ctx); err != nil {
		return env, err
	}
	return env, createCRDs(ctx, env.client, options.CRDs)
}

// Stop ends the servers and removes their files. A second call does nothing.
func (e *Env) Stop() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var failures []error
	for _, child := range []*process.Child{e.apiServer, e.etcd} {
		if child != nil { // nothing is worth keeping, so no grace
			failures = append(failures, child.Stop(0))
		}
	}
	e.apiServer, e.etcd = nil, nil
	if e.client != nil {
		e.client.Close()
	}
	return errors.Join(append(failures, e.directory.remove())...)
}

// StartAPIServer starts an API server that was stopped or killed, with the same address, certificates and data, and
// returns when it is ready.
func (e *Env) StartAPIServer(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.apiServer != nil {
		return errors.New("kube-apiserver is already running")
	}
	apiServer, err := process.StartChild(e.apiServerProgram, e.apiServerArgs, e.directory.file("kube-apiserver.log"))
	if err != nil {
		return err
	}
	if err := e.waitReady(ctx, apiServer); err != nil {
		return errors.Join(err, apiServer.Stop(0))
	}
	e.apiServer = apiServer
	return nil
}

func (e *Env) waitReady(ctx context.Context, apiServer *process.Child) error {
	err := kubeapi.WaitUntil(ctx, 50*time.Millisecond, apiServer.Exited(), func(ctx context.Context) error {
		if err := e.client.Get(ctx, "/readyz", nil); err != nil {
			return err
		}
		// Made by a controller inside the server, which readiness does not wait for.
		return e.client.Get(ctx, "/api/v1/namespaces/default", nil)
	})
	if err == nil {
		return nil
	}
	for _, child := range []*process.Child{e.etcd, apiServer} {
		select {
		case <-child.Exited():
			return child.Failure()
		default:
		}
	}
	return fmt.Errorf("%w; the end of the log of kube-apiserver:\n%s", err, process.Tail(apiServer.LogFile(), 20))
}

// StopAPIServer ends the API server in an orderly way, as an upgrade does; etcd and the data stay.
func (e *Env) StopAPIServer() error { return e.endAPIServer(stopGrace) }

// KillAPIServer ends the API server at once, as a crash does; etcd and the data stay.
func (e *Env) KillAPIServer() error { return e.endAPIServer(0) }

func (e *Env) endAPIServer(grace time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.apiServer == nil {
		return nil
	}
	if err := e.apiServer.Stop(grace); err != nil {
		return err
	}
	e.apiServer = nil
	e.client.Close() // connections to the ended server
	return nil
}

// APIServerPID is the process id of kube-apiserver, 0 while it is stopped.
func (e *Env) APIServerPID() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.apiServer == nil {
		return 0
	}
	return e.apiServer.PID()
}

// EtcdPID is the process id of etcd, 0 after Stop.
func (e *Env) EtcdPID() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.etcd == nil {
		return 0
	}
	return e.etcd.PID()
}

// EtcdURL is the address of etcd's client API, plain HTTP.
func (e *Env) EtcdURL() string { return e.etcdURL }
