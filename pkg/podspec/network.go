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
		// A pod on the host's network asks the host's resolver unless told
		// otherwise, and would not find the driver's Service. A policy that the
		// template states on purpose stays.
		if e.pod.DNSPolicy == "" || e.pod.DNSPolicy == corev1.DNSClusterFirst {
			e.pod.DNSPolicy = corev1.DNSClusterFirstWithHostNet
		}
	}
	for _, alias := range e.HostAliases {
		e.addHostAlias(alias)
	}
	if e.DNSConfig != nil {
		e.pod.DNSConfig = e.DNSConfig
	}
}

func (e *edit) addHostAlias(alias corev1.HostAlias) {
	i := slices.IndexFunc(e.pod.HostAliases, func(have corev1.HostAlias) bool { return have.IP == alias.IP })
	if i < 0 {
		e.pod.HostAliases = append(e.pod.HostAliases, alias)
		return
	}
	have := &e.pod.HostAliases[i]
	for _, name := range alias.Hostnames {
		if !slices.Contains(have.Hostnames, name) {
			// The list may be that of the application: append to a copy.
			have.Hostnames = append(slices.Clip(have.Hostnames), name)
		}
	}
}
