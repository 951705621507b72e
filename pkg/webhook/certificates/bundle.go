// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	certutil "k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// Periods of certificates. A month would do for rotation to be seen; most of a third of
// the life is there to find out that it fails.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	serverLife    = 365 * 24 * time.Hour
	// authorityLeft and serverLeft are when new ones are made.
	authorityLeft = 2 * 365 * 24 * time.Hour
	serverLeft    = 120 * 24 * time.Hour
	// skew is how much clocks may differ.
	skew = time.Hour
)

const organization = "spark-operator"

// bundle is an authority and the certificate that it has signed, as PEM.
type bundle struct {
	// authorities are trusted: the one that signs first, then the one before it.
	authorities, authorityKey []byte
	certificate, key          []byte
}

// checked is a bundle that works.
type checked struct {
	bundle
	pair      *tls.Certificate
	leaf      *x509.Certificate
	authority *x509.Certificate // the first
}

// check returns what a bundle holds if a server with these names can work with it now.
func (b *bundle) check(names []string, now time.Time) (*checked, error) {
	pair, err := tls.X509KeyPair(b.certificate, b.key)
	if err != nil {
		return nil, fmt.Errorf("certificate and key: %w", err)
	}
	authorities, err := certutil.ParseCertsPEM(b.authorities)
	if err != nil {
		return nil, fmt.Errorf("authority: %w", err)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, authority := range authorities {
		roots.AddCert(authority)
	}
	for _, der := range pair.Certificate[1:] {
		if certificate, err := x509.ParseCertificate(der); err == nil {
			between.AddCert(certificate)
		}
	}
	for _, name := range names {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: between, CurrentTime: now}); err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
	}
	return &checked{bundle: *b, pair: &pair, leaf: pair.Leaf, authority: authorities[0]}, nil
}

// renewed returns the bundle that is to follow, or nil if this one is good for long. With
// the authority it keeps what API servers trust.
func (c *checked) renewed(names []string, now time.Time) (*bundle, error) {
	switch {
	case now.Add(authorityLeft).After(c.authority.NotAfter):
		return generate(names, now, c.authorities)
	case now.Add(serverLeft).After(c.leaf.NotAfter):
		key, err := parseKey(c.authorityKey)
		if err != nil || c.authority.CheckSignatureFrom(c.authority) != nil {
			return generate(names, now, c.authorities)
		}
		return c.sign(c.authority, key, names, now)
	}
	return nil, nil
}

// generate returns a new authority with a certificate. It is to be trusted beside the
// authority before, if that is still one.
func generate(names []string, now time.Time, before []byte) (*bundle, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, err
	}
	template, err := newTemplate(names[0], now, authorityLife)
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("new authority: %w", err)
	}
	authority, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("new authority: %w", err)
	}
	b := &bundle{authorities: pemOf(der), authorityKey: keyPEM}
	if old, err := certutil.ParseCertsPEM(before); err == nil && now.Before(old[0].NotAfter) {
		b.authorities = append(b.authorities, pemOf(old[0].Raw)...)
	}
	return b.sign(authority, key, names, now)
}

// sign returns the bundle with a new certificate.
func (b *bundle) sign(authority *x509.Certificate, authorityKey crypto.Signer, names []string, now time.Time) (*bundle, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, err
	}
	template, err := newTemplate(names[0], now, serverLife)
	if err != nil {
		return nil, err
	}
	template.DNSNames = names
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if authority.NotAfter.Before(template.NotAfter) {
		template.NotAfter = authority.NotAfter
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), authorityKey)
	if err != nil {
		return nil, fmt.Errorf("new certificate: %w", err)
	}
	return &bundle{authorities: b.authorities, authorityKey: b.authorityKey, certificate: pemOf(der), key: keyPEM}, nil
}

func newTemplate(name string, now time.Time, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("serial number: %w", err)
	}
	return &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		// Key identifiers distinguish authorities of the same name.
		Subject:   pkix.Name{CommonName: commonName(name), Organization: []string{organization}},
		NotBefore: now.Add(-skew),
		NotAfter:  now.Add(life),
	}, nil
}

// commonName is a name as far as the field has room for it. Clients look at the others.
func commonName(name string) string {
	const most = 64 // ub-common-name of RFC 5280
	return name[:min(len(name), most)]
}

func newKey() (crypto.Signer, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("new key: %w", err)
	}
	text, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return nil, nil, fmt.Errorf("new key: %w", err)
	}
	return key, text, nil
}

func parseKey(text []byte) (crypto.Signer, error) {
	key, err := keyutil.ParsePrivateKeyPEM(text)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key cannot sign")
	}
	return signer, nil
}

func pemOf(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: certutil.CertificateBlockType, Bytes: der})
}
