// SPDX-License-Identifier: Apache-2.0

// Package pki makes the certificates of a throw-away Kubernetes: one authority and what it signs.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

const (
	validity = 10 * 365 * 24 * time.Hour
	// clockSkew is how far the clock of the issuer of a certificate may have been ahead.
	clockSkew = time.Hour
)

// KeyPair is a certificate with its private key, both PEM.
type KeyPair struct {
	Certificate []byte
	Key         []byte
}

// Authority signs certificates.
type Authority struct {
	KeyPair
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// Subject is whom a certificate speaks for. Kubernetes reads the common name as the user and organizations as groups.
type Subject struct {
	CommonName    string
	Organizations []string
	// DNSNames and IPs are the names of a server; both empty for a client.
	DNSNames []string
	IPs      []net.IP
}

// NewAuthority makes a self-signed authority.
func NewAuthority(commonName string) (*Authority, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, err
	}
	template, err := newTemplate(Subject{CommonName: commonName})
	if err != nil {
		return nil, err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage |= x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("create the certificate authority: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("create the certificate authority: %w", err)
	}
	pair := KeyPair{Certificate: encode("CERTIFICATE", der), Key: keyPEM}
	return &Authority{KeyPair: pair, certificate: certificate, key: key}, nil
}

// Issue makes a key and a certificate for the subject, good for both server and client authentication.
func (a *Authority) Issue(subject Subject) (KeyPair, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return KeyPair{}, err
	}
	template, err := newTemplate(subject)
	if err != nil {
		return KeyPair{}, err
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return KeyPair{}, fmt.Errorf("issue the certificate of %s: %w", subject.CommonName, err)
	}
	return KeyPair{Certificate: encode("CERTIFICATE", der), Key: keyPEM}, nil
}

// NewSigningKey makes the key that signs the tokens of service accounts, and the public key that verifies them, both PEM.
func NewSigningKey() (private, public []byte, err error) {
	key, private, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, nil, fmt.Errorf("generate a key: %w", err)
	}
	return private, encode("PUBLIC KEY", der), nil
}

func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generate a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("generate a key: %w", err)
	}
	return key, encode("PRIVATE KEY", der), nil
}

func newTemplate(subject Subject) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("serial number for %s: %w", subject.CommonName, err)
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: subject.CommonName, Organization: subject.Organizations},
		DNSNames:     subject.DNSNames,
		IPAddresses:  subject.IPs,
		NotBefore:    now.Add(-clockSkew),
		NotAfter:     now.Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}, nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
