// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"
)

// The format of Java's own key stores, as sun.security.provider.JavaKeyStore writes it: a head, entries, and a digest
// of both keyed by the password.
const (
	trustStorePath     = "etc/ssl/certs/java/cacerts"
	trustStorePassword = "changeit" // everywhere; the store has no secrets
	trustStoreMagic    = 0xfeedfeed
	trustStoreVersion  = 2
	trustStoreSalt     = "Mighty Aphrodite"
	trustedCertificate = 2 // the tag of the only kind of entry in a trust store
)

// dateTrustStore sets the dates of the certificates in Debian's trust store for Java, which are those of the
// installation, to the epoch. Nothing else in the root differs between two installations of the same packages.
func dateTrustStore(store []byte) ([]byte, error) {
	body := store[:max(0, len(store)-sha1.Size)]
	if !bytes.Equal(trustStoreDigest(body), store[len(body):]) {
		return nil, errors.New("trust store of Java: neither its format nor its password is the expected one")
	}
	dated := bytes.Clone(body)
	rest := dated
	next := func(n int) []byte {
		if n > len(rest) {
			n = len(rest)
		}
		field := rest[:n]
		rest = rest[n:]
		return field
	}
	number := func(size int) int {
		var padded [8]byte
		copy(padded[8-size:], next(size))
		return int(binary.BigEndian.Uint64(padded[:]))
	}
	if magic, version := number(4), number(4); magic != trustStoreMagic || version != trustStoreVersion {
		return nil, fmt.Errorf("trust store of Java: unknown format %x, version %d", magic, version)
	}
	for count := number(4); count > 0; count-- {
		if tag := number(4); tag != trustedCertificate {
			return nil, fmt.Errorf("trust store of Java: an entry of kind %d", tag)
		}
		next(number(2)) // alias
		date := next(8)
		if len(date) < 8 {
			return nil, errors.New("trust store of Java: ends in an entry")
		}
		binary.BigEndian.PutUint64(date, uint64(epoch().UnixMilli()))
		next(number(2)) // kind of certificate
		next(number(4)) // certificate
	}
	return append(dated, trustStoreDigest(dated)...), nil
}

// trustStoreDigest returns what stands behind body in a key store.
func trustStoreDigest(body []byte) []byte {
	digest := sha1.New()
	for _, unit := range utf16.Encode([]rune(trustStorePassword)) {
		digest.Write([]byte{byte(unit >> 8), byte(unit)})
	}
	digest.Write([]byte(trustStoreSalt))
	digest.Write(body)
	return digest.Sum(nil)
}
