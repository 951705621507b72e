// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/spark-operator/spark-operator/hack/localcluster/iproute"
)

// nodeInterface is the node's end of the cable.
const nodeInterface = "eth0"

// network is the cable between host and node: a network of two addresses. Each cluster of the machine has another one,
// while the ranges of pods and services exist only inside the nodes and are the same for all.
type network struct {
	host, node netip.Addr
}

// subnets is how many networks of four addresses fit below podRange.
const subnets = 1024

func networkOf(subnet int) network {
	base := 4 * subnet
	address := func(offset int) netip.Addr {
		return netip.AddrFrom4([4]byte{198, 18, byte((base + offset) >> 8), byte(base + offset)})
	}
	return network{host: address(1), node: address(2)}
}

// freeSubnet returns the number of a network that no interface of the host has, the preferred one if it is free.
func freeSubnet(preferred int, inUse []netip.Addr) (int, error) {
	used := make(map[int]bool)
	for _, address := range inUse {
		if !address.Is4() {
			continue
		}
		if bytes := address.As4(); bytes[0] == 198 && bytes[1] == 18 {
			used[(int(bytes[2])<<8+int(bytes[3]))/4] = true
		}
	}
	for offset := range subnets {
		if subnet := (preferred + offset) % subnets; !used[subnet] {
			return subnet, nil
		}
	}
	return 0, errors.New("no free network of four addresses in 198.18.0.0/20")
}

func hostAddresses() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("addresses of the host: %w", err)
	}
	var addresses []netip.Addr
	for _, address := range all {
		if prefix, err := netip.ParsePrefix(address.String()); err == nil {
			addresses = append(addresses, prefix.Addr().Unmap())
		}
	}
	return addresses, nil
}

// hostInterface is the name of the host's end of the cable. Linux allows 15 bytes, too few for the cluster's name.
func (c *Cluster) hostInterface() string {
	sum := sha256.Sum256([]byte(c.dir))
	return "lc-" + hex.EncodeToString(sum[:4])
}

// connect lays the cable between the host and the network namespace of a process.
func (c *Cluster) connect(network network, pid int) error {
	if err := c.disconnect(); err != nil {
		return err
	}
	host := c.hostInterface()
	for _, command := range [][]string{
		{"link", "add", host, "type", "veth", "peer", "name", nodeInterface, "netns", strconv.Itoa(pid)},
		{"address", "add", network.host.String() + "/30", "dev", host},
		{"link", "set", host, "up"},
	} {
		if err := iproute.Run(command...); err != nil {
			return err
		}
	}
	return nil
}

// disconnect removes the host's end of the cable, and with it the other end. The kernel does so itself, but some time
// after the node has ended.
func (c *Cluster) disconnect() error {
	host := c.hostInterface()
	if _, err := net.InterfaceByName(host); err != nil {
		return nil //nolint:nilerr // there is nothing left to remove
	}
	err := iproute.Run("link", "delete", host)
	if _, gone := net.InterfaceByName(host); gone != nil {
		return nil //nolint:nilerr // the kernel removed it meanwhile
	}
	return err
}
