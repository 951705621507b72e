// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"crypto/tls"
	"errors"
	"sync/atomic"
	"time"
)

// Served is the certificate that the server shows. It is safe for concurrent use.
type Served struct {
	now atomic.Pointer[tls.Certificate]
}

// Certificate returns the certificate for the next handshake.
func (s *Served) Certificate() (*tls.Certificate, error) {
	if certificate := s.now.Load(); certificate != nil {
		return certificate, nil
	}
	return nil, errors.New("there is no certificate yet")
}

// Err is why no request can be served, for a readiness check.
func (s *Served) Err() error {
	_, err := s.Certificate()
	return err
}

// NotAfter is when the certificate expires; zero while there is none.
func (s *Served) NotAfter() time.Time {
	if certificate := s.now.Load(); certificate != nil && certificate.Leaf != nil {
		return certificate.Leaf.NotAfter
	}
	return time.Time{}
}

// serve shows a certificate from now on and reports whether it is another one.
func (s *Served) serve(certificate *tls.Certificate) (changed bool) {
	before := s.now.Swap(certificate)
	return before == nil || !before.Leaf.Equal(certificate.Leaf)
}
