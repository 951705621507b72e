// SPDX-License-Identifier: Apache-2.0

// Package webui reaches the web UIs of drivers and of Spark Connect servers. They run in
// pods of users, so a request goes to the address of the pod alone.
package webui

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"
)

// maxHeader is how many bytes the header of a response may have.
const maxHeader = 32 << 10

// Address returns host and port of the web UI of a pod. It is empty if the IP address cannot
// be that of a pod. Who may write the status of pods chooses the address, and must not send
// the operator to the services of its node, such as the metadata service of a cloud.
func Address(ip string, port int32) string {
	address, err := netip.ParseAddr(ip)
	address = address.Unmap()
	if err != nil || port < 1 || port > 65535 || address.Zone() != "" ||
		address.IsUnspecified() || address.IsMulticast() || address.IsLinkLocalUnicast() || address == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
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
