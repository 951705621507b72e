// SPDX-License-Identifier: Apache-2.0

// Package webui reaches the web UIs of drivers and of Spark Connect servers. They run in
// pods of users, so a request goes to the address of the pod alone.
package webui

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// maxHeader is how many bytes the header of a response may have.
const maxHeader = 32 << 10

// noPods are the networks of no pod. At some of their addresses, clouds serve the credentials
// and settings of a node, and others lead to any IPv4 address.
var noPods = []netip.Prefix{
	netip.MustParsePrefix("fd00:ec2::/64"),      // AWS
	netip.MustParsePrefix("fd20:ce::254/128"),   // Google Cloud
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba Cloud
	netip.MustParsePrefix("64:ff9b::/96"),       // NAT64, RFC 6052
	netip.MustParsePrefix("64:ff9b:1::/48"),     // NAT64, RFC 8215
	netip.MustParsePrefix("2002::/16"),          // 6to4, RFC 3056
}

// Address returns host and port of the web UI of a pod. It is empty if the IP address cannot
// be that of a pod. Who may write the status of pods chooses the address, and must not send
// the operator to the services of its node, such as the metadata service of a cloud.
func Address(ip string, port int32) string {
	address, err := netip.ParseAddr(ip)
	address = address.Unmap()
	if err != nil || port < 1 || port > 65535 || address.Zone() != "" ||
		address.IsUnspecified() || address.IsMulticast() || address.IsLinkLocalUnicast() || address == netip.AddrFrom4([4]byte{255, 255, 255, 255}) ||
		slices.ContainsFunc(noPods, func(network netip.Prefix) bool { return network.Contains(address) }) {
		return ""
	}
	return net.JoinHostPort(ip, strconv.Itoa(int(port)))
}

// NewClient returns a client that uses no proxy, follows no redirect, and has one connection
// for each pod. The timeout is that of the connection. Callers limit the whole request, and
// the size of what they read.
func NewClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: timeout}).DialContext,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeader,
			MaxConnsPerHost:        1,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
