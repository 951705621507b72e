// SPDX-License-Identifier: Apache-2.0

package podspec

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// editNetwork sets hostNetwork, hostAliases and dnsConfig.
func (e *edit) editNetwork() {
	if e.HostNetwork != nil && *e.HostNetwork {
		e.pod.HostNetwork = true
		// By default, a pod on the host's network uses the host's resolver and would
		// not find the driver's Service. An explicit policy in the template stays.
		if e.pod.DNSPolicy == "" || e.pod.DNSPolicy == corev1.DNSClusterFirst {
			e.pod.DNSPolicy = corev1.DNSClusterFirstWithHostNet
		}
	}
	e.editHostAliases()
	if e.DNSConfig != nil {
		e.pod.DNSConfig = e.DNSConfig
	}
}

// editHostAliases adds the host names to those that the pod has for an address.
func (e *edit) editHostAliases() {
	if len(e.HostAliases) == 0 {
		return
	}
	type hostname struct{ ip, name string }
	known := make(map[hostname]bool)
	byIP := make(map[string]int, len(e.pod.HostAliases)+len(e.HostAliases))
	learn := func(i int) {
		alias := &e.pod.HostAliases[i]
		if _, taken := byIP[alias.IP]; taken {
			return
		}
		byIP[alias.IP] = i
		// The names may be those of the application: what is appended goes to a copy.
		alias.Hostnames = slices.Clip(alias.Hostnames)
		for _, name := range alias.Hostnames {
			known[hostname{alias.IP, name}] = true
		}
	}
	for i := range e.pod.HostAliases {
		learn(i)
	}
	for _, alias := range e.HostAliases {
		i, there := byIP[alias.IP]
		if !there {
			e.pod.HostAliases = append(e.pod.HostAliases, alias)
			learn(len(e.pod.HostAliases) - 1)
			continue
		}
		have := &e.pod.HostAliases[i]
		for _, name := range alias.Hostnames {
			if key := (hostname{alias.IP, name}); !known[key] {
				known[key] = true
				have.Hostnames = append(have.Hostnames, name)
			}
		}
	}
}
