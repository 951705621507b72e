// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"context"
	"crypto/tls"
	"fmt"

	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

// SelfSigned serves a certificate that exists in the memory of this process only. Its
// clients cannot verify it.
type SelfSigned struct {
	Served
	names []string
	clock clock.WithTicker
}

// NewSelfSigned returns a certificate for a server with these DNS names.
func NewSelfSigned(clock clock.WithTicker, names ...string) (*SelfSigned, error) {
	s := &SelfSigned{names: names, clock: clock}
	return s, s.renew()
}

// Run renews the certificate before it expires, until ctx is done.
func (s *SelfSigned) Run(ctx context.Context) {
	for ctx.Err() == nil {
		sleep(ctx, s.clock, s.NotAfter().Add(-serverLeft).Sub(s.clock.Now()))
		if ctx.Err() != nil {
			return
		}
		if err := s.renew(); err != nil {
			klog.FromContext(ctx).Error(err, "The certificate needs another try")
			sleep(ctx, s.clock, interval)
		}
	}
}

func (s *SelfSigned) renew() error {
	b, err := generate(s.names, s.clock.Now(), nil)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(b.certificate, b.key)
	if err != nil {
		return fmt.Errorf("self-signed certificate: %w", err)
	}
	s.serve(&pair)
	return nil
}
