// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"errors"
	"math/rand/v2"
	"net"
)

// Ports are taken from below the range that the kernel gives to outgoing connections (32768 and up on Linux): none of
// those can take the port of an API server while it is stopped in order to be started again.
const (
	firstPort  = 20000
	portsCount = 10000
)

// freePorts returns two different loopback ports without a listener.
func freePorts() (first, second int, err error) {
	for range 1000 {
		port := firstPort + rand.IntN(portsCount)
		listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			continue
		}
		_ = listener.Close()
		if first == 0 {
			first = port
		} else if port != first {
			return first, port, nil
		}
	}
	return 0, 0, errors.New("no two free loopback ports between 20000 and 29999")
}
