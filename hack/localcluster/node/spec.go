// SPDX-License-Identifier: Apache-2.0

// Package node is the inside of the local cluster's node: the first process of its own process, mount and network
// namespaces, which starts the components, restarts those that end and reports their state.
//
// As everything on the node descends from that process, the kernel ends all of it, and with it the mounts and the network,
// when that process ends, for whatever reason. No process is left over.
package node

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Spec is all that a node is started from. The host writes it to a file.
type Spec struct {
	// Network is the node's only interface beside loopback; the host moves it into the node.
	Network Network `json:"network"`
	// Mounts are made in this order before anything starts.
	Mounts []Mount `json:"mounts"`
	// Keep are folders that stay visible although a file system is mounted above them.
	Keep []string `json:"keep"`
	// Components are started in this order.
	Components []Component `json:"components"`
	// Readiness says when the node is ready.
	Readiness Readiness `json:"readiness"`
	// LogDir gets one file for each component.
	LogDir string `json:"logDir"`
	// StateFile is where the node writes its State.
	StateFile string `json:"stateFile"`
}

// Network configures the node's network namespace.
type Network struct {
	Interface string `json:"interface"`
	// Address is the node's address with the prefix length, for instance 198.18.0.2/30.
	Address string `json:"address"`
	// Gateway is the host's end.
	Gateway string `json:"gateway"`
	// LoopbackAddresses are added to the loopback interface, with prefix length.
	LoopbackAddresses []string `json:"loopbackAddresses"`
	// Sysctls are files below /proc/sys and what is written to them, as far as the kernel has them.
	Sysctls map[string]string `json:"sysctls"`
}

// Mount is an empty file system in memory, or a folder of the host if Source is set.
type Mount struct {
	Source string `json:"source,omitempty"`
	Target string `json:"target"`
}

// Component is a program that runs for as long as the node.
type Component struct {
	Name      string   `json:"name"`
	Program   string   `json:"program"`
	Arguments []string `json:"arguments"`
	// NeedsAPI holds the component back until the API server is ready.
	NeedsAPI bool `json:"needsAPI"`
}

// Readiness is what the node checks itself by.
type Readiness struct {
	// Server, AuthorityFile, CertificateFile and KeyFile are an administrator's access to the API server.
	Server          string `json:"server"`
	AuthorityFile   string `json:"authorityFile"`
	CertificateFile string `json:"certificateFile"`
	KeyFile         string `json:"keyFile"`
	// NodeName is the Node object that must have the condition Ready.
	NodeName string `json:"nodeName"`
	// ProxyHealthURL must answer 200 OK.
	ProxyHealthURL string `json:"proxyHealthURL"`
	// DNSServer must answer that DNSName is at DNSAddress.
	DNSServer  string `json:"dnsServer"`
	DNSName    string `json:"dnsName"`
	DNSAddress string `json:"dnsAddress"`
}

// State is what a node reports. It is written whenever it changes.
type State struct {
	// Ready is whether the last check of readiness succeeded.
	Ready bool `json:"ready"`
	// Waiting is what the last check failed on; empty if Ready.
	Waiting string `json:"waiting,omitempty"`
	// Components are in the order of the Spec.
	Components []ComponentState `json:"components"`
}

// ComponentState is the state of a component.
type ComponentState struct {
	Name string `json:"name"`
	// PID is the process id inside the node; 0 while the component does not run.
	PID int `json:"pid"`
	// Exits counts how often it ended.
	Exits int `json:"exits"`
	// LastExit says how it ended last, for instance "exit status 1".
	LastExit string `json:"lastExit,omitempty"`
}

// ReadState reads what a node reported last.
func ReadState(file string) (State, error) {
	var state State
	content, err := os.ReadFile(file)
	if err != nil {
		return state, fmt.Errorf("state of the node: %w", err)
	}
	if err := json.Unmarshal(content, &state); err != nil {
		return state, fmt.Errorf("state of the node: %s: %w", file, err)
	}
	return state, nil
}

// write replaces the file in one step, so that readers never see half of it.
func (s State) write(file string) error {
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	temporary := filepath.Join(filepath.Dir(file), "."+filepath.Base(file))
	if err := os.WriteFile(temporary, content, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, file)
}
