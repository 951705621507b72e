// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

// trustStore writes a trust store with two certificates of the given date, the entries having the given tag.
func trustStore(t *testing.T, tag uint32, date time.Time) []byte {
	t.Helper()
	var body bytes.Buffer
	write := func(values ...any) {
		for _, value := range values {
			if err := binary.Write(&body, binary.BigEndian, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(uint32(trustStoreMagic), uint32(trustStoreVersion), uint32(2))
	for _, alias := range []string{"debian:first.pem", "debian:second.pem"} {
		write(tag, uint16(len(alias)), []byte(alias), uint64(date.UnixMilli()))
		write(uint16(5), []byte("X.509"), uint32(4), []byte("cert"))
	}
	return append(body.Bytes(), trustStoreDigest(body.Bytes())...)
}

func TestDateTrustStore(t *testing.T) {
	installed := time.Date(2026, time.November, 22, 16, 0, 0, 0, time.UTC)
	got, err := dateTrustStore(trustStore(t, trustedCertificate, installed))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, trustStore(t, trustedCertificate, epoch())) {
		t.Errorf("got %q", got)
	}
}

func TestDateTrustStoreRefuses(t *testing.T) {
	changed := trustStore(t, trustedCertificate, epoch())
	changed[20]++
	short := append([]byte{0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2, 0, 0, 0, 1}, 0, 0, 0, trustedCertificate, 0, 1)
	other := []byte("PKCS12 or so")
	for _, c := range []struct {
		name  string
		store []byte
		want  string
	}{
		{"nothing", nil, "expected one"},
		{"a changed store", changed, "expected one"},
		{"another format", append(other, trustStoreDigest(other)...), "unknown format"},
		{"a private key", trustStore(t, 1, epoch()), "an entry of kind 1"},
		{"a store cut short", append(short, trustStoreDigest(short)...), "ends in an entry"},
	} {
		if _, err := dateTrustStore(c.store); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want %q in it", c.name, err, c.want)
		}
	}
}
